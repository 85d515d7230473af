"""Which pairs a training step sees: balanced over languages and sources, and a function of (seed, step) alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa

from xret.encoders.distil.pairs import cell_codes
from xret.errors import CorpusError

__all__ = ["PairSampler"]


class PairSampler:
    """Draws batches of row numbers; since no state is kept, a resumed run draws what an unbroken one would.

    A cell is a (language, source) pair. Its weight is its number of pairs times the source's weight; languages are
    drawn by their cells' total to the power `language_power`, and the cells of a language by weight.

    Args:
        table: pairs with columns `lang` and `source`.
        languages: languages trained in earnest; empty = all alike.
        weights: weight of a source, 1 where absent.
        language_power: 0 = languages alike, 1 = by size.
        others_share: share of the draws for languages outside `languages`.
        one_source_share: share of batches drawn from a single source.
        seed: of the draws.

    Raises:
        CorpusError: a language named has no pairs.
    """

    def __init__(
        self,
        table: pa.Table,
        *,
        languages: Sequence[str],
        weights: Mapping[str, float],
        language_power: float,
        others_share: float,
        one_source_share: float,
        seed: int,
    ) -> None:
        """Sort the rows into cells and settle how often each is drawn; see the class."""
        codes, cell_lang, cell_source = cell_codes(table)
        missing = sorted(set(languages) - set(cell_lang))
        if missing:
            raise CorpusError(f"training pairs: none in {', '.join(missing)}; drop these languages or add pairs")
        self._rows = np.argsort(codes, kind="stable")
        self._starts = np.searchsorted(codes[self._rows], np.arange(len(cell_lang) + 1))
        self._sources = np.asarray(cell_source)
        self._one_source_share = one_source_share
        self._seed = seed
        sizes = np.diff(self._starts) * np.asarray([weights.get(source, 1.0) for source in cell_source])
        self._cells = self._cell_shares(sizes, np.asarray(cell_lang), set(languages), language_power, others_share)

    @staticmethod
    def _cell_shares(
        sizes: np.ndarray, cell_lang: np.ndarray, languages: set[str], power: float, others_share: float
    ) -> np.ndarray:
        names, of_cell = np.unique(cell_lang, return_inverse=True)
        totals = np.bincount(of_cell, weights=sizes)
        mass = totals**power
        main = np.asarray([not languages or name in languages for name in names])
        if (~main).any():
            mass[main] *= (1 - others_share) / mass[main].sum()
            mass[~main] *= others_share / mass[~main].sum()
        shares = sizes / totals[of_cell] * mass[of_cell]
        return np.asarray(shares / shares.sum())

    def runs(self, step: int, count: int, size: int, sources: Sequence[str]) -> np.ndarray:
        """(count, size) int64: runs of `size` consecutive rows of a cell, from cells of `sources` that are as long.

        Raises:
            CorpusError: no cell of `sources` has `size` rows.
        """
        rng = np.random.default_rng([self._seed, step, 2])
        lengths = np.diff(self._starts)
        shares = np.where(np.isin(self._sources, sources) & (lengths >= size), self._cells, 0.0)
        if shares.sum() == 0:
            raise CorpusError(f"training pairs: no {size} of one language from {', '.join(sources)} (document_sources)")
        cells = rng.choice(len(shares), size=count, p=shares / shares.sum())
        first = self._starts[cells] + (rng.random(count) * (lengths[cells] - size + 1)).astype(np.int64)
        return np.asarray(self._rows[first[:, None] + np.arange(size)])

    def batch(self, step: int, size: int) -> np.ndarray:
        """(size,) int64 row numbers for one step."""
        rng = np.random.default_rng([self._seed, step])
        shares = self._cells
        if rng.random() < self._one_source_share:
            names, of_cell = np.unique(self._sources, return_inverse=True)
            source = rng.choice(len(names), p=np.bincount(of_cell, weights=shares))
            shares = np.where(of_cell == source, shares, 0.0)
            shares = shares / shares.sum()
        cells = rng.choice(len(shares), size=size, p=shares)
        first, count = self._starts[cells], self._starts[cells + 1] - self._starts[cells]
        return np.asarray(self._rows[first + (rng.random(size) * count).astype(np.int64)])
