"""Mining: two corpora and their vectors in, sentence pairs out."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.errors import MismatchError, UsageError
from xret.indexes.twoway import select, two_way_knn
from xret.stages.distinct import copy_keys, distinct_texts
from xret.stages.extract import Retrieval, extract
from xret.stages.margin import DEFAULT_THRESHOLDS, Margin, scored_lists, without_copies
from xret.stages.pairs import Side, pairs_table
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Mine", "same_encoder"]

logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Mine(Stage):
    """Finds sentence pairs by margin score.

    Equal lines of one side are one sentence while mining; a pair found comes back as the pairs of all their ids, with
    the same score. Copies (same text on both sides but for case and white space) are no pairs unless `keep_copies`, and
    then they are also left out of each other's neighbours: a sentence that has both a copy and a translation is scored,
    and paired, as if the copy did not exist.

    Attributes:
        k: neighbours per sentence, in the margin and as candidates.
        margin: ``ratio``, ``distance`` or ``absolute`` (see `xret.stages.margin`).
        retrieval: how pairs are chosen (see `xret.stages.extract`).
        threshold: keep pairs with ``score >= threshold``; None keeps all, ``auto`` is the margin's usual one.
        keep_copies: treat copies like other sentences.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "mine"
    inputs = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors")
    output = "pairs"
    apart = ("threads",)

    k: int = 4
    margin: Margin = "ratio"
    retrieval: Retrieval = "max"
    threshold: float | Literal["auto"] | None = None
    keep_copies: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")

    def limit(self) -> float | None:
        """The threshold as a number."""
        return DEFAULT_THRESHOLDS[self.margin] if self.threshold == "auto" else self.threshold

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs of two corpora with their vectors (row i of the vectors is row i of the corpus).

        Returns:
            `score: float64, src_id, tgt_id, src_text, tgt_text: string, cosine, src_mean, tgt_mean: float32`, by
            (score descending, src_id, tgt_id), ids compared as strings.

        Raises:
            MismatchError: vectors of another corpus, or of different encoders on the two sides.
        """
        src_corpus, tgt_corpus = values[:2]
        src_vectors, tgt_vectors = Vectors.open(values[2]), Vectors.open(values[3])
        _same_rows("src", src_corpus, src_vectors)
        _same_rows("tgt", tgt_corpus, tgt_vectors)
        same_encoder(src_vectors, tgt_vectors)
        src, tgt = distinct_texts(src_corpus["text"]), distinct_texts(tgt_corpus["text"])
        logger.info(f"distinct sentences: {len(src.first)} of {len(src.number)}, {len(tgt.first)} of {len(tgt.number)}")
        keys = _Keys() if self.keep_copies else _Keys.of(src_corpus, tgt_corpus, src.first, tgt.first)
        x, y = select(src_vectors, src.first), select(tgt_vectors, tgt.first)
        found = two_way_knn(x, y, k=self.k + keys.most, threads=self.threads, progress=True)
        forward = without_copies(found.forward, self.k, keys.src, keys.tgt)
        backward = without_copies(found.backward, self.k, keys.tgt, keys.src)
        ahead, back, src_means, tgt_means = scored_lists(forward, backward, self.margin)
        chosen = extract(ahead, back, self.retrieval, threshold=self.limit())
        limit = "no threshold" if self.limit() is None else f"threshold {self.limit()}"
        logger.info(f"{len(chosen.src)} pairs by {self.margin} margin, k = {self.k}, {self.retrieval}, {limit}")
        return pairs_table(Side(src_corpus, src, src_means), Side(tgt_corpus, tgt, tgt_means), chosen)


@dataclass(frozen=True)
class _Keys:
    """Distinct sentences with equal keys are copies; no sentence has more than `most` of them on the other side."""

    src: NDArray[np.int64] | None = None
    tgt: NDArray[np.int64] | None = None
    most: int = 0

    @classmethod
    def of(
        cls, src_corpus: pa.Table, tgt_corpus: pa.Table, src_first: NDArray[np.int64], tgt_first: NDArray[np.int64]
    ) -> _Keys:
        src, tgt = copy_keys(src_corpus["text"], tgt_corpus["text"])
        src, tgt = src[src_first], tgt[tgt_first]
        shared = np.intersect1d(src, tgt)
        if not len(shared):
            return cls()
        counts = [np.unique(keys[np.isin(keys, shared)], return_counts=True)[1] for keys in (src, tgt)]
        logger.info(f"copies: {int((counts[0] * counts[1]).sum())} pairs with the same text on both sides set aside")
        return cls(src, tgt, int(max(counts[0].max(), counts[1].max())))


def _same_rows(side: str, corpus: pa.Table, vectors: Vectors) -> None:
    if vectors.rows != corpus.num_rows:
        raise MismatchError(f"{side}: {corpus.num_rows} sentences but {vectors.rows} vectors; encode this corpus again")
    if not vectors.ids().equals(corpus["id"]):
        raise MismatchError(f"{side}: the vectors have other ids than the corpus; encode this corpus again")


def same_encoder(src: Vectors, tgt: Vectors) -> None:
    """Refuse to compare vectors of different encoders.

    Raises:
        MismatchError: both are known, and differ.
    """
    if src.encoder_hash and tgt.encoder_hash and src.encoder_hash != tgt.encoder_hash:
        raise MismatchError(
            f"the two sides come from different encoders, '{src.encoder_name}' {src.encoder_hash[:8]} and "
            f"'{tgt.encoder_name}' {tgt.encoder_hash[:8]}; encode both with one"
        )
