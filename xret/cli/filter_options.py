"""The options of filters, which several commands share, and the stage that they ask for."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.errors import UsageError

if TYPE_CHECKING:
    from xret.bitext import Langs
    from xret.bitext.filters import Filtered
    from xret.stages.filter import Filter

__all__ = ["announce_filtered", "filter_options", "filter_stage"]

Command = TypeVar("Command", bound=Callable[..., Any])


class _NumberOr(click.ParamType):  # type: ignore[type-arg]  # generic from click 8.3 on
    """A number, or one of a few words."""

    name = "number or word"

    def __init__(self, *words: str) -> None:
        self.words = words

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float | str:
        """The word, or the number as a float."""
        if value in self.words or isinstance(value, float):
            return value  # type: ignore[no-any-return]
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if math.isnan(number):
            self.fail(f"'{value}' is neither a number nor {' nor '.join(self.words)}.", param, ctx)
        return number


def _two_langs(_: click.Context, __: click.Parameter, value: str | None) -> tuple[str, ...] | str | None:
    if value in (None, "auto"):
        return value
    from xret.corpus import check_lang
    from xret.errors import InputError

    try:
        langs = tuple(check_lang(lang) for lang in str(value).split(","))
    except InputError as error:
        raise UsageError(f"--lid: {error}") from error
    if len(langs) != 2:
        raise UsageError(f"--lid {value}: wanted two languages, as in de,en, or auto")
    return langs


_OPTIONS = (
    click.option(
        "--clean",
        is_flag=True,
        help="The filters that suit most bitexts: --min-letters 0 --drop-copies form --length-ratio auto "
        "--drop-duplicates form, each where it is not given otherwise; --lid and --max-repeats are not among them.",
    ),
    click.option("--max-score", type=_NumberOr(), metavar="FLOAT", help="Drop pairs that score more: often wrong."),
    click.option(
        "--min-letters",
        type=click.FloatRange(0, 1),
        metavar="SHARE",
        help="Drop pairs with a side without letters, or with a smaller share of them; 0: only those without.",
    ),
    click.option(
        "--drop-copies",
        type=_NumberOr("form"),
        metavar="form|SHARE",
        help="Drop untranslated pairs: the same letters and digits on both sides, or alike to this share.",
    ),
    click.option(
        "--lid",
        callback=_two_langs,
        metavar="SRC,TGT|auto",
        help="Drop pairs with a side clearly in another language; auto: those of --src-lang and --tgt-lang.",
    ),
    click.option(
        "--length-ratio",
        type=_NumberOr("auto"),
        metavar="auto|FLOAT",
        help="Drop pairs whose lengths do not fit, by the ratio of these pairs: further off than true ones are, or by "
        "more than this factor.",
    ),
    click.option(
        "--drop-duplicates",
        type=_NumberOr("form", "numbers"),
        metavar="form|numbers|SHARE",
        help="Of pairs that say the same keep the best: but for case, spaces and punctuation; numbers, too; or alike "
        "to this share (0.7 up).",
    ),
    click.option(
        "--max-repeats",
        type=click.IntRange(min=1),
        metavar="N",
        help="Keep a sentence in its N best pairs, on either side.",
    ),
)


def filter_options(command: Command) -> Command:
    """``--clean``, ``--max-score``, ``--min-letters``, ``--drop-copies``, ``--lid`` and so on."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def filter_stage(given: dict[str, Any], langs: Langs, *, threshold: float | None = None) -> Filter:
    """The stage that the options of `filter_options` ask for; without any, one that keeps everything.

    Args:
        given: the values of the options; what else is in it is left alone.
        langs: of source and target, ``und`` for one that is not known: what ``--lid auto`` means.
        threshold: drop pairs that score less.

    Raises:
        UsageError: a value that its filter does not take, or ``--lid auto`` without languages.
        MissingExtraError: ``--lid`` without py3langid.
    """
    from xret.stages.filter import CLEAN, Filter

    lid = given["lid"]
    if lid == "auto":
        if "und" in langs:
            raise UsageError("--lid auto: the languages are not known; give --src-lang and --tgt-lang, or --lid de,en")
        lid = langs
    copies, duplicates = given["drop_copies"], given["drop_duplicates"]
    wanted = {
        "letters": given["min_letters"],
        "copies": 1.0 if copies == "form" else copies,
        "length_ratio": given["length_ratio"],
        "near_duplicates": duplicates,
    }
    usual = CLEAN if given["clean"] else {}
    wanted = {name: usual.get(name) if value is None else value for name, value in wanted.items()}
    return Filter(min_score=threshold, max_score=given["max_score"], lid=lid, repeats=given["max_repeats"], **wanted)


def announce_filtered(filtered: Filtered) -> None:
    """Say on stderr what each filter dropped, and what looks wrong about the pairs that are left."""
    for count in filtered.counts:
        click.echo(count.line(), err=True)
    for doubt in filtered.doubts:
        click.echo(f"warning: {doubt}", err=True)
