"""How many inverted lists a query must look into."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.dense.search import search_index
from xret.indexes.factory import parse_factory
from xret.vectors import Vectors

__all__ = ["tuned_probes"]

logger = logging.getLogger("xret")
QUERIES, DEPTH, WANTED, LEAST = 200, 10, 0.95, 8


def tuned_probes(folder: Path, vectors: Vectors, *, seed: int, threads: int | None = None) -> int:
    """Lists to look into: twice as many as find 95 % of the 10 neighbours that looking into all lists finds.

    At least 8, and one in 64: so few cost next to nothing.

    Twice, because this is measured with 200 of the rows as queries, and real queries (questions, other languages) lie
    further from the rows' own lists than the rows do.
    """
    index = open_index(folder)
    lists = parse_factory(index.manifest.factory, dim=index.manifest.dim).lists
    rows = np.sort(
        np.random.default_rng(seed).choice(vectors.rows, min(QUERIES, vectors.rows), replace=False, shuffle=False)
    )
    queries = np.concatenate([vectors.block(int(row), int(row) + 1) for row in rows])
    truth = _neighbours(index, queries, rows, lists, threads)
    probes = 1
    while probes < lists:
        recall = _recall(_neighbours(index, queries, rows, probes, threads), truth)
        logger.debug("index: %d of %d lists find %.3f of the nearest %d", probes, lists, recall, DEPTH)
        if recall >= WANTED:
            break
        probes *= 2
    chosen = min(max(2 * probes, LEAST, lists // 64), lists)
    logger.info("index: queries look into %d of %d lists", chosen, lists)
    return chosen


def _neighbours(
    index: DenseIndex, queries: np.ndarray, rows: np.ndarray, probes: int, threads: int | None
) -> list[set[int]]:
    found = search_index(index, queries, k=DEPTH + 1, nprobe=probes, threads=threads).rows
    return [set(near.tolist()) - {int(row), -1} for near, row in zip(found, rows, strict=True)]


def _recall(found: list[set[int]], truth: list[set[int]]) -> float:
    return sum(len(a & b) for a, b in zip(found, truth, strict=True)) / max(1, sum(map(len, truth)))
