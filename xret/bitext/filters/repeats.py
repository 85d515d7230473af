"""Sentences that stand in many pairs: at most one of these pairs can be their translation."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from xret.bitext.filters.filter import PairFilter, Verdict, best_first, text_batches
from xret.bitext.filters.forms import form, keys
from xret.errors import UsageError

__all__ = ["Repeats", "form_keys"]


@dataclass(frozen=True)
class Repeats(PairFilter):
    """Keeps a sentence in its `most` best pairs, on either side.

    Sentences of the same form are one (see `xret.bitext.filters.forms`). Pairs are taken by (score descending, src_id,
    tgt_id), each if both its sentences still have room.

    Raises:
        UsageError: `most` is below 1.
    """

    reason: ClassVar[str] = "repeated"
    most: int = 1

    def __post_init__(self) -> None:
        """Refuse what would drop everything."""
        if self.most < 1:
            raise UsageError(f"a sentence may stand in {self.most} pairs; wanted at least 1")

    def judge(self, pairs: pa.Table) -> Verdict:
        """Walk down the list."""
        numbers = [np.unique(side, return_inverse=True)[1].tolist() for side in form_keys(pairs)]
        used: tuple[Counter[int], Counter[int]] = (Counter(), Counter())
        keep = np.zeros(pairs.num_rows, bool)
        full = Counter[str]()
        for row in best_first(pairs).tolist():
            taken = [side[number[row]] >= self.most for side, number in zip(used, numbers, strict=True)]
            if any(taken):
                full["by src" if taken[0] else "by tgt"] += 1
                continue
            keep[row] = True
            for side, number in zip(used, numbers, strict=True):
                side[number[row]] += 1
        return Verdict(keep, details=dict(sorted(full.items())))


def form_keys(pairs: pa.Table) -> tuple[np.ndarray[tuple[int], np.dtype[np.bytes_]], ...]:
    """Keys (n,) of the forms of both sides' texts."""
    parts = [(keys(map(form, src)), keys(map(form, tgt))) for _, src, tgt in text_batches(pairs)]
    empty = np.empty(0, "S16")
    return tuple(np.concatenate([empty, *side]) for side in (zip(*parts, strict=True) if parts else ((), ())))
