"""Codes of residuals: what of a token vector its centroid does not say, in a few bits per dimension.

``4bit``, ``2bit``, ``1bit`` and ``exact`` (8 bits) give every value the nearest of 16, 4, 2 or 256 levels, which
minimise the squared error over the residuals of all dimensions together (Lloyd 1982; Max 1960). ``small`` is product
quantisation: four dimensions to a byte, with a codebook of 256 for each four (Jégou et al. 2011). A byte of a code
stands for `span` neighbouring values, so that decoding is one look-up per byte for each of them.
"""

from __future__ import annotations

from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

__all__ = ["CODECS", "Codec", "CodecName", "codec_span", "trained_codec"]

Floats = npt.NDArray[np.float32]
Bytes = npt.NDArray[np.uint8]
CodecName = Literal["4bit", "2bit", "1bit", "small", "exact"]
CODECS: tuple[CodecName, ...] = get_args(CodecName)
BITS: dict[CodecName, int] = {"4bit": 4, "2bit": 2, "1bit": 1, "exact": 8}
SPAN = 4  # dimensions to a byte of ``small``
BOOK = 256
ROUNDS = 40  # of Lloyd's algorithm over levels
VALUES = 1 << 20  # residual values the levels are made from
ROWS = 1 << 15  # residuals the codebooks are made from
PQ_ROUNDS = 12
CHANGES = 3  # levels of a vector that may be its second nearest
ALONG = np.float32(64)  # what squared error along the vector counts, beside the rest


def codec_span(name: CodecName) -> int:
    """Dimensions to a byte; the width of what is coded must be a multiple of it."""
    return SPAN if name == "small" else 8 // BITS[name]


@dataclass(frozen=True, eq=False)
class Codec:
    """A trained codec.

    Attributes:
        name: see the module.
        books: (1, 256, span) float32, or for ``small`` (bytes, 256, span): the values that a byte stands for.
        levels: (2**bits,) float32 ascending; empty for ``small``.
    """

    name: CodecName
    books: Floats
    levels: Floats

    @property
    def span(self) -> int:
        """Dimensions to a byte."""
        return int(self.books.shape[2])

    @staticmethod
    def of_levels(name: CodecName, levels: Floats) -> Codec:
        """The codec with these levels; the lowest bits of a byte are its first dimension's."""
        bits = BITS[name]
        shifts = np.arange(8 // bits) * bits
        books = levels[(np.arange(256)[:, None] >> shifts) & ((1 << bits) - 1)]
        return Codec(name, np.ascontiguousarray(books[None], np.float32), levels)

    def encode(self, residuals: Floats, vectors: Floats) -> Bytes:
        """Residuals of vectors to bytes.

        Args:
            residuals: (n, d).
            vectors: (n, d) of which they are the residuals.

        Returns:
            (n, d / span).
        """
        if self.name == "small":
            return self._products(residuals)
        bits = BITS[self.name]
        cuts = (self.levels[1:] + self.levels[:-1]) / 2
        places = np.searchsorted(cuts, residuals).astype(np.uint8)
        if self.name == "4bit":
            self._straighten(places, residuals, vectors)
        codes = places[:, :: self.span].copy()
        for place in range(1, self.span):
            codes |= places[:, place :: self.span] << np.uint8(place * bits)
        return codes

    def decode(self, codes: Bytes, out: Floats | None = None) -> Floats:
        """(n, b) bytes to (n, b * span) float32 residuals.

        Args:
            codes: without gaps in memory.
            out: where to write them; fresh memory costs more than the look-ups.
        """
        out = np.empty((len(codes), codes.shape[1] * self.span), np.float32) if out is None else out
        if len(self.books) > 1:
            index: npt.NDArray[np.integer[Any]] = codes + (np.arange(codes.shape[1], dtype=np.int64) << 8)
            book: Floats = self.books.reshape(-1, self.span)
        elif self._pairs is not None and codes.shape[1] % 2 == 0:
            np.take(self._pairs, codes.view(np.uint16), out=out.view(self._pairs.dtype), mode="clip")
            return out
        else:
            book, index = self.books[0], codes
        np.take(book, index, axis=0, out=out.reshape(*index.shape, self.span), mode="clip")
        return out

    @cached_property
    def _pairs(self) -> npt.NDArray[np.generic] | None:
        """(65536,) what two bytes stand for, as single items as wide as `numpy.take` copies at once."""
        if self.span > 2:  # the table would not fit into a cache
            return None
        low, high = np.arange(1 << 16) & 255, np.arange(1 << 16) >> 8
        table = np.concatenate([self.books[0][low], self.books[0][high]], axis=1)
        kind = np.complex128 if self.span == 2 else np.complex64
        return np.ascontiguousarray(table).view(kind)[:, 0]

    def _straighten(self, places: Bytes, residuals: Floats, vectors: Floats) -> None:
        """Change a few levels to their neighbours, so that the error has little of the vector's own direction.

        A token scores highest with tokens like it, and there an error along it changes the score most (Guo et al.
        2020). With few levels a change costs more than this brings.
        """
        levels = self.levels
        error = levels[places] - residuals
        other = np.clip(places.astype(np.int16) + np.where(error < 0, 1, -1), 0, len(levels) - 1).astype(np.uint8)
        step = levels[other] - levels[places]
        cost = step * (step + 2 * error)  # of squared error
        along, turned = (error * vectors).sum(axis=1), step * vectors
        rows = np.arange(len(places))
        for _ in range(CHANGES):
            total = ALONG * np.square(along[:, None] + turned) + cost
            best = total.argmin(axis=1)
            better = np.flatnonzero(total[rows, best] < ALONG * np.square(along))
            column = best[better]
            places[better, column] = other[better, column]
            along[better] += turned[better, column]
            cost[better, column] = np.inf  # once each

    def _products(self, residuals: Floats) -> Bytes:
        codes = np.empty((len(residuals), len(self.books)), np.uint8)
        for place, book in enumerate(self.books):
            part = residuals[:, place * SPAN : (place + 1) * SPAN]
            codes[:, place] = (part @ (-2 * book.T) + np.square(book).sum(axis=1)).argmin(axis=1)
        return codes


def trained_codec(name: CodecName, residuals: Floats, *, seed: int, pool: Executor) -> Codec:
    """The codec that suits a sample of residuals.

    Args:
        name: which.
        residuals: (n, d) float32, n > 0, d a multiple of `codec_span`.
        seed: of the first codebooks of ``small``.
        pool: threads, for ``small``.
    """
    if name != "small":
        return Codec.of_levels(name, _levels(residuals, 1 << BITS[name]))
    rows = residuals[np.sort(np.random.default_rng(seed).permutation(len(residuals))[:ROWS])]
    parts = [np.ascontiguousarray(rows[:, at : at + SPAN]) for at in range(0, rows.shape[1], SPAN)]
    books = list(pool.map(lambda part: _book(part, seed), parts))
    return Codec(name, np.stack(books), np.empty(0, np.float32))


def _levels(residuals: Floats, count: int) -> Floats:
    """Lloyd-Max levels: each the mean of the values nearest to it."""
    values = residuals.ravel()
    values = np.sort(values[:: max(1, len(values) // VALUES)]).astype(np.float64)
    sums = np.concatenate([[0.0], np.cumsum(values)])
    levels = np.quantile(values, (np.arange(count) + 0.5) / count)
    for _ in range(ROUNDS):
        edges = np.searchsorted(values, (levels[1:] + levels[:-1]) / 2)
        edges = np.concatenate([[0], edges, [len(values)]])
        many = np.diff(edges)
        levels = np.where(many > 0, np.diff(sums[edges]) / np.maximum(many, 1), levels)
    return np.sort(levels).astype(np.float32)


def _book(part: Floats, seed: int) -> Floats:
    """k-means of (n, SPAN) values: (256, SPAN), the last ones repeated where there are fewer distinct values."""
    distinct = np.unique(part, axis=0)
    if len(distinct) <= BOOK:
        return distinct[np.minimum(np.arange(BOOK), len(distinct) - 1)]
    rng = np.random.default_rng(seed)
    book: Floats = distinct[np.sort(rng.choice(len(distinct), BOOK, replace=False))].copy()
    for _ in range(PQ_ROUNDS):
        cell = (part @ (-2 * book.T) + np.square(book).sum(axis=1)).argmin(axis=1)
        many = np.bincount(cell, minlength=BOOK)
        sums = np.stack([np.bincount(cell, weights=column, minlength=BOOK) for column in part.T], axis=1)
        book[many > 0] = (sums[many > 0] / many[many > 0, None]).astype(np.float32)
    return book
