"""Searching a dense index: the best k rows per query, exactly scored and in one order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import MismatchError, UsageError
from xret.indexes.dense.lengths import unit_rows
from xret.indexes.dense.opened import DenseIndex
from xret.indexes.dense.probing import Selection, probe
from xret.indexes.dense.training import faiss_threads
from xret.indexes.factory import Factory, parse_factory
from xret.vectors import Vectors

__all__ = ["Hits", "search_index"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
SPARE = 16  # rows fetched beyond k, so that ties at the k-th place are seen
MOST = 4096  # and no more than so many when all of them tie
NOISE = 1e-6  # FAISS adds in an order that depends on the batch: closer float32 scores may be equal in truth
BUDGET = 1 << 25  # bytes of decoded vectors held at a time


@dataclass(frozen=True, eq=False)
class Hits:
    """What was found for n queries, best first.

    Attributes:
        rows: (n, m) int64 row numbers of the index, m = k or, where the index has fewer rows to find, their number; -1
            where even fewer were found.
        scores: (n, m) float32 cosines; -inf beside -1.
    """

    rows: Ints
    scores: Floats


def search_index(
    index: DenseIndex,
    queries: Vectors | Floats,
    *,
    k: int = 10,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    nprobe: int | None = None,
    threads: int | None = None,
) -> Hits:
    """The k rows with the largest cosine, for every query.

    Order is trec_eval's: score descending, equal scores by id descending. Full scans and graphs are scored
    again from the stored vectors, because FAISS's own sums depend on how many queries it is given together. With fewer
    than k rows found in the lists looked into, all lists are.

    Args:
        index: see `open_index`.
        queries: (n, d) vectors; brought to length 1.
        k: rows per query, >= 1.
        languages: only rows of these languages; filtering happens inside the search, so k of them are found if the
            index has k.
        docids: only these rows, in the same way.
        nprobe: lists to look into (factories ``IVF…`` only); None: what was measured when the index was built. With
            `languages`, more in proportion as fewer rows are left.
        threads: FAISS threads; None as it is.

    Raises:
        UsageError: k or nprobe below 1, or nprobe for an index without lists.
        InputError: a language that the index has not, or queries with NaN.
        MismatchError: queries of another dimension or encoder.
    """
    factory = parse_factory(index.manifest.factory, dim=index.manifest.dim)
    _check(index, factory, k, nprobe)
    queries = queries if isinstance(queries, Vectors) else Vectors.open(np.ascontiguousarray(queries, np.float32))
    if queries.rows and queries.dim != index.manifest.dim:
        raise MismatchError(
            f"{index.folder}: holds vectors of {index.manifest.dim} dimensions, the queries have {queries.dim}"
        )
    index.refuse_other_encoder(queries.encoder_name, queries.encoder_hash)
    selections = _selections(index, languages, docids)
    k = min(k, sum(each.count for each in selections))  # so that no k, however large, takes memory for nothing
    search = _Search(
        index=index, factory=factory, selections=selections, k=k, nprobe=nprobe or index.manifest.probes or 1
    )
    rows, scores = np.full((queries.rows, k), -1, np.int64), np.full((queries.rows, k), -np.inf, np.float32)
    if k == 0:  # all rows are deleted
        return Hits(rows, scores)
    size = search.block(k + SPARE)
    with faiss_threads(threads):
        for start in range(0, queries.rows, size):
            best = search.best(unit_rows(queries.block(start, min(start + size, queries.rows))), k + SPARE)
            rows[start : start + size], scores[start : start + size] = best.rows, best.scores
    return Hits(rows, scores)


def _check(index: DenseIndex, factory: Factory, k: int, nprobe: int | None) -> None:
    if k < 1:
        raise UsageError(f"k is {k}; ask for at least 1 hit")
    if nprobe is not None and nprobe < 1:
        raise UsageError(f"nprobe is {nprobe}; look into at least 1 list")
    if nprobe is not None and not factory.lists:
        raise UsageError(f"nprobe is for indexes with lists, {index.folder} is '{factory}'; leave nprobe out")


def _selections(
    index: DenseIndex, languages: Sequence[str] | None, docids: Sequence[str] | None
) -> tuple[Selection, ...]:
    kept = index.kept(languages, docids)
    return tuple(
        Selection(None if kept is None else kept[each.start : each.start + each.rows], each.rows)
        for each in index.shelves
    )


@dataclass(frozen=True, eq=False, kw_only=True)
class _Search:
    """One call of `search_index`, without its queries."""

    index: DenseIndex
    factory: Factory
    selections: tuple[Selection, ...]
    k: int
    nprobe: int

    def block(self, fetch: int) -> int:
        """Queries whose decoded rows fit in `BUDGET` bytes."""
        return max(1, BUDGET // (12 * fetch * self.index.manifest.dim))

    def best(self, queries: Floats, fetch: int) -> Hits:
        """The best k of a block; where rows not fetched may tie with the k-th, more are fetched."""
        rows, scores, beyond = self._pool(queries, fetch)
        order = _order(self.index, rows, scores)[:, : self.k]
        fill = ((0, 0), (0, self.k - order.shape[1]))
        rows = np.pad(np.take_along_axis(rows, order, 1), fill, constant_values=-1)
        scores = np.pad(np.take_along_axis(scores, order, 1), fill, constant_values=-np.inf)
        if fetch < self.k + MOST:
            with np.errstate(invalid="ignore"):  # -inf less -inf: nothing found and nothing left
                again = np.flatnonzero(scores[:, -1] - beyond <= NOISE)
            size = self.block(4 * fetch)
            for each in (again[start : start + size] for start in range(0, len(again), size)):
                wider = self.best(queries[each], 4 * fetch)
                rows[each], scores[each] = wider.rows, wider.scores
        return Hits(rows, scores)

    def _pool(self, queries: Floats, fetch: int) -> tuple[Ints, Floats, Floats]:
        """Rows and scores of all parts, (n, m) unordered, and (n,) the most that a row left out may score."""
        rows, scores = [], []
        beyond = np.full(len(queries), -np.inf, np.float32)
        for shelf, selection in zip(self.index.shelves, self.selections, strict=True):
            if selection.count:
                found, given = probe(
                    shelf, self.factory, queries, fetch, wanted=self.k, selection=selection, nprobe=self.nprobe
                )
                rows.append(found)
                scores.append(given)
                if selection.count > fetch:
                    beyond = np.maximum(beyond, given.min(axis=1))
        if not rows:
            return np.empty((len(queries), 0), np.int64), np.empty((len(queries), 0), np.float32), beyond
        return np.concatenate(rows, axis=1), np.concatenate(scores, axis=1), beyond


def _order(index: DenseIndex, rows: Ints, scores: Floats) -> Ints:
    """(n, m) places of each query's rows by score descending, then id descending; empty places (-1) last."""
    order: Ints = np.lexsort((rows, -scores), axis=1)
    ranked = np.take_along_axis(scores, order, 1)
    tied = (ranked[:, 1:] == ranked[:, :-1]) & np.isfinite(ranked[:, 1:])
    among = np.flatnonzero(tied.any(axis=1))
    places = [order[query][np.isfinite(ranked[query])] for query in among]
    numbers = [rows[query, real] for query, real in zip(among, places, strict=True)]
    ids, start = gather(index.table["id"], np.concatenate([np.empty(0, np.int64), *numbers])), 0  # all at once
    for query, real in zip(among, places, strict=True):
        own = ids.slice(start, len(real))
        by_id = real[pc.sort_indices(own, sort_keys=[("", "descending")]).to_numpy()]
        order[query, : len(real)] = by_id[np.argsort(-scores[query, by_id], kind="stable")]
        start += len(real)
    return order
