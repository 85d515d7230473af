"""Systems that search: BM25, dense and multi-vector retrieval."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, Self

from xret.errors import UsageError
from xret.pipeline.options import make_record
from xret.pipeline.suite.system import Making, System
from xret.stages.encode import Encode
from xret.stages.expand import Expand
from xret.stages.index import Index
from xret.stages.retrieve import Retrieve

__all__ = ["Dense", "Lexical", "Multivector"]


@dataclass(frozen=True, kw_only=True)
class Lexical(System):
    """BM25; with `lexicon` of translated queries. Options: see the stages `index` and `retrieve`."""

    kind = "lexical"
    analyzers: tuple[str, ...] | None = None
    backend: Literal["xret", "lucene"] = "xret"
    k1: float | None = None
    b: float | None = None
    lexicon: tuple[str, ...] | None = None
    pivot: str | None = None
    languages: tuple[str, ...] | None = None
    k: int | None = None

    def check(self) -> None:
        """See `System`."""
        self._index()
        self._retrieve(self.k or 1)

    def located(self, folder: Path) -> Self:
        """See `System`."""
        if self.lexicon is None:
            return self
        return replace(self, lexicon=tuple(self._there(folder, "lexicon", path) for path in self.lexicon))

    def make(self, making: Making) -> str:
        """Index, then search by texts."""
        index = making.add(self._index(), making.input("corpus"), "", what="index")
        found = self._retrieve(self.k or making.k)
        return making.add(found, making.input("queries"), "", index, "", what="search")

    def _index(self) -> Index:
        return Index(kind="lexical", text=False, **self._options("analyzers", "backend"))

    def _retrieve(self, k: int) -> Retrieve:
        return Retrieve(k=k, **self._options("k1", "b", "lexicon", "pivot", "languages"))


@dataclass(frozen=True, kw_only=True)
class Dense(System):
    """One vector a text. Options: see the stages `encode`, `index` and `retrieve`.

    Attributes:
        expand: document expansion: ``{ queries = "FILE", alpha = 0.3 }`` and the options of the stage `expand`;
            `queries` may also be a table of a file for each benchmark.
    """

    kind = "dense"
    encoder: str = "xret-mini"
    dim: int | None = None
    dtype: Literal["float16", "float32"] = "float16"
    factory: str = "auto"
    memory: str | None = None
    seed: int = 0
    nprobe: int | None = None
    languages: tuple[str, ...] | None = None
    expand: Mapping[str, Any] | None = None
    k: int | None = None

    def check(self) -> None:
        """See `System`."""
        self.encode("document")
        self._index()
        self._retrieve(self.k or 1)
        self._expand()

    def located(self, folder: Path) -> Self:
        """See `System`."""
        if self.expand is None:
            return self
        given = self.expand["queries"]
        if isinstance(given, Mapping):
            found: Any = {name: self._there(folder, "expand", str(path)) for name, path in given.items()}
        else:
            found = self._there(folder, "expand", str(given))
        return replace(self, expand={**self.expand, "queries": found})

    def make(self, making: Making) -> str:
        """Encode both sides, index one, search with the other."""
        corpus = making.input("corpus")
        vectors = making.add(self.encode("document"), corpus, what="encode corpus")
        if self.expand is not None:
            path = self.expand["queries"]
            path = path.get(making.benchmark) if isinstance(path, Mapping) else path
            if path is None:
                raise UsageError(f"system '{self.name}' has no expansion queries for benchmark '{making.benchmark}'")
            vectors = making.add(self._expand(), vectors, making.file(Path(path), "passages"), what="expand")
        index = making.add(self._index(), corpus, vectors, what="index")
        asked = making.add(self.encode("query"), making.input("queries"), what="encode queries")
        found = self._retrieve(self.k or making.k)
        return making.add(found, making.input("queries"), asked, index, "", what="search")

    def encode(
        self, role: Literal["document", "query"] | None, *, dtype: Literal["float16", "float32"] | None = None
    ) -> Encode:
        """The stage that encodes documents, queries or (None) sentences."""
        kept = dtype or ("float32" if role == "query" else self.dtype)
        return Encode(role=role, dtype=kept, **self._options("encoder", "dim"))

    def _index(self) -> Index:
        return Index(kind="dense", text=False, **self._options("factory", "memory", "seed"))

    def _retrieve(self, k: int) -> Retrieve:
        return Retrieve(k=k, **self._options("nprobe", "languages"))

    def _expand(self) -> Expand:
        options = dict(self.expand or {"queries": "", "alpha": 0.0})
        if "queries" not in options:
            raise UsageError("expand needs queries, the file that 'xret expand generate' makes")
        del options["queries"]
        return make_record(Expand, options, "expand")


@dataclass(frozen=True, kw_only=True)
class Multivector(System):
    """A vector for each token, compared by MaxSim. Options: see the stages `index` and `retrieve`."""

    kind = "multivector"
    encoder: str = "xret-mini"
    codec: Literal["4bit", "2bit", "1bit", "small", "exact"] = "4bit"
    pool: int = 1
    memory: str | None = None
    seed: int = 0
    exact: bool = False
    probe: int | None = None
    depth: int | None = None
    passages: bool = False
    languages: tuple[str, ...] | None = None
    k: int | None = None

    def check(self) -> None:
        """See `System`."""
        self._index()
        self._retrieve(self.k or 1)

    def make(self, making: Making) -> str:
        """Index, then search by texts."""
        index = making.add(self._index(), making.input("corpus"), "", what="index")
        found = self._retrieve(self.k or making.k)
        return making.add(found, making.input("queries"), "", index, "", what="search")

    def _index(self) -> Index:
        options = self._options("encoder", "codec", "pool", "memory", "seed")
        return Index(kind="multivector", text=False, **options)

    def _retrieve(self, k: int) -> Retrieve:
        options = self._options("exact", "probe", "depth", "passages", "languages")
        return Retrieve(k=k, encoder=self.encoder, **options)
