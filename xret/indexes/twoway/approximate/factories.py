"""How neighbours are to be searched for, as a word: exact, auto, or a FAISS factory."""

from __future__ import annotations

import re
from dataclasses import dataclass

from xret.errors import InputError, UsageError
from xret.indexes.choice import list_count
from xret.indexes.factory import parse_factory

__all__ = ["Way", "check_search", "parse_search"]

EXACT_PAIRS = 10**11
"""``auto`` compares so many pairs exactly: 300,000 x 300,000, some minutes of one core."""
_RABITQ = re.compile(r"IVF([1-9]\d{0,8}),RaBitQ")


@dataclass(frozen=True)
class Way:
    """An index that a search goes through.

    Attributes:
        name: the factory in one spelling.
        lists: inverted lists, 0 for none.
        listed: whether vectors are kept as they are, in lists: then whole lists are compared, block by block.
        centres: the most centres that it learns.
        fetch: neighbours fetched for each one wanted, to be scored exactly.
        size: bytes that a vector takes in it.
    """

    name: str
    lists: int
    listed: bool
    centres: int
    fetch: int
    size: float

    @classmethod
    def of(cls, text: str, dim: int) -> Way:
        """The way that a factory spells.

        Raises:
            InputError: unknown, or not for this dimension.
        """
        if found := _RABITQ.fullmatch(text):
            return cls(text, int(found[1]), False, int(found[1]), 8, dim / 8 + 24)
        made = parse_factory(text, dim=dim)
        listed = bool(made.lists) and made.code == "Flat"
        return cls(str(made), made.lists, listed, made.centres, 8 if made.code == "PQ" else 2, made.bytes_per_row(dim))


def parse_search(text: str, *, rows: int, columns: int, dim: int, memory: int) -> tuple[Way | None, Way | None]:
    """The ways through the columns and through the rows; None is an exact search, of both or none.

    Args:
        text: ``exact``, ``auto`` or a factory.
        rows: vectors of one side.
        columns: of the other.
        dim: of both.
        memory: bytes that an index may take, for ``auto``.

    Raises:
        InputError: an unknown factory, or one with more centres than there are rows.
    """
    if text == "exact" or (text == "auto" and rows * columns <= EXACT_PAIRS):
        return None, None
    made = []
    for size in (columns, rows):
        way = Way.of(_automatic(size, dim, memory) if text == "auto" else text, dim)
        if size < way.centres:
            raise InputError(
                f"search '{way.name}' learns {way.centres:,} centres and so needs at least as many sentences, but one "
                f"side has {size:,}; use exact, auto, or fewer lists"
            )
        made.append(way)
    return made[0], made[1]


def _automatic(size: int, dim: int, memory: int) -> str:
    """Lists compared from the vectors' own file, if memory holds that as float16; else codes of one bit a number."""
    lists = max(1, min(list_count(size), size // 40))
    return f"IVF{lists},{'Flat' if 2 * dim * size <= memory else 'RaBitQ'}"


def check_search(text: str) -> None:
    """Refuse what is no way to search, before the vectors are known.

    Raises:
        UsageError: neither ``exact`` nor ``auto`` nor a factory.
    """
    if text in ("exact", "auto") or _RABITQ.fullmatch(text):
        return
    try:
        factory = parse_factory(text, dim=_dimension(text))
    except InputError as error:
        raise UsageError(f"--search: {error}".replace("write auto", "write exact, auto, IVF4096,RaBitQ")) from error
    if not factory.lists and not factory.links:
        raise UsageError(f"--search {text}: looks at all vectors; write exact, which does so faster")


def _dimension(text: str) -> int:
    """One that any number of sub-quantisers divides."""
    found = re.search(r"PQ(\d+)", text)
    return max(1, int(found[1])) if found else 1
