"""What is stated of romanisation, as a `Romaniser`: scripts, languages, ``all``, or what a tokeniser has not seen."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from xret.corpus.languages import check_lang, is_lang, known_scripts
from xret.encoders.reading.romanising import ALL, Romaniser
from xret.encoders.reading.uroman_tables import script_pattern
from xret.errors import ModelError

__all__ = ["UNSEEN", "check_romanise", "seen_scripts", "stated_romaniser", "words_for"]

UNSEEN, EVERY, NONE, BESIDE = "unseen", "all", "none", "beside"
_WORDS = (UNSEEN, EVERY, NONE)
_BUT = "-"  # before a script that "all" is to spare
_ENOUGH = 100
"""Pieces of a vocabulary that make its script a seen one. An English WordPiece vocabulary has up to 92 of each script
of the world, single letters nearly all; a multilingual one hundreds of those in its training text."""

# Codes for several scripts at once, and for styles of one, by the scripts that Unicode tells apart.
_PARTS = {
    **{"Jpan": ("Hani", "Hira", "Kana"), "Kore": ("Hang", "Hani"), "Hrkt": ("Hira", "Kana"), "Hanb": ("Bopo", "Hani")},
    **{"Hans": ("Hani",), "Hant": ("Hani",), "Jamo": ("Hang",), "Aran": ("Arab",), "Cyrs": ("Cyrl",)},
    **{"Geok": ("Geor",), "Syre": ("Syrc",), "Syrj": ("Syrc",), "Syrn": ("Syrc",)},
}

# Codes for signs, for scripts that are not in Unicode, and for styles of Latin.
_LETTERLESS = """
Afak Blis Cirt Egyd Egyh Inds Kitl Kpel Latf Latg Latn Leke Loma Maya Moon Nkgb Phlv Piqd Roro Sara Teng Visp Wole Zinh
Zmth Zsye Zsym Zxxx Zyyy Zzzz
"""


def check_romanise(stated: Sequence[str]) -> None:
    """Refuse what names no script or language.

    Args:
        stated: "all", "unseen" or "none", or else ISO 15924 scripts and BCP 47 languages; besides "all", scripts to
            spare ("-Cyrl"); besides any, "beside", for texts that are to be kept, the romanised form behind them.

    Raises:
        ModelError: names the first word that is none of these.
    """
    words = [word for word in stated if word != BESIDE]
    if [word for word in words if not _is_spared(word)] == [EVERY] or words == [UNSEEN] or list(stated) == [NONE]:
        return
    if stated and not words:
        raise ModelError(f"romanise: '{BESIDE}' says how; say what, too, as in 'unseen,{BESIDE}'")
    for word in words:
        if word.startswith(_BUT):
            raise ModelError(f"romanise: '{word:.40}' spares no script; wanted as in 'all,-Cyrl', 'all' and no others")
        if not (word in _WORDS or _has_letters(word) or _is_language(word)):
            raise ModelError(
                f"romanise: '{word:.40}' is not {', '.join(_WORDS[:-1])} or {_WORDS[-1]}, nor a script of letters that "
                "are not Latin, such as Cher, nor a language, such as am"
            )
    if alone := [word for word in words if word in _WORDS]:
        raise ModelError(f"romanise: '{alone[0]}' stands alone ('unseen' and 'all' also with 'beside')")


def stated_romaniser(stated: Sequence[str], tokenizer: Path | None) -> Romaniser | None:
    """What is to be romanised.

    Args:
        stated: as `check_romanise` takes it.
        tokenizer: the model's tokenizer.json, which "unseen" asks for its scripts.

    Raises:
        ModelError: a word that means nothing, or "unseen" without a tokeniser.
        MissingExtraError: "unseen" is asked, and the `romanise` extra is not installed.
    """
    check_romanise(stated)
    words, beside = [word for word in stated if word != BESIDE], BESIDE in stated
    if not words or words == [NONE]:
        return None
    if EVERY in words:
        spared = _scripts(word.removeprefix(_BUT) for word in words if word != EVERY)
        return replace(ALL, known=tuple(sorted({*ALL.known, *spared})), beside=beside)
    if words == [UNSEEN]:
        if tokenizer is None:
            raise ModelError("romanise: 'unseen' needs a tokenizer.json to ask; name scripts or languages")
        return Romaniser(known=seen_scripts(tokenizer), beside=beside)
    scripts = _scripts(word for word in words if _is_script(word))
    languages = {check_lang(word) for word in words if not _is_script(word)}
    return Romaniser(scripts=tuple(sorted(scripts)), languages=tuple(sorted(languages)), beside=beside)


def words_for(romaniser: Romaniser) -> list[str]:
    """What states a romaniser without asking a tokeniser, as `stated_romaniser` takes it."""
    every = [EVERY, *(_BUT + name for name in romaniser.known if name not in ALL.known)] if romaniser.known else []
    return [*every, *romaniser.scripts, *romaniser.languages, *([BESIDE] if romaniser.beside else [])]


def seen_scripts(tokenizer: Path) -> tuple[str, ...]:
    """The scripts (ISO 15924) that a tokeniser has a hundred pieces or more with a letter of, and Latin.

    Args:
        tokenizer: a tokenizer.json.

    Raises:
        ModelError: it cannot be read.
        MissingExtraError: the `romanise` extra is not installed.
    """
    from tokenizers import Tokenizer

    try:
        backend: Any = Tokenizer.from_file(str(tokenizer))
    except Exception as error:  # the library raises bare Exception
        raise ModelError(f"{tokenizer}: cannot be read as a tokeniser ({error}); fetch the file again") from error
    ids = sorted(backend.get_vocab(with_added_tokens=False).values())
    pieces = (backend.decode([number], skip_special_tokens=False) for number in ids)  # bytes back to letters
    counts = Counter(script for piece in pieces for script in {_script(letter) for letter in piece if letter.isalpha()})
    return tuple(sorted({"Latn", *(script for script, count in counts.items() if script and count >= _ENOUGH)}))


def _is_script(word: str) -> bool:
    return word.title() in known_scripts()


def _has_letters(word: str) -> bool:
    """Whether it is a script of letters that are not Latin."""
    return _is_script(word) and word.title() not in _LETTERLESS.split()


def _is_language(word: str) -> bool:
    """Whether it is a language without script or region."""
    return is_lang(word) and "-" not in check_lang(word) and check_lang(word) != "und"


def _is_spared(word: str) -> bool:
    return word.startswith(_BUT) and _has_letters(word.removeprefix(_BUT))


def _scripts(names: Iterable[str]) -> set[str]:
    """The scripts that Unicode tells apart, of some codes."""
    return {part for name in names for part in _PARTS.get(name.title(), (name.title(),))}


@lru_cache(maxsize=65536)
def _script(letter: str) -> str:
    return next((name for name, pattern in _patterns() if pattern.match(letter)), "")


@lru_cache(maxsize=1)
def _patterns() -> list[tuple[str, Any]]:
    """A pattern for each script that Unicode tells apart, those with most letters first."""
    found = []
    large, small = ("Latn", "Hani", "Hang"), known_scripts() - set(_LETTERLESS.split())
    for name in (*large, *sorted(small - set(large))):
        try:
            found.append((name, script_pattern(rf"\p{{sc={name}}}")))
        except ModelError:  # its letters count as another's
            continue
    return found
