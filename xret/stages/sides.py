"""The distinct sentences of two sides, and which of them are no translations of one another because they are copies."""

from __future__ import annotations

import logging
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.stages.distinct import Distinct, copy_keys, distinct_texts

__all__ = ["Sides"]

logger = logging.getLogger("xret")
Keys = NDArray[np.int64]


@dataclass(frozen=True)
class Sides:
    """What mining must know of two corpora besides their vectors.

    Attributes:
        src: distinct sentences of the source; `tgt` those of the target.
        tgt: see `src`.
        src_keys: (distinct sentences,) int64; a source and a target sentence of one key are copies. None: no copies.
        tgt_keys: see `src_keys`.
        extra: no sentence has more copies than this on the other side: so many more neighbours must be looked for.
        same: source and target are one corpus, every sentence of which is its own copy.
    """

    src: Distinct
    tgt: Distinct
    src_keys: Keys | None = None
    tgt_keys: Keys | None = None
    extra: int = 0
    same: bool = False

    @classmethod
    def of(cls, src_corpus: pa.Table, tgt_corpus: pa.Table, *, keep_copies: bool = False) -> Sides:
        """Look at the texts.

        Args:
            src_corpus: with `id` and `text`.
            tgt_corpus: likewise; with the same ids and texts it is the same corpus.
            keep_copies: copies (equal but for case and white space) are sentences like others. In one and the same
                corpus a sentence is left out of its own neighbours all the same.
        """
        src, tgt = distinct_texts(src_corpus["text"]), distinct_texts(tgt_corpus["text"])
        logger.info(f"distinct sentences: {len(src.first)} of {len(src.number)}, {len(tgt.first)} of {len(tgt.number)}")
        same = all(src_corpus[name].equals(tgt_corpus[name]) for name in ("id", "text"))
        if not keep_copies:
            keys = copy_keys(src_corpus["text"], tgt_corpus["text"])
            return cls(src, tgt, *_shared(keys[0][src.first], keys[1][tgt.first]), same=same)
        if same:
            own = np.arange(len(src.first))
            return cls(src, tgt, own, own, 1, same=True)
        return cls(src, tgt)


def _shared(src: Keys, tgt: Keys) -> tuple[Keys | None, Keys | None, int]:
    """The keys, and the largest number of copies; nothing where no key is on both sides."""
    shared = np.intersect1d(src, tgt)
    if not len(shared):
        return None, None, 0
    counts = [np.unique(keys[np.isin(keys, shared)], return_counts=True)[1] for keys in (src, tgt)]
    logger.info(f"copies: {int((counts[0] * counts[1]).sum())} pairs with the same text on both sides set aside")
    return src, tgt, int(max(counts[0].max(), counts[1].max()))
