"""Benchmarks that are scored by the vectors of their texts: parallel sentences, pools."""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.artifact import digest
from xret.errors import MismatchError
from xret.eval.protocols import Protocol
from xret.eval.protocols.scored import Scored
from xret.pipeline.suite.scoring import row_table
from xret.pipeline.suite.searches import Dense
from xret.pipeline.suite.system import Making
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Kept", "ScoreVectors", "Sentences", "Vectored", "text_table"]

Role = Literal["query", "document"] | None
Rows = Mapping[tuple[str, str], int]


class Sentences(ABC):
    """A benchmark without runs.

    Attributes:
        label: of rows.
        protocol: how it is scored.
        inputs: tables that stages read, by name.
    """

    label: str
    protocol: Protocol
    inputs: Mapping[str, pa.Table]

    @abstractmethod
    def make(self, making: Making, system: Dense) -> str:
        """Add the units that lead to scores; gives the id of the last."""


class Vectored(Sentences):
    """One that needs nothing but vectors of texts, each read in one role."""

    roles: Mapping[str, Role]  # of the inputs

    @functools.cached_property
    def hashes(self) -> dict[str, str]:
        """Content hashes of the texts, by the name of the input."""
        return {name: digest(table.to_pydict()) for name, table in self.inputs.items()}

    def make(self, making: Making, system: Dense) -> str:
        """See `Sentences`."""
        made = []
        for name in self.inputs:
            stage = system.encode(self.roles[name], dtype="float32")
            made.append(making.add(stage, making.input(name), what=f"encode {name}"))
        return making.add(ScoreVectors(of=self), *made, *[""] * (2 - len(made)), what="score")

    @abstractmethod
    def score(self, encoder: Kept) -> Scored:
        """The row, given what has the vectors of all texts."""


@dataclass(frozen=True, kw_only=True)
class ScoreVectors(Stage):
    """Scores the vectors of a benchmark's texts; output as `ScoreRun`."""

    name = "score-vectors"
    inputs = ("vectors", "query_vectors?")
    output = "scores"
    version = 2

    of: Vectored

    def options(self) -> dict[str, Any]:
        """What the benchmark is; what belongs to what counts by the order of its texts."""
        named = {"benchmark": self.of.label, "protocol": self.of.protocol.name}
        return {**named, "identity": self.of.protocol.identity, "texts": self.of.hashes}

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The row."""
        kept = Kept()
        for (name, table), folder in zip(self.of.inputs.items(), values, strict=False):
            kept.add(self.of.roles[name], table, Vectors.open(folder))
        return row_table(self.of.score(kept))


class Kept:
    """Gives vectors that are there already, where protocols want an encoder."""

    def __init__(self) -> None:
        """Of no texts yet."""
        self._known: dict[Role, tuple[Rows, Vectors]] = {}

    def add(self, role: Role, table: pa.Table, vectors: Vectors) -> None:
        """Texts `text, lang` and, row by row, their vectors."""
        texts = zip(table["lang"].to_pylist(), table["text"].to_pylist(), strict=True)
        self._known[role] = {text: row for row, text in enumerate(texts)}, vectors

    def encode(
        self, texts: Sequence[str], *, role: Role = None, lang: Sequence[str] | None = None, progress: bool = False
    ) -> npt.NDArray[np.float32]:
        """(n, d) float32 vectors of texts.

        Raises:
            MismatchError: of a text that was not encoded.
        """
        rows, vectors = self._known[role]
        places = [rows.get(text, -1) for text in zip(lang or ["und"] * len(texts), texts, strict=True)]
        if -1 in places:
            raise MismatchError(f"no vector of '{texts[places.index(-1)][:40]}'; run with --no-resume")
        return vectors.take(np.array(places, np.int64))


def text_table(texts: Iterable[tuple[str, str]]) -> pa.Table:
    """`id, lang, text` of distinct (language, text), in order of first appearance."""
    found = list(dict.fromkeys(texts))
    langs, lines = ([pair[side] for pair in found] for side in (0, 1))
    ids = [str(number) for number in range(len(found))]
    return pa.table(
        {name: pa.array(each, pa.string()) for name, each in (("id", ids), ("lang", langs), ("text", lines))}
    )
