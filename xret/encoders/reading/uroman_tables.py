"""The romanisation tables of the `uroman` package (Hermjakob, May & Knight 2018), loaded once a process.

Words are romanised one by one, as uroman itself does where it keeps a cache, so that common ones cost nothing and a
text of any length takes the memory of its longest word.
"""

from __future__ import annotations

import gc
from collections import defaultdict
from functools import lru_cache
from importlib.metadata import version
from threading import Lock
from typing import Any
from unicodedata import normalize

from xret.errors import ModelError, require

__all__ = ["UROMAN", "romanised_word", "script_pattern", "uroman_package"]

UROMAN = "1.3.1"  # whose tables a recipe stands for: others give other letters, and so other vectors
_PURPOSE = "romanising texts, as this model's recipe has it,"
_CACHED = 65536  # words kept
_LONG = 256  # characters: a longer "word" is cut (scripts without spaces), and not kept
_TURN = Lock()


class _Settled(dict[Any, Any]):
    """A table that answers what it lacks without taking it in: uroman's own grow with every word they are asked for."""

    def __init__(self, table: defaultdict[Any, Any]) -> None:
        super().__init__(table)
        self._lacking = table.default_factory

    def __missing__(self, key: Any) -> Any:
        return self._lacking() if self._lacking else None


def uroman_package(wanted: str = UROMAN) -> Any:
    """The package, without its tables.

    Args:
        wanted: its version, up to the third number.

    Raises:
        MissingExtraError: it is not installed.
        ModelError: it is of another version, which romanises otherwise.
    """
    package = require("uroman", extra="romanise", purpose=_PURPOSE)
    found = version("uroman")
    if found.split(".")[:3] != wanted.split("."):
        raise ModelError(
            f"the recipe romanises with uroman {wanted}, installed is {found}; "
            f"install it with: pip install 'uroman=={wanted}.*'"
        )
    return package


def script_pattern(characters: str) -> Any:
    """A compiled pattern of the `regex` package, which knows the scripts and comes with uroman.

    Raises:
        MissingExtraError: it is not installed.
        ModelError: it names a script that Unicode does not tell apart.
    """
    package = require("regex", extra="romanise", purpose=_PURPOSE)
    try:
        return package.compile(characters)
    except package.error as error:
        raise ModelError(f"romanise: Unicode has no letters of one of the scripts ({error})") from error


def romanised_word(word: str, code: str | None) -> str:
    """A word in Latin letters.

    Args:
        word: without spaces, of any length.
        code: its language in ISO 639-3, if it is known.
    """
    if len(word) <= _LONG:
        return _kept(word, code)
    return "".join(_romanised(word[start : start + _LONG], code) for start in range(0, len(word), _LONG))


@lru_cache(maxsize=_CACHED)
def _kept(word: str, code: str | None) -> str:
    return _romanised(word, code)


def _romanised(word: str, code: str | None) -> str:
    with _TURN:  # its tables are not made for several threads
        tables = _tables()
        found: str = tables.romanize_string(normalize("NFC", word), lcode=code)
        tables.float2fraction.clear()  # grows with every number
        tables.stats.clear()
    return found


@lru_cache(maxsize=1)
def _tables() -> Any:
    package, collects = uroman_package(), gc.isenabled()
    tables = package.Uroman()  # switches the garbage collector on when done
    if not collects:
        gc.disable()
    for name, table in vars(tables).items():
        if isinstance(table, defaultdict) and name != "stats":
            setattr(tables, name, _Settled(table))
    return tables
