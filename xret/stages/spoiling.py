"""Two corpora with some sentences taken away, and some changed: what decoys are mined from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.bitext.negatives import EDITS
from xret.indexes.twoway import Rows, as_rows, select
from xret.stages.margin import Candidates
from xret.vectors import Vectors

__all__ = ["ABSENT", "Pools", "Spoilt"]

Ints = NDArray[np.int64]
ABSENT = "absent"
_SHARE = 0.1  # of the real pairs: these lose their target, as many others their source, and twice as many are edited


@dataclass(frozen=True)
class Spoilt:
    """One round.

    Attributes:
        x: (n, d) source vectors that are left.
        y: (m, d) target vectors that are left, then those of changed sentences.
        lost_x: (n,) the place, among the real pairs, of the one whose target was taken away from the sentence; else -1.
        lost_y: (m,) likewise, of the one whose source was taken away.
        edits: (m,) how a sentence was changed; None where it was not.
        pair: (m,) of each changed sentence the place of the original's real pair; else -1.
        partner: (m,) and the row of x in it; -1 where that is gone.
    """

    x: Rows
    y: Rows
    lost_x: Ints
    lost_y: Ints
    edits: NDArray[np.object_]
    pair: Ints
    partner: Ints

    def decoys(self, mined: Candidates, real: Candidates) -> dict[str, tuple[Candidates, Ints]]:
        """The wrong pairs among those mined, by kind, and the place of the real pair that each stands for.

        Where both sentences have lost their counterpart, that is the one with the lower score.
        """
        own = self.partner[mined.tgt] == mined.src
        first, second = self.lost_x[mined.src], self.lost_y[mined.tgt]
        lower = np.where(real.score[first] <= real.score[second], first, second)
        origin = np.where(first < 0, second, np.where(second < 0, first, lower))
        found = {ABSENT: (np.flatnonzero(origin >= 0), origin)}
        found |= {edit: (np.flatnonzero(own & (self.edits[mined.tgt] == edit)), self.pair[mined.tgt]) for edit in EDITS}
        return {kind: (mined.take(which), place[which]) for kind, (which, place) in found.items()}


class Pools:
    """The distinct sentences of both sides, and changed ones of the target."""

    def __init__(self, src: Ints, tgt: Ints, vectors: list[Vectors | None], negative: pa.Table) -> None:
        """Rows of the corpora to use, ascending; vectors of source, target and negatives (or None); the negatives."""
        self._src, self._tgt, (self._x, self._y, self._z) = src, tgt, vectors
        self._row = negative["row"].to_numpy() if self._z is not None else np.empty(0, np.int64)
        self._edit = np.array(negative["edit"].to_pylist(), object)

    def src(self, rows: Ints) -> Rows:
        """Source vectors at rows of the corpus."""
        return select(as_rows(self._x), rows)

    def tgt(self, rows: Ints) -> Rows:
        """Target vectors at rows of the corpus."""
        return select(as_rows(self._y), rows)

    def spoilt(self, real: Candidates, order: Ints, number: int) -> Spoilt:
        """One round.

        Args:
            real: one-to-one pairs found in the corpora as they are.
            order: a permutation of their places.
            number: of the round, from 0: others are spoilt in each.
        """
        n = max(1, int(len(order) * _SHARE))
        places = np.roll(order, -2 * n * number)
        no_target, no_source, changed = places[:n], places[n : 2 * n], places[2 * n : 4 * n]
        rows, changed = self._changed(real, changed)
        gone_x, gone_y = np.zeros(len(self._src), bool), np.zeros(len(self._tgt), bool)
        gone_x[real.src[no_source]] = gone_y[real.tgt[no_target]] = gone_y[real.tgt[changed]] = True
        lost_x, lost_y = np.full(len(gone_x), -1), np.full(len(gone_y), -1)
        lost_x[real.src[no_target]], lost_y[real.tgt[no_source]] = no_target, no_source
        y = self.tgt(self._tgt[~gone_y])
        new = np.where(gone_x, -1, np.cumsum(~gone_x) - 1)  # rows of x among those left
        left, none = int((~gone_y).sum()), np.full(len(rows), -1)
        return Spoilt(
            self.src(self._src[~gone_x]),
            y if self._z is None or not len(rows) else _Stacked(y, select(as_rows(self._z), rows)),
            lost_x[~gone_x],
            np.append(lost_y[~gone_y], none),
            np.append(np.full(left, None, object), self._edit[rows]),
            np.append(np.full(left, -1), changed),
            np.append(np.full(left, -1), new[real.src[changed]]),
        )

    def _changed(self, real: Candidates, pairs: Ints) -> tuple[Ints, Ints]:
        """Rows of the negatives that take the place of some pairs' targets, one each, and these pairs."""
        if not len(self._row):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        pairs = pairs[np.argsort(real.tgt[pairs])]
        row = self._tgt[real.tgt[pairs]]
        begin = np.searchsorted(self._row, row, "left")
        count = np.searchsorted(self._row, row, "right") - begin
        some = count > 0
        turn = np.arange(len(pairs)) % np.maximum(count, 1)  # every kind gets its turn
        return (begin + turn)[some], pairs[some]


@dataclass(frozen=True)
class _Stacked:
    """Vectors of one source, then of another."""

    above: Rows
    below: Rows

    @property
    def rows(self) -> int:
        return self.above.rows + self.below.rows

    @property
    def dim(self) -> int:
        return self.above.dim

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        n = self.above.rows
        if stop <= n:
            return self.above.block(start, stop)
        if start >= n:
            return self.below.block(start - n, stop - n)
        return np.concatenate([self.above.block(start, n), self.below.block(0, stop - n)])
