"""Runs against judgements: all that one evaluation comes to, as one value, before anything is printed."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.eval.matrix import LanguageMatrix, language_matrix
from xret.eval.measures import AlphaNDCG, Measure, from_level
from xret.eval.scores import DEFAULT_MEASURES, RunScores, query_languages, score_run
from xret.eval.statistics import Comparison

__all__ = ["Evaluation", "evaluate", "mismatch"]

logger = logging.getLogger("xret")


@dataclass(frozen=True, eq=False)
class Evaluation:
    """What runs come to.

    Attributes:
        queries: number of queries of the qrels.
        scores: run -> its values.
        languages: run -> (query id -> language); empty where not known.
        matrices: run -> its matrix of languages, where asked for.
        comparison: of the runs, where asked for.
        notes: warnings, such as queries without results.
    """

    queries: int
    scores: Mapping[str, RunScores]
    languages: Mapping[str, Mapping[str, str]]
    matrices: Mapping[str, LanguageMatrix] = field(default_factory=dict)
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()

    def per_query(self) -> pa.Table:
        """`run, qid, measure, value: float64`."""
        tables = [score.per_query() for score in self.scores.values()]
        names = [name for name, table in zip(self.scores, tables, strict=True) for _ in range(table.num_rows)]
        return pa.concat_tables(tables).add_column(0, "run", pa.array(names, pa.string()))

    def to_json(self) -> dict[str, Any]:
        """All but the values of single queries, as plain values."""
        runs = []
        for name, score in self.scores.items():
            languages = self.languages.get(name)
            one = {"run": name, "measures": score.means(),
                   "languages": score.by_language(languages).to_pylist() if languages else []}  # fmt: skip
            runs.append(one | ({"matrix": self.matrices[name].to_json()} if name in self.matrices else {}))
        more = {} if self.comparison is None else {"comparison": self.comparison.to_json()}
        return {"queries": self.queries, "runs": runs, "notes": list(self.notes), **more}


def evaluate(
    qrels: pa.Table,
    runs: Iterable[tuple[str, pa.Table]],
    measures: Sequence[Measure | str] = DEFAULT_MEASURES,
    *,
    relevant_from: int = 1,
    queries: pa.Table | None = None,
    corpus: pa.Table | None = None,
    subtopics: pa.Table | None = None,
    matrix: bool = False,
    whole_lists: bool = False,
    label: str = "qrels",
) -> Evaluation:
    """Score runs.

    Args:
        qrels: `qid, docid, relevance`.
        runs: names and runs `qid, docid, score`, one at a time.
        measures: or their spellings.
        relevant_from: the least relevance that counts, for measures that do not say it (see `from_level`).
        queries: `id, lang`, for means by language.
        corpus: `id, lang` of documents: for the matrix; their languages are the subtopics of alpha-nDCG.
        subtopics: `qid, docid, subtopic`: instead, for alpha-nDCG.
        matrix: also by language of query and document; needs the corpus.
        whole_lists: of the matrix: see `LanguageMatrix.restricted`.
        label: what the qrels are called in messages.

    Raises:
        EvalError: run and qrels have no query in common (names the run), nothing is relevant, or as `language_matrix`.
        UsageError: an unknown measure, or one that needs a corpus where there is none.
    """
    wanted = from_level(measures, relevant_from)
    _refuse_irrelevant(qrels, relevant_from, label)
    spoken = None if corpus is None else pa.table({"docid": corpus["id"], "lang": corpus["lang"]})
    plain = [one for one in wanted if not isinstance(one, AlphaNDCG)]  # of one language all is one subtopic: no matrix
    about = None if len(plain) == len(wanted) else spoken if subtopics is None else subtopics
    scores: dict[str, RunScores] = {}
    languages: dict[str, dict[str, str]] = {}
    matrices, notes = {}, []
    for name, run in runs:
        try:
            scores[name] = score_run(run, qrels, wanted, subtopics=about)
            languages[name] = query_languages(run, queries)
            if matrix and spoken is not None:
                matrices[name] = language_matrix(run, qrels, spoken, languages[name], plain, restricted=not whole_lists)
        except EvalError as error:
            raise EvalError(f"{name}: {error}") from error
        for note in filter(None, (mismatch(run, qrels), _nothing_judged(run, qrels))):
            notes.append(f"{name}: {note}")
            logger.warning(notes[-1])
    if not scores:
        raise UsageError("no runs to score; wanted at least one")
    # A query without results in one run has its language from another, so that all rows are over the same queries.
    known = {qid: lang for those in languages.values() for qid, lang in those.items()}
    languages = {name: known if those else {} for name, those in languages.items()}
    return Evaluation(len(next(iter(scores.values())).qids), scores, languages, matrices, None, tuple(notes))


def mismatch(run: pa.Table, qrels: pa.Table) -> str:
    """What to say of queries that only one of the two has; empty if they have the same."""
    mine, theirs = (pc.unique(table["qid"].cast(pa.string())) for table in (run, qrels))
    unjudged = mine.filter(pc.invert(pc.is_in(mine, value_set=theirs)))
    unanswered = theirs.filter(pc.invert(pc.is_in(theirs, value_set=mine)))
    said = []
    if some := _some(unanswered):
        said.append(f"{len(unanswered):,} of {len(theirs):,} queries of the qrels have no results and count 0 {some}")
    if some := _some(unjudged):
        said.append(f"{len(unjudged):,} of its {len(mine):,} queries are not in the qrels and left out {some}")
    return "; ".join(said)


def _nothing_judged(run: pa.Table, qrels: pa.Table) -> str:
    """What to say of a run whose documents are all unknown to the qrels; empty if one of them is known."""
    theirs = pc.unique(qrels["docid"].cast(pa.string()))
    mine = pc.unique(run["docid"].cast(pa.string()))
    if pc.any(pc.is_in(mine, value_set=theirs)).as_py():
        return ""
    return (
        f"none of its {len(mine):,} documents {_some(mine)} is among the {len(theirs):,} of the qrels {_some(theirs)}; "
        "are ids spelled alike?"
    )


def _some(ids: pa.Array) -> str:
    return "(such as " + ", ".join(f"'{value}'" for value in ids[:3].to_pylist()) + ")" if len(ids) else ""


def _refuse_irrelevant(qrels: pa.Table, level: int, label: str) -> None:
    most = pc.max(qrels["relevance"]).as_py()
    if most is None or most < level:
        raise EvalError(
            f"{label}: no document is relevant (from {level}; the greatest label of {qrels.num_rows:,} is {most}); "
            "check the labels and the least that counts"
        )
