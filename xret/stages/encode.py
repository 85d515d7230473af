"""Encoding as a stage: a corpus to a vectors folder."""

from __future__ import annotations

import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xret.encoders.recipe import Role
from xret.errors import InputError, MismatchError
from xret.stages.stage import Stage

__all__ = ["Encode"]

logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Encode(Stage):
    """Turns texts into vectors of length 1 (see `xret.encoders.encode_corpus`).

    Output: the vectors folder ``work/vectors``; an interrupted run goes on where it was.
    """

    name = "encode"
    inputs = ("corpus",)
    output = "vectors"
    mends = True
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
        from xret.engines import current_engine

        (corpus,) = values
        encoder = load_encoder(self.encoder, device=self.device, threads=self.threads)
        out = Path(work) / "vectors"
        options: dict[str, Any] = {
            "encoder": encoder, "role": self.role, "dtype": self.dtype, "dim": self.dim, "workers": self.workers,
            "threads": self.threads, "engine": current_engine(), "resume": True,
        }  # fmt: skip
        try:
            encode_corpus(corpus, out, **options)
        except (InputError, MismatchError) as error:  # what lies there is broken beyond mending
            if not out.exists():
                raise
            logger.warning("%s; encoding again", error)
            shutil.rmtree(out)
            shutil.rmtree(out.with_name(out.name + ".partial"), ignore_errors=True)
            encode_corpus(corpus, out, **options)
        return out

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return (identify(self.encoder),)
