"""Scoring as a unit of a suite: a run to a row of numbers, kept as one cell of a table."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import digest
from xret.eval.benchmarks import Benchmark
from xret.eval.benchmarks.scoring import topics
from xret.eval.fairness import fairness
from xret.eval.protocols.scored import Scored
from xret.stages.stage import Stage

__all__ = ["ScoreRun", "kept_row", "row_table"]

COLUMN = "scored"


@dataclass(frozen=True, kw_only=True)
class ScoreRun(Stage):
    """Scores a run by the protocol of a benchmark.

    Output: a table of one row and one column `scored`, which holds `Scored.to_json` without versions.

    Attributes:
        benchmark: counts by its contents.
        fairness: measure also how fair the run is to the languages of documents.
        system: whose run it is, for messages. No part of the result.
    """

    name = "score-run"
    inputs = ("run",)
    output = "scores"
    version = 2

    benchmark: Benchmark
    fairness: bool = False
    system: str = "run"

    def options(self) -> dict[str, Any]:
        """What the benchmark is, by its contents."""
        protocol = self.benchmark.protocol
        named = {"benchmark": self.benchmark.name, "protocol": protocol.name, "identity": protocol.identity}
        known, _ = topics(self.benchmark)
        return {
            **named, "hashes": dict(self.benchmark.hashes), "fairness": self.fairness,
            **({"topics": digest(known)} if known else {}),
        }  # fmt: skip

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The row of a run."""
        (run,) = values
        row = self.benchmark.scored(run, system=self.system)
        measures = {**row.measures, **self._fair(run)} if self.fairness else row.measures
        return row_table(replace(row, system="", measures=measures))

    def _fair(self, run: pa.Table) -> dict[str, float]:
        """Fairness by name, where there are judgements and documents to tell languages by."""
        documents, qrels, queries = self.benchmark.corpus, self.benchmark.qrels, self.benchmark.queries
        if documents is None or qrels is None:
            return {}
        languages = pa.table({"docid": documents["id"], "lang": documents["lang"]})
        spoken = dict(zip(queries["id"].to_pylist(), queries["lang"].to_pylist(), strict=True))
        return dict(fairness(run, qrels, languages, query_languages=spoken).measures)


def row_table(row: Scored) -> pa.Table:
    """A row as a table that a work folder can keep; without versions, which depend on the machine."""
    return pa.table({COLUMN: pa.array([replace(row, versions={}).to_json()], pa.large_string())})


def kept_row(table: pa.Table) -> Scored:
    """The row that `row_table` put into a table."""
    return Scored.from_json(table[COLUMN][0].as_py(), name="scores")
