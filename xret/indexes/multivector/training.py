"""Centroids and codec from a sample of documents, and what the codes lose on queries that were held out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from xret.errors import InputError
from xret.fading import faded
from xret.indexes.multivector.basis import found_basis, in_basis
from xret.indexes.multivector.centroids import LEAST, Centroids, Groups, centroid_count, nearest, trained_centroids
from xret.indexes.multivector.codec import Codec, CodecName, codec_span, trained_codec
from xret.indexes.multivector.layout import Ceiling
from xret.indexes.multivector.pooling import pooled
from xret.indexes.multivector.reading import blocks, sound_tokens
from xret.indexes.multivector.segments import Coded, cell_kind
from xret.indexes.multivector.tokens import TokenSource

__all__ = ["Coder", "Trained", "trained"]

logger = logging.getLogger("xret")
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
PER = 16  # training tokens per centroid
SAMPLE = 1 << 13  # training tokens that are taken however small the budget
ROWS = 4096  # tokens coded at a time
HELD, LONGEST, WITH = 64, 32, 2000  # queries held out, their tokens, documents they are asked of
NOISE = 0.5  # length of what is added to a token of a document that stands for one of a query


@dataclass(frozen=True, eq=False)
class Coder:
    """Vectors to codes.

    Attributes:
        centroids: (k, width) float32.
        codec: of the residuals.
        basis: see `found_basis`.
        fade: of the vectors of a document, see `xret.fading.faded`.
    """

    centroids: Floats
    codec: Codec
    basis: Floats | None
    fade: float = 0.0
    _made: dict[str, Groups | None] = field(default_factory=dict, repr=False)

    @property
    def width(self) -> int:
        """Values that are coded."""
        return int(self.centroids.shape[1])

    def _groups(self, pool: Executor) -> Groups | None:
        """The groups of the centroids, made when first needed."""
        if "groups" not in self._made:
            self._made["groups"] = Groups.of(self.centroids, pool)
        return self._made["groups"]

    def code(self, vectors: Floats, counts: Ints, pool: Executor) -> Coded:
        """The codes of (tokens, dim) vectors of length 1, the same on any number of threads."""
        vectors = in_basis(vectors, self.basis, self.width)
        cells, _ = nearest(vectors, self.centroids, pool, self._groups(pool))

        def some(start: int) -> tuple[npt.NDArray[np.uint8], float]:
            own = vectors[start : start + ROWS]
            residuals = own - self.centroids[cells[start : start + ROWS]]
            return self.codec.encode(residuals, own), float(np.square(residuals).sum(dtype=np.float64))

        parts = list(pool.map(some, range(0, len(vectors), ROWS)))
        empty = np.empty((0, self.width // self.codec.span), np.uint8)
        codes = np.concatenate([codes for codes, _ in parts]) if parts else empty
        return Coded(counts, cells.astype(cell_kind(len(self.centroids))), codes, sum(part for _, part in parts))


@dataclass(frozen=True, eq=False)
class Trained:
    """What a sample was made into."""

    centroids: Centroids
    coder: Coder
    residual: float
    ceiling: Ceiling | None


def trained(
    source: TokenSource,
    name: CodecName,
    *,
    factor: int,
    memory: int,
    seed: int,
    pool: Executor,
    queries: Sequence[Floats] | None = None,
) -> Trained:
    """Centroids, codec and ceiling for a source of documents.

    Args:
        source: what will be indexed.
        name: of the codec.
        factor: see `pooled`.
        memory: bytes that the sample may take.
        seed: of the sample and of whatever is drawn from it.
        pool: threads.
        queries: token vectors of queries to measure the ceiling with; None: tokens of documents that were held out of
            the training, with noise.

    Raises:
        InputError: no document has a token.
    """
    vectors, counts = _sample(source, factor, memory, seed, pool)
    if not len(vectors):
        raise InputError("there is no token in the documents to index; they are empty, or all of their tokens skipped")
    basis = found_basis(vectors, codec_span(name), seed=seed)
    span = codec_span(name)
    width = basis.shape[1] if basis is not None else -(-source.dim // span) * span
    held = _held(counts)
    points = in_basis(vectors[int(counts[:held].sum()) :], basis, width)
    k = centroid_count(_expected(source, counts), len(points))
    centroids = Centroids.of(trained_centroids(points[: k * PER], k, seed=seed, pool=pool))
    values = centroids.values()
    own = points[: 1 << 16]
    residuals = own - values[nearest(own, values, pool, Groups.of(values, pool))[0]]
    coder = Coder(values, trained_codec(name, residuals, seed=seed, pool=pool), basis, source.fade / factor)
    logger.info("multivector: %s centroids from %s tokens, %s dimensions coded", f"{k:,}", f"{len(points):,}", width)
    ceiling = _ceiling(coder, vectors, counts, queries or _drawn(vectors, counts, held, seed), pool)
    return Trained(centroids, coder, float(np.float32(np.square(residuals).sum(axis=1).mean())), ceiling)


def _sample(source: TokenSource, factor: int, memory: int, seed: int, pool: Executor) -> tuple[Floats, Ints]:
    """Documents at random until there are tokens enough for the centroids that the collection wants."""
    order = np.random.default_rng(seed).permutation(source.table.num_rows)
    most = max(SAMPLE, memory // (3 * 4 * source.dim))
    vectors, counts, have, seen = [np.empty((0, source.dim), np.float32)], [np.empty(0, np.int64)], 0, 0
    for rows in blocks(source, order, memory):
        found, many = pooled(*sound_tokens(source, rows), factor, pool, text_first=source.text_first)
        vectors.append(found[: most - have])
        counts.append(np.diff(np.minimum(np.cumsum(many), most - have), prepend=0))
        have, seen = have + len(vectors[-1]), seen + len(rows)
        wanted = PER * centroid_count(int(have / seen * len(order)), LEAST << 40)
        if have >= most or (have >= wanted * 1.05 and seen >= min(len(order), WITH)):
            break
    return np.concatenate(vectors), np.concatenate(counts)


def _expected(source: TokenSource, counts: Ints) -> int:
    return int(counts.sum() / len(counts) * source.table.num_rows)


def _held(counts: Ints) -> int:
    """The first so many documents of the sample, that nothing is trained from."""
    return min(HELD, len(counts) // 8)


def _drawn(vectors: Floats, counts: Ints, held: int, seed: int) -> list[Floats]:
    """Queries of tokens of the held-out documents, with noise."""
    rng, queries = np.random.default_rng(seed + 1), []
    for own in np.split(vectors[: int(counts[:held].sum())], np.cumsum(counts[:held])[:-1]) if held else []:
        if len(own):
            some = own[np.sort(rng.permutation(len(own))[:LONGEST])]
            noise = rng.normal(size=some.shape).astype(np.float32)
            some = some + np.float32(NOISE) * noise / np.linalg.norm(noise, axis=1, keepdims=True)
            queries.append(np.asarray(some / np.linalg.norm(some, axis=1, keepdims=True), np.float32))
    return queries


def _ceiling(coder: Coder, vectors: Floats, counts: Ints, queries: Sequence[Floats], pool: Executor) -> Ceiling | None:
    full = np.flatnonzero(counts > 0)[:WITH]
    if not queries or len(full) < 20:
        return None
    end = int(counts[: full[-1] + 1].sum())
    vectors, counts = vectors[:end], counts[full]
    starts = np.cumsum(counts) - counts
    coded = coder.code(vectors, counts, pool)
    truth, ours = (np.empty((len(queries), len(full)), np.float32) for _ in range(2))
    for first, last in _chunks(starts, counts):
        here = slice(int(starts[first]), int(starts[last - 1] + counts[last - 1]))
        decoded = coder.codec.decode(coded.codes[here]) + coder.centroids[coded.cells[here]]
        local = starts[first:last] - starts[first]
        fading = faded(np.arange(len(decoded)) - np.repeat(local, counts[first:last]), coder.fade)[:, None]
        decoded, original = decoded * fading, vectors[here] * fading
        for at, query in enumerate(queries):
            true = np.maximum.reduceat(original @ query.T, local, axis=0)
            turned = in_basis(query, coder.basis, coder.width)
            truth[at, first:last] = true.sum(axis=1)
            ours[at, first:last] = np.maximum.reduceat(decoded @ turned.T, local, axis=0).sum(axis=1)
    ten, hundred = (_agreement(truth, ours, depth) for depth in (10, 100))
    return Ceiling(
        recall_10=ten,
        recall_100=hundred if len(full) >= 200 else None,
        queries=len(queries),
        documents=len(full),
    )


def _chunks(starts: Ints, counts: Ints) -> Iterator[tuple[int, int]]:
    first = 0
    while first < len(starts):
        last = int(np.searchsorted(starts, starts[first] + ROWS))
        last = max(first + 1, last)
        yield first, last
        first = last


def _agreement(truth: Floats, ours: Floats, depth: int) -> float:
    """Mean share of the first `depth` of one ranking that are among those of the other; what ties with the last of
    them (copies of a text) is as good."""
    depth = min(depth, truth.shape[1])
    least = np.partition(truth, truth.shape[1] - depth, axis=1)[:, truth.shape[1] - depth]
    found = np.take_along_axis(truth, np.argsort(-ours, axis=1, kind="stable")[:, :depth], 1)
    return round(float((found >= least[:, None] - np.float32(1e-5)).mean()), 4)
