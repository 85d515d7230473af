"""What stands in a report, as values; how it looks is the matter of text.py and html.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.bitext.columns import PAIR_COLUMNS, Langs
from xret.bitext.filters import Count, Filtered, ScoreFloor
from xret.bitext.filters.filter import best_first
from xret.bitext.report.histogram import Histogram, histogram
from xret.corpus import gather, keep

__all__ = ["BitextReport", "ReportPair", "bitext_report"]

SHOWN = 20  # pairs around the threshold, and at the top
_MEASURES = ("cosine", "src_mean", "tgt_mean", "src_rank", "tgt_rank", "probability")


@dataclass(frozen=True)
class ReportPair:
    """A pair to show: score (None: it has none), ids, texts, other numbers by name."""

    score: float | None
    src_id: str
    tgt_id: str
    src_text: str
    tgt_text: str
    measures: Mapping[str, float]


@dataclass(frozen=True)
class BitextReport:
    """A run of mining or filtering.

    Attributes:
        title: of the page.
        facts: what is worth knowing about the run: name and value.
        langs: of source and target, ``und`` for one that is not known.
        pairs, kept: how many came, how many were left.
        threshold: the lowest score kept, if there was one.
        scores: histogram of kept and dropped pairs.
        counts: what each filter dropped.
        doubts: what looks wrong about the list.
        above, below: the ten pairs next to the threshold on either side, best first; without one, the last twenty kept.
        top: the twenty best pairs kept.
    """

    title: str
    facts: tuple[tuple[str, str], ...]
    langs: Langs
    pairs: int
    kept: int
    threshold: float | None
    scores: Histogram
    counts: tuple[Count, ...]
    doubts: tuple[str, ...]
    above: tuple[ReportPair, ...]
    below: tuple[ReportPair, ...]
    top: tuple[ReportPair, ...]


def bitext_report(
    filtered: Filtered,
    *,
    title: str = "Sentence pairs",
    facts: Sequence[tuple[str, str]] = (),
    langs: Langs = ("und", "und"),
    threshold: float | None = None,
) -> BitextReport:
    """Make a report of filtered pairs.

    Args:
        filtered: what a `FilterChain` gave, which may have had no filters. For the pairs below the threshold to be
            shown, it must have been a filter (`ScoreFloor`).
        title: of the page.
        facts: what is worth knowing about the run: name and value.
        langs: of source and target (BCP 47).
        threshold: the lowest score kept.
    """
    kept, dropped = filtered.kept, filtered.dropped
    order = best_first(kept)
    missed = keep(dropped, pc.equal(dropped["dropped_by"], ScoreFloor.reason).to_numpy())
    near = SHOWN if threshold is None else SHOWN // 2
    return BitextReport(
        title=title,
        facts=tuple(facts),
        langs=langs,
        pairs=kept.num_rows + dropped.num_rows,
        kept=kept.num_rows,
        threshold=threshold,
        scores=histogram(_scores(kept), _scores(dropped)),
        counts=filtered.counts,
        doubts=filtered.doubts,
        above=_shown(kept, order[-near:]),
        below=() if threshold is None else _shown(missed, best_first(missed)[:near]),
        top=_shown(kept, order[:SHOWN]),
    )


def _scores(pairs: pa.Table) -> NDArray[np.float64]:
    if "score" not in pairs.column_names:
        return np.full(pairs.num_rows, np.nan)
    scores: NDArray[np.float64] = pairs["score"].to_numpy().astype(np.float64)  # null: NaN
    return scores


def _shown(pairs: pa.Table, rows: NDArray[np.int64]) -> tuple[ReportPair, ...]:
    names = pairs.column_names
    measures = [name for name in _MEASURES if name in names]
    columns = {name: gather(pairs[name], rows).to_pylist() for name in (*PAIR_COLUMNS, *measures) if name in names}
    shown = []
    for row in range(len(rows)):
        values = {name: column[row] for name, column in columns.items()}
        known = {name: float(values[name]) for name in measures if values[name] is not None}
        ids, texts = (values["src_id"], values["tgt_id"]), (values["src_text"], values["tgt_text"])
        shown.append(ReportPair(values.get("score"), *ids, *texts, known))
    return tuple(shown)
