"""What commands and stages call, for stores that take an index's place; see `xret.indexes.kinds.Verbs`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.encoding import encode_queries
from xret.indexes.kinds import known_options
from xret.stores.door import open_store
from xret.stores.link import place_of
from xret.stores.opened import StoreIndex
from xret.stores.verifying import verify
from xret.vectors import Vectors

__all__ = [
    "add",
    "build",
    "check",
    "compact",
    "delete",
    "fields",
    "info",
    "open_index",
    "search",
    "search_vectors",
    "version",
]

EVERY = ("encoder", "threads", "progress")


def build(target: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Refused: `xret.stores.load` makes stores.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{target}: is the place of a store; encode the corpus, then use xret store load")


def add(folder: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
    """Refused: `xret.stores.load` adds to stores, and replaces.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{folder}: is a store; encode the corpus, then use xret store load")


def compact(folder: Path, **options: Any) -> Mapping[str, Any]:
    """Refused: a server does so by itself.

    Raises:
        UsageError: always.
    """
    raise UsageError(f"{folder}: is a store, whose server joins its small parts by itself; there is nothing to do")


def delete(folder: Path, ids: Sequence[str]) -> Mapping[str, Any]:
    """Make rows impossible to find.

    Raises:
        InputError: one of them is not there; none is deleted then.
    """
    index = open_index(folder)
    there = set(index.store.documents(ids)["id"].to_pylist())
    missing = [id for id in ids if id not in there]
    if missing:
        raise InputError(
            f"{index.folder}: does not hold {len(missing):,} of the ids to delete ('{missing[0]}'); nothing was deleted"
        )
    index.store.delete(ids)
    return _fields(index)


def check(folder: Path) -> Mapping[str, Any]:
    """Count rows, and let a sample find themselves."""
    found = asdict(verify(open_index(folder).store))
    return {"rows": found["rows"], "files": 0, "found_themselves": found["found"]}


def fields(folder: Path) -> dict[str, Any]:
    """What a store holds and how it was made, for programs."""
    return _fields(open_index(folder))


def version(folder: str | Path) -> str:
    """12 hex characters that change when a name leads to another store, or to one that was made anew."""
    store = open_store(place_of(folder))
    try:
        return digest(str(store.leads_to()), store.recipe.made, store.recipe.encoder_hash)[:12]
    finally:
        store.close()


def info(folder: Path) -> list[tuple[str, str]]:
    """The same for people."""
    made = fields(folder)
    languages = ", ".join(f"{tag} {rows:,}" for tag, rows in made["languages"].items())
    kept = [name for name in ("text", "words", "sparse") if made[name]]
    same = made["leads_to"] == made["store"]
    return [
        ("store", made["store"] if same else f"{made['store']}, an alias of {made['leads_to']}"),
        ("rows", f"{made['rows']:,}"),
        ("languages", f"{len(made['languages'])}: {languages}"),
        ("encoder", f"{made['encoder'] or 'unknown'} ({(made['encoder_hash'] or '-')[:12]}), {made['dim']} dimensions"),
        ("made of", f"{made['factory']}, {made['metric']}"),
        ("keeps", ", ".join(["vectors", *kept])),
        *([("aliases", ", ".join(made["aliases"]))] if made.get("aliases") else []),
        *([("server", made["server"])] if "server" in made else []),
    ]


def open_index(folder: str | Path) -> StoreIndex:
    """The store of a place, or of an index folder that leads to one, opened."""
    return StoreIndex(open_store(place_of(folder)))


def search(
    index: StoreIndex,
    queries: pa.Table,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: pa.Table | None = None,
    text: bool = False,
    threads: int | None = None,
    **options: Any,
) -> pa.Table:
    """The best k rows of every query; options: `encoder` (see `xret.indexes.encoding.GivenEncoder`), `nprobe`,
    `hybrid` (see `search_vectors`).

    Raises:
        UsageError: candidates were given: `xret rerank` has use for them.
    """
    if candidates is not None:
        raise UsageError(f"{index.folder}: a store takes no candidates; use xret rerank")
    given = known_options(options, (*EVERY, "nprobe", "hybrid"), index="store")
    index.kept(languages)  # an unknown language is told before a model is loaded
    found, encoder = encode_queries(
        queries, given.get("encoder"), dim=index.manifest.dim, check=index.refuse_other_encoder
    )
    other: Sequence[Any] = queries["text"].to_pylist()
    if given.get("hybrid") is not None and index.store.recipe.sparse and not index.store.recipe.words:
        other = cast(Any, encoder).encode_sparse(other, role="query", lang=queries["lang"].to_pylist())
    filters = {"languages": languages, "docids": docids, "text": text}
    return _searched(index, queries, Vectors.open(found), other, k=k, given=given, **filters)


def search_vectors(
    index: StoreIndex,
    queries: pa.Table,
    vectors: Vectors,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    text: bool = False,
    nprobe: int | None = None,
    hybrid: str | None = None,
) -> pa.Table:
    """The same for query vectors that were made before.

    Args:
        index: opened.
        queries: n rows `id, text, lang`.
        vectors: their n vectors.
        k: rows per query.
        languages: only rows of these.
        docids: only these rows.
        text: add the texts.
        nprobe: lists to look into.
        hybrid: ``rrf`` or ``weighted``: merge with a search by the queries' words, where the store counts words.
            (`search`, which has the encoder, takes its token weights where the store keeps these alone.)

    Raises:
        MismatchError: the vectors are not those of the queries, or of another encoder than the store's.
    """
    if vectors.rows != queries.num_rows or pc.all(pc.equal(vectors.ids(), queries["id"])).as_py() is False:
        raise MismatchError(
            f"the {vectors.rows:,} query vectors are not those of the {queries.num_rows:,} queries (their ids differ); "
            "encode the queries again"
        )
    index.refuse_other_encoder(vectors.encoder_name, vectors.encoder_hash)
    given = {"nprobe": nprobe, "hybrid": hybrid}
    filters = {"languages": languages, "docids": docids, "text": text}
    return _searched(index, queries, vectors, queries["text"].to_pylist(), k=k, given=given, **filters)


def _searched(
    index: StoreIndex,
    queries: pa.Table,
    vectors: Vectors,
    other: Sequence[Any],
    *,
    given: Mapping[str, Any],
    **asked: Any,
) -> pa.Table:
    values, names = vectors.block(0, vectors.rows), queries["id"].to_pylist()
    asked["qids"] = names
    if given.get("hybrid") is None:
        run = index.store.search(values, nprobe=given.get("nprobe"), **asked)
    elif given.get("nprobe") is not None:
        raise UsageError("nprobe is for searches by vectors alone; leave it or the hybrid search out")
    else:
        run = index.store.hybrid(values, other, fusion=given["hybrid"], **asked)
    place = pc.index_in(run["qid"], value_set=queries["id"].cast(pa.string()).combine_chunks())
    return run.add_column(4, "qlang", queries["lang"].cast(pa.string()).take(place))


def _fields(index: StoreIndex) -> dict[str, Any]:
    found = index.store.info()
    return {**found, "index": str(index.folder), "kind": "store", "factory": found["index"], "backend": found["kind"]}
