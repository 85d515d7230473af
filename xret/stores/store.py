"""What every store does."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.stores.place import Place
from xret.stores.recipe import Recipe

__all__ = ["DEPTH", "Floats", "Fusion", "Store"]

Floats: TypeAlias = npt.NDArray[np.float32]
Fusion: TypeAlias = Literal["rrf", "weighted"]
DEPTH = 100  # hits of each side that a hybrid search merges, unless k is more


class Store(Protocol):
    """An opened store.

    What `upsert`, `delete` and `point` have done when they return survives the death of the process that did it, this
    one or a server. They may be repeated: the second time changes nothing. Rows are found by the next search.
    """

    place: Place
    recipe: Recipe

    def upsert(self, rows: pa.Table) -> int:
        """Add rows; those with ids that are there take the places of the old ones.

        Args:
            rows: `id, lang: string`, `vector: fixed_size_list<float|halffloat>[dim]`, and what the recipe keeps
                besides: `text: string`, `sparse: map<int, float>`. Ids are not empty and stand once.

        Returns:
            Rows written.

        Raises:
            MismatchError: another dimension.
            VectorsError: NaN, infinite or (metric ``cosine``) zero.
            InputError: a column is missing, an id is empty or stands twice, or the store cannot be reached or written.
        """

    def delete(self, ids: Sequence[str]) -> int:
        """Make rows impossible to find; gives how many of the ids were there."""

    def search(
        self,
        vectors: Floats,
        *,
        k: int,
        qids: Sequence[str] | None = None,
        languages: Sequence[str] | None = None,
        docids: Sequence[str] | None = None,
        text: bool = False,
        nprobe: int | None = None,
    ) -> pa.Table:
        """The k rows with the largest cosine (or inner product) for every query.

        Args:
            vectors: (n, dim) float32.
            k: rows per query.
            qids: names of the queries; ``1``, ``2``, … where None.
            languages: only rows of these (``zh`` takes in ``zh-Hant``).
            docids: only these rows.
            text: add the texts, where they are kept.
            nprobe: lists to look into, for indexes with lists.

        Returns:
            A run `qid, docid, score: float64, rank: int32, dlang` (and `text`), in the order of `xret.runs.ordered`.

        Raises:
            UsageError: k below 1 or more than the store gives.
            MismatchError: another dimension.
            VectorsError: NaN or infinite.
            InputError: a language of which there is no row, or the store cannot be reached.
        """

    def hybrid(
        self,
        vectors: Floats,
        other: Sequence[Any],
        *,
        k: int,
        fusion: Fusion = "rrf",
        weights: tuple[float, float] = (1.0, 1.0),
        depth: int | None = None,
        qids: Sequence[str] | None = None,
        languages: Sequence[str] | None = None,
        docids: Sequence[str] | None = None,
        text: bool = False,
    ) -> pa.Table:
        """The best k of two searches merged: by vectors, and by words or token weights.

        Args:
            vectors: as for `search`.
            other: n texts (BM25; recipes with `words`), or n mappings of token to weight (with `sparse`).
            k: rows per query.
            fusion: ``rrf``: 1 / (60 + rank), summed (Cormack, Clarke & Büttcher 2009); ``weighted``: scores brought
                into 0 … 1 by the store, times `weights`, summed.
            weights: of vectors and of the other side.
            depth: hits of each side that are merged; `DEPTH`, or k where that is more.
            qids: as for `search`, and so are the others.

        Raises:
            UsageError: the store keeps nothing of the kind; and what `search` raises.
        """

    def documents(self, ids: Sequence[str]) -> pa.Table:
        """`id, lang` and, where kept, `text` of the rows with these ids that are there, each once, in any order."""

    def sample(self, rows: int) -> pa.Table:
        """`id, lang, vector` of some rows, drawn with a fixed seed; all where there are fewer."""

    def count(self) -> int:
        """Rows that can be found."""

    def languages(self) -> dict[str, int]:
        """Rows per language tag, tags in alphabetical order."""

    def info(self) -> dict[str, Any]:
        """What the store holds and how it was made, for programs: at least `store`, `kind`, `rows`, `languages`,
        `index`, `dim`, `metric`, `encoder`, `encoder_hash`, `text`, `words`, `sparse`, `leads_to`."""

    def leads_to(self) -> Place:
        """The place itself: another one where this is an alias."""

    def point(self, alias: Place) -> Place | None:
        """Make an alias lead here, in one step: every search sees either what it led to before, or this store.

        Args:
            alias: beside this place (`Place.beside`).

        Returns:
            What the alias led to before; None where there was none.

        Raises:
            InputError: something that is no alias has that name.
        """

    def loading(self) -> list[str]:
        """The loads that were begun and not finished, so that rows of theirs may be missing."""

    def begin(self, load: str) -> None:
        """Note that a load begins, by its name; changes nothing where it was begun before."""

    def finish(self, load: str) -> None:
        """Forget it: all its rows are there."""

    def settle(self) -> None:
        """Have what was written indexed now, after a load, and not when the store sees fit."""

    def close(self) -> None:
        """Give back connections."""
