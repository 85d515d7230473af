"""A batch of queries cut into blocks, which an engine spreads over workers; each opens the index once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import MANIFEST, atomic_file, digest, file_hash
from xret.engines import Engine, State
from xret.errors import InputError
from xret.indexes.dense.named import search_run
from xret.indexes.kinds import verbs
from xret.mapped import map_table, write_batches
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.engines.calls import Place

__all__ = ["Asking", "keep_table", "open_searcher", "search_unit", "spread_search"]

BLOCKS, LEAST, MOST = 64, 32, 4096  # of queries: so many, of so many
REMEDY = "search again"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How an index is asked.

    Attributes:
        index: its folder.
        kind: of the index.
        k: documents per query.
        encoder: for the queries; None where they have vectors, or need none.
        device: for encoding.
        vectors: a folder of the queries' vectors (dense).
        languages: only documents of these.
        docids: only these documents.
        text: add the texts.
        own: options of the kind.
    """

    index: Path
    kind: str
    k: int
    encoder: str | None = None
    device: str = "auto"
    vectors: Path | None = None
    languages: tuple[str, ...] | None = None
    docids: tuple[str, ...] | None = None
    text: bool = False
    own: Mapping[str, Any]

    def fields(self) -> dict[str, Any]:
        """As JSON takes it."""
        named = {
            name: getattr(self, name) for name in ("kind", "k", "encoder", "device", "languages", "docids", "text")
        }
        places = {"index": str(self.index), "vectors": None if self.vectors is None else str(self.vectors)}
        return {**named, **places, "own": {**self.own}}

    def content(self) -> str:
        """Hash of all that decides what is found, the queries aside."""
        from xret.encoders.load import identify

        folders = [None if each is None else file_hash(each / MANIFEST) for each in (self.index, self.vectors)]
        encoder = None if self.encoder is None else identify(self.encoder)
        lexicons = [file_hash(Path(path)) for path in self.own.get("lexicon") or ()]
        apart = {"index": None, "vectors": None, "encoder": None, "device": None}
        return digest("search", self.fields() | apart, folders, encoder, lexicons)


def spread_search(
    asking: Asking, queries: pa.Table, *, engine: Engine, work: Path, candidates: pa.Table | None, threads: int | None
) -> pa.Table:
    """The run of a batch of queries: that of one search, whoever works.

    Args:
        asking: how.
        queries: `id, text, lang`.
        engine: who works.
        work: a folder that all workers can open, and that outlives the run given back.
        candidates: a run; each query is answered among its documents in it.
        threads: of each worker.

    Raises:
        EngineError: a block could not be answered.
    """
    folder = Path(work).absolute() / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    size = max(LEAST, min(MOST, -(-queries.num_rows // BLOCKS)))
    files = {"queries": keep_table(queries.select(["id", "text", "lang"]), folder / "queries.arrow")}
    if candidates is not None:
        files["candidates"] = keep_table(candidates, folder / "candidates.arrow")
    recipe = digest(asking.content(), {name: file_hash(Path(path)) for name, path in files.items()}, size)
    items = [
        {"unit": f"queries-{start}", "start": start, "stop": min(start + size, queries.num_rows)}
        for start in range(0, queries.num_rows, size)
    ]
    found: dict[int, str] = {}
    state = State(open_searcher, asking.fields() | files)
    gpus = float(asking.encoder is not None and asking.device == "cuda")
    for number, answer, _ in engine.run(
        search_unit, items, folder=folder, recipe=recipe, state=state, cpus=threads, gpus=gpus
    ):
        found[number] = answer["files"][0]
    return pa.concat_tables([map_table(folder / found[number], remedy=REMEDY) for number in sorted(found)])


@dataclass
class _Searcher:
    """What a worker keeps open."""

    asking: Mapping[str, Any]
    index: Any
    queries: pa.Table
    candidates: pa.Table | None
    vectors: Vectors | None
    cpus: int
    loaded: Encoder | None = None

    def encoder(self) -> Encoder:
        """Loaded when it is needed first."""
        if self.loaded is None:
            from xret.encoders import load_encoder

            self.loaded = load_encoder(self.asking["encoder"], device=self.asking["device"], threads=self.cpus)
        return self.loaded

    def run(self, start: int, stop: int) -> pa.Table:
        """What is found for some queries."""
        queries, asked = self.queries.slice(start, stop - start), self.asking
        plain = {name: asked[name] for name in ("k", "languages", "docids", "text")} | {"threads": self.cpus}
        if self.vectors is not None:
            part = Vectors.open(self.vectors.table().slice(start, stop - start))
            return search_run(self.index, queries, part, **plain, nprobe=asked["own"].get("nprobe"))
        candidates = self.candidates
        if candidates is not None:
            candidates = candidates.filter(pc.is_in(candidates["qid"], value_set=queries["id"].combine_chunks()))
        encoding: dict[str, Any] = {} if asked["encoder"] is None else {"encoder": self.encoder}
        return verbs(asked["kind"]).search(
            self.index, queries, **plain, candidates=candidates, **asked["own"], **encoding
        )


def open_searcher(recipe: Mapping[str, Any], cpus: int) -> _Searcher:
    """A worker's state: the index, and the queries, mapped."""
    for name in ("index", "queries"):
        if not Path(recipe[name]).exists():
            raise InputError(
                f"{recipe[name]}: not there on {os.uname().nodename}; a cluster needs a disk that all share"
            )
    candidates = map_table(Path(recipe["candidates"]), remedy=REMEDY) if "candidates" in recipe else None
    vectors = None if recipe["vectors"] is None else Vectors.open(Path(recipe["vectors"]))
    queries = map_table(Path(recipe["queries"]), remedy=REMEDY)
    return _Searcher(
        recipe, verbs(recipe["kind"]).open_index(Path(recipe["index"])), queries, candidates, vectors, cpus
    )


def search_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Answer a block of queries."""
    run = place.state.run(item["start"], item["stop"]).combine_chunks()
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(run, path)
    return {"files": [path.name], "rows": run.num_rows}


def keep_table(table: pa.Table, path: Path) -> str:
    """A table as a file; the same rows give the same bytes."""
    table = table.combine_chunks()
    with atomic_file(path) as temporary:
        write_batches(temporary, table.to_batches(), table.schema)
    return str(path)
