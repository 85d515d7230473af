"""What an alignment is made of, and what is compared: beads, and the blocks of both sides as vectors."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.errors import InputError, MismatchError

__all__ = ["Bead", "Blocks"]

TINY = 1e-12  # keeps a length from 0


@dataclass(frozen=True, order=True)
class Bead:
    """Source segments `src_start` to `src_stop` (excluded) translate the target segments `tgt_start` to `tgt_stop`.

    One of the two runs is empty where segments have no counterpart. `score` is 1 for equal vectors and about 0 for a
    block set against a random one (see `xret.align.costs`), or the cosine where there are no others to tell what is
    random; 0 where a run is empty. `cosine` is that of the two blocks.
    """

    src_start: int
    src_stop: int
    tgt_start: int
    tgt_stop: int
    score: float = 0.0
    cosine: float = 0.0

    @property
    def kind(self) -> tuple[int, int]:
        """Numbers of segments on both sides: (1, 1), (2, 1), (1, 0) and so on."""
        return self.src_stop - self.src_start, self.tgt_stop - self.tgt_start


@dataclass(frozen=True)
class Blocks:
    """The vectors of a document's blocks: runs of 1, 2, … consecutive segments.

    Attributes:
        sizes: `sizes[s - 1]` holds the blocks of s segments, (n - s + 1, d) float32 rows of length 1, row i the block
            that begins with segment i; no rows where a document has fewer than s segments.
        ends: (n + 1,) float64: characters before each segment, and of all; None where lengths are not known.
    """

    sizes: tuple[NDArray[np.float32], ...]
    ends: NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        """Refuse arrays that are not the blocks of one document.

        Raises:
            InputError: no array, or one that is not (rows, dimensions).
            MismatchError: a wrong number of blocks or of dimensions.
        """
        if not self.sizes or any(each.ndim != 2 for each in self.sizes):
            raise InputError("blocks: wanted at least one array of shape (blocks, dimensions)")
        for place, each in enumerate(self.sizes):
            wanted = (max(self.segments - place, 0), self.sizes[0].shape[1])
            if each.shape != wanted:
                raise MismatchError(f"blocks of {place + 1} segments: found shape {each.shape}, wanted {wanted}")
        if self.ends is not None and self.ends.shape != (self.segments + 1,):
            raise MismatchError(f"ends: found shape {self.ends.shape}, wanted ({self.segments + 1},)")

    @property
    def segments(self) -> int:
        """Segments of the document."""
        return len(self.sizes[0])

    def lengths(self, size: int) -> NDArray[np.float64]:
        """(n - size + 1,) characters of the blocks of `size` segments; 0 where lengths are not known."""
        if self.ends is None:
            return np.zeros(max(self.segments - size + 1, 0))
        lengths: NDArray[np.float64] = self.ends[size:] - self.ends[:-size]
        return lengths

    def halved(self) -> Blocks:
        """Half as long: neighbours averaged (an odd last one stays as it is), less what all have in common, length 1.

        The mean is taken away because averages of many segments would all point to the document's subject.
        """
        single = self.sizes[0]
        pairs = single[: len(single) // 2 * 2].reshape(-1, 2, single.shape[1]).sum(axis=1)
        joined = np.concatenate([pairs, single[len(single) // 2 * 2 :]])
        joined = joined / np.maximum(np.linalg.norm(joined, axis=1, keepdims=True), TINY)
        joined = joined - joined.mean(axis=0)
        length = np.linalg.norm(joined, axis=1, keepdims=True)
        return Blocks(((joined / np.maximum(length, TINY)).astype(np.float32),))

    def spread(self, most: int) -> NDArray[np.float32]:
        """At most about `most` blocks of all sizes, evenly over the document: (rows, d)."""
        share = -(-most // len(self.sizes))
        picked = [each[np.unique(np.linspace(0, len(each) - 1, min(share, len(each))).round().astype(int))]
                  for each in self.sizes if len(each)]  # fmt: skip
        return np.concatenate(picked) if picked else self.sizes[0]
