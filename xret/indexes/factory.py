"""FAISS factory strings: the grammar xret accepts, and what each takes in memory.

    factory = IVF<lists>[_HNSW<links>], code
            | Flat | SQ4 | SQ6 | SQ8 | SQfp16 | SQbf16
            | HNSW<links>[,SQ8 | ,SQfp16]
    code    = Flat | SQ4 | SQ6 | SQ8 | SQfp16 | SQbf16 | PQ<m> | PQ<m>x<bits> | PQ<m>x4fs

A subset of FAISS's grammar: the kinds that can be filtered by language, mapped from disk and extended. One spelling:
``str(parse_factory(text))`` is what is printed, stored and parsed again.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from xret.errors import InputError

__all__ = ["Factory", "check_factory", "parse_factory"]

BYTES_PER_DIM = {"Flat": 4.0, "SQfp16": 2.0, "SQbf16": 2.0, "SQ8": 1.0, "SQ6": 0.75, "SQ4": 0.5}
SHAPE = re.compile(
    r"(?:IVF(?P<lists>[1-9]\d{0,8})(?:_HNSW(?P<coarse>[1-9]\d{0,2}))?,)?"
    r"(?:HNSW(?P<links>[1-9]\d{0,2})(?:,(?P<hcode>SQ8|SQfp16))?"
    r"|(?P<code>Flat|SQ4|SQ6|SQ8|SQfp16|SQbf16)"
    r"|PQ(?P<m>[1-9]\d{0,3})(?:x(?P<bits>[1-9]\d?)(?P<fast>fs)?)?)"
)
FORMS = "Flat, SQfp16, SQ8, HNSW32, IVF4096,Flat, IVF4096,SQ8, IVF4096,PQ64 or IVF4096,PQ64x4fs"


@dataclass(frozen=True, kw_only=True)
class Factory:
    """A parsed factory string; ``str()`` gives its one spelling."""

    lists: int = 0
    """Inverted lists, 0 for none."""
    coarse: int = 0
    """Links per node of the graph over the list centres, 0 when they are scanned."""
    links: int = 0
    """Links per node of an HNSW graph over the rows, 0 for no graph."""
    code: str = "Flat"
    """``Flat``, ``SQ…`` or ``PQ``."""
    m: int = 0
    """Sub-quantisers of PQ."""
    bits: int = 8
    """Bits per sub-quantiser of PQ."""
    fast: bool = False
    """PQ with the 4-bit codes laid out for SIMD (``fs``)."""

    def __str__(self) -> str:
        """The one spelling."""
        lists = f"IVF{self.lists}{f'_HNSW{self.coarse}' if self.coarse else ''}," if self.lists else ""
        bits = f"x{self.bits}" if self.bits != 8 else ""
        code = f"PQ{self.m}{bits}{'fs' if self.fast else ''}" if self.code == "PQ" else self.code
        graph = f"HNSW{self.links}" if self.links else ""
        return lists + (graph if graph and code == "Flat" else f"{graph},{code}" if graph else code)

    @property
    def exact(self) -> bool:
        """Whether a search looks at every row at full precision."""
        return str(self) == "Flat"

    @property
    def trained(self) -> bool:
        """Whether parameters are learned from a sample before rows are added."""
        return bool(self.lists) or self.code in ("PQ", "SQ8", "SQ6", "SQ4")

    @property
    def centres(self) -> int:
        """The most centres that one of its clusterings learns; 0 when nothing is clustered."""
        return max(self.lists, 2**self.bits if self.code == "PQ" else 0)

    def bytes_per_row(self, dim: int) -> float:
        """Bytes one vector of `dim` numbers takes, with its row number and its links."""
        code = self.m * self.bits / 8 if self.code == "PQ" else BYTES_PER_DIM[self.code] * dim
        return code + (8 if self.lists else 0) + (8 * self.links + 24 if self.links else 0)

    def training_rows(self, rows: int) -> int:
        """Rows of the training sample: 64 per list, at least 65,536 where there are as many."""
        return min(rows, max(64 * self.lists, 65_536)) if self.trained else 0


def parse_factory(text: str, *, dim: int) -> Factory:
    """The factory that `text` spells, checked against the vectors' dimension.

    Raises:
        InputError: not in the grammar above, or sub-quantisers that do not divide the dimension.
    """
    found = SHAPE.fullmatch(text)
    if found is None or _contradicts(found):
        raise InputError(f"index factory '{text}' is not known; write auto, {FORMS}")
    number = {name: int(found[name] or 0) for name in ("lists", "coarse", "links", "m")}
    code = "PQ" if found["m"] else found["code"] or found["hcode"] or "Flat"
    factory = Factory(code=code, bits=int(found["bits"] or 8), fast=bool(found["fast"]), **number)
    if factory.m and dim % factory.m:
        raise InputError(
            f"index factory '{text}': {dim} dimensions cannot be cut into {factory.m} equal parts; "
            f"use a divisor of {dim}"
        )
    return factory


def check_factory(text: str, *, rows: int, dim: int) -> None:
    """Raise what can be said of a factory (or ``"auto"``) before there are vectors.

    Raises:
        InputError: unknown, unfit for the dimension, or with more centres to learn than there are rows.
    """
    if text == "auto":
        return
    factory = parse_factory(text, dim=dim)
    if rows < factory.centres:
        raise InputError(
            f"index factory '{text}' learns {factory.centres:,} centres and so needs at least as many rows, but there "
            f"are {rows:,}; use auto, Flat, or fewer lists"
        )


def _contradicts(found: re.Match[str]) -> bool:
    """Combinations whose parts are known and which FAISS cannot search with a filter, or cannot build."""
    lists, links, bits = bool(found["lists"]), bool(found["links"]), int(found["bits"] or 8)
    if found["m"]:  # FAISS refuses to filter PQ without lists, and has the fast layout for 4 bits only
        return not lists or bits > 16 or (bool(found["fast"]) and bits != 4)
    return lists and links
