"""A batch of queries cut into blocks, which an engine spreads over workers; each opens the index once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import MANIFEST, digest, file_hash
from xret.engines import Engine, State
from xret.engines.units import here
from xret.indexes.dense.named import search_run
from xret.indexes.kinds import verbs
from xret.mapped import keep_table, map_table
from xret.stages.queryvectors import query_vectors
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.engines.calls import Place

__all__ = ["Asking", "open_searcher", "search_unit", "spread_search"]

BLOCKS, LEAST, MOST = 64, 32, 4096  # of queries: so many, of so many
REMEDY = "search again"


@dataclass(frozen=True, kw_only=True)
class Asking:
    """How an index is asked.

    Attributes:
        index: its folder.
        kind: of the index.
        k: documents per query.
        encoder: for the queries; None where they have vectors already, or need none.
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

    def checked(self) -> tuple[dict[str, Any], int | None]:
        """The encoder of the queries, as `open_encoder` takes it, and the width of sentence vectors, where it is these.

        Raises:
            MismatchError: another one made the index.
            InputError: a language that the index has not.
        """
        from xret.encoders.corpora.workers import encoder_here

        assert self.encoder is not None
        index, told = verbs(self.kind).open_index(self.index), encoder_here(self.encoder, self.device)
        index.kept(self.languages)
        index.refuse_other_encoder(self.encoder, told["hash"])
        dim = index.manifest.dim if self.kind == "dense" else None
        return told, dim

    def content(self) -> str:
        """Hash of all that decides what is found, the queries aside."""
        folders = [None if each is None else file_hash(each / MANIFEST) for each in (self.index, self.vectors)]
        lexicons = [file_hash(Path(path)) for path in self.own.get("lexicon") or ()]
        apart = {"index": None, "vectors": None, "encoder": None, "device": None}
        return digest("search", self.fields() | apart, folders, lexicons)


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
    if asking.encoder is not None:
        encoder, dim = asking.checked()
        made = query_vectors(Path(files["queries"]), encoder, dim, engine=engine, folder=folder, threads=threads)
        queries = queries.select(["id", "text", "lang"]).append_column(made.field(0), made.column(0))
        files["queries"] = keep_table(queries, folder / "asked.arrow")
    if candidates is not None:
        files["candidates"] = keep_table(candidates, folder / "candidates.arrow")
    recipe = digest(asking.content(), {name: file_hash(Path(path)) for name, path in files.items()}, size)
    items = [
        {"unit": f"queries-{start}", "start": start, "stop": min(start + size, queries.num_rows)}
        for start in range(0, queries.num_rows, size)
    ]
    found: dict[int, str] = {}
    state = State(open_searcher, asking.fields() | files)
    for number, answer, _ in engine.run(search_unit, items, folder=folder, recipe=recipe, state=state, cpus=threads):
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

    def run(self, start: int, stop: int) -> pa.Table:
        """What is found for some queries."""
        queries, asked = self.queries.slice(start, stop - start), self.asking
        plain = {name: asked[name] for name in ("k", "languages", "docids", "text")} | {"threads": self.cpus}
        if asked["kind"] == "dense":
            vectors = queries.select(["id", "vector"]) if self.vectors is None else self.vectors.table()
            part = Vectors.open(vectors if self.vectors is None else vectors.slice(start, stop - start))
            return search_run(self.index, queries, part, **plain, nprobe=asked["own"].get("nprobe"))
        candidates = self.candidates
        if candidates is not None:
            candidates = candidates.filter(pc.is_in(candidates["qid"], value_set=queries["id"].combine_chunks()))
        return verbs(asked["kind"]).search(self.index, queries, **plain, candidates=candidates, **asked["own"])


def open_searcher(recipe: Mapping[str, Any], cpus: int) -> _Searcher:
    """A worker's state: the index, and the queries, mapped."""
    index = verbs(recipe["kind"]).open_index(here(recipe["index"]))
    candidates = map_table(Path(recipe["candidates"]), remedy=REMEDY) if "candidates" in recipe else None
    vectors = None if recipe["vectors"] is None else Vectors.open(here(recipe["vectors"]))
    queries = map_table(Path(recipe["queries"]), remedy=REMEDY)
    return _Searcher(recipe, index, queries, candidates, vectors, cpus)


def search_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Answer a block of queries."""
    run = place.state.run(item["start"], item["stop"]).combine_chunks()
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(run, path)
    return {"files": [path.name], "rows": run.num_rows}
