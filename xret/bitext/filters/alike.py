"""Finding rows that are alike without comparing all: MinHash (Broder 1997) in bands (Leskovec et al., MMDS, chapter 3).

The grams of both sides of a row are one set, the sides kept apart. Where both sides overlap by t, so does this set, and
its 64 minimal hashes agree with probability t each. Rows that agree in one of 16 bands of 4 are compared exactly.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.bitext.filters.filter import Mask
from xret.bitext.filters.forms import GRAM, form, likeness
from xret.corpus import gather

__all__ = ["LEAST", "alike_to_better"]

LEAST = 0.7  # likeness from which on 98 % of the pairs of rows share a band
BANDS, WIDTH = 16, 4
ROUNDS = 8  # comparisons of the rows of one bucket with its best, then with the best of those left, ...
BLOCK = 1 << 12  # rows hashed at once
ODD = np.uint64(0x9E3779B97F4A7C15)  # 2^64 over the golden ratio, as in SplitMix64

Ints = NDArray[np.int64]


def alike_to_better(pairs: pa.Table, order: Ints, share: float) -> Mask:
    """Which rows are alike, on both sides, to one that comes before them (which may itself be such a row).

    Args:
        pairs: `src_text, tgt_text`.
        order: (n,) the rows to look at, the best first.
        share: the likeness of forms from which on they are alike, at least `LEAST`.

    Returns:
        (n,) bool, in the order of `order`.
    """
    alike = np.zeros(len(order), bool)
    bands = np.concatenate([np.empty((0, BANDS), np.uint64), *_bands(pairs, order)])
    for band in bands.T:
        here = np.flatnonzero(~alike)
        groups = here[np.lexsort((here, band[here]))]  # rows of one bucket together, the best first
        for _ in range(ROUNDS):
            head, groups = _heads(band, groups)
            if not len(groups):
                break
            same = _compare(pairs, order, groups, head, share)
            alike[groups[same]] = True
            groups = groups[~same]
    return alike


def _heads(band: NDArray[np.uint64], groups: Ints) -> tuple[Ints, Ints]:
    """The best of the bucket of each other row, and these other rows."""
    opens = np.ones(len(groups), bool)
    opens[1:] = band[groups[1:]] != band[groups[:-1]]
    head = groups[np.maximum.accumulate(np.where(opens, np.arange(len(groups)), 0))]
    return head[~opens], groups[~opens]


def _compare(pairs: pa.Table, order: Ints, rows: Ints, heads: Ints, share: float) -> Mask:
    same = np.zeros(len(rows), bool)
    for start in range(0, len(rows), BLOCK):
        block = slice(start, start + BLOCK)
        alike = np.ones(len(rows[block]), bool)
        for column in ("src_text", "tgt_text"):
            texts = (gather(pairs[column], order[each[block]]).to_pylist() for each in (rows, heads))
            found = [likeness(form(one), form(other)) >= share for one, other in zip(*texts, strict=True)]
            alike &= np.array(found, bool)
        same[block] = alike
    return same


def _bands(pairs: pa.Table, order: Ints) -> Iterator[NDArray[np.uint64]]:
    """(block, BANDS) keys of the buckets of some rows at a time."""
    random = np.random.default_rng(0)
    factors = random.integers(0, 1 << 63, (2, BANDS * WIDTH), np.uint64) | np.uint64(1)
    for start in range(0, len(order), BLOCK):
        rows = order[start : start + BLOCK]
        least = np.full((len(rows), BANDS * WIDTH), ~np.uint64(0))
        for seed, name in enumerate(("src_text", "tgt_text"), start=1):
            grams, starts = _gram_hashes(map(form, gather(pairs[name], rows).to_pylist()), np.uint64(seed))
            for number, (factor, shift) in enumerate(factors.T):
                hashes = np.minimum.reduceat((grams * factor + shift) >> np.uint64(20), starts)
                np.minimum(least[:, number], hashes, out=least[:, number])
        mixed = least.reshape(len(rows), BANDS, WIDTH) * factors[0, :WIDTH]
        yield np.bitwise_xor.reduce(mixed ^ (mixed >> np.uint64(31)), axis=2)


def _gram_hashes(texts: Iterable[str], seed: np.uint64) -> tuple[NDArray[np.uint64], Ints]:
    """Hashes of the grams of some texts, and where each text's begin; a short text is one gram."""
    padded = [text.ljust(GRAM, "\0") for text in texts]
    lengths = np.array([len(text) for text in padded])
    joined = "".join(padded).encode("utf-32-le", "surrogatepass")
    codes = np.frombuffer(joined, np.uint32).astype(np.uint64)
    hashes = np.full(len(codes) - GRAM + 1, seed)
    for place in range(GRAM):
        hashes = (hashes ^ codes[place : len(hashes) + place]) * ODD
        hashes ^= hashes >> np.uint64(29)
    left = np.repeat(np.cumsum(lengths), lengths) - np.arange(len(codes))  # characters to the end of the text
    counts = lengths - GRAM + 1
    return hashes[left[: len(hashes)] >= GRAM], np.cumsum(counts) - counts
