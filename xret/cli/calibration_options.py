"""Options of calibration, spelled and explained once: `xret fuse`, `xret search` and `xret eval calibration`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["METHODS", "calibrate_option", "calibrated", "prior_option", "refuse_calibration"]

Command = TypeVar("Command", bound=Callable[..., Any])
METHODS = ("raw", "zscore", "minmax", "rrf", "round-robin", "quota")  # `logistic` is what a file of weights means


def _checked_prior(context: click.Context, parameter: click.Parameter, value: str | None) -> dict[str, float] | None:
    """``de=2,en=1`` as a mapping."""
    if value is None:
        return None
    from xret.cli.options import checked_lang
    from xret.errors import UsageError

    shares: dict[str, float] = {}
    for part in filter(None, (part.strip() for part in value.split(","))):
        name, _, number = part.partition("=")
        lang = checked_lang(context, parameter, name.strip())
        if lang in shares:
            raise UsageError(f"--prior: '{lang}' has two shares; give it one")
        try:
            shares[str(lang)] = float(number)
        except ValueError as error:
            raise UsageError(f"--prior: '{part}' is no share; write it like de=2,en=1") from error
    from xret.stages.merging.orders import check_prior

    check_prior(shares)
    return shares


def calibrate_option(command: Command) -> Command:
    """``--calibrate C``: a method's name, or a file by ``xret eval calibration --save``."""
    return click.option(
        "--calibrate",
        metavar="C",
        help="Make scores of documents in different languages comparable: raw, zscore, minmax, rrf, round-robin, "
        "quota, or a file by 'xret eval calibration --save' (logistic).",
    )(command)


def prior_option(command: Command) -> Command:
    """``--prior L=P,L=P``."""
    return click.option(
        "--prior",
        callback=_checked_prior,
        metavar="L=P,L=P",
        help="Shares of languages for quota, e.g. de=2,en=1.  [default: as retrieved for the query]",
    )(command)


def calibrated(
    run: pa.Table, calibrate: str, *, prior: dict[str, float] | None, depth: int | None, corpus: pa.Table | None = None,
    spoken: Mapping[str, str] | None = None, k: int = 60, tag: str | None = None,
) -> pa.Table:  # fmt: skip
    """The run by the method or the file that ``--calibrate`` names.

    Args:
        run: `qid, docid, score`, and `dlang` and `qlang` as far as it says them.
        calibrate: see `refuse_calibration`.
        prior: shares for quota.
        depth: documents per query that are kept; None keeps all.
        corpus: `id, lang`, for documents of which the run does not say it.
        spoken: query id -> language, for queries of which the run does not say it.
        k: the constant of rrf.
        tag: of the new run; None: as it was.

    Raises:
        UsageError: neither a method nor a file, or a prior for something else than quota, or for other languages.
        InputError: the file is not one of these.
        EvalError: as `calibrate_run`.
    """
    from typing import cast

    from xret.stages.merging import Calibration, RelevanceMap, calibrate_run
    from xret.stages.merging.languages import check_spoken, with_document_languages, with_query_languages

    refuse_calibration(calibrate, prior)
    run = with_query_languages(with_document_languages(run, corpus), spoken or {})
    check_spoken(run, prior)
    if calibrate in METHODS:
        return calibrate_run(run, cast("Calibration", calibrate), prior=prior, depth=depth, k=k, tag=tag)
    return calibrate_run(run, "logistic", model=RelevanceMap.load(calibrate), depth=depth, tag=tag)


def refuse_calibration(calibrate: str | None, prior: dict[str, float] | None) -> None:
    """Refuse, before any work is done, what is neither a method nor a file.

    Raises:
        UsageError: saying what is known.
    """
    from pathlib import Path

    from xret.errors import UsageError
    from xret.suggest import did_you_mean

    if prior is not None and calibrate != "quota":
        raise UsageError("--prior is for --calibrate quota; add that, or leave --prior out")
    if calibrate is not None and calibrate not in METHODS and not Path(calibrate).is_file():
        said = "logistic needs its weights: give the file that 'xret eval calibration --save' wrote"
        raise UsageError(
            f"--calibrate {calibrate}: " + (said if calibrate == "logistic" else
                                            f"no such method or file; {did_you_mean(calibrate, METHODS)}")
        )  # fmt: skip
