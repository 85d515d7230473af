"""Scores of documents in different languages made comparable, in one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import UsageError
from xret.runs import ordered
from xret.stages.merging.languages import with_document_languages
from xret.stages.merging.lists import Lists
from xret.stages.merging.normalise import Floats, Ints, minmax, zscore
from xret.stages.merging.orders import quota, reciprocal_ranks, round_robin
from xret.stages.merging.relevance import RelevanceMap

__all__ = ["CALIBRATIONS", "Calibration", "calibrate_run", "check_calibration"]

Calibration = Literal["raw", "zscore", "minmax", "rrf", "round-robin", "quota", "logistic"]
CALIBRATIONS: tuple[Calibration, ...] = get_args(Calibration)


def calibrate_run(
    run: pa.Table,
    method: Calibration,
    *,
    prior: Mapping[str, float] | None = None,
    model: RelevanceMap | None = None,
    corpus: pa.Table | None = None,
    k: int = 60,
    depth: int | None = None,
    tag: str | None = None,
) -> pa.Table:
    """Rank the documents of a run anew, so that no language is ahead for its scores alone.

    The better a run shows every language's scores, the better they can be compared: calibrate a deep run and cut it
    afterwards (`depth`), not the other way round.

    Args:
        run: `qid, docid, score: float64, dlang` and any others.
        method: ``raw`` (scores as they are), ``zscore`` and ``minmax`` (per query and language), ``rrf``,
            ``round-robin``, ``quota`` (see `xret.stages.merging.orders`), ``logistic`` (P(relevant) by `model`).
        prior: shares of the languages, for ``quota``.
        model: for ``logistic``.
        corpus: `id, lang` of the documents whose `dlang` the run lacks.
        k: the constant of ``rrf``.
        depth: documents per query that are kept; None keeps all.
        tag: of the new run; None: as it was.

    Returns:
        The run with new `score` and `rank`. Documents that the method scores equal (as float32, which is how runs are
        compared) keep the order that they had; for that, scores differ in the last digit of a float32.

    Raises:
        EvalError: documents of unknown language, ones that the corpus lacks, a score that is NaN or infinite, or a
            model fitted on scores of another kind, or on a run that says more.
        UsageError: see `check_calibration`.
    """
    check_calibration(method, prior=prior, model=model, k=k, depth=depth)
    lists = Lists.of(with_document_languages(run, corpus))
    if model is not None and model.origin is not None:
        model.origin.check(lists)
    methods: dict[str, Callable[[], Floats]] = {
        "zscore": lambda: zscore(lists.score, lists.group),
        "minmax": lambda: minmax(lists.score, lists.group),
        "rrf": lambda: reciprocal_ranks(lists, k),
        "round-robin": lambda: round_robin(lists),
        "quota": lambda: quota(lists, prior),
        "logistic": lambda: model(lists) if model else lists.score,
    }
    score = lists.score if method == "raw" else _parted(methods[method](), lists)
    found = _replace(lists.run, "score", pa.array(score, pa.float64()))
    if tag is not None:
        found = _replace(found, "tag", pa.array([tag] * len(score), pa.string()))
    found = ordered(found)
    return found if depth is None else found.filter(pc.less_equal(found["rank"], depth))


def check_calibration(
    method: str, *, prior: Mapping[str, float] | None, model: object | None, k: int, depth: int | None
) -> None:
    """Refuse what no run could mend.

    Raises:
        UsageError: an unknown method, a prior or a model that the method does not take, no model where it needs one,
            k below 0 or depth below 1.
    """
    if method not in CALIBRATIONS:
        raise UsageError(f"no calibration '{method}'; known: {', '.join(CALIBRATIONS)}")
    if prior is not None and method != "quota":
        raise UsageError(f"a prior is for quota, not for {method}; leave it out")
    if (model is not None) != (method == "logistic"):
        raise UsageError(
            f"a fitted map is for logistic, not for {method}; leave it out"
            if model is not None
            else "logistic needs a map fitted on judged queries, by 'xret eval calibration --save'"
        )
    if k < 0:
        raise UsageError(f"k is {k}; reciprocal rank fusion needs 0 or more")
    if depth is not None and depth < 1:
        raise UsageError(f"depth is {depth}; keep at least 1 document per query")


def _parted(score: Floats, lists: Lists) -> Floats:
    """(n,) the scores, lowered by as few last digits of a float32 as it takes that none in a query are equal.

    What is equal keeps the run's order, and nothing falls behind what it was ahead of.
    """
    with np.errstate(over="ignore"):
        rough = score.astype(np.float32)
    order = np.lexsort((lists.overall, -rough, lists.query))
    key, query = _place_of(rough[order]), lists.query[order]
    # Each at most the one before less a step: falling with the place in the list, that is the least of all before.
    fresh = np.diff(query, prepend=-1) != 0
    row = np.arange(len(order))
    step = row - np.maximum.accumulate(np.where(fresh, row, 0))
    block = np.cumsum(fresh) << 34  # further apart than any two float32, so that queries leave one another alone
    lowered = np.minimum.accumulate(key + step - block) + block - step
    parted = score.copy()
    moved = lowered != key
    parted[order[moved]] = _at_place(lowered[moved]).astype(np.float64)
    return parted


def _place_of(values: npt.NDArray[np.float32]) -> Ints:
    """(n,) the place of each among all float32, ascending; 0 for both zeros."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(bits & 0x7FFFFFFF), bits)


def _at_place(places: Ints) -> npt.NDArray[np.float32]:
    """What `_place_of` gives the places of."""
    bits = np.where(places < 0, -places | 0x80000000, places).astype(np.uint32)
    return bits.view(np.float32)


def _replace(run: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name not in run.column_names:
        return run.append_column(name, column)
    return run.set_column(run.column_names.index(name), name, column)
