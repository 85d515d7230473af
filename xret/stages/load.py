"""Loading as a stage: vectors into a store, which the stages behind it search in an index's place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.errors import UsageError
from xret.stages.stage import Stage

__all__ = ["Load"]


@dataclass(frozen=True, kw_only=True)
class Load(Stage):
    """Puts the vectors of a corpus into a store (see `xret.stores`), which is made where there is none.

    Output: the index folder ``work/index``, which leads to the store. An interrupted load goes on where it was.

    Attributes:
        to: the store: ``milvus://HOST:PORT/COLLECTION``, ``milvus:FILE.db/COLLECTION``, or a folder.
        index: what it is to be made of: ``auto``, ``Flat``, ``IVF1024,Flat``, ``HNSW32`` …
        text: keep the texts.
        words: have the store count their words, for the option ``hybrid`` of the stage ``retrieve``.
        analyzer: how it cuts them.
        alias: a name that leads to the store when it is loaded and verified; searches go there.
    """

    name = "load"
    inputs = ("corpus", "vectors")
    output = "index"

    to: str
    index: str | None = None
    text: bool = True
    words: bool = False
    analyzer: str = "standard"
    alias: str | None = None

    def __post_init__(self) -> None:
        """Refuse what is no place."""
        from xret.stores.place import parse_place

        place = parse_place(self.to)
        if self.alias is not None:
            place.beside(self.alias)
        if self.words and not self.text:
            raise UsageError("'words' are counted in the texts; leave 'text' on")

    def run(self, *values: Any, work: Path) -> Path:
        """A folder that leads to the store."""
        from xret.stores import load, open_store, parse_place, swap
        from xret.stores.link import write_link
        from xret.vectors import Vectors

        corpus, vectors = values
        out = Path(work) / "index"
        if out.exists():
            return out
        place = parse_place(self.to)
        done = load(
            place, Vectors.open(vectors), corpus=corpus, index=self.index, text=self.text, words=self.words,
            analyzer=self.analyzer, work=Path(work),
        )  # fmt: skip
        if self.alias is not None:
            alias = place.beside(self.alias)
            swap(alias, place)
            place = alias
        store = open_store(place)
        try:
            write_link(out, store, rows=done.verified.rows)
        finally:
            store.close()
        return out

    def changed_outside(self, output: Path) -> str:
        """Whether the store was made anew, or has other rows by now."""
        from xret.artifact import read_manifest
        from xret.stores import open_store
        from xret.stores.link import place_of

        linked = read_manifest(output, kind="index")
        store = open_store(place_of(output))
        try:
            found = {"made": store.recipe.made, "rows": store.count(), "encoder": store.recipe.encoder}
        finally:
            store.close()
        other = [
            f"{name}: {linked.get(name)}, now {value}" for name, value in found.items() if linked.get(name) != value
        ]
        return f"{self.to}: changed since it was loaded ({', '.join(other)})" if other else ""
