"""One query block against one part: FAISS search parameters for every kind of index, filters, and exact scores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.indexes.dense.opened import Shelf
from xret.indexes.dense.training import core, faiss_module
from xret.indexes.factory import Factory

__all__ = ["Selection", "probe"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
SPARSE = 0.1  # below this share of rows, a graph's walk is mostly over rows that may not be found: scan those that may


@dataclass(frozen=True, eq=False)
class Selection:
    """Which rows of a part may be found: (rows,) bool, or None for all."""

    kept: npt.NDArray[np.bool_] | None
    rows: int

    @cached_property
    def count(self) -> int:
        """How many may."""
        return self.rows if self.kept is None else int(self.kept.sum())

    def selector(self, *, listed: bool) -> Any:
        """FAISS's form of it: a list of row numbers, which a full scan walks along, or a bitmap; None for all."""
        if self.kept is None:
            return None
        return self._listed if listed else self._bitmap

    @cached_property
    def _listed(self) -> Any:
        return faiss_module().IDSelectorArray(np.flatnonzero(np.asarray(self.kept)))

    @cached_property
    def _bitmap(self) -> Any:
        return faiss_module().IDSelectorBitmap(np.packbits(np.asarray(self.kept), bitorder="little"))


def probe(
    shelf: Shelf, factory: Factory, queries: Floats, fetch: int, *, wanted: int, selection: Selection, nprobe: int
) -> tuple[Ints, Floats]:
    """The best `fetch` rows of a part.

    Args:
        shelf: the part.
        factory: what it is made of.
        queries: (n, d).
        fetch: rows to give per query.
        wanted: rows that must be given when there are so many; missing ones are looked for everywhere.
        selection: which rows may be given.
        nprobe: lists to look into, when all rows may be given.

    Returns:
        Row numbers of the whole index and scores, both (n, min(fetch, rows selected)); -1 and -inf where empty.
    """
    fetch = min(fetch, selection.count)
    rows, scores = _search(shelf, factory, queries, fetch, selection, nprobe=nprobe, thorough=False)
    short = np.flatnonzero((rows >= 0).sum(axis=1) < min(wanted, selection.count))
    if len(short):
        rows[short], scores[short] = _search(
            shelf, factory, queries[short], fetch, selection, nprobe=nprobe, thorough=True
        )
    return np.where(rows >= 0, rows + shelf.start, -1), np.where(rows >= 0, scores, -np.inf).astype(np.float32)


def _search(
    shelf: Shelf, factory: Factory, queries: Floats, fetch: int, selection: Selection, *, nprobe: int, thorough: bool
) -> tuple[Ints, Floats]:
    faiss = faiss_module()
    index = shelf.faiss
    if factory.links and (thorough or selection.count < SPARSE * selection.rows):
        index, parameters = core(index).storage, faiss.SearchParameters(sel=selection.selector(listed=True))
    elif factory.lists:
        lists = factory.lists if thorough else min(factory.lists, -(-nprobe * selection.rows // selection.count))
        parameters = _list_parameters(factory, selection, lists)
    elif factory.links:
        ef = max(128, 2 * fetch)
        parameters = faiss.SearchParametersHNSW(sel=selection.selector(listed=False), efSearch=ef)
    else:
        parameters = faiss.SearchParameters(sel=selection.selector(listed=factory.code == "Flat"))
    if factory.lists:  # FAISS scores row by row here: the same whatever else is searched for
        scores, rows = index.search(queries, fetch, params=parameters)
        return rows, scores
    _, rows, decoded = faiss.downcast_index(index).search_and_reconstruct(queries, fetch, params=parameters)
    return rows, _scores(queries, decoded)


def _list_parameters(factory: Factory, selection: Selection, lists: int) -> Any:
    faiss = faiss_module()
    coarse = faiss.SearchParametersHNSW(efSearch=max(64, 2 * lists)) if factory.coarse else None
    selector = selection.selector(listed=False)
    return faiss.SearchParametersIVF(sel=selector, nprobe=lists, quantizer_params=coarse)


def _scores(queries: Floats, decoded: Floats) -> Floats:
    """(n, m) inner products of (n, d) with (n, m, d), added in float64 along d: the same for any n and m."""
    with np.errstate(invalid="ignore"):  # places without a row are decoded as NaN
        products = decoded.astype(np.float64) * queries[:, None, :]
        scores: Floats = products.sum(axis=2).astype(np.float32)
    return scores
