"""What an index folder keeps beside its vectors for hybrid searches, in its subfolder ``hybrid``.

    store.json                 which of the two, and how words are cut
    words.json, words-00001/   the words of the texts: see words.py
    weights-….arrow            token weights: see tiles.py

A folder that has it is changed by its store alone (`xret.indexes.kinds` says so to all commands).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_file
from xret.corpus import gather
from xret.errors import InputError, UsageError
from xret.indexes.changing import steadily
from xret.indexes.dense.layout import locked
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.kinds import HYBRID
from xret.indexes.lexical.verbs import given_analyzers
from xret.runs import ordered
from xret.stores.folder.tiles import Tile, open_tiles, sweep_tiles, write_tile
from xret.stores.folder.words import Words
from xret.stores.recipe import Recipe

__all__ = ["Hybrid", "Opened", "around", "made_hybrid", "open_hybrid", "open_whole", "recipe_of", "weighed"]

KEPT = "store.json"
STANDARD = Recipe.analyzer


@dataclass(frozen=True, eq=False)
class Opened:
    """An index as it is, with the token weights of its rows."""

    index: DenseIndex
    hybrid: Hybrid | None
    tiles: Sequence[Tile]


@dataclass(frozen=True, eq=False)
class Hybrid:
    """The subfolder of an index folder.

    Attributes:
        folder: itself.
        analyzer: as the recipe has it.
        words: those of the texts; None where they are not counted.
        sparse: whether token weights are kept.
    """

    folder: Path
    analyzer: str
    words: Words | None
    sparse: bool

    @contextmanager
    def adding(self, rows: pa.Table) -> Iterator[None]:
        """Around the addition of rows to the index: their weights before it, their words after it.

        Raises:
            InputError: another process is changing the folder, or words of a language cannot be cut; nothing was added.
        """
        with locked(self.folder):
            index = self._index()
            followed = self.words is not None and self.words.follows(index)
            if self.words is not None:
                self.words.refuse(rows)
            if self.sparse:
                write_tile(self.folder, rows["sparse"], start=index.table.num_rows)
            yield
            index = self._index()
            if self.words is not None:
                self.words.add(index, rows, followed=followed)
            if self.sparse:
                sweep_tiles(self.folder, rows=index.table.num_rows)

    @contextmanager
    def deleting(self, ids: Sequence[str]) -> Iterator[None]:
        """Around the deletion of rows that are there; deleted rows keep their weights, and are not found by them.

        Raises:
            InputError: another process is changing the folder.
        """
        with locked(self.folder):
            followed = self.words is not None and self.words.follows(self._index())
            yield
            if self.words is not None:
                self.words.delete(self._index(), ids, followed=followed)

    def fill(self, rows: pa.Table) -> None:
        """Follow an index that has just been made of these rows."""
        if self.words is not None:
            self.words.count_anew(self._index())
        if self.sparse:
            write_tile(self.folder, rows["sparse"], start=0)

    def catch_up(self) -> None:
        """Count the words of the index as it is now, where a change was killed before it came to them."""
        assert self.words is not None
        try:
            with locked(self.folder):
                index = self._index()
                if not self.words.follows(index):
                    self.words.count_anew(index)
        except InputError as error:
            if not (isinstance(error.__cause__, BlockingIOError) and self.words.counted):
                raise  # else somebody is at it now, and what was there before can be searched

    def by_words(self, index: DenseIndex, texts: Sequence[str], names: Sequence[str], **asked: Any) -> pa.Table:
        """A run of texts by BM25 among the rows of an index; arguments as for `weighed`."""
        assert self.words is not None
        if self.words.follows(index):
            run = self.words.search(texts, names, **asked)
            if self.words.follows(index):
                return run
        # Someone is changing the folder: whom the index does not have is not found.
        kept = index.kept(asked.pop("languages", None))
        run = self.words.search(texts, names, **asked)
        there = index.table["id"] if kept is None else gather(index.table["id"], np.flatnonzero(kept))
        return run.filter(pc.is_in(run["docid"], value_set=there.combine_chunks()))

    def _index(self) -> DenseIndex:
        return open_index(self.folder.parent)


def weighed(
    opened: Opened,
    queries: Sequence[Mapping[int, float]],
    names: Sequence[str],
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
) -> pa.Table:
    """The run `qid, docid, score, rank` of the k rows with the largest inner product of token weights, for every query.

    Only rows that share a token with a query are found.
    """
    index, kept = opened.index, opened.index.kept(languages, docids)
    runs = [
        pa.table({"qid": pa.array([], pa.string()), "docid": pa.array([], pa.string()), "score": pa.array([], "f8")})
    ]
    for name, query in zip(names, queries, strict=True):
        scores, met = np.zeros(index.table.num_rows), np.zeros(index.table.num_rows, bool)
        for tile in opened.tiles:
            tile.add_scores(query, scores, met)
        rows = np.flatnonzero(met if kept is None else met & kept)
        if len(rows) > k:
            single = scores[rows].astype(np.float32)  # by which runs are ordered: whoever ties with the k-th stays
            rows = rows[single >= np.partition(single, len(rows) - k)[len(rows) - k]]
        columns = {"docid": gather(index.table["id"], rows), "score": pa.array(scores[rows])}
        runs.append(pa.table({"qid": pa.array([name] * len(rows), pa.string()), **columns}))
    run = ordered(pa.concat_tables(runs))
    return run.filter(pc.less_equal(run["rank"], k))


def around(folder: Path, change: Callable[[Hybrid], AbstractContextManager[None]]) -> AbstractContextManager[None]:
    """What is to be done around a change of an index, where something is kept beside it."""
    hybrid = open_hybrid(folder)
    return change(hybrid) if hybrid else nullcontext()


def recipe_of(opened: Opened) -> Recipe:
    """What an index folder keeps, as a store."""
    made, hybrid = opened.index.manifest, opened.hybrid
    kept: dict[str, Any] = {}
    if hybrid is not None:
        kept = {"words": hybrid.words is not None, "analyzer": hybrid.analyzer, "sparse": hybrid.sparse}
    return Recipe(dim=made.dim, index=made.factory, encoder=made.encoder, encoder_hash=made.encoder_hash,
                  text=made.text, made=made.files[made.empty].sha256[:32], **kept)  # fmt: skip


def open_hybrid(folder: Path) -> Hybrid | None:
    """What an index folder keeps for hybrid searches; None where it keeps nothing.

    Raises:
        InputError: it cannot be read.
    """
    if not (folder / HYBRID).is_dir():
        return None
    try:
        kept = json.loads((folder / HYBRID / KEPT).read_text(encoding="utf-8"))
        return _hybrid(folder / HYBRID, kept["analyzer"], words=kept["words"], sparse=kept["sparse"])
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{folder / HYBRID / KEPT}: cannot be read ({error}); load the store again") from error


def made_hybrid(folder: Path, recipe: Recipe) -> Hybrid | None:
    """The same of an index folder that is being made, as its recipe says."""
    if not (recipe.words or recipe.sparse):
        return None
    (folder / HYBRID).mkdir()
    kept = {"analyzer": recipe.analyzer, "words": recipe.words, "sparse": recipe.sparse}
    with atomic_file(folder / HYBRID / KEPT) as temporary:
        temporary.write_text(json.dumps(kept) + "\n", encoding="utf-8")
    return open_hybrid(folder)


def open_whole(folder: Path) -> Opened:
    """An index folder opened, with its token weights, whoever is changing it."""

    def once() -> Opened:
        index, hybrid = open_index(folder), open_hybrid(folder)
        tiles = open_tiles(hybrid.folder, rows=index.table.num_rows) if hybrid and hybrid.sparse else ()
        return Opened(index, hybrid, tiles)

    return steadily(folder, once)


def _hybrid(folder: Path, analyzer: str, *, words: bool, sparse: bool) -> Hybrid:
    return Hybrid(folder, analyzer, Words(folder, _analyzers(analyzer)) if words else None, sparse)


def _analyzers(analyzer: str) -> dict[str, str]:
    """Analyzers by language of a recipe's: its own default means what every language's own is.

    Raises:
        UsageError: written otherwise than ``und=words,sw=grams:4``.
    """
    if analyzer == STANDARD:
        return {}
    try:
        return given_analyzers(analyzer.split(","))
    except InputError as error:
        raise UsageError(str(error)) from error
