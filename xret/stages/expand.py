"""Document expansion as a stage: passages' vectors and queries for them to vectors that hold both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from xret.errors import InputError, UsageError
from xret.stages.stage import Stage

__all__ = ["Expand"]


@dataclass(frozen=True, kw_only=True)
class Expand(Stage):
    """Mixes the vectors of queries, in other languages for one, into those of their passages (Zhuang et al. 2023).

    Output: the vectors folder ``work/expanded``, which `index` takes in the place of the first; an interrupted run
    goes on where it was.

    Attributes:
        alpha: the queries' weight, 0 to 1 (see `xret.stages.mixing.mix`); 0 changes no byte.
        combine: ``sum`` of the queries, as in the paper, or their ``mean``.
        languages: use only queries in these.
        most: use no more queries than that per passage and language.
        unknown: queries of passages that are not there: ``fail``, or ``skip`` and count them.
        encoder: None: the one that made the vectors.
    """

    name = "expand"
    inputs = ("vectors", "expansion_queries")
    output = "vectors"
    apart = ("encoder", "device", "threads")

    alpha: float
    combine: Literal["sum", "mean"] = "sum"
    languages: tuple[str, ...] | None = None
    most: int | None = None
    unknown: Literal["fail", "skip"] = "fail"
    encoder: str | None = None
    device: str = "auto"  # or cpu, cuda, cuda:N
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if not 0 <= self.alpha <= 1:
            raise UsageError(f"alpha is {self.alpha}; wanted 0 (passages as they are) to 1 (queries alone)")
        if self.most is not None and self.most < 1:
            raise UsageError(f"most is {self.most}; use at least 1 query per passage and language")

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the mixed vectors."""
        out = Path(work) / "expanded"
        if not out.exists():  # it appears complete or not at all
            self.write(*values, out=out, resume=True)
        return out

    def write(self, vectors: Any, queries: Any, *, out: Path, resume: bool, **options: Any) -> None:
        """Make the folder `out`; see `expand_vectors`, which takes `options`."""
        from xret.encoders import load_encoder
        from xret.stages.mixing import expand_vectors
        from xret.stages.passages import assign
        from xret.vectors import Vectors

        opened = Vectors.open(vectors)
        assigned = assign(opened, queries, languages=self.languages, most=self.most, unknown=self.unknown)
        name = self.encoder or opened.encoder_name
        if name is None and self.alpha:
            raise InputError(f"{opened.source}: does not say which encoder made its vectors; name it (encoder)")
        encoder = load_encoder(name, device=self.device, threads=self.threads) if name and self.alpha else None
        expand_vectors(
            opened, assigned, out, encoder=encoder, alpha=self.alpha, combine=self.combine, resume=resume, **options
        )

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return () if self.encoder is None else (identify(self.encoder),)
