"""All that can be said of how a run treats languages, with what is not defined left undefined."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from xret.eval.fairness.correlation import rank_correlation
from xret.eval.fairness.found import find
from xret.eval.fairness.preference import FIRST, first_documents, language_preference
from xret.eval.fairness.report import fairness
from xret.eval.scores import score_run

__all__ = ["Study", "meanings", "study"]


@dataclass(frozen=True, eq=False)
class Study:
    """What a run comes to.

    Attributes:
        measures: name -> mean over the queries (MRC: topics) for which it is defined; NaN: for none of them.
        defined: name -> number of these.
        first: `FIRST` -> share of the queries whose first document is so; NaN: undefined.
        languages: of documents, see `FairnessScores.languages`.
        query_languages: `lang, topics, MRC@k`; without rows where no topic is in two languages.
        topics: how topics are known; None: they are not.
    """

    measures: Mapping[str, float]
    defined: Mapping[str, int]
    first: Mapping[str, float]
    languages: pa.Table
    query_languages: pa.Table
    topics: str | None

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values; NaN for undefined."""
        return {
            "measures": dict(self.measures),
            "defined": dict(self.defined),
            "first": dict(self.first),
            "languages": self.languages.to_pylist(),
            "query_languages": self.query_languages.to_pylist(),
            "topics": self.topics,
        }


def study(
    run: pa.Table,
    qrels: pa.Table,
    languages: pa.Table,
    *,
    query_languages: dict[str, str] | None = None,
    topics: tuple[Mapping[str, str], str] | None = None,
    cutoff: int = 20,
    recall: int = 100,
) -> Study:
    """Measure how a run treats languages: `fairness`, and what needs the languages or the topics of queries.

    Args:
        run: `qid, docid, score`.
        qrels: `qid, docid, relevance`.
        languages: `docid, lang` of all relevant documents, and of what the run retrieves.
        query_languages: query id -> language: for own-first, LPR and what stands first.
        topics: query id -> topic, and how that is known (see `topics_of`): for MRC.
        cutoff: k of PEER, AWRF, alpha-nDCG and MRC.
        recall: k of the recall.

    Raises:
        EvalError: as `find`.
    """
    spoken = query_languages or {}
    fair = fairness(run, qrels, languages, query_languages=spoken, cutoff=cutoff, recall=recall)
    measures, defined = dict(fair.measures), dict(fair.defined)
    found = find(run, qrels, languages, query_languages=spoken)
    prefers, first = language_preference(found), first_documents(found)
    new = score_run(run, qrels, [f"alpha-nDCG@{cutoff}"], subtopics=languages).values[:, 0]
    new[np.bincount(found.query, minlength=len(new)) == 0] = np.nan  # nothing relevant in any language
    for name, values in (("LPR", prefers), (f"alpha-nDCG@{cutoff}", new)):
        known = values[~np.isnan(values)]
        measures[name], defined[name] = float(known.mean()) if len(known) else float("nan"), len(known)
    agreed = rank_correlation(run, topics[0] if topics else {}, spoken, cutoff)
    measures[f"MRC@{cutoff}"], defined[f"MRC@{cutoff}"] = agreed.mean, agreed.topics
    known = first[~np.isnan(first[:, 0])]
    shares = known.mean(axis=0) if len(known) else np.full(4, np.nan)
    return Study(
        measures, defined, dict(zip(FIRST, shares.tolist(), strict=True)), fair.languages, agreed.languages,
        topics[1] if topics else None,
    )  # fmt: skip


def meanings(cutoff: int, recall: int) -> dict[str, tuple[str, str]]:
    """Measure -> which value is fair, and what it says."""
    return {
        f"PEER@{cutoff}": ("1", "relevant documents of all languages are expected at the same rank (corrected PEER)"),
        f"AWRF@{cutoff}": ("1", "each language's share of attention is its share of what is relevant"),
        f"alpha-nDCG@{cutoff}": ("1", "languages as subtopics: all of them early"),
        "W": ("0", "Kendall's: how much queries agree on an order of languages"),
        "own-first": ("0.5", "how often the query's own language stands before another"),
        "LPR": ("-", "how often the first relevant document is in the query's language"),
        "distance": ("0", "ranks from the first to the last language of parallel documents"),
        f"MRC@{cutoff}": ("1", "translations of a query find the same documents in the same order (Spearman)"),
        f"worst R@{recall}": ("-", "recall in the language that has the least"),
        "least share": ("1", "attention over what is due, of the language that comes off worst"),
    }
