"""Pairs that say the same: only the best-scored of them stays."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa

from xret.bitext.filters.alike import LEAST, alike_to_better
from xret.bitext.filters.filter import Mask, PairFilter, Verdict, best_first, text_batches
from xret.bitext.filters.forms import form, keys, numberless
from xret.errors import UsageError

__all__ = ["NearDuplicates"]


@dataclass(frozen=True)
class NearDuplicates(PairFilter):
    """Drops pairs both of whose sides repeat a better one, by (score descending, src_id, tgt_id).

    Attributes:
        level: what counts as a repetition. ``form``: the same letters and digits, whatever the case, spaces and
            punctuation; ``numbers``: the same but for numbers, too; a number from 0.7 to below 1: forms whose sets of 4
            characters overlap by that much (Jaccard similarity, on each side; of the pairs of rows that do, at least
            98 % are found at 0.7, 99.9 % from 0.8 on).

    Raises:
        UsageError: another level.
    """

    reason: ClassVar[str] = "near-duplicate"
    level: float | Literal["form", "numbers"] = "form"

    def __post_init__(self) -> None:
        """Refuse what nothing stands for."""
        if self.level not in ("form", "numbers") and not (
            isinstance(self.level, int | float) and LEAST <= self.level < 1
        ):
            raise UsageError(f"near-duplicates '{self.level}': wanted form, numbers, or {LEAST} up to below 1")

    def judge(self, pairs: pa.Table) -> Verdict:
        """Walk down the list."""
        order = best_first(pairs)
        keep = self._first(pairs, order)
        if not isinstance(self.level, float) or not keep.any():
            return Verdict(keep)
        same = int((~keep).sum())
        kept = order[keep[order]]
        keep[kept[alike_to_better(pairs, kept, self.level)]] = False
        details = {"the same": same, "alike": int((~keep).sum()) - same}
        return Verdict(keep, details={what: n for what, n in details.items() if n})

    def _first(self, pairs: pa.Table, order: np.ndarray[tuple[int], np.dtype[np.int64]]) -> Mask:
        """The best row of each group of equal forms."""
        shape = numberless if self.level == "numbers" else form
        parts = [
            keys(f"{len(one)} {one}{other}" for one, other in zip(map(shape, src), map(shape, tgt), strict=True))
            for _, src, tgt in text_batches(pairs)
        ]
        keep = np.zeros(pairs.num_rows, bool)
        if parts:
            keep[order[np.unique(np.concatenate(parts)[order], return_index=True)[1]]] = True
        return keep
