"""Searching a lexical index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import UsageError
from xret.indexes.catalogue import candidate_rows
from xret.indexes.dense.rows import shown_columns
from xret.indexes.lexical.analyzers import base_language
from xret.indexes.lexical.opened import LexicalIndex
from xret.indexes.lexical.scoring import BM25, QueryTerm, score
from xret.runs import ordered

__all__ = ["Reader", "search_index"]

Ints = npt.NDArray[np.int64]
BLOCK = 1 << 20  # hits gathered before they are put in order


class Reader(Protocol):
    """How a query becomes terms of the documents' language."""

    def __call__(self, text: str, language: str, *, into: str) -> list[QueryTerm]:
        """The terms of a query text in `language` as terms of documents in the language `into` (first subtags)."""


@dataclass(frozen=True, eq=False)
class AsWritten:
    """The words of a query as they stand, analysed like the documents: names and loan words match across languages."""

    index: LexicalIndex

    def __call__(self, text: str, language: str, *, into: str) -> list[QueryTerm]:
        """See `Reader`."""
        weights = self.index.analyzers[into].weighed(text)
        return [(weight, ((term, 1.0),)) for term, weight in weights.items()]


def search_index(
    index: LexicalIndex,
    queries: pa.Table,
    *,
    k: int,
    languages: Sequence[str] | None = None,
    docids: Sequence[str] | None = None,
    candidates: pa.Table | None = None,
    text: bool = False,
    bm25: BM25 | None = None,
    reader: Reader | None = None,
) -> pa.Table:
    """The best k documents of every query; those that share no term with it are not found.

    Filters choose from the documents and change no score.

    Args:
        index: see `open_index`.
        queries: n rows `id, text, lang`.
        k: documents per query.
        languages: only documents of these (``zh`` takes in ``zh-Hant``).
        docids: only these documents; ids that are not there are left out.
        candidates: a run; of every query's documents in it, the best k.
        text: add the documents' texts, where the index keeps them.
        bm25: parameters; None: 0.9 and 0.4.
        reader: how queries become terms; None: as they are written, analysed like the documents.

    Returns:
        `qid, docid, score: float64, rank: int32, qlang, dlang` and, where wanted and kept, `title` and `text`, in
        the order of `xret.runs.ordered`.

    Raises:
        UsageError: k below 1.
        InputError: a language that the index has not, or candidates of which it holds none.
        MismatchError: candidates of none of the queries.
    """
    if k < 1:
        raise UsageError(f"k is {k}; ask for at least 1 hit")
    reader, bm25 = reader or AsWritten(index), bm25 or BM25()
    groups = sorted({base_language(tag) for tag in index.tags(languages)}) if languages is not None else None
    kept, chosen = (
        index.kept(languages, docids),
        None if candidates is None else candidate_rows(index, queries, candidates),
    )
    scores = np.zeros(index.table.num_rows)
    found, waiting, runs = [], 0, [_run(index, queries, [], k, text=text)]
    for number, (words, tag) in enumerate(zip(_texts(queries), queries["lang"].to_pylist(), strict=True)):
        rows, values = _scored(index, reader, bm25, words, base_language(tag), groups or list(index.analyzers), scores)
        mask = None if chosen is None else np.isin(rows, chosen[number])
        if kept is not None:
            mask = kept[rows] if mask is None else mask & kept[rows]
        if mask is not None:
            rows, values = rows[mask], values[mask]
        best = _at_least_kth(values, k)
        found.append((number, rows[best], values[best]))
        waiting += len(best)
        if waiting > BLOCK:
            runs.append(_run(index, queries, found, k, text=text))
            found, waiting = [], 0
    return pa.concat_tables([*runs, _run(index, queries, found, k, text=text)])


def _scored(
    index: LexicalIndex,
    reader: Reader,
    bm25: BM25,
    text: str,
    language: str,
    groups: Iterable[str],
    scores: npt.NDArray[np.float64],
) -> tuple[Ints, npt.NDArray[np.float64]]:
    """Ascending rows with a score above 0, and their scores; `scores`, all 0, is lent and given back so."""
    touched = [score(index, group, reader(text, language, into=group), bm25, scores) for group in groups]
    if 16 * sum(map(len, touched)) > len(scores):  # to look at all is faster than to sort these
        rows = np.flatnonzero(scores)
    else:
        rows = np.unique(np.concatenate([np.empty(0, np.int64), *touched]))
    values = scores[rows]
    scores[rows] = 0
    return rows, values


def _at_least_kth(values: npt.NDArray[np.float64], k: int) -> Ints:
    """Places of the k best and of those that tie with the last of them as float32, by which runs are ordered."""
    if len(values) <= k:
        return np.arange(len(values))
    single = values.astype(np.float32)
    return np.flatnonzero(single >= np.partition(single, len(single) - k)[len(single) - k])


def _run(
    index: LexicalIndex,
    queries: pa.Table,
    found: list[tuple[int, Ints, npt.NDArray[np.float64]]],
    k: int,
    *,
    text: bool,
) -> pa.Table:
    """Hits of whole queries as a run, k each."""
    rows = np.concatenate([np.empty(0, np.int64), *(each[1] for each in found)])
    query = np.repeat(np.array([each[0] for each in found], np.int64), [len(each[1]) for each in found])
    run = pa.table(
        {
            "qid": gather(queries["id"].cast(pa.string()), query),
            "docid": gather(index.table["id"], rows),
            "score": pa.array(np.concatenate([np.empty(0), *(each[2] for each in found)])),
            "row": pa.array(rows),
            "query": pa.array(query),
        }
    )
    run = ordered(run)
    run = run.filter(pc.less_equal(run["rank"], k))
    rows, query = run["row"].to_numpy(), run["query"].to_numpy()
    run = run.select(["qid", "docid", "score", "rank"])
    run = run.append_column("qlang", gather(queries["lang"].cast(pa.string()), query))
    run = run.append_column("dlang", gather(index.table["lang"], rows))
    for name in shown_columns(index.table, text=text and index.manifest.text):
        run = run.append_column(name, gather(index.table[name], rows))
    return run


def _texts(queries: pa.Table) -> Iterator[str]:
    for chunk in queries["text"].chunks:
        yield from chunk.to_pylist()
