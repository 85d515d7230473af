"""Filtering sentence pairs: the filters of `xret.bitext.filters` as options."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from xret.bitext.filters import (
    Copies,
    FilterChain,
    Filtered,
    Languages,
    LengthRatio,
    Letters,
    NearDuplicates,
    PairFilter,
    Repeats,
    ScoreCap,
    ScoreFloor,
)
from xret.errors import UsageError
from xret.stages.stage import Stage

__all__ = ["CLEAN", "COUNTS", "Filter", "filter_counts"]

logger = logging.getLogger("xret")

COUNTS = b"xret.filters"
"""Where the counts stand in the metadata of a filtered table: JSON, a list of `Count.record()`."""

CLEAN: dict[str, Any] = {"letters": 0.0, "copies": 1.0, "length_ratio": "auto", "near_duplicates": "form"}
"""The options that suit most bitexts; the language filter, which must be told the languages, goes well with them."""


@dataclass(frozen=True, kw_only=True)
class Filter(Stage):
    """Drops pairs, for the reasons that are asked for, in the order of the attributes; None: not for this one.

    Attributes:
        min_score: drop pairs that score less.
        max_score: drop pairs that score more: unusually high margins are often wrong.
        letters: drop pairs with a side without letters, or with a smaller share of them (0 to 1).
        copies: drop untranslated copies: sides alike to this share (1: the same letters and digits).
        lid: languages of source and target (BCP 47): drop pairs with a side clearly in another; needs the extra `lid`.
        length_ratio: drop pairs whose lengths do not fit: ``auto``, or how many times the usual ratio may be passed.
        near_duplicates: of pairs that say the same keep the best: ``form``, ``numbers``, or a likeness from 0.7.
        repeats: keep a sentence in so many of its best pairs, on either side.
    """

    name = "filter"
    inputs = ("pairs",)
    output = "pairs"

    min_score: float | None = None
    max_score: float | None = None
    letters: float | None = None
    copies: float | None = None
    lid: tuple[str, ...] | None = None
    length_ratio: float | Literal["auto"] | None = None
    near_duplicates: float | Literal["form", "numbers"] | None = None
    repeats: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend: what the filters do not take."""
        if self.lid is not None and len(self.lid) != 2:
            raise UsageError(f"lid names {len(self.lid)} languages; wanted two, of the source and of the target")
        if self.min_score is not None and self.max_score is not None and self.min_score > self.max_score:
            raise UsageError(f"min_score {self.min_score} is above max_score {self.max_score}: no pair would be left")
        self.chain()

    def chain(self) -> FilterChain:
        """The filters that are asked for.

        Raises:
            UsageError: an option that its filter does not take.
            MissingExtraError: a library that a filter needs is not installed.
        """
        return FilterChain(*self._filters())

    def _filters(self) -> Iterator[PairFilter]:
        if self.min_score is not None:
            yield ScoreFloor(self.min_score)
        if self.max_score is not None:
            yield ScoreCap(self.max_score)
        if self.letters is not None:
            yield Letters(self.letters)
        if self.copies is not None:
            yield Copies(self.copies)
        if self.lid is not None:
            src, tgt = self.lid
            yield Languages(src, tgt)
        if self.length_ratio is not None:
            yield LengthRatio(self.length_ratio)
        if self.near_duplicates is not None:
            yield NearDuplicates(self.near_duplicates)
        if self.repeats is not None:
            yield Repeats(self.repeats)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs that pass every filter, rows and columns as they were; what was dropped is counted in the metadata.

        Returns:
            The columns of the pairs; `filter_counts` of the table says how many were dropped, and why.
        """
        filtered = self.chain()(values[0])
        logger.info(f"filters: {filtered.kept.num_rows:,} of {values[0].num_rows:,} pairs left")
        return _with_counts(filtered)


def filter_counts(pairs: pa.Table) -> list[dict[str, Any]]:
    """What `Filter` dropped on the way to this table: `Count.record()` of each filter; empty for an unfiltered one."""
    counts: list[dict[str, Any]] = json.loads((pairs.schema.metadata or {}).get(COUNTS, b"[]"))
    return counts


def _with_counts(filtered: Filtered) -> pa.Table:
    metadata = dict(filtered.kept.schema.metadata or {})
    counts = [*filter_counts(filtered.kept), *(count.record() for count in filtered.counts)]
    return filtered.kept.replace_schema_metadata(metadata | {COUNTS: json.dumps(counts, ensure_ascii=False).encode()})
