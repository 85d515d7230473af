"""Which documents of two collections are translations of each other, as a stage."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.align.collection import Collection
from xret.align.documents import SLOTS, coverage, document_vectors, mean_vector, rarity
from xret.corpus import gather
from xret.errors import UsageError
from xret.indexes.twoway import two_way_knn
from xret.stages.copies import distinct_documents, with_copies
from xret.stages.distinct import Distinct, distinct_texts
from xret.stages.extract import Retrieval, extract
from xret.stages.margin import Candidates, scored_lists, without_copies
from xret.stages.mine import same_encoder
from xret.stages.stage import Stage

__all__ = ["PairDocuments"]

logger = logging.getLogger("xret")


@dataclass(frozen=True)
class _Side:
    """A collection with the weights of its segments, their mean, and the documents of different segments."""

    collection: Collection
    weights: NDArray[np.float64]
    mean: NDArray[np.float64]
    distinct: Distinct

    @classmethod
    def of(cls, name: str, table: pa.Table, vectors: Any) -> _Side:
        found = Collection.of(name, table, vectors)
        numbers = distinct_texts(table["text"]).number
        weights = rarity(numbers, found.starts)
        return cls(found, weights, mean_vector(found.vectors), distinct_documents(numbers, found.starts))

    def documents(self, slots: int) -> NDArray[np.float16]:
        """A vector of each distinct document."""
        every = document_vectors(self.collection.vectors, self.collection.starts, self.weights, slots=slots)
        return every[self.distinct.first]

    def segments(self, number: int) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
        """Of a distinct document: vectors less the mean, of length 1, and weights."""
        start, stop = self.collection.range(int(self.distinct.first[number]))
        rows = self.collection.vectors.block(start, stop) - self.mean
        unit = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)
        return unit.astype(np.float32), self.weights[start:stop]


@dataclass(frozen=True, kw_only=True)
class PairDocuments(Stage):
    """Pairs documents: the nearest by their vectors, scored by their segments (see `xret.align.documents`).

    Documents of the same segments are one to this, and then pairs by their order: the first copy with the first, and so
    on. A warning says how many copies are left without a counterpart.

    Attributes:
        k: candidates of each document.
        retrieval: how pairs are chosen (see `xret.stages.extract`); ``max`` is one to one.
        threshold: keep pairs with at least this score; None keeps all.
        slots: how finely the order of segments counts; 1 forgets it.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "pair-documents"
    inputs = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors")
    output = "documents"
    apart = ("threads",)
    version = 2

    k: int = 4
    retrieval: Retrieval = "max"
    threshold: float | None = None
    slots: int = SLOTS
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        for name, value in (("k", self.k), ("slots", self.slots)):
            if value < 1:
                raise UsageError(f"{name} = {value}: must be at least 1")
        if self.threshold is not None and math.isnan(self.threshold):
            raise UsageError("threshold = nan, which no score reaches; wanted a number")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs of documents.

        Args:
            values: segments of both sides (see the stage ``segment``), and their vectors.
            work: not used.

        Returns:
            `score: float64, src_id, tgt_id: string` (ids of documents), by (score descending, place in the source,
            place in the target). The score is their mutual coverage, between -1 and 1. Two single documents (or copies
            of two) are a pair whatever they say, with score 1.

        Raises:
            MismatchError: no segments, vectors of others, or different encoders on the two sides.
        """
        src, tgt = _Side.of("src", values[0], values[2]), _Side.of("tgt", values[1], values[3])
        left, right = src.collection, tgt.collection
        same_encoder(left.vectors, right.vectors)
        if len(src.distinct.first) == len(tgt.distinct.first) == 1:
            one = np.zeros(1, np.int64)
            found = Candidates(one, one, np.ones(1, np.float32), np.ones(1))
        else:
            found = extract(*self._candidates(src, tgt), self.retrieval, threshold=self.threshold)
        chosen = with_copies(found, src.distinct, tgt.distinct, self.retrieval)
        logger.info(f"documents: {len(left.places)} x {len(right.places)}, {len(chosen.src)} pairs")
        columns = {
            "src_id": gather(left.table["doc_id"], left.starts[chosen.src]),
            "tgt_id": gather(right.table["doc_id"], right.starts[chosen.tgt]),
        }
        return pa.table({"score": chosen.score, **columns})

    def _candidates(self, src: _Side, tgt: _Side) -> tuple[Candidates, Candidates]:
        """Those of the source's distinct documents and those of the target's, with their coverage for a score."""
        vectors = src.documents(self.slots), tgt.documents(self.slots)
        found = two_way_knn(*vectors, k=self.k, threads=self.threads, progress=True)
        lists = without_copies(found.forward, self.k), without_copies(found.backward, self.k)
        ahead, back, _, _ = scored_lists(*lists, "ratio")
        covered: dict[tuple[int, int], float] = {}
        both = ahead + back
        for pair in sorted(set(zip(both.src.tolist(), both.tgt.tolist(), strict=True))):
            covered[pair] = coverage(*src.segments(pair[0]), *tgt.segments(pair[1]))
        return _scored(ahead, covered), _scored(back, covered)


def _scored(candidates: Candidates, covered: dict[tuple[int, int], float]) -> Candidates:
    pairs = zip(candidates.src.tolist(), candidates.tgt.tolist(), strict=True)
    return replace(candidates, score=np.array([covered[pair] for pair in pairs]))
