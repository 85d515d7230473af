"""What a filter is: it looks at a table of pairs and says which rows may stay."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

__all__ = ["Mask", "PairFilter", "RowFilter", "Verdict", "best_first", "text_batches"]

Mask = NDArray[np.bool_]
ROWS = 1 << 14  # rows whose texts are Python strings at once


@dataclass(frozen=True)
class Verdict:
    """What a filter says of n pairs.

    Attributes:
        keep: (n,) bool.
        learnt: what was learnt from the data, or why nothing could be; empty for filters that learn nothing.
        details: numbers of dropped rows by finer reasons.
    """

    keep: Mask
    learnt: str = ""
    details: Mapping[str, int] = field(default_factory=dict)


class PairFilter(ABC):
    """Drops pairs for one reason. Subclasses are frozen dataclasses; what they are set to shows in their `repr`."""

    reason: ClassVar[str]

    @abstractmethod
    def judge(self, pairs: pa.Table) -> Verdict:
        """Which rows stay.

        Args:
            pairs: n rows `score: float64` (may be null), `src_id, tgt_id, src_text, tgt_text: string`, and any others.
        """


class RowFilter(PairFilter):
    """A filter that needs to see no more than the two texts of a row."""

    @abstractmethod
    def keeps(self, src: str, tgt: str) -> bool:
        """Whether a pair of these texts stays."""

    def judge(self, pairs: pa.Table) -> Verdict:
        """Ask `keeps` of every row."""
        keep = np.ones(pairs.num_rows, bool)
        for start, src, tgt in text_batches(pairs):
            keep[start : start + len(src)] = [self.keeps(*texts) for texts in zip(src, tgt, strict=True)]
        return Verdict(keep)


def text_batches(pairs: pa.Table) -> Iterator[tuple[int, list[str], list[str]]]:
    """The texts of both sides, some rows at a time, each time with the number of the first."""
    for start in range(0, pairs.num_rows, ROWS):
        rows = pairs.slice(start, ROWS)
        yield start, rows["src_text"].to_pylist(), rows["tgt_text"].to_pylist()


def best_first(pairs: pa.Table) -> NDArray[np.int64]:
    """Row numbers by (score descending, src_id, tgt_id), ids compared as strings; rows without score come last."""
    keys = [("score", "descending")] if "score" in pairs.column_names else []
    keys += [("src_id", "ascending"), ("tgt_id", "ascending")]
    rows: NDArray[np.int64] = pc.sort_indices(pairs, sort_keys=keys).to_numpy().astype(np.int64)
    return rows
