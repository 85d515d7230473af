"""A store in an index's place: what commands, stages and the server ask of an opened index."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import pyarrow as pa

from xret.errors import InputError
from xret.stores.results import tags_of
from xret.stores.store import Store

__all__ = ["Stated", "StoreIndex"]

Found = TypeVar("Found")
FRESH = 5.0  # seconds that counts are taken as they were; searches never are


class Stated:
    """What a store says of itself, as an index's manifest does."""

    def __init__(self, store: Store) -> None:
        """Of an opened store."""
        self._store = store
        self._known: dict[str, tuple[float, Any]] = {}

    @property
    def rows(self) -> int:
        """Rows that can be found, some seconds ago at most."""
        return self._fresh("rows", self._store.count)

    @property
    def languages(self) -> dict[str, int]:
        """Rows per language tag, likewise."""
        return self._fresh("languages", self._store.languages)

    @property
    def encoder(self) -> str | None:
        """Name of the encoder; None where unknown."""
        return self._store.recipe.encoder

    @property
    def encoder_hash(self) -> str | None:
        """Its content hash; None where unknown."""
        return self._store.recipe.encoder_hash

    @property
    def dim(self) -> int:
        """Values per vector."""
        return self._store.recipe.dim

    @property
    def text(self) -> bool:
        """Whether texts are kept."""
        return self._store.recipe.text

    def _fresh(self, name: str, read: Callable[[], Found]) -> Found:
        since, found = self._known.get(name, (-FRESH, None))
        if time.monotonic() - since >= FRESH or name not in self._known:
            found = read()
            self._known[name] = time.monotonic(), found
        made: Found = found
        return made


class StoreIndex:
    """An opened store, as an opened index.

    Attributes:
        store: the store.
        folder: its place, spelt out.
        manifest: what it says of itself.
    """

    def __init__(self, store: Store) -> None:
        """Of an opened store."""
        self.store, self.folder, self.manifest = store, str(store.place), Stated(store)

    def kept(self, languages: Sequence[str] | None) -> None:
        """Raise where the store has no row of a language; lists those it has.

        Raises:
            InputError: as said.
        """
        if languages is None:
            return
        try:
            tags_of(languages, list(self.manifest.languages), self.folder)
        except InputError:  # it may have come since they were counted
            tags_of(languages, list(self.store.languages()), self.folder)

    def refuse_other_encoder(self, name: str | None, hash: str | None) -> None:
        """Raise unless vectors come from the encoder that made the store's.

        Raises:
            MismatchError: with both names.
        """
        self.store.recipe.refuse_other_encoder(self.folder, name, hash)

    def documents(self, ids: Sequence[str] | pa.Array | pa.ChunkedArray) -> pa.Table:
        """`id, text, lang` of rows; those that are not there are left out.

        Raises:
            InputError: the store keeps no texts.
        """
        if not self.manifest.text:
            raise InputError(f"{self.folder}: keeps no texts; load it again with their corpus")
        names = ids.to_pylist() if isinstance(ids, pa.Array | pa.ChunkedArray) else ids
        return self.store.documents(names).select(["id", "text", "lang"])
