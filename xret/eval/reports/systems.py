"""What is reported on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.eval.protocols import Scored
from xret.eval.protocols.scored import TOPIC
from xret.eval.reports.ideal import distance
from xret.eval.scores import RunScores

__all__ = ["SHOWN", "System", "Topics", "of_row", "query_languages_of", "shown", "topics_of_rows"]

Topics = tuple[Mapping[str, str], str] | None

SHOWN = 8  # systems in one plot: so many can be told apart


@dataclass(frozen=True, eq=False, kw_only=True)
class System:
    """One system on one benchmark.

    Attributes:
        name: what it is called.
        scores: values of every query; the same queries and measures for all systems of a report.
        run: `qid, docid, score`, or what reads it, where it is at hand: for score distributions and fairness.
        means: measure -> mean, where it is not the mean over queries (as protocols average).
    """

    name: str
    scores: RunScores
    run: pa.Table | Callable[[], pa.Table] | None = None
    means: Mapping[str, float] | None = None

    @property
    def measures(self) -> tuple[str, ...]:
        """Spellings, of all that have a mean."""
        return tuple(self.means) if self.means is not None else tuple(map(str, self.scores.measures))

    def retrieved(self) -> pa.Table:
        """The run."""
        return self.run() if callable(self.run) else self.run

    def mean(self, measure: str) -> float:
        """Of one measure."""
        return float((self.means or self.scores.means()).get(measure, float("nan")))

    def only(self, measure: str) -> RunScores:
        """The values of one measure."""
        return RunScores((measure,), self.scores.qids, self.values(measure)[:, None])

    def values(self, measure: str) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
        """(n,) of one measure."""
        column: np.ndarray[tuple[int], np.dtype[np.float64]] = self.scores.values[
            :, list(map(str, self.scores.measures)).index(measure)
        ]
        return column


def of_row(row: Scored) -> System:
    """A scored row; measures that not every query has a value of have means only."""
    table = row.per_query
    qids = pc.unique(table["qid"])
    place = {qid: number for number, qid in enumerate(qids.to_pylist())}
    columns = {}
    for measure in pc.unique(table["measure"]).to_pylist():
        part = table.filter(pc.equal(table["measure"], measure))
        values = np.full(len(qids), np.nan)
        values[[place[qid] for qid in part["qid"].to_pylist()]] = part["value"].to_numpy()
        if not np.isnan(values).any():
            columns[measure] = values
    values = np.stack(list(columns.values()), axis=1) if columns else np.zeros((len(qids), 0))
    return System(name=row.system, scores=RunScores(tuple(columns), qids, values), means=dict(row.measures))


def query_languages_of(row: Scored) -> dict[str, str]:
    """Query id -> language, of a row that knows them."""
    pairs = row.per_query.group_by(["qid", "lang"], use_threads=False).aggregate([])
    return {qid: lang for qid, lang in zip(pairs["qid"].to_pylist(), pairs["lang"].to_pylist(), strict=True) if lang}


def topics_of_rows(rows: Sequence[Scored]) -> Topics:
    """Query id -> topic, and how that is known, of rows of the same queries; None where each query is a topic.

    None, too, where all are one topic: nothing could be drawn from that.
    """
    topics: dict[str, str] = {}
    queries: set[str] = set()
    for row in rows:
        pairs = row.per_query.group_by(["qid", TOPIC], use_threads=False).aggregate([])
        queries.update(pairs["qid"].to_pylist())
        pairs = pairs.filter(pc.is_valid(pairs[TOPIC]))
        topics.update(zip(pairs["qid"].to_pylist(), pairs[TOPIC].to_pylist(), strict=True))
    found = len(set(topics.values())) + len(queries - topics.keys())
    return (topics, next(row.topics for row in rows if row.topics)) if 1 < found < len(queries) else None


def shown(systems: Sequence[System], measure: str) -> list[System]:
    """Those that a plot has room for: the best, in the order given."""
    best = sorted(systems, key=lambda system: distance(system.mean(measure), measure))[:SHOWN]
    return [system for system in systems if any(system is one for one in best)]
