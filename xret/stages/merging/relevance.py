"""P(relevant) of a retrieved document from its score and rank, by language, fitted on judged queries."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_file
from xret.bitext.calibration.logistic import Logistic, fit_logistic
from xret.errors import EvalError, InputError
from xret.runs import pair_codes
from xret.stages.merging.lists import Lists
from xret.stages.merging.normalise import Floats
from xret.stages.merging.origin import Origin

__all__ = ["COLUMNS", "RelevanceMap", "fit_relevance"]

COLUMNS = ("score", "log_rank", "own")
LEAST = 50  # relevant documents of a language from which it gets weights of its own
_KIND = "relevance-map"
_REMEDY = "give a file by 'xret eval calibration --save'"


@dataclass(frozen=True)
class RelevanceMap:
    """Logistic regressions of relevance.

    Attributes:
        pooled: of all languages together: for those that `languages` lacks.
        languages: language of the document -> its own.
        made: where it comes from: numbers of queries and relevant documents.
        origin: the run that it was fitted on, which those that it is put on must be like; None: not looked at.
    """

    pooled: Logistic
    languages: Mapping[str, Logistic]
    made: Mapping[str, int]
    origin: Origin | None = None

    def __call__(self, lists: Lists) -> Floats:
        """(n,) P(relevant) of every row of a run."""
        columns = _columns(lists)
        found = self.pooled(columns)
        for number, name in enumerate(lists.languages):
            if name in self.languages:
                rows = lists.language == number
                found[rows] = self.languages[name](columns[rows])
        return found

    def save(self, path: str | Path) -> None:
        """Write as JSON."""
        maps = {name: one.fields() for name, one in sorted(self.languages.items())}
        fields = {
            "kind": _KIND,
            "format": 1,
            "made": dict(self.made),
            "origin": self.origin and self.origin.fields(),
            "pooled": self.pooled.fields(),
            "languages": maps,
        }
        with atomic_file(Path(path)) as temporary:
            temporary.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @staticmethod
    def load(path: str | Path) -> RelevanceMap:
        """Read what `save` wrote.

        Raises:
            InputError: no such file, or not one of these.
        """
        try:
            fields = json.loads(Path(path).read_text(encoding="utf-8"))
            if fields["kind"] != _KIND or fields["format"] != 1:
                raise KeyError("kind")
            languages = {name: _logistic(one) for name, one in fields["languages"].items()}
            return RelevanceMap(
                _logistic(fields["pooled"]), languages, fields["made"], Origin.read(fields.get("origin"))
            )
        except OSError as error:
            raise InputError(
                f"{path}: {error.strerror or error}; give a file by 'xret eval calibration --save'"
            ) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError, InputError) as error:
            raise InputError(f"{path}: is no map from scores to relevance; {_REMEDY}") from error


def fit_relevance(run: pa.Table, qrels: pa.Table, *, by_language: bool = True) -> RelevanceMap:
    """Fit P(relevant | score, ln rank, own language), for every language of the documents by itself.

    What is not judged counts as not relevant; queries without judgements are left out. A language with less than
    fifty relevant documents in the run is judged by the regression of all.

    Args:
        run: `qid, docid, score, dlang`, and `qlang` where known.
        qrels: `qid, docid, relevance`; above 0 is relevant.
        by_language: else one regression for all languages, which says nothing of how much each has that is relevant: a
            language in which little is does not sink for that.

    Source: Le Calvé & Savoy, "Database merging strategy based on logistic regression", Information Processing &
    Management 36(3), 2000 (ln rank); Savoy & Berger, CLEF 2004 (ln rank and score). Whether query and document share
    their language is our addition.

    Raises:
        EvalError: no `dlang`, no judged query, or of the documents retrieved none is relevant, or all are.
    """
    judged = _judged(run, qrels)
    lists = Lists.of(run.filter(judged))
    relevant = _relevant(lists, qrels)
    total = int(relevant.sum())
    if not 0 < total < len(relevant):
        raise EvalError(
            f"{total:,} of the {len(relevant):,} documents retrieved for judged queries are relevant; a map from "
            "scores to relevance needs both kinds: give a deeper run, or the qrels it belongs to"
        )
    columns, maps = _columns(lists), {}
    for number, name in enumerate(lists.languages):
        rows = lists.language == number
        count = int(relevant[rows].sum())
        if by_language and LEAST <= count < int(rows.sum()):
            maps[name] = fit_logistic(columns[rows], relevant[rows], COLUMNS)
    made = {"queries": len(np.unique(lists.query)), "relevant": total, "rows": len(relevant)}
    return RelevanceMap(fit_logistic(columns, relevant, COLUMNS), maps, made, Origin.of(lists))


def _judged(run: pa.Table, qrels: pa.Table) -> pa.ChunkedArray:
    """(n,) whether the query of a row has judgements.

    Raises:
        EvalError: none has.
    """
    judged = pc.is_in(run["qid"].cast(pa.string()), value_set=pc.unique(qrels["qid"].cast(pa.string())))
    if not pc.any(judged).as_py():
        raise EvalError("run and qrels share no query; check that they belong to the same set and spell ids alike")
    return judged


def _relevant(lists: Lists, qrels: pa.Table) -> Floats:
    good = qrels.filter(pa.array(qrels["relevance"].to_numpy() > 0))
    n = lists.run.num_rows
    both = [pa.chunked_array([*lists.run[name].cast(pa.string()).chunks, *good[name].cast(pa.string()).chunks])
            for name in ("qid", "docid")]  # fmt: skip
    code = pair_codes(*both)
    return np.isin(code[:n], code[n:]).astype(np.float64)


def _columns(lists: Lists) -> Floats:
    return np.column_stack([lists.score, np.log(lists.within), lists.own])


def _logistic(fields: Mapping[str, Any]) -> Logistic:
    if tuple(fields["columns"]) != COLUMNS:
        raise KeyError("columns")
    return Logistic(COLUMNS, tuple(map(float, fields["weights"])), float(fields["bias"]))
