"""The opposite of a text: a negation put in, or taken out."""

from __future__ import annotations

import functools
import random
import re
from collections.abc import Mapping
from importlib.resources import files

__all__ = ["negated"]

_NO_SPACES = ("ja", "ko", "th", "zh")  # words are not bounded by spaces, or carry endings
_ALIASES = {"no": "nb", "nn": "nb", "bs": "hr"}


@functools.cache
def _table() -> Mapping[str, Mapping[str, str]]:
    """Language -> (what stands there, in lower case -> what comes in its place), both ways."""
    table: dict[str, dict[str, str]] = {}
    for line in (files("xret.bitext.negatives") / "negation.tsv").read_text(encoding="utf-8").splitlines():
        lang, plain, negative = line.split("\t")
        swaps = table.setdefault(lang, {})
        swaps.setdefault(plain, negative)
        swaps.setdefault(negative, plain)
    return table


@functools.cache
def _pattern(lang: str) -> re.Pattern[str]:
    """Any form of the language, the longest first, so that a negation that is there is taken out."""
    forms = "|".join(map(re.escape, sorted(_table()[lang], key=lambda form: (-len(form), form))))
    return re.compile(forms if lang in _NO_SPACES else rf"(?<![\w'’])(?:{forms})(?![\w'’])", re.IGNORECASE)


def negated(text: str, lang: str, chance: random.Random) -> str | None:
    """The text with one verb form, article or the like replaced by its opposite, as in "is" and "is not".

    Args:
        text: any text.
        lang: BCP 47; without a table (negation.tsv) nothing is found.
        chance: decides which.

    Returns:
        The changed text; None where the language has no table, or the text none of its forms.
    """
    base = lang.partition("-")[0].lower()
    base = _ALIASES.get(base, base)
    if base not in _table():
        return None
    places = list(_pattern(base).finditer(text))
    if not places:
        return None
    match = chance.choice(places)
    other = _table()[base][match.group().lower()]
    if match.group()[0].isupper():
        other = other[0].upper() + other[1:]
    return text[: match.start()] + other + text[match.end() :]
