"""One query after the other through an index: its candidates, their scores, and the best of them."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from threading import Lock
from time import perf_counter

import numpy as np
import numpy.typing as npt

from xret.indexes.multivector.maxsim import Question, score_all, score_near, score_some
from xret.indexes.multivector.opened import MultiVectorIndex
from xret.indexes.multivector.segments import Segment
from xret.indexes.multivector.sweep import candidates, probes

__all__ = ["Asked", "Clock", "Found", "Preset"]

logger = logging.getLogger("xret")
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NEAR = 4  # times `Preset.depth`: documents that the sweep leaves


@dataclass(frozen=True)
class Preset:
    """How far a search looks.

    Attributes:
        probe: centroids that each token of a query looks into.
        depth: documents that are scored exactly; the sweep leaves four times as many, of which those are taken that
            score best with centroids in the places of their tokens. Of documents in passages, each is taken with all
            of its passages that score better than the next document.
    """

    probe: int
    depth: int


@dataclass(frozen=True, eq=False)
class Found:
    """What was found for one query, best first; equal scores by row number.

    Attributes:
        rows: (m,) row numbers; m may pass k where scores at the k-th place are equal.
        scores: (m,) float32 MaxSim.
        scored: documents that were scored.
    """

    rows: Ints
    scores: Floats
    scored: int


@dataclass
class Clock:
    """Seconds per stage, over all queries and threads."""

    spent: dict[str, float] = field(default_factory=dict)
    lock: Lock = field(default_factory=Lock)

    def add(self, stage: str, since: float) -> float:
        """Count the time since then for a stage; gives the time now."""
        now = perf_counter()
        with self.lock:
            self.spent[stage] = self.spent.get(stage, 0.0) + now - since
        return now


@dataclass(frozen=True, eq=False, kw_only=True)
class Asked:
    """One call of `search_index`, without its queries.

    Attributes:
        index: see there.
        k: see there.
        preset: how far to look.
        kept: (rows,) which may be found; None for all.
        groups: see there.
        clock: what took how long.
    """

    index: MultiVectorIndex
    k: int
    preset: Preset
    kept: Mask | None
    groups: Ints | None
    clock: Clock = field(default_factory=Clock)

    def sweep(self, query: Floats) -> Found:
        """One query, by its candidates."""
        if not len(query):
            return self._best(np.empty(0, np.int64), np.empty(0, np.float32), query)
        allowed = int(self.kept.sum()) if self.kept is not None else self.index.table.num_rows
        if allowed <= self.preset.depth:  # not worth choosing from
            return self.given(query, np.flatnonzero(self.kept) if self.kept is not None else np.arange(allowed))
        now = perf_counter()
        question = Question.of(query, self.index.coder)
        now = self.clock.add("centroids", now)
        probe, most = self.preset.probe, len(self.index.coder.centroids)
        probe = min(most, int(probe * min(8.0, self.index.table.num_rows / allowed)))  # rarer documents: look further
        depth = NEAR * self.preset.depth
        while True:
            rows, cut, now = self._candidates(question, probe, depth, now)
            if self._documents(rows) >= self._wanted or not (cut or probe < most):
                break
            if cut:  # the passages of few documents crowd out the others
                depth *= 4
            else:
                probe = min(most, 4 * probe)
        scores = self._scores(question, rows)
        self.clock.add("maxsim", now)
        return self._best(rows, scores, query)

    def given(self, query: Floats, rows: Ints) -> Found:
        """One query, by candidates that are known."""
        rows = np.unique(rows)
        rows = rows if self.kept is None else rows[self.kept[rows]]
        if not len(query):
            return self._best(rows[:0], np.empty(0, np.float32), query)
        now = perf_counter()
        scores = self._scores(Question.of(query, self.index.coder), rows)
        self.clock.add("maxsim", now)
        return self._best(rows, scores, query)

    def everything(self, queries: Sequence[Floats]) -> list[Found]:
        """Some queries, against all documents."""
        now = perf_counter()
        questions = [Question.of(query, self.index.coder) for query in queries]
        rows = np.arange(self.index.table.num_rows) if self.kept is None else np.flatnonzero(self.kept)
        scores = np.empty((len(queries), len(rows)), np.float32)
        for segment in self.index.segments:
            here = slice(*np.searchsorted(rows, [segment.start, segment.start + segment.rows]))
            scores[:, here] = score_all(segment, self.index.coder, questions, rows[here] - segment.start)
        self.clock.add("maxsim", now)
        none = np.empty(0, np.int64)
        return [
            self._best(rows, own, query) if len(query) else self._best(none, own[:0], query)
            for query, own in zip(queries, scores, strict=True)
        ]

    def report(self, queries: int, found: Sequence[Found], seconds: float) -> None:
        """Say how long each stage took (INFO)."""
        if not queries:
            return
        stages = ", ".join(f"{name} {1e3 * spent / queries:.1f}" for name, spent in self.clock.spent.items())
        scored = sum(each.scored for each in found) / queries
        how = f"probe {self.preset.probe}, depth {self.preset.depth}, {scored:,.0f} documents scored a query"
        logger.info(
            "multivector: %s queries in %.2f s (%.1f ms a query: %s); %s",
            f"{queries:,}", seconds, 1e3 * seconds / queries, stages, how,
        )  # fmt: skip

    @cached_property
    def _wanted(self) -> int:
        """Documents to find: k, or all that may be found where they are fewer."""
        if self.groups is None:
            return self.k
        return min(self.k, len(np.unique(self.groups if self.kept is None else self.groups[self.kept])))

    def _documents(self, rows: Ints) -> int:
        return len(rows) if self.groups is None else len(np.unique(self.groups[rows]))

    def _candidates(self, question: Question, probe: int, depth: int, now: float) -> tuple[Ints, bool, float]:
        """Ascending rows to score, whether a part had more than `depth` of them, and the time."""
        look = probes(question.scores, probe)
        now = self.clock.add("probes", now)
        rows, gained = [], []
        for segment in self.index.segments:
            kept = None if self.kept is None else self.kept[segment.start : segment.start + segment.rows]
            places, gain = candidates(segment, look, depth=depth, kept=kept)
            rows.append(places + segment.start)
            gained.append(gain)
        cut = any(len(own) >= depth for own in rows)
        row = self._cut(np.concatenate(rows), np.concatenate(gained), NEAR * self.preset.depth)
        now = self.clock.add("sweep", now)
        if self._documents(row) <= self.preset.depth:
            return row, cut, now
        scores = np.concatenate(
            [score_near(segment, question, own - segment.start) for segment, own in self._split(row)]
        )
        return self._cut(row, scores, self.preset.depth), cut, self.clock.add("near", now)

    def _cut(self, rows: Ints, scores: Floats, most: int) -> Ints:
        """The best rows, ascending: `most` of them, or of passages as many as come before a further document does."""
        if self.groups is None:
            return _best_of(rows, scores, most)
        order = np.lexsort((rows, -scores))
        _, first = np.unique(self.groups[rows[order]], return_index=True)
        if len(first) > most:
            order = order[: np.partition(first, most)[most]]
        return np.sort(rows[order])

    def _scores(self, question: Question, rows: Ints) -> Floats:
        """(n,) of ascending rows."""
        parts = [
            score_some(segment, self.index.coder, question, own - segment.start) for segment, own in self._split(rows)
        ]
        return np.concatenate(parts) if parts else np.empty(0, np.float32)

    def _split(self, rows: Ints) -> list[tuple[Segment, Ints]]:
        """Ascending rows by the part that they are in."""
        starts = [segment.start for segment in self.index.segments]
        parts = np.split(rows, np.searchsorted(rows, starts[1:]))
        return [(segment, own) for segment, own in zip(self.index.segments, parts, strict=True) if len(own)]

    def _best(self, rows: Ints, scores: Floats, query: Floats) -> Found:
        scored = len(rows)
        if self.index.manifest.similarity == "mean":
            scores = scores / np.float32(max(1, len(query)))
        if self.groups is not None:
            order = np.lexsort((rows, -scores))
            _, first = np.unique(self.groups[rows[order]], return_index=True)
            chosen = order[first]
            rows, scores = rows[chosen], scores[chosen]
        if len(rows) > self.k:
            least = np.partition(scores, len(scores) - self.k)[len(scores) - self.k]
            reach = scores >= least
            rows, scores = rows[reach], scores[reach]
        order = np.lexsort((rows, -scores))
        return Found(rows[order], scores[order], scored)


def _best_of(rows: Ints, scores: Floats, most: int) -> Ints:
    """The rows with the highest scores, ascending."""
    if len(rows) <= most:
        return np.sort(rows)
    return np.sort(rows[np.argpartition(-scores, most - 1)[:most]])
