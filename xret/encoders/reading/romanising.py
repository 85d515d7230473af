"""Romanisation: letters of scripts that a model has not learnt, in Latin letters, before anything else is done.

A script unseen in training falls apart into unknown tokens; in Latin letters, names, loanwords and cognates have
something in common with other languages (Hermjakob, May & Knight 2018, whose `uroman` is used).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from xret.corpus.languages import check_lang, is_lang, iso_639_3
from xret.encoders.reading.uroman_tables import UROMAN, romanised_word, script_pattern, uroman_package

__all__ = ["ALL", "Romaniser", "romanise"]

_LATIN = ("Latn",)
_NO_SCRIPT = r"\p{sc=Zyyy}\p{sc=Zinh}"  # signs, digits and marks that all scripts have


@dataclass(frozen=True, kw_only=True)
class Romaniser:
    r"""Which letters are romanised.

    What stands between letters that are, within a word, goes with them: digits, marks, apostrophes. All else of a text
    stays as it is, Latin letters above all. What becomes of a word depends on nothing but the word and its language.
    """

    scripts: tuple[str, ...] = ()  # ISO 15924: letters of these, in any text
    known: tuple[str, ...] = ()  # ISO 15924: letters of all scripts but these; nothing where it is empty
    languages: tuple[str, ...] = ()  # of texts in these (BCP 47, language alone) all letters but Latin ones
    beside: bool = False
    """Whether the text is kept, and its romanised form put behind it, where the two differ: for scripts that the model
    knows a little of. It makes the text about twice as long."""
    uroman: str = UROMAN  # the version whose tables are used

    def __call__(self, texts: Sequence[str], *, lang: Sequence[str | None] | None = None) -> list[str]:
        """Romanise texts.

        Args:
            texts: any strings.
            lang: one tag per text, BCP 47 or any that `check_lang` takes; others, ``und`` and None say nothing. Some
                letters are read in a language's own way (``г`` is "h" in Belarusian).

        Returns:
            As many texts.

        Raises:
            MissingExtraError: uroman is not installed.
            ModelError: it is of another version than the recipe's.
        """
        tags = [None] * len(texts) if lang is None else lang
        by_script = _pattern(self.scripts, self.known)
        whole = _pattern((), _LATIN) if self.languages else None
        out = []
        for text, tag in zip(texts, tags, strict=True):
            language, code = _language(tag)
            chosen = whole if language in self.languages else by_script
            after = text if chosen is None or text.isascii() else _replaced(text, chosen, code)
            out.append(f"{text} {after}" if self.beside and after != text else after)
        return out

    def check(self) -> None:
        """Refuse to begin without uroman.

        Raises:
            MissingExtraError: it is not installed.
            ModelError: it is of another version, or Unicode has no letters of one of the scripts.
        """
        uroman_package(self.uroman)
        _pattern(self.scripts, self.known)

    def __str__(self) -> str:
        """In words."""
        parts = [f"letters of {' '.join(self.scripts)}"] if self.scripts else []
        parts += [f"all letters but {' '.join(self.known)}"] if self.known else []
        parts += [f"texts in {' '.join(self.languages)}"] if self.languages else []
        return f"{', '.join(parts)}{', put behind the text' if self.beside else ''} (uroman {self.uroman})"


ALL = Romaniser(known=_LATIN)


def romanise(
    texts: Sequence[str], *, lang: Sequence[str | None] | None = None, romaniser: Romaniser = ALL
) -> list[str]:
    """Texts in Latin letters; for training text, as `Romaniser.__call__` does for an encoder's.

    Args:
        texts: any strings.
        lang: one tag per text.
        romaniser: which letters; all but Latin ones unless it says otherwise.

    Raises:
        MissingExtraError: uroman is not installed.
        ModelError: it is of another version than the recipe's.
    """
    romaniser.check()
    return romaniser(texts, lang=lang)


@lru_cache(maxsize=1024)
def _language(tag: str | None) -> tuple[str, str | None]:
    """A tag's language, canonical, and its ISO 639-3 code; nothing where it says none."""
    if not tag or not is_lang(tag):
        return "", None
    return re.split("[-_]", check_lang(tag))[0], iso_639_3(tag)


@lru_cache(maxsize=16)
def _pattern(scripts: tuple[str, ...], known: tuple[str, ...]) -> Any:
    """What finds the parts of words to romanise; None where there is nothing to look for."""
    if not scripts and not known:
        return None
    wanted = [f"[{_names(scripts)}]"] if scripts else []
    wanted += [rf"[^{_names(known)}{_NO_SCRIPT}\p{{sc=Zzzz}}]"] if known else []
    letter = wanted[0] if len(wanted) == 1 else f"(?:{'|'.join(wanted)})"
    between = rf"(?:(?!\s)[{_NO_SCRIPT}]|{letter})*"
    return script_pattern(rf"{letter}(?:{between}{letter})?\p{{M}}*")


def _names(scripts: tuple[str, ...]) -> str:
    return "".join(rf"\p{{sc={script}}}" for script in scripts)


def _replaced(text: str, pattern: Any, code: str | None) -> str:
    out: str = pattern.sub(lambda found: romanised_word(found.group(), code), text)
    return out
