"""Languages as numbers while a map is fitted, and as the rows of its tables once it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.corpus.languages import UNKNOWN
from xret.encoders.adapting.fitting import FittedMap
from xret.encoders.reading.languages import Languages, route

__all__ = ["ALL", "Numbering", "Rows"]

ALL = "all languages"  # the default language of a map: what was fitted to all together
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Rows:
    """The languages that a saved map knows, and the row of its tables for each."""

    languages: Languages | None  # None where one row serves all
    rows: tuple[int, ...] = ()

    def of(self, tags: Sequence[str]) -> Places:
        """The row of each tag, as the finished model takes it."""
        if self.languages is None:
            return np.zeros(len(tags), np.int64)
        return np.array(self.rows, np.int64)[route(tags, self.languages).index]


@dataclass(frozen=True)
class Numbering:
    """The number of each language: its place among the model's own codes, or among those of the text."""

    own: Languages | None  # the model's
    names: tuple[str, ...]

    @classmethod
    def of(cls, own: Languages | None, tags: Iterable[str]) -> Numbering:
        """For a model that is told `own` languages, and text in `tags`."""
        return cls(own, tuple(sorted(set(tags) - {UNKNOWN})) if own is None else own.codes)

    def numbers(self, tags: Sequence[str]) -> Places:
        """(texts,) the number of each tag; -1 for unknown ones, where the model has no default of its own."""
        if self.own is not None:
            return route(tags, self.own).index
        places = {name: place for place, name in enumerate(self.names)}
        return np.array([places.get(tag, -1) for tag in tags], np.int64)

    def rows(self, fitted: FittedMap) -> Rows:
        """The rows of a map that tells languages apart."""
        if self.own is not None:
            return Rows(self.own, tuple(fitted.row_of.get(place, 0) for place in range(len(self.names))))
        codes = tuple(self.names[place] for place in fitted.row_of)
        return Rows(Languages((*codes, ALL), ALL, "map"), (*fitted.row_of.values(), 0))
