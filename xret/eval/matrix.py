"""Any measure by language of the query and language of the document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.eval.measures import Measure
from xret.eval.scores import score_run

__all__ = ["LanguageMatrix", "language_matrix"]

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
LANGUAGE = "xret.language"


@dataclass(frozen=True, eq=False)
class LanguageMatrix:
    """Means of m measures for q languages of queries and d languages of documents.

    Attributes:
        measures: m spellings.
        asked: q languages of queries, by name; ``und`` for queries without.
        found: d languages of relevant documents, by name.
        queries: (q, d) number of queries with a relevant document in the language: only these count.
        values: (m, q, d) means over them; NaN where there are none.
        restricted: documents of other languages were taken out of the lists; else they kept their ranks, and counted
            as not judged.
    """

    measures: tuple[str, ...]
    asked: tuple[str, ...]
    found: tuple[str, ...]
    queries: Ints
    values: Floats
    restricted: bool

    def table(self, measure: str) -> pa.Table:
        """`qlang, queries: int64`, a float64 column a language of documents (NaN: none), `mean` of the row."""
        cells = self.values[self.measures.index(measure)]
        columns = {lang: cells[:, place] for place, lang in enumerate(self.found)}
        return pa.table(
            {"qlang": list(self.asked), "queries": self.queries.sum(axis=1), **columns, "mean": _mean(cells)}
        )

    def means(self, measure: str) -> dict[str, float]:
        """``macro``: of the cells, all alike; ``micro``: of pairs of a query and a language, all alike.

        ``mono`` and ``cross``: of the cells with the same language on both sides, and of the others. NaN where none.
        """
        cells = self.values[self.measures.index(measure)]
        same = np.array(self.asked)[:, None] == np.array(self.found)[None, :]
        there = self.queries > 0
        micro = float((cells[there] * self.queries[there]).sum() / self.queries.sum())
        macro, mono, cross = (float(_mean(cells[where & there][None, :])[0]) for where in (True, same, ~same))
        return {"macro": macro, "micro": micro, "mono": mono, "cross": cross}

    def definition(self) -> str:
        """What a cell is."""
        lists = (
            "lists restricted to them (ranks closed up)"
            if self.restricted
            else "whole lists (documents of other languages keep their ranks and count as not judged)"
        )
        return (
            f"rows: language of the query; columns: judgements of documents of that language alone, {lists}; queries "
            "without a relevant document in the language are left out of the cell"
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as plain values."""
        return {
            "restricted": self.restricted,
            "queries": self.queries.tolist(),
            "qlangs": list(self.asked),
            "dlangs": list(self.found),
            "measures": {
                name: {"cells": self.values[place].tolist(), **self.means(name)}
                for place, name in enumerate(self.measures)
            },
        }


def language_matrix(
    run: pa.Table,
    qrels: pa.Table,
    languages: pa.Table,
    query_languages: Mapping[str, str],
    measures: Sequence[Measure | str],
    *,
    restricted: bool = True,
) -> LanguageMatrix:
    """Score a run for every language of queries and of documents.

    Args:
        run: `qid, docid, score`.
        qrels: `qid, docid, relevance`.
        languages: `docid, lang` of all relevant documents, and of what the run retrieves; what it does not know belongs
            to none.
        query_languages: query id -> language; queries without one count as ``und``.
        measures: or their spellings.
        restricted: see `LanguageMatrix`.

    Raises:
        EvalError: the language of a relevant document is not known, nothing is relevant, or run and qrels share no
            query.
    """
    judged = _spoken(qrels, languages)
    _refuse_unknown(judged)
    judged = judged.filter(pc.is_valid(judged[LANGUAGE]))
    kept = (
        judged.filter(pc.greater(judged["relevance"], 0)).group_by(["qid", LANGUAGE], use_threads=False).aggregate([])
    )
    if not kept.num_rows:
        raise EvalError("qrels: no document is relevant (above 0); check them")
    found = sorted(set(kept[LANGUAGE].to_pylist()))
    judged, pairs = judged.join(kept, ["qid", LANGUAGE], join_type="inner"), {}
    if not set(pc.unique(run["qid"].cast(pa.string())).to_pylist()) & set(kept["qid"].to_pylist()):
        raise EvalError("run and qrels share no query; check that they belong to the same set and spell ids alike")
    lists = _spoken(run.select(["qid", "docid", "score"]), languages) if restricted else run
    names: tuple[str, ...] = ()
    for lang in found:
        mine = lists.filter(pc.equal(lists[LANGUAGE], lang)) if restricted else lists
        scores = _scored(mine, judged.filter(pc.equal(judged[LANGUAGE], lang)), measures)
        names = tuple(map(str, scores.measures))
        pairs[lang] = dict(zip(scores.qids.to_pylist(), scores.values, strict=True))
    return _gathered(pairs, query_languages, names, restricted=restricted)


def _scored(run: pa.Table, qrels: pa.Table, measures: Sequence[Measure | str]) -> Any:
    """`score_run`, with a row that finds nothing where the run has none of the queries: all of them count 0."""
    if not pc.any(pc.is_in(run["qid"].cast(pa.string()), value_set=pc.unique(qrels["qid"]))).as_py():
        run = pa.table({"qid": [qrels["qid"][0].as_py()], "docid": [""], "score": [0.0]})
    return score_run(run, qrels, measures)


def _gathered(
    pairs: Mapping[str, Mapping[str, Floats]], spoken: Mapping[str, str], names: tuple[str, ...], *, restricted: bool
) -> LanguageMatrix:
    rows = [(spoken.get(qid) or "und", lang, values) for lang, those in pairs.items() for qid, values in those.items()]
    asked, found = sorted({row[0] for row in rows}), sorted(pairs)
    cell = np.array([asked.index(qlang) * len(found) + found.index(dlang) for qlang, dlang, _ in rows])
    values, size = np.array([row[2] for row in rows]), len(asked) * len(found)
    counts = np.bincount(cell, minlength=size)
    sums = np.array([np.bincount(cell, values[:, place], size) for place in range(len(names))]).reshape(-1, size)
    means = np.divide(sums, counts, out=np.full(sums.shape, np.nan), where=counts > 0)
    shape = (len(asked), len(found))
    return LanguageMatrix(
        names, tuple(asked), tuple(found), counts.reshape(shape), means.reshape(-1, *shape), restricted
    )


def _spoken(table: pa.Table, languages: pa.Table) -> pa.Table:
    """The rows with the language of their document, null where it is not known; ids as strings."""
    ids = table["docid"].cast(pa.string())
    place = pc.index_in(ids, value_set=languages["docid"].cast(pa.string()).combine_chunks())
    lang = languages["lang"].cast(pa.string()).combine_chunks().take(place)
    table = table.set_column(table.column_names.index("qid"), "qid", table["qid"].cast(pa.string()))
    return table.append_column(LANGUAGE, lang)


def _refuse_unknown(judged: pa.Table) -> None:
    lost = judged.filter(pc.and_(pc.is_null(judged[LANGUAGE]), pc.greater(judged["relevance"], 0)))
    if lost.num_rows:
        raise EvalError(
            f"the language of relevant document '{lost['docid'][0]}' is not known ({lost.num_rows:,} such); give the "
            "corpus with all judged documents"
        )


def _mean(cells: Floats) -> Floats:
    """(rows,) means over the numbers of each row; NaN where there are none."""
    there = ~np.isnan(cells)
    count = there.sum(axis=1)
    total = np.where(there, cells, 0.0).sum(axis=1)
    means: Floats = np.divide(total, count, out=np.full(len(cells), np.nan), where=count > 0)
    return means
