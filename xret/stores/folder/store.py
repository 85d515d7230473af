"""A dense index folder as a store."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from xret.artifact import MANIFEST
from xret.corpus import gather
from xret.errors import InputError, UsageError
from xret.indexes.dense.build import build_index, empty_index
from xret.indexes.dense.change import add_to_index, delete_from_index
from xret.indexes.dense.named import search_run
from xret.indexes.dense.opened import DenseIndex, Shelf, open_index
from xret.indexes.kinds import index_kind
from xret.stores.folder.links import led_by, replace_link
from xret.stores.place import Place
from xret.stores.recipe import Recipe
from xret.stores.results import tags_of
from xret.stores.rows import as_column, checked_queries, checked_rows, query_names
from xret.stores.store import Floats, Fusion
from xret.vectors import Vectors

__all__ = ["FolderStore", "create", "drop", "exists", "open_"]


class FolderStore:
    """An index folder; see `xret.stores.store.Store`. Threads may share it; one process changes a folder at a time."""

    def __init__(self, place: Place) -> None:
        """Open; use `open_` or `create`."""
        self.place = place
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._opened: tuple[object, DenseIndex] | None = None
        self.recipe = _recipe(self._index())

    def upsert(self, rows: pa.Table) -> int:
        """See `Store.upsert`."""
        checked = checked_rows(rows, self.recipe, self.place)
        if checked.num_rows:
            vectors, corpus = Vectors.open(checked.select(["id", "vector"])), checked.drop_columns(["vector"])
            with self._writing:
                add_to_index(self._real(), vectors, corpus=corpus, replace_ids=True)
        return int(checked.num_rows)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        with self._writing:
            index = self._index()
            there = gather(index.table["id"], index.rows_of(pa.array(list(ids), pa.string()))).to_pylist()
            if there:
                delete_from_index(self._real(), there)
        return len(there)

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
        """See `Store.search`."""
        index = self._index()
        names = query_names(qids, len(vectors), k)
        queries = checked_queries(vectors, self.recipe, self.place)
        if languages is not None:
            tags_of(languages, list(index.manifest.languages), self.place)
        asked = pa.table({"id": pa.array(names, pa.string()), "lang": pa.array([""] * len(names), pa.string())})
        given = Vectors.open(pa.table({"id": asked["id"], "vector": as_column(queries)}))
        run = search_run(
            index, asked, given, k=k, languages=languages, docids=docids, nprobe=nprobe, text=text
        )  # fmt: skip
        return run.drop_columns(["qlang"])

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
        """Refused: a dense index folder keeps vectors alone.

        Raises:
            UsageError: always.
        """
        raise UsageError(
            f"{self.place}: an index folder keeps no words beside its vectors; search a lexical index of the same "
            "corpus too, and merge the two runs with xret fuse"
        )

    def documents(self, ids: Sequence[str]) -> pa.Table:
        """See `Store.documents`."""
        index = self._index()
        rows = index.rows_of(pa.array(list(ids), pa.string()))
        return pa.table({name: gather(index.table[name], rows) for name in index.table.column_names})

    def sample(self, rows: int) -> pa.Table:
        """See `Store.sample`; vectors as the index's code keeps them."""
        index = self._index()
        live = np.setdiff1d(np.arange(index.table.num_rows), index.deleted)
        drawn = np.sort(np.random.default_rng(0).choice(live, min(rows, len(live)), replace=False))
        blocks = [_stored(shelf, drawn) for shelf in index.shelves]
        vectors = np.concatenate([np.empty((0, self.recipe.dim), np.float32), *blocks])
        columns = {name: gather(index.table[name], drawn) for name in ("id", "lang")}
        return pa.table({**columns, "vector": as_column(vectors)})

    def count(self) -> int:
        """See `Store.count`."""
        return self._index().manifest.rows

    def languages(self) -> dict[str, int]:
        """See `Store.languages`."""
        return dict(self._index().manifest.languages)

    def info(self) -> dict[str, Any]:
        """See `Store.info`; besides, `bytes` and `aliases`."""
        made = self._index().manifest
        return {
            "store": str(self.place), "kind": "folder", "rows": made.rows, "languages": dict(made.languages),
            "index": made.factory, "dim": made.dim, "metric": "cosine", "encoder": made.encoder,
            "encoder_hash": made.encoder_hash, "text": made.text, "words": False, "sparse": False,
            "leads_to": str(self.leads_to()), "aliases": led_by(self._real()), "bytes": made.bytes,
        }  # fmt: skip

    def leads_to(self) -> Place:
        """See `Store.leads_to`."""
        folder = self.place.folder
        return Place(kind="folder", name=str(self._real())) if folder.is_symlink() else self.place

    def point(self, alias: Place) -> Place | None:
        """See `Store.point`."""
        before = replace_link(alias.folder, self._real())
        return None if before is None else Place(kind="folder", name=str(before))

    def settle(self) -> None:
        """See `Store.settle`; rows of an index folder are indexed when they come."""

    def close(self) -> None:
        """See `Store.close`."""
        self._opened = None

    def _real(self) -> Path:
        return self.place.folder.resolve()

    def _index(self) -> DenseIndex:
        """The index as it is now; what an alias led to is read through no link, so that no swap splits the reading."""
        for last in (False, True):
            folder = self._real()
            stamp = _stamp(folder)
            if self._opened and self._opened[0] == stamp:
                return self._opened[1]
            with self._lock:
                try:
                    index = open_index(folder)
                except InputError:
                    if last or self._real() == folder:
                        raise
                    continue  # the alias leads elsewhere since, and that folder was removed
                self._opened = stamp, index
                return index
        raise AssertionError("unreachable")


def create(place: Place, recipe: Recipe) -> FolderStore:
    """See `xret.stores.door.create_store`."""
    _refuse(place, recipe)
    empty_index(
        place.folder, dim=recipe.dim, factory=recipe.index, encoder=recipe.encoder, encoder_hash=recipe.encoder_hash,
        text=recipe.text,
    )  # fmt: skip
    return FolderStore(place)


def create_of(place: Place, recipe: Recipe, vectors: Vectors, corpus: pa.Table | None) -> FolderStore:
    """A store with all rows of a vectors folder, in one step; its index may be one that learns from them."""
    _refuse(place, recipe)
    build_index(place.folder, vectors, corpus=corpus, factory=recipe.index, text=recipe.text, progress=True)
    return FolderStore(place)


def open_(place: Place) -> FolderStore:
    """See `xret.stores.door.open_store`."""
    if (kind := index_kind(place.folder)) != "dense":
        raise InputError(f"{place}: is a {kind} index; a folder is a store where its index is dense")
    return FolderStore(place)


def exists(place: Place) -> bool:
    """Whether a folder or an alias has this name."""
    return place.folder.exists() or place.folder.is_symlink()


def drop(place: Place) -> None:
    """See `xret.stores.door.drop_store`."""
    store = open_(place)
    if place.folder.is_symlink():
        raise InputError(f"{place}: is an alias of {store.leads_to()}; name that to drop it")
    if links := led_by(place.folder):
        raise InputError(f"{place}: the alias '{links[0]}' leads here; let it lead to another store first")
    grave = place.folder.with_name(f".{place.folder.name}.{os.getpid()}.dropped")
    os.replace(place.folder, grave)  # gone in one step; the rest is tidying
    shutil.rmtree(grave, ignore_errors=True)


def _refuse(place: Place, recipe: Recipe) -> None:
    if exists(place):
        raise InputError(f"{place}: exists already; choose another name, or drop it first")
    if recipe.metric != "cosine":
        raise UsageError(f"{place}: an index folder knows the cosine only; use a Milvus store for '{recipe.metric}'")
    if recipe.words or recipe.sparse:
        raise UsageError(f"{place}: an index folder keeps no words beside its vectors; use a Milvus store for them")


def _recipe(index: DenseIndex) -> Recipe:
    made = index.manifest
    return Recipe(dim=made.dim, index=made.factory, encoder=made.encoder, encoder_hash=made.encoder_hash,
                  text=made.text, made=made.files[made.empty].sha256[:32])  # fmt: skip


def _stamp(folder: Path) -> tuple[object, ...]:
    """What changes with every change of an index."""
    try:
        found = os.stat(folder / MANIFEST)
    except OSError:
        return (folder,)
    return folder, found.st_ino, found.st_mtime_ns, found.st_size


def _stored(shelf: Shelf, rows: Any) -> Floats:
    here = rows[(rows >= shelf.start) & (rows < shelf.start + shelf.rows)] - shelf.start
    blocks = [shelf.faiss.reconstruct_n(int(row), 1) for row in here]
    return np.concatenate(blocks) if blocks else np.empty((0, shelf.faiss.d), np.float32)
