"""Retrieval: queries and their vectors against an index, to a run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa

from xret.engines import Engine, current_engine
from xret.errors import InputError, UsageError
from xret.indexes.dense.named import search_run
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.kinds import SEARCH_OPTIONS, STORE, foreign_option, index_kind, verbs
from xret.stages.searching import Asking, spread_search
from xret.stages.stage import Stage
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["Retrieve"]

CALLED = {"documents": "passages"}  # options of searches that the stage knows by another name


@dataclass(frozen=True, kw_only=True)
class Retrieve(Stage):
    """Finds the best `k` documents for every query.

    Output: a run `qid, docid, score, rank, tag, qlang, dlang` (and `text`), queries in their own order. Dense indexes
    are asked with query vectors, others with the queries' texts; a run of candidates, from whatever search, has others
    score its documents alone.

    Attributes:
        k: documents per query.
        languages: only documents of these languages (``zh`` takes in ``zh-Hant``).
        nprobe: dense, store: inverted lists to look into; None: what was measured when the index was built.
        hybrid: store: ``rrf`` or ``weighted``: merge with a search by the queries' words, where it counts words.
        exact: multivector: score all documents.
        probe: multivector: centroids that each token of a query looks into; None: by `k`.
        depth: multivector: documents that are scored exactly; None: by `k`.
        passages: multivector: rows are passages; rank their documents (`doc_id`) by the best one.
        k1: lexical: how soon more occurrences of a word stop to count; None: 0.9.
        b: lexical: how much long documents are held back; None: 0.4.
        lexicon: lexical: files that `xret lexicon` made, to translate the queries with. Their contents are what counts.
        pivot: lexical: the language to go through where no lexicon is direct; None: ``en``.
        encoder: multivector: for the queries; None for the one that made the index. No part of the result: the index
            refuses another one.
        device: for encoding. No part of the result.
        text: add the documents' texts.
        tag: the run's name.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "retrieve"
    inputs = ("queries", "query_vectors?", "index", "candidates?")
    output = "run"
    apart = ("encoder", "device", "threads", "lexicon")

    k: int = 100
    languages: tuple[str, ...] | None = None
    nprobe: int | None = None
    hybrid: Literal["rrf", "weighted"] | None = None
    exact: bool = False
    probe: int | None = None
    depth: int | None = None
    passages: bool = False
    k1: float | None = None
    b: float | None = None
    lexicon: tuple[str, ...] | None = None
    pivot: str | None = None
    encoder: str | None = None
    device: str = "auto"
    text: bool = False
    tag: str = "xret"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k is {self.k}; ask for at least 1 hit")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run of a table of queries, their vectors, an index folder and perhaps candidates."""
        queries, query_vectors, index, *rest = values
        candidates = rest[0] if rest else None
        kind = index_kind(index)
        own = self._own(index, kind, candidates)
        if kind == STORE:
            return self._tagged(self._stored(index, queries, query_vectors, own))
        engine = current_engine()
        if engine is not None and isinstance(query_vectors, Path | None) and queries.num_rows:
            return self._tagged(self._spread(engine, kind, values, own, Path(work)))
        if kind != "dense":
            return self._tagged(self._asked(kind, index, queries, candidates, own))
        return self.over(open_index(index), queries, self._vectors(index, query_vectors))

    def over(self, index: DenseIndex, queries: pa.Table, vectors: Vectors) -> pa.Table:
        """The run over an index that is open already."""
        run = search_run(
            index, queries, vectors, k=self.k, languages=self.languages, nprobe=self.nprobe, text=self.text,
            threads=self.threads,
        )  # fmt: skip
        return self._tagged(run)

    def contents(self) -> tuple[str, ...]:
        """The hashes of the lexicons."""
        from xret.artifact import file_hash

        missing = next((path for path in self.lexicon or () if not Path(path).is_file()), None)
        if missing is not None:
            raise InputError(f"{missing}: no such file; wanted a lexicon made by xret lexicon")
        return tuple(file_hash(Path(path)) for path in self.lexicon or ())

    def _own(self, index: Any, kind: str, candidates: pa.Table | None) -> dict[str, Any]:
        """The options of searches of a kind, by their names.

        Raises:
            UsageError: one of another kind was set.
        """
        fields = {name: CALLED.get(name, name) for name in SEARCH_OPTIONS if name != "candidates"}
        given = {name: getattr(self, field) or None for name, field in fields.items()}
        given |= {name: getattr(self, name) for name in ("k1", "b")}  # where 0 is something
        foreign = foreign_option(SEARCH_OPTIONS, kind, {**given, "candidates": candidates})
        if foreign is not None:
            kinds = " or ".join(SEARCH_OPTIONS[foreign])
            raise UsageError(
                f"{index}: is a {kind} index, and '{CALLED.get(foreign, foreign)}' of the stage 'retrieve' is for "
                f"{kinds} ones; leave it out" + ("; the stage 'rerank' takes them" if foreign == "candidates" else "")
            )
        return {name: value for name, value in given.items() if kind in SEARCH_OPTIONS[name]}

    def _spread(self, engine: Engine, kind: str, values: tuple[Any, ...], own: dict[str, Any], work: Path) -> pa.Table:
        """As `run`, by the workers of an engine."""
        queries, query_vectors, index, *rest = values
        opened = verbs(kind).open_index(Path(index))
        encoder = self._named(opened) if kind == "multivector" else None
        if kind == "dense":
            vectors = self._vectors(index, query_vectors)
            opened.refuse_other_encoder(vectors.encoder_name, vectors.encoder_hash)
        asking = Asking(
            index=Path(index), kind=kind, k=self.k, encoder=encoder, device=self.device, languages=self.languages,
            vectors=query_vectors if kind == "dense" else None, text=self.text, own=own,
        )  # fmt: skip
        candidates = rest[0] if rest else None
        return spread_search(asking, queries, engine=engine, work=work, candidates=candidates, threads=self.threads)

    def _stored(self, index: Any, queries: pa.Table, query_vectors: Any, own: Mapping[str, Any]) -> pa.Table:
        """The answer of a store, which shares the work out by itself."""
        from xret.stores.verbs import open_index as open_store
        from xret.stores.verbs import search_vectors

        opened = open_store(index)
        return search_vectors(
            opened, queries, self._vectors(index, query_vectors), k=self.k, languages=self.languages, text=self.text,
            **own,
        )  # fmt: skip

    def _vectors(self, index: Any, query_vectors: Any) -> Vectors:
        if query_vectors is None:
            raise UsageError(f"{index}: is a dense index, asked with query vectors; put the stage 'encode' before it")
        return Vectors.open(query_vectors)

    def _asked(
        self, kind: str, folder: Any, queries: pa.Table, candidates: pa.Table | None, own: Mapping[str, Any]
    ) -> pa.Table:
        module = verbs(kind)
        opened = module.open_index(Path(folder))
        encoding: dict[str, Any] = {"encoder": partial(self._loaded, opened)} if kind == "multivector" else {}
        return module.search(
            opened, queries, k=self.k, languages=self.languages, candidates=candidates,
            text=self.text, threads=self.threads, **own, **encoding,
        )  # fmt: skip

    def _named(self, index: Any) -> str:
        name: str | None = self.encoder or index.manifest.encoder
        if name is None:
            raise InputError(f"{index.folder}: does not say which encoder made its vectors; name it with 'encoder'")
        return name

    def _loaded(self, index: Any) -> Encoder:
        from xret.encoders import load_encoder

        return load_encoder(self._named(index), device=self.device, threads=self.threads)

    def _tagged(self, run: pa.Table) -> pa.Table:
        return run.add_column(4, "tag", pa.array([self.tag] * run.num_rows, pa.string()))
