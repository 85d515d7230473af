"""Reading the published numbers, and finding those that may stand beside a row."""

from __future__ import annotations

import csv
import functools
import importlib.resources
from collections.abc import Collection
from dataclasses import dataclass, fields

from xret.eval.protocols import PROTOCOLS, Protocol

__all__ = ["Baseline", "baselines", "beside", "elsewhere"]

VERIFIED = {
    "repository": "read in a repository",
    "paper": "read in the paper",
    "secondary": "quoted by others; check before citing",
    "measured": "measured for xret",
}


@dataclass(frozen=True, kw_only=True)
class Baseline:
    """One published number; see the package for what the fields mean.

    Attributes:
        value: 0 to 1, spelled with the digits that were published.
    """

    protocol: str
    benchmark: str
    system: str
    measure: str
    value: str
    year: str
    looked_up: str
    source: str
    verified: str
    note: str = ""

    @property
    def told(self) -> str:
        """Source and note."""
        return "; ".join(filter(None, (self.source, self.note)))

    @property
    def checked(self) -> str:
        """How it was verified, in words."""
        return VERIFIED[self.verified]


@functools.cache
def baselines() -> tuple[Baseline, ...]:
    """All of them, in the order of the file."""
    text = (importlib.resources.files("xret.eval.published") / "baselines.tsv").read_text(encoding="utf-8")
    rows = csv.DictReader(text.splitlines(), delimiter="\t", quoting=csv.QUOTE_NONE)
    return tuple(Baseline(**{each.name: row[each.name] for each in fields(Baseline)}) for row in rows)


def beside(protocol: Protocol, benchmark: str, measures: Collection[str]) -> tuple[Baseline, ...]:
    """What may stand in one table with a row: the same protocol as it is published, the same data, the same measures.

    Args:
        protocol: by which the row was scored; one that was varied has no published rows.
        benchmark: name of the data.
        measures: spellings.
    """
    known, benchmark = PROTOCOLS.get(protocol.name), _canonical(benchmark)
    if known is None or known.identity != protocol.identity:
        return ()
    return tuple(
        one
        for one in baselines()
        if (one.protocol, one.benchmark) == (protocol.name, benchmark) and one.measure in measures
    )


def elsewhere(protocol: Protocol, benchmark: str) -> int:
    """How many numbers there are of the protocol on other languages or splits, which stand beside nothing here."""
    return sum(one.protocol == protocol.name and one.benchmark != _canonical(benchmark) for one in baselines())


def _canonical(benchmark: str) -> str:
    """With the languages of a mean over several, joined by ``+``, in order of their codes."""
    return "/".join("+".join(sorted(part.split("+"))) for part in benchmark.split("/"))
