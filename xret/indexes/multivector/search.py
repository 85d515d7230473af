"""Searching a multi-vector index: candidates by the sweep over centroids, or given; then exact MaxSim."""

from __future__ import annotations

from collections.abc import Sequence
from time import perf_counter

import numpy as np
import numpy.typing as npt

from xret.errors import MismatchError, UsageError
from xret.indexes.multivector.asking import Asked, Found, Preset
from xret.indexes.multivector.growing import workers
from xret.indexes.multivector.opened import MultiVectorIndex

__all__ = ["Found", "Preset", "preset", "search_index"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
TOGETHER = 64  # queries of an exact search that share the decoding of a document
SCORES = 1 << 26  # and no more of them than give so many scores


def preset(k: int) -> Preset:
    """What found 98 % of the true best 10 and 93 % of the best 100 (tests/bench/multivector.py, 10,000 and 40,000)."""
    if k <= 10:
        return Preset(8, 128)
    if k <= 100:
        return Preset(40, 640)
    return Preset(64, max(2048, 4 * k))


def search_index(
    index: MultiVectorIndex,
    queries: Sequence[Floats],
    *,
    k: int = 10,
    exact: bool = False,
    probe: int | None = None,
    depth: int | None = None,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: Sequence[Ints] | None = None,
    groups: npt.NDArray[np.int64] | None = None,
    threads: int | None = None,
) -> list[Found]:
    """The k documents with the largest MaxSim over the stored codes, for every query.

    Args:
        index: see `open_index`.
        queries: per query (tokens, dim) vectors, as long as their tokens' weights; a query without any finds nothing.
        k: documents per query.
        exact: score all documents: the oracle that the sweep is measured with.
        probe: centroids that each token looks into; None: see `preset`.
        depth: documents that are scored exactly; None: see `preset`.
        languages: only documents of these; what may not be found is passed over within the sweep.
        docids: only these documents.
        candidates: per query, the row numbers to score; no sweep then.
        groups: (rows,) a number for each row: of rows with one number, the best alone is found (MaxP; Dai & Callan
            2019). None: every row for itself.
        threads: each takes queries of its own; None for OMP_NUM_THREADS or all cores. No part of the result.

    Raises:
        UsageError: k, probe or depth below 1, or too many kinds of candidates.
        MismatchError: queries of another width.
        InputError: a language that the index has not.
    """
    chosen = preset(k)
    chosen = Preset(probe or chosen.probe, max(depth or chosen.depth, k))
    _check(index, queries, k, (probe, depth), exact, candidates)
    kept = index.kept(languages, docids)
    asked = Asked(index=index, k=k, preset=chosen, kept=kept, groups=groups)
    since = perf_counter()
    with workers(threads) as pool:
        if exact:
            size = max(1, min(TOGETHER, SCORES // max(1, index.table.num_rows)))
            blocks = [queries[start : start + size] for start in range(0, len(queries), size)]
            found = [each for block in pool.map(asked.everything, blocks) for each in block]
        elif candidates is not None:
            found = list(pool.map(asked.given, queries, candidates))
        else:
            found = list(pool.map(asked.sweep, queries))
    asked.report(len(queries), found, perf_counter() - since)
    return found


def _check(
    index: MultiVectorIndex,
    queries: Sequence[Floats],
    k: int,
    asked: tuple[int | None, int | None],
    exact: bool,
    candidates: Sequence[Ints] | None,
) -> None:
    if k < 1:
        raise UsageError(f"k is {k}; ask for at least 1 hit")
    for name, value in zip(("probe", "depth"), asked, strict=True):
        if value is not None and value < 1:
            raise UsageError(f"{name} is {value}; give 1 or more")
        if value is not None and (exact or candidates is not None):
            raise UsageError(
                f"{name} is for the sweep, and an exact search or given candidates need none; leave it out"
            )
    if exact and candidates is not None:
        raise UsageError("an exact search looks at all documents; leave the candidates out")
    wrong = next((query for query in queries if query.ndim != 2 or query.shape[1] != index.manifest.dim), None)
    if wrong is not None:
        raise MismatchError(
            f"{index.folder}: holds token vectors of {index.manifest.dim} dimensions, the queries are of shape "
            f"{wrong.shape}"
        )
