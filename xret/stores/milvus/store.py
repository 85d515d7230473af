"""Milvus as a store."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from xret.errors import InputError
from xret.stores.milvus.asking import Asked, hits, whole_text
from xret.stores.milvus.client import Connection, Refused
from xret.stores.milvus.filters import all_of, one_of, slices
from xret.stores.milvus.properties import LANGUAGE, LOADING, RECIPE, described, properties
from xret.stores.milvus.schema import REST, dense_field, vectored
from xret.stores.milvus.writing import calls
from xret.stores.place import Place
from xret.stores.recipe import Recipe
from xret.stores.results import as_run, tags_of
from xret.stores.rows import as_column, checked_queries, checked_rows, query_names
from xret.stores.store import DEPTH, Floats, Fusion

__all__ = ["MilvusStore"]

NOT_LOADED = ("not loaded", "'released'")  # how Milvus and Milvus Lite say so
WINDOW = 16_384  # rows that a query may reach into


class MilvusStore:
    """A collection; see `xret.stores.store.Store`. The client is its own: threads may share a store."""

    def __init__(self, place: Place, recipe: Recipe, connection: Connection) -> None:
        """Put together; use `open_` or `create`."""
        self.place, self.recipe, self._call = place, recipe, connection
        self._writing = threading.Lock()  # Milvus Lite knows one writer of a collection at a time

    def upsert(self, rows: pa.Table) -> int:
        """See `Store.upsert`."""
        checked = checked_rows(rows, self.recipe, self.place)
        if not checked.num_rows:
            return 0
        with self._writing:
            self._know(checked["lang"].unique().to_pylist())
            for data in calls(checked, self.recipe, self.place):
                self._loaded("upsert", self.place.name, data=data)
        return int(checked.num_rows)

    def delete(self, ids: Sequence[str]) -> int:
        """See `Store.delete`."""
        gone = 0
        for some in slices(ids):
            there = [row["id"] for row in self._rows(one_of("id", some), ["id"])]
            if there:
                with self._writing:
                    self._loaded("delete", self.place.name, filter=one_of("id", there))
            gone += len(there)
        return gone

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
        asked = self._asked(vectors, k=k, qids=qids, text=text, nprobe=nprobe)
        found = [hits(self._loaded, asked, expression) for expression in self._expressions(languages, docids)]
        return _run(found, asked)

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
        """See `Store.hybrid`; ``weighted`` brings scores into 0 … 1 by an arctangent, as Milvus does."""
        asked = self._asked(vectors, k=k, qids=qids, text=text, nprobe=None)
        asked = asked.beside(other, fusion=fusion, weights=weights, depth=max(k, depth or DEPTH))
        expressions = self._expressions(languages, docids)
        if len(expressions) > 1:
            raise InputError(f"{self.place}: {len(docids or ()):,} ids are too many to filter a hybrid search by")
        return _run([hits(self._loaded, asked, expressions[0])] if expressions else [], asked)

    def documents(self, ids: Sequence[str]) -> pa.Table:
        """See `Store.documents`."""
        kept = ["text", REST] if self.recipe.text else []
        rows = [row for some in slices(ids) for row in self._rows(one_of("id", some), ["id", "lang", *kept])]
        columns = {name: [row[name] for row in rows] for name in ("id", "lang")}
        columns |= {"text": [whole_text(row) for row in rows]} if kept else {}
        return pa.table({name: pa.array(values, pa.string()) for name, values in columns.items()})

    def sample(self, rows: int) -> pa.Table:
        """See `Store.sample`: a run of rows that begins somewhere, the server's order being by id or by chance."""
        reach = max(0, min(self.count(), WINDOW) - rows)
        start, dense = int(np.random.default_rng(0).integers(reach + 1)), dense_field(self.recipe)
        found = self._loaded(
            "query", self.place.name, filter="", limit=rows, offset=start, output_fields=["id", "lang", dense]
        )
        vectors = np.array([row[dense] for row in found], np.float32).reshape(len(found), self.recipe.dim)
        columns = {name: pa.array([row[name] for row in found], pa.string()) for name in ("id", "lang")}
        return pa.table({**columns, "vector": as_column(vectors)})

    def count(self) -> int:
        """See `Store.count`."""
        return self._count("")

    def languages(self) -> dict[str, int]:
        """See `Store.languages`."""
        counted = {tag: self._count(one_of("lang", [tag])) for tag in sorted(self._known())}
        return {tag: rows for tag, rows in counted.items() if rows}

    def info(self) -> dict[str, Any]:
        """See `Store.info`; besides, `server` and `aliases`."""
        name = self.leads_to().name
        aliases = self._call.try_("list_aliases", collection_name=name) or {}
        kept = {key: getattr(self.recipe, key) for key in ("index", "dim", "metric", "encoder", "encoder_hash")}
        return {
            "store": str(self.place), "kind": "milvus", "rows": self.count(), "languages": self.languages(), **kept,
            "text": self.recipe.text, "words": self.recipe.words, "sparse": self.recipe.sparse,
            "leads_to": str(self.leads_to()), "aliases": list(aliases.get("aliases", [])),
            "server": str(self._call("get_server_version")),
        }  # fmt: skip

    def leads_to(self) -> Place:
        """See `Store.leads_to`."""
        return replace(self.place, name=described(self._call, self.place)["collection_name"])

    def point(self, alias: Place) -> Place | None:
        """See `Store.point`."""
        target = self.leads_to()
        if not self._call("has_collection", alias.name):
            self._call("create_alias", target.name, alias.name)
            return None
        before = replace(alias, name=described(self._call, alias)["collection_name"])
        if before.name == alias.name:
            raise InputError(f"{alias}: is a store, no alias; choose another name, or drop that store first")
        if before != target:
            self._call("alter_alias", target.name, alias.name)
        return before

    def loading(self) -> list[str]:
        """See `Store.loading`."""
        return self._noted(LOADING)

    def begin(self, load: str) -> None:
        """See `Store.begin`."""
        self._call("alter_collection_properties", self.leads_to().name, properties={f"{LOADING}{load}": "1"})

    def finish(self, load: str) -> None:
        """See `Store.finish`."""
        self._call("drop_collection_properties", self.leads_to().name, [f"{LOADING}{load}"])

    def settle(self) -> None:
        """See `Store.settle`."""
        self._loaded("flush", self.leads_to().name)

    def close(self) -> None:
        """See `Store.close`."""
        self._call.close()

    def _asked(self, vectors: Floats, *, k: int, qids: Sequence[str] | None, text: bool, nprobe: int | None) -> Asked:
        names = query_names(qids, len(vectors), k)
        queries = checked_queries(vectors, self.recipe, self.place)
        index = vectored(self.recipe.index, self.recipe.dim)
        return Asked(place=self.place, recipe=self.recipe, names=names, vectors=queries, k=k,
                     text=text and self.recipe.text, index=index, nprobe=nprobe)  # fmt: skip

    def _expressions(self, languages: Sequence[str] | None, docids: Sequence[str] | None) -> list[str]:
        """The filters of a search: one, or several that share no row; none where nothing can be found."""
        by_language = one_of("lang", tags_of(languages, self._known(), self.place)) if languages is not None else None
        if docids is None:
            return [all_of(by_language)]
        return [all_of(by_language, one_of("id", some)) for some in slices(docids)]

    def _rows(self, expression: str, names: Sequence[str]) -> list[dict[str, Any]]:
        return list(self._loaded("query", self.place.name, filter=expression, output_fields=list(names)))

    def _count(self, expression: str) -> int:
        return int(self._rows(expression, ["count(*)"])[0]["count(*)"])

    def _known(self) -> list[str]:
        """The tags of which there are, or were, rows."""
        return self._noted(LANGUAGE)

    def _noted(self, kind: str) -> list[str]:
        kept = properties(self._call, self.place)
        return sorted(name.removeprefix(kind) for name in kept if name.startswith(kind))

    def _know(self, tags: Sequence[str]) -> None:
        """Note tags before rows of them come: a filter never misses a language of which there are rows."""
        if new := set(tags) - set(self._known()):
            noted = {f"{LANGUAGE}{tag}": "1" for tag in sorted(new)}
            self._call("alter_collection_properties", self.leads_to().name, properties=noted)

    def _loaded(self, name: str, *arguments: Any, **options: Any) -> Any:
        """A call that needs the collection in the server's memory, where a server that was started again has it not.

        Raises:
            MismatchError: the alias leads to a store of another make since.
            InputError: as for all calls.
        """
        try:
            return self._call(name, *arguments, **options)
        except Refused as error:
            if not any(each in str(error) for each in NOT_LOADED):
                self._refuse_other(error)
                raise
        self._call("load_collection", self.place.name)
        return self._call(name, *arguments, **options)

    def _refuse_other(self, cause: Exception) -> None:
        now = Recipe.from_json(properties(self._call, self.place).get(RECIPE, ""), self.place)
        if now.made != self.recipe.made:
            raise self.recipe.other_since(self.place, now) from cause


def _run(found: Sequence[dict[str, list[Any]]], asked: Asked) -> pa.Table:
    names = ["qid", "docid", "score", "dlang", *(["text"] if asked.text else [])]
    columns = {name: [value for each in found for value in each[name]] for name in names}
    if len(found) > 1:  # a query's hits stand together
        place = {name: number for number, name in enumerate(asked.names)}
        order = sorted(range(len(columns["qid"])), key=lambda row: place[columns["qid"][row]])
        columns = {name: [values[row] for row in order] for name, values in columns.items()}
    return as_run({name: pa.array(v, pa.float64() if name == "score" else pa.string()) for name, v in columns.items()},
                  k=asked.k)  # fmt: skip
