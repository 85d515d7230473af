"""Indexing as a stage: a corpus and its vectors to an index folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.stages.stage import Stage

__all__ = ["Index"]


@dataclass(frozen=True, kw_only=True)
class Index(Stage):
    """Builds a dense index (see `xret.indexes.build_index`).

    Output: the index folder ``work/index``.

    Attributes:
        factory: a FAISS factory string, or ``auto``.
        memory: what the index may take, e.g. ``8G`` (for ``auto``).
        text: keep the texts in the index.
        seed: of the training sample.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "index"
    inputs = ("corpus", "vectors")
    output = "index"
    apart = ("threads",)

    factory: str = "auto"
    memory: str = "8G"
    text: bool = True
    seed: int = 0
    threads: int | None = None

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the index over a corpus and its vectors."""
        from xret.indexes import build_index
        from xret.indexes.choice import parse_bytes
        from xret.vectors import Vectors

        corpus, vectors = values
        out = Path(work) / "index"
        if not out.exists():  # it appears complete or not at all
            build_index(
                out,
                Vectors.open(vectors),
                corpus=corpus,
                factory=self.factory,
                memory=parse_bytes(self.memory),
                text=self.text,
                seed=self.seed,
                threads=self.threads,
            )
        return out
