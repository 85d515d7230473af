"""Documents that are copies of each other: one while pairs are looked for, then paired by their order."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from xret.stages.distinct import Distinct
from xret.stages.extract import Retrieval
from xret.stages.margin import Candidates

__all__ = ["distinct_documents", "with_copies"]

logger = logging.getLogger("xret")
Ints = NDArray[np.int64]
_PAIRS: dict[Retrieval, Callable[[Ints, Ints], Ints]] = {
    "max": np.minimum,
    "intersect": np.minimum,
    "forward": lambda src, tgt: src,
    "backward": lambda src, tgt: tgt,
    "union": np.maximum,
    "all": np.maximum,
}  # how many pairs become of one, by the copies of its documents; where copies run out, the last stands for more


def distinct_documents(numbers: Ints, starts: Ints) -> Distinct:
    """Find documents of the same segments in the same order.

    Args:
        numbers: (n,) the number of each segment's text, equal for equal texts.
        starts: (documents + 1,) the segments with which documents begin, and n.
    """
    known: dict[bytes, int] = {}
    first: list[int] = []
    number: list[int] = []
    for place, (start, stop) in enumerate(pairwise(starts.tolist())):
        key = hashlib.blake2b(numbers[start:stop].astype(np.int64).tobytes(), digest_size=16).digest()
        if key not in known:
            known[key] = len(first)
            first.append(place)
        number.append(known[key])
    return Distinct(np.array(first, np.int64), np.array(number, np.int64))


def with_copies(found: Candidates, src: Distinct, tgt: Distinct, retrieval: Retrieval) -> Candidates:
    """Pairs of distinct documents as pairs of documents: the first copy with the first, the second with the second.

    Where pairs are one to one, copies that are more on a side than on the other stay alone, which a warning says.

    Args:
        found: pairs by number of the distinct documents.
        src: the documents of the source.
        tgt: those of the target.
        retrieval: how pairs were chosen.

    Returns:
        Pairs by (score descending, source, target).
    """
    counts = np.bincount(src.number)[found.src], np.bincount(tgt.number)[found.tgt]
    pairs = _PAIRS[retrieval](*counts)
    if retrieval in ("max", "intersect") and (counts[0] != counts[1]).any():
        left = [int((count - pairs).sum()) for count in counts]
        logger.warning(
            f"documents: {left[0]} source and {left[1]} target documents have no counterpart, as copies of others that "
            "are fewer on the other side"
        )
    owner = np.repeat(np.arange(len(pairs)), pairs)
    within = np.arange(len(owner)) - np.repeat(np.cumsum(pairs) - pairs, pairs)
    first, second = (
        _copy(side, of[owner], np.minimum(within, count[owner] - 1))
        for side, of, count in zip((src, tgt), (found.src, found.tgt), counts, strict=True)
    )
    order = np.lexsort((second, first, -found.score[owner]))
    return Candidates(first[order], second[order], found.cosine[owner][order], found.score[owner][order])


def _copy(distinct: Distinct, numbers: Ints, places: Ints) -> Ints:
    """The document that is the copy at `places` (from 0) of each distinct document."""
    order = np.argsort(distinct.number, kind="stable")
    counts = np.bincount(distinct.number)
    found: Ints = order[(np.cumsum(counts) - counts)[numbers] + places]
    return found
