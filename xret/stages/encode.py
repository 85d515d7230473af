"""Encoding as a stage: a corpus to a vectors folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xret.encoders.recipe import Role
from xret.stages.stage import Stage

__all__ = ["Encode"]


@dataclass(frozen=True, kw_only=True)
class Encode(Stage):
    """Turns texts into vectors of length 1 (see `xret.encoders.encode_corpus`).

    Output: the vectors folder ``work/vectors``; an interrupted run goes on where it was.
    """

    name = "encode"
    inputs = ("corpus",)
    output = "vectors"
    apart = ("encoder", "device", "threads", "workers")

    encoder: str = "xret-mini"
    role: Role | None = None
    dtype: Literal["float16", "float32"] = "float16"
    dim: int | None = None
    device: str = "auto"  # or cpu, cuda, cuda:N
    threads: int | None = None  # of each worker
    workers: int = 1

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the corpus' vectors."""
        from xret.encoders import encode_corpus, load_encoder

        (corpus,) = values
        encoder = load_encoder(self.encoder, device=self.device, threads=self.threads)
        out = Path(work) / "vectors"
        encode_corpus(
            corpus, out, encoder=encoder, role=self.role, dtype=self.dtype, dim=self.dim, resume=True,
            workers=self.workers, threads=self.threads,
        )  # fmt: skip
        return out

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return (identify(self.encoder),)
