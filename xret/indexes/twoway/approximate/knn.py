"""Approximate neighbours in both directions, through inverted lists or codes: exact cosines, measured recall."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.errors import InputError
from xret.indexes.dense.training import faiss_module, faiss_threads
from xret.indexes.twoway.approximate.coded import Coded, Settings
from xret.indexes.twoway.approximate.factories import Way, parse_search
from xret.indexes.twoway.approximate.listmajor import Clusters, ListMajor
from xret.indexes.twoway.approximate.spread import Spread
from xret.indexes.twoway.rows import Selection, take
from xret.indexes.twoway.search import Search, open_search
from xret.indexes.twoway.sides import Side, TwoWay
from xret.indexes.twoway.topk import TopK

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["Approximate", "approximate_knn"]

logger = logging.getLogger("xret")
Ints = NDArray[np.int64]
SAMPLE = 1000  # rows of each side whose exact neighbours are found, to measure with
WANTED = 0.97  # of these to be found
_MEMORY = 8 << 30  # for an index, where nobody says
_PROBES = 2048  # lists looked into at most
_ROUNDS = 10  # of k-means


@dataclass(frozen=True)
class Approximate:
    """What an approximate search found.

    Attributes:
        neighbours: of all rows; cosines are exact, and so is their order, but a nearer neighbour may be missing.
        factories: how, in words.
        recall: the share of exact neighbours found, on a sample of both sides.
    """

    neighbours: TwoWay
    factories: str
    recall: float


def approximate_knn(
    x: Any,
    y: Any,
    *,
    k: int = 4,
    factory: str = "auto",
    seed: int = 0,
    memory: int | None = None,
    threads: int | None = None,
    progress: bool = False,
    engine: Engine | None = None,
    work: Path | None = None,
) -> Approximate:
    """k nearest neighbours by cosine in both directions, most of them: for sizes at which comparing all is hopeless.

    Lists or codes are learnt from a seeded sample of both sides; so many lists are looked into that the exact
    neighbours of a sample are found. Candidates get the exact cosines of `two_way_knn`, and its order. The recall is
    told (WARNING).

    Args:
        x: as `two_way_knn` takes.
        y: likewise.
        k: neighbours per vector.
        factory: ``IVF…,Flat`` compares whole lists in both directions at once; other FAISS factories search an index
            of either side with the vectors of the other; ``auto`` chooses by size and memory.
        seed: of samples and of what is learnt.
        memory: bytes that the process may take, pages of mapped files aside; None for no limit.
        threads: CPU threads; None for all cores.
        progress: show a bar.
        engine: shares out what is done for all rows (see `xret.engines`); what is learnt from samples is learnt here.
        work: with an engine, a folder that all workers can open.

    Raises:
        InputError: a factory that is unknown, or learns more centres than there are rows.
        MismatchError: x and y differ in dimension.
        VectorsError: a side is empty, or a row is zero or not finite.
    """
    search = open_search(x, y, k=k, threads=threads, progress=progress, memory=memory)
    sizes = search.x.rows.rows, search.y.rows.rows
    ways = parse_search(factory, rows=sizes[0], columns=sizes[1], dim=search.x.rows.dim, memory=memory or _MEMORY)
    if ways[0] is None or ways[1] is None:
        return Approximate(search.finished(*search.lists(0, sizes[0])), "exact", 1.0)
    settings = Settings(seed, memory or _MEMORY)
    spread = Spread(search, engine, work, settings, threads) if engine is not None and work is not None else None
    samples = tuple(_sample(size, SAMPLE, seed) for size in sizes)
    truth = _truth(search, samples[0]), _truth(_turned(search), samples[1])
    with faiss_threads(search.workers), _bar(sum(sizes), progress) as bar:
        if ways[0].listed:
            lists, how = _by_lists(search, ways[0], samples, truth, settings, bar, spread)
        else:
            lists, how = _by_codes(search, (ways[0], ways[1]), samples, truth, settings, bar, spread)
    pairs = zip(truth, lists, samples, strict=True)
    recall = float(np.mean([_recall(wanted, found.ids[rows]) for wanted, found, rows in pairs]))
    logger.warning(
        f"approximate search, {how}: finds {recall:.4f} of the exact {k} nearest neighbours, measured on "
        f"{len(samples[0]):,} + {len(samples[1]):,} sentences"
    )
    return Approximate(search.finished(*lists), how, round(recall, 6))


def _by_lists(
    search: Search,
    way: Way,
    samples: tuple[Ints, ...],
    truth: tuple[Ints, Ints],
    settings: Settings,
    bar: tqdm[Any],
    spread: Spread | None,
) -> tuple[tuple[TopK, TopK], str]:
    clusters, most = _clusters(search, way.lists, settings), min(way.lists, _PROBES)
    homes = clusters.nearest(search.y, truth[0].ravel(), 1).reshape(truth[0].shape)
    ahead = _ranks(clusters.nearest(search.x, samples[0], most), homes)
    near = clusters.nearest(search.x, truth[1].ravel(), most).reshape(*truth[1].shape, most)
    own = clusters.nearest(search.y, samples[1], 1)
    back = np.concatenate([_ranks(near[:, place], own) for place in range(truth[1].shape[1])], axis=1)
    probes = next((p for p in _doubling(most) if min((ahead < p).mean(), (back < p).mean()) >= WANTED), most)
    if spread is None:
        home = clusters.nearest(search.y, np.arange(search.y.rows.rows), 1)[:, 0]
        look = partial(clusters.nearest, search.x, probes=probes)
        chunk = settings.rows(12 * search.x.rows.dim + 24 * probes)
        lists = ListMajor(search, look, home, chunk=chunk, bar=bar).run()
    else:
        lists = spread.by_lists(clusters, probes, bar)
    bar.update(search.y.rows.rows)
    return _topped_up(search, lists), f"{way.name}, {probes:,} of {way.lists:,} lists compared"


def _by_codes(
    search: Search,
    ways: tuple[Way, Way],
    samples: tuple[Ints, ...],
    truth: tuple[Ints, Ints],
    settings: Settings,
    bar: tqdm[Any],
    spread: Spread | None,
) -> tuple[tuple[TopK, TopK], str]:
    lists = search.empty(search.x.rows.rows, search.y.rows.rows)
    words = []
    for turn, way in enumerate(ways):
        own = search if turn == 0 else _turned(search)
        coded = Coded.learnt(own, way, settings)
        wanted, rows = truth[turn], samples[turn]
        for probes in _doubling(way.lists or 1):
            found = coded.find(rows, probes)
            if _recall(wanted, found.ids) >= WANTED:
                break
        answers = coded.all(probes, bar) if spread is None else spread.by_codes(coded, way, probes, turn, bar)
        for start, found in answers:
            _into(lists, found, start, turn)
        words.append(f"{way.name}" + (f", {probes:,} of {way.lists:,} lists" if way.lists else ""))
    return _topped_up(search, lists), "; ".join(dict.fromkeys(words))


def _into(lists: tuple[TopK, TopK], found: TopK, start: int, turn: int) -> None:
    """Pairs found from one side are candidates of both."""
    row, place = np.nonzero(np.isfinite(found.values))
    ids, values = found.ids[row, place], found.values[row, place]
    lists[turn].fold(row + start, ids, values, again=True)
    lists[1 - turn].fold(ids, row + start, values, again=True)


def _topped_up(search: Search, lists: tuple[TopK, TopK]) -> tuple[TopK, TopK]:
    """Lists that are not full, because too little was looked into, from an exact search."""
    for own, best in ((search, lists[0]), (_turned(search), lists[1])):
        short = np.flatnonzero(~np.isfinite(best.values[:, -1]))
        if len(short):
            logger.info(f"approximate search: {len(short):,} sentences with too few neighbours are searched exactly")
            found = _exact(own, short)
            best.ids[short], best.values[short] = found.ids, found.values
    return lists


def _exact(search: Search, rows: Ints) -> TopK:
    side = search.x
    part = Side(Selection(side.rows, rows), side.lengths[rows], rows, rows, "")
    plan = replace(search.plan, span=len(rows), row_block=min(search.plan.row_block, len(rows)))
    return replace(search, x=part, plan=plan, progress=False).lists(0, len(rows))[0]


def _truth(search: Search, rows: Ints) -> Ints:
    return _exact(search, rows).ids


def _turned(search: Search) -> Search:
    """The search of the other direction."""
    plan = replace(search.plan, forward_k=search.plan.backward_k, backward_k=search.plan.forward_k)
    return replace(search, x=search.y, y=search.x, plan=plan)


def _clusters(search: Search, lists: int, settings: Settings) -> Clusters:
    """Centres learnt from both sides."""
    faiss, seed = faiss_module(), settings.seed
    size = max(lists, min(32 * lists, settings.rows(16 * search.x.rows.dim)))
    parts = []
    for side in (search.x, search.y):
        rows = _sample(side.rows.rows, size, seed + 1)
        parts.append(take(side.rows, rows) / side.lengths[rows].astype(np.float32)[:, None])
    vectors = np.concatenate(parts)
    made = faiss.Kmeans(
        vectors.shape[1], lists, niter=_ROUNDS, seed=seed + 1, spherical=True, min_points_per_centroid=1,
        max_points_per_centroid=1 << 20,
    )  # fmt: skip
    try:
        made.train(vectors)
    except RuntimeError as error:
        raise InputError(f"search 'IVF{lists},Flat': {str(error)[-200:]}") from error
    index = faiss.IndexFlatIP(vectors.shape[1])
    index.add(made.centroids)
    return Clusters(index, lists)


def _ranks(near: NDArray[np.int32], wanted: NDArray[np.int32]) -> Ints:
    """(n, p) at which place (n, q) each of the (n, p) wanted lists stands, from 0; q where it does not."""
    match = near[:, :, None] == wanted[:, None, :]
    places: Ints = np.where(match.any(axis=1), match.argmax(axis=1), near.shape[1])
    return places


def _doubling(most: int) -> Iterator[int]:
    probes = 1
    while probes < most:
        yield probes
        probes *= 2
    yield most


def _sample(rows: int, size: int, seed: int) -> Ints:
    return np.sort(np.random.default_rng(seed).choice(rows, min(size, rows), replace=False, shuffle=False))


def _recall(wanted: Ints, found: Ints) -> float:
    """The share of (n, k) wanted ids that are among (n, p) found ones."""
    return float((wanted[:, :, None] == found[:, None, :]).any(axis=2).mean())


def _bar(total: int, progress: bool) -> tqdm[Any]:
    return tqdm(total=total, unit="row", unit_scale=True, desc="approximate k-NN", disable=None if progress else True)
