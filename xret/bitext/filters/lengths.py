"""Pairs whose sides do not fit in length, by a ratio that is learnt from the pairs.

After Gale & Church 1993, "A Program for Aligning Sentences in Bilingual Corpora" (J93-1004): a translation of l
characters has about c l of them, and what it deviates grows with the square root of the length, so that short sentences
may differ by more of themselves than long ones. c and the spread are learnt by medians, which wrong pairs do not move.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.bitext.filters.filter import PairFilter, Verdict, best_first, text_batches
from xret.errors import UsageError

__all__ = ["LengthModel", "LengthRatio", "learn_lengths"]

FEWEST = 30  # pairs from which a ratio is learnt
SPREADS = 3.5  # deviations that `auto` lets pass: what true pairs of manual paragraphs stay within, but for one in 130
NORMAL = 1.4826  # standard deviations of a normal distribution in its median absolute deviation

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class LengthModel:
    """How long translations are.

    Attributes:
        ratio: characters of the target for each of the source.
        spread: the usual size of `deviations`, in standard deviations.
        pairs: from how many it was learnt.
    """

    ratio: float
    spread: float
    pairs: int

    def deviations(self, src: Floats, tgt: Floats) -> Floats:
        """(n,) by how much targets are too long (below 0: short), in square roots of characters; lengths (n,) >= 1."""
        wanted = self.ratio * src
        deviation: Floats = (tgt - wanted) / np.sqrt((tgt + wanted) / 2)
        return deviation


@dataclass(frozen=True)
class LengthRatio(PairFilter):
    """Drops pairs of which one side is too long for the other.

    Lengths are characters without white space. The ratio is learnt from the better-scored half of the pairs, from all
    of them where scores are missing; from less than 30 nothing is learnt, and nothing dropped.

    Attributes:
        limit: ``auto``: up to 3.5 times the usual deviation passes; a number: neither side may be more than that many
            times as long as the learnt ratio says.

    Raises:
        UsageError: a limit below 1.
    """

    reason: ClassVar[str] = "length-ratio"
    limit: float | Literal["auto"] = "auto"

    def __post_init__(self) -> None:
        """Refuse what would drop everything."""
        if self.limit != "auto" and not self.limit >= 1:
            raise UsageError(f"length ratio {self.limit}: wanted auto, or a number of at least 1")

    def judge(self, pairs: pa.Table) -> Verdict:
        """Learn from the pairs, then look at each."""
        src, tgt = _lengths(pairs)
        better = _better_half(pairs)
        model = learn_lengths(src[better], tgt[better])
        if model is None:
            few = f"too few pairs to learn a ratio from ({len(better)}, wanted {FEWEST})"
            return Verdict(np.ones(pairs.num_rows, bool), few)
        if self.limit == "auto":
            off = model.deviations(src, tgt) / (SPREADS * model.spread)
        else:
            off = np.log(tgt / (model.ratio * src)) / np.log(max(self.limit, 1 + 1e-9))
        sides = {"tgt too long": int((off > 1).sum()), "tgt too short": int((off < -1).sum())}
        learnt = f"usual length of tgt {model.ratio:.2f} x src (from {model.pairs:,} pairs)"
        return Verdict(np.abs(off) <= 1, learnt, {what: n for what, n in sides.items() if n})


def learn_lengths(src: Floats, tgt: Floats) -> LengthModel | None:
    """The model of pairs with these lengths (n,), at least 1 each; None from less than 30."""
    if len(src) < FEWEST:
        return None
    ratio = float(np.median(tgt / src))
    deviation = LengthModel(ratio, 1.0, len(src)).deviations(src, tgt)
    spread = NORMAL * float(np.median(np.abs(deviation - np.median(deviation))))
    return LengthModel(ratio, max(spread, 0.5), len(src))  # half a root: where lines hardly differ, a word may


def _lengths(pairs: pa.Table) -> tuple[Floats, Floats]:
    src, tgt = np.ones(pairs.num_rows), np.ones(pairs.num_rows)
    for start, *sides in text_batches(pairs):
        for lengths, texts in zip((src, tgt), sides, strict=True):
            lengths[start : start + len(texts)] = [max(1, sum(map(len, text.split()))) for text in texts]
    return src, tgt


def _better_half(pairs: pa.Table) -> NDArray[np.int64]:
    if "score" not in pairs.column_names or pairs["score"].null_count:
        return np.arange(pairs.num_rows)
    return best_first(pairs)[: max(FEWEST, (pairs.num_rows + 1) // 2)]
