"""Indexing as a stage: a corpus, and for dense indexes its vectors, to an index folder."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from xret.errors import UsageError
from xret.indexes.kinds import BUILD_OPTIONS, foreign_option
from xret.stages.stage import Stage

if TYPE_CHECKING:
    from xret.indexes.multivector.spread import Sharing

__all__ = ["Index", "shared_tokens"]


@dataclass(frozen=True, kw_only=True)
class Index(Stage):
    """Builds an index (see `xret.indexes`).

    Output: the index folder ``work/index``. A multi-vector index that was interrupted goes on where it was.

    Attributes:
        kind: ``dense`` (of the vectors), ``multivector`` or ``lexical`` (of the corpus).
        factory: dense: a FAISS factory string, or ``auto``.
        memory: dense: what the index may take, e.g. ``8G`` (for ``auto``); multivector: what building may take.
        codec: multivector: see `xret.indexes.multivector.codec`.
        pool: multivector: so many alike tokens of a document become one.
        analyzers: lexical: how texts of a language become terms, like ``("sw=grams:4", "und=words")``.
        backend: lexical: who keeps the index, ``xret`` or ``lucene``.
        encoder: multivector: what encodes the corpus.
        device: multivector: where.
        text: keep the texts in the index.
        seed: of the training sample.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "index"
    inputs = ("corpus", "vectors?")
    output = "index"
    apart = ("encoder", "device", "threads")

    kind: Literal["dense", "multivector", "lexical"] = "dense"
    factory: str = "auto"
    memory: str | None = None
    codec: Literal["4bit", "2bit", "1bit", "small", "exact"] = "4bit"
    pool: int = 1
    analyzers: tuple[str, ...] | None = None
    backend: Literal["xret", "lucene"] = "xret"
    encoder: str = "xret-mini"
    device: str = "auto"
    text: bool = True
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what is another kind's."""
        own = {field.name: field.default for field in fields(self) if field.name in BUILD_OPTIONS}
        given = {name: getattr(self, name) for name, default in own.items() if getattr(self, name) != default}
        foreign = foreign_option(BUILD_OPTIONS, self.kind, given)
        if foreign is not None:
            kinds = " or ".join(BUILD_OPTIONS[foreign])
            raise UsageError(f"'{foreign}' of the stage 'index' is for {kinds} indexes, not {self.kind}; leave it out")

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the index over a corpus and its vectors."""
        corpus, vectors = values
        out = Path(work) / "index"
        if not out.exists():  # it appears complete or not at all
            self._build(out, corpus, vectors)
        return out

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name, where it is used."""
        if self.kind != "multivector":
            return ()
        from xret.encoders.load import identify

        return (identify(self.encoder),)

    def _build(self, out: Path, corpus: Any, vectors: Any) -> None:
        from xret.encoders import load_encoder
        from xret.indexes.choice import parse_bytes
        from xret.indexes.kinds import verbs

        memory = parse_bytes(self.memory) if self.memory else None
        if self.kind == "lexical":
            verbs("lexical").build(out, corpus, text=self.text, analyzers=self.analyzers, backend=self.backend)
        elif self.kind == "multivector":
            verbs("multivector").build(
                out, corpus, encoder=lambda: load_encoder(self.encoder, device=self.device, threads=self.threads),
                codec=self.codec, pool=self.pool, memory=memory,
                text=self.text, seed=self.seed, threads=self.threads,
                sharing=shared_tokens(self.encoder, out, device=self.device, threads=self.threads),
            )  # fmt: skip
        else:
            self._build_dense(out, corpus, vectors, memory)

    def _build_dense(self, out: Path, corpus: Any, vectors: Any, memory: int | None) -> None:
        from xret.engines import current_engine
        from xret.indexes import build_index
        from xret.vectors import Vectors

        if vectors is None:
            raise UsageError("a dense index is made of vectors; put the stage 'encode' before it")
        build_index(
            out, Vectors.open(vectors), corpus=corpus, factory=self.factory, memory=memory or 8 << 30, text=self.text,
            seed=self.seed, threads=self.threads, engine=current_engine(),
        )  # fmt: skip


def shared_tokens(encoder: str, out: Path, *, device: str, threads: int | None) -> Sharing | None:
    """How the engine in use shares out the documents of a multi-vector index; None without one.

    Args:
        encoder: its name.
        out: the index to be; units that are done wait beside it.
        device: for encoding.
        threads: of each worker.
    """
    from xret.encoders.corpora.workers import encoder_here, open_encoder
    from xret.engines import State, current_engine
    from xret.indexes.multivector.spread import Sharing

    engine = current_engine()
    if engine is None:
        return None
    told, work = encoder_here(encoder, device), out.with_name(out.name + ".units")
    gpus = float(told["device"] == "cuda")
    return Sharing(engine=engine, encoder=State(open_encoder, told), gpus=gpus, work=work, threads=threads)
