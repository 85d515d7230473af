"""A dense index folder as a store."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import MANIFEST
from xret.corpus import gather
from xret.errors import InputError
from xret.indexes.dense.change import add_to_index, delete_from_index
from xret.indexes.dense.named import search_run
from xret.indexes.dense.opened import DenseIndex, Shelf
from xret.stores.folder.hybrid import Opened, around, open_whole, recipe_of, weighed
from xret.stores.folder.links import led_by, replace_link
from xret.stores.fusing import fused, other_side
from xret.stores.place import Place
from xret.stores.results import as_run, tags_of
from xret.stores.rows import as_column, as_mapping, checked_queries, checked_rows, query_names
from xret.stores.store import DEPTH, Floats, Fusion
from xret.vectors import Vectors

__all__ = ["FolderStore"]


class FolderStore:
    """An index folder; see `xret.stores.store.Store`. Threads may share it; one process changes a folder at a time."""

    def __init__(self, place: Place) -> None:
        """Open; use `open_` or `create`."""
        self.place = place
        self._lock, self._writing = threading.Lock(), threading.Lock()
        self._opened: tuple[object, Opened] | None = None
        self.recipe = recipe_of(self._whole())

    def upsert(self, rows: pa.Table) -> int:
        """See `Store.upsert`."""
        checked = checked_rows(rows, self.recipe, self.place)
        if checked.num_rows:
            vectors, corpus = Vectors.open(checked.select(["id", "vector"])), checked.drop_columns(["vector"])
            folder = self._index().folder
            with self._writing, around(folder, lambda hybrid: hybrid.adding(checked)):
                add_to_index(folder, vectors, corpus=corpus, replace_ids=True)
        return int(checked.num_rows)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        with self._writing:
            index = self._index()
            there = gather(index.table["id"], index.rows_of(pa.array(list(ids), pa.string()))).to_pylist()
            if there:
                with around(index.folder, lambda hybrid: hybrid.deleting(there)):
                    delete_from_index(index.folder, there)
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
        names = query_names(qids, len(vectors), k)
        filters = {"languages": languages, "docids": docids}
        return self._near(self._index(), names, vectors, k=k, nprobe=nprobe, text=text, **filters)

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
        """See `Store.hybrid`; words are cut as in lexical indexes, in the way of every row's language."""
        names = query_names(qids, len(vectors), k)
        side = other_side(
            other, queries=len(names), fusion=fusion, weights=weights, recipe=self.recipe, where=self.place
        )
        opened = self._whole(words=side == "words")
        asked: dict[str, Any] = {"k": max(k, depth or DEPTH), "languages": languages, "docids": docids}
        near = self._near(opened.index, names, vectors, nprobe=None, text=False, **asked)
        if side == "sparse":
            run = weighed(opened, [as_mapping(each) for each in other], names, **asked)
        else:
            assert opened.hybrid is not None
            run = opened.hybrid.by_words(opened.index, other, names, **asked)
        return self._named(opened.index, fused(near, run, side, fusion=fusion, weights=weights), names, k, text=text)

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
            "encoder_hash": made.encoder_hash, "text": made.text, "words": self.recipe.words,
            "sparse": self.recipe.sparse,
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

    def loading(self) -> list[str]:
        """See `Store.loading`; rows come to an index folder all together, or not at all."""
        return []

    def begin(self, load: str) -> None:
        """See `Store.begin`."""

    def finish(self, load: str) -> None:
        """See `Store.finish`."""

    def settle(self) -> None:
        """See `Store.settle`; rows of an index folder are indexed when they come."""

    def close(self) -> None:
        """See `Store.close`."""
        self._opened = None

    def _real(self) -> Path:
        return self.place.folder.resolve()

    def _near(
        self, index: DenseIndex, names: Sequence[str], vectors: Floats, *, languages: Sequence[str] | None, **asked: Any
    ) -> pa.Table:
        queries = checked_queries(vectors, self.recipe, self.place)
        if languages is not None:
            tags_of(languages, list(index.manifest.languages), self.place)
        table = pa.table({"id": pa.array(names, pa.string()), "lang": pa.array([""] * len(names), pa.string())})
        given = Vectors.open(pa.table({"id": table["id"], "vector": as_column(queries)}))
        return search_run(index, table, given, languages=languages, **asked).drop_columns(["qlang"])

    def _named(self, index: DenseIndex, hits: pa.Table, names: Sequence[str], k: int, *, text: bool) -> pa.Table:
        """Hits as a run, queries in their own order, with the columns that the index keeps."""
        order = pc.sort_indices(pc.index_in(hits["qid"], value_set=pa.array(names, pa.string())))
        run = as_run({name: hits.take(order)[name] for name in hits.column_names}, k=k)
        rows = index.rows_of(run["docid"].unique())
        place = pc.index_in(run["docid"], value_set=gather(index.table["id"], rows).combine_chunks())
        texts = [name for name in ("title", "text") if text and self.recipe.text and name in index.table.column_names]
        kept = [("dlang", "lang"), *((name, name) for name in texts)]
        for column, name in kept:
            run = run.append_column(column, gather(index.table[name], rows).take(place))
        return run

    def _index(self) -> DenseIndex:
        return self._whole().index

    def _whole(self, *, words: bool = False) -> Opened:
        """The index as it is now, with what is beside it.

        Args:
            words: count words first that a change which was killed did not come to.
        """
        opened = self._now()
        if words and opened.hybrid and opened.hybrid.words and not opened.hybrid.words.follows(opened.index):
            opened.hybrid.catch_up()
            opened = self._now()
        return opened

    def _now(self) -> Opened:
        """What an alias led to is read through no link, so that no swap splits the reading.

        Raises:
            MismatchError: the alias leads to vectors of another encoder since.
        """
        for last in (False, True):
            folder = self._real()
            stamp = _stamp(folder)
            if self._opened and self._opened[0] == stamp:
                return self._opened[1]
            with self._lock:
                try:
                    opened = open_whole(folder)
                except InputError:
                    if last or self._real() == folder:
                        raise
                    continue  # the alias leads elsewhere since, and that folder was removed
                if self._opened:
                    self._refuse_other(opened)
                self._opened = stamp, opened
                return opened
        raise AssertionError("unreachable")

    def _refuse_other(self, opened: Opened) -> None:
        now = recipe_of(opened)
        hashes = {now.encoder_hash, self.recipe.encoder_hash} - {None}
        if now.dim != self.recipe.dim or len(hashes) > 1:
            raise self.recipe.other_since(self.place, now)
        self.recipe = now


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
