"""Query generation as a stage: a corpus to queries for its passages, which `expand` mixes in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xret.stages.stage import Stage

if TYPE_CHECKING:
    from xret.encoders.generators.corpus import Plan

__all__ = ["Generate"]


@dataclass(frozen=True, kw_only=True)
class Generate(Stage):
    """Writes queries for passages with a sequence-to-sequence model (see `xret.encoders.generators`).

    Output: a table `id, docid, lang, text`; an interrupted run goes on where it was.

    Attributes:
        model: a model folder (T5, mT5, umT5), or a hub id on disk.
        to: the languages wanted, ``de`` or ``de=German`` each.
        prompt: None: that of the xQG checkpoints (see `XQG_PROMPT`).
        own_language: also queries in the passage's own language.
        samples: queries per passage and language.
        greedy: the likeliest query instead of sampled ones.
        top_k: tokens to sample from.
        temperature: of sampling.
        seed: of sampling.
        max_tokens: of a query.
        max_source: tokens of a prompt that are read.
        shard_rows: passages per shard: what a kill can cost.
    """

    name = "generate"
    inputs = ("corpus",)
    output = "expansion_queries"
    apart = ("model", "device", "threads")

    model: str
    to: tuple[str, ...] = ()
    prompt: str | None = None
    own_language: bool = False
    samples: int = 5
    greedy: bool = False
    top_k: int = 10
    temperature: float = 1.0
    seed: int = 0
    max_tokens: int = 64
    max_source: int = 512
    shard_rows: int = 256
    device: str = "auto"  # or cpu, cuda, cuda:N
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        self.plan()

    def plan(self) -> Plan:
        """What is to be generated."""
        from xret.encoders.generators.corpus import Plan
        from xret.encoders.generators.prompts import XQG_PROMPT, Prompt, parse_languages
        from xret.encoders.generators.sampling import Sampling

        template = XQG_PROMPT if self.prompt is None else self.prompt
        return Plan(
            prompt=Prompt(template, parse_languages(self.to), self.own_language),
            samples=self.samples,
            sampling=None if self.greedy else Sampling(top_k=self.top_k, temperature=self.temperature, seed=self.seed),
            max_tokens=self.max_tokens,
            shard_rows=self.shard_rows,
        )

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The queries for a corpus."""
        (corpus,) = values
        return self.write(corpus, Path(work) / "queries", resume=True)

    def write(self, corpus: pa.Table, work: Path, *, resume: bool, **options: Any) -> pa.Table:
        """Generate in the folder `work`; see `generate_queries`, which takes `options`."""
        from xret.encoders.generators.corpus import generate_queries
        from xret.encoders.generators.generator import load_generator

        generator = load_generator(self.model, device=self.device, threads=self.threads, max_length=self.max_source)
        return generate_queries(corpus, work, generator=generator, plan=self.plan(), resume=resume, **options)

    def contents(self) -> tuple[str, ...]:
        """The model's content, which counts instead of its name."""
        from xret.encoders.generators.checkpoint import open_seq2seq
        from xret.encoders.locate import locate
        from xret.encoders.names import split_precision

        base, precision = split_precision(self.model)
        return (open_seq2seq(locate(base)).identity(precision or "fp32"),)
