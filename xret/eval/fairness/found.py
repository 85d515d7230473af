"""Where the relevant documents of every language stand in a run, and the languages of what stands first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.runs.codes import codes, pair_codes
from xret.runs.order import ranks, trec_order

__all__ = ["Floats", "Found", "Ints", "find"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Found:
    """n queries (all those of the qrels), l languages, r relevant documents (relevance above 0), m retrieved ones.

    Attributes:
        qids: (n,) query ids.
        languages: l names.
        own: (n,) place of the query's language in `languages`, -1 where unknown or not among them.
        retrieved: (n,) number of documents retrieved.
        query: (r,) query of each relevant document.
        language: (r,) its language.
        relevance: (r,) its relevance.
        rank: (r,) its rank from 1; 0 where it is not retrieved.
        shown_query: (m,) query of each retrieved document.
        shown_language: (m,) its language, -1 for one that no relevant document has.
        shown_rank: (m,) its rank from 1.
    """

    qids: pa.Array
    languages: tuple[str, ...]
    own: Ints
    retrieved: Ints
    query: Ints
    language: Ints
    relevance: Ints
    rank: Ints
    shown_query: Ints
    shown_language: Ints
    shown_rank: Ints

    def places(self, cutoff: int | None = None) -> Floats:
        """(r,) ranks; documents not retrieved (within the cutoff) share the mean of the places after the last one."""
        last = self.retrieved if cutoff is None else np.minimum(self.retrieved, cutoff)
        out = (self.rank == 0) | (self.rank > last[self.query])
        waiting = np.bincount(self.query[out], minlength=len(self.qids))
        return np.where(out, last[self.query] + (waiting[self.query] + 1) / 2, self.rank)

    def only(self, relevance: int) -> Found:
        """The same with the documents of one relevance alone."""
        kept = self.relevance == relevance
        return Found(
            self.qids, self.languages, self.own, self.retrieved, self.query[kept], self.language[kept],
            self.relevance[kept], self.rank[kept], self.shown_query, self.shown_language, self.shown_rank,
        )  # fmt: skip


def find(
    run: pa.Table, qrels: pa.Table, languages: pa.Table, *, query_languages: dict[str, str] | None = None
) -> Found:
    """Look for the relevant documents of a run.

    Args:
        run: `qid, docid, score`; trec_eval's order is made here.
        qrels: `qid, docid, relevance`.
        languages: `docid, lang` of all relevant documents and of what the run retrieves; others count as of none.
        query_languages: query id -> language.

    Raises:
        EvalError: run and qrels share no query, no document is relevant, or the language of one that is is not known.
    """
    good = qrels.filter(pa.array(qrels["relevance"].to_numpy() > 0))
    if not good.num_rows:
        raise EvalError("qrels: no document is relevant (above 0), so there is nothing to be fair about; check them")
    qids = pc.unique(qrels["qid"].cast(pa.string()))
    lang = _languages(good["docid"], languages)
    _refuse_unknown(good, lang)
    names = pc.unique(lang)
    names = names.take(pc.sort_indices(names))
    query = codes(run["qid"], qids)
    if not (query >= 0).any():
        raise EvalError("run and qrels share no query; check that they belong to the same set and spell ids alike")
    run, query = run.filter(pa.array(query >= 0)), query[query >= 0]
    order = trec_order(query, run["score"].to_numpy(), run["docid"])
    run, query = run.take(pa.array(order)), query[order]
    rank = ranks(query)
    said = query_languages or {}
    own = pa.array([said.get(qid) for qid in qids.to_pylist()], pa.string())
    return Found(
        qids, tuple(names.to_pylist()), codes(pa.chunked_array([own]), names), np.bincount(query, minlength=len(qids)),
        codes(good["qid"], qids), codes(lang, names), good["relevance"].to_numpy().astype(np.int64),
        _ranks_of(good, run, rank), query, codes(_languages(run["docid"], languages), names), rank,
    )  # fmt: skip


def _ranks_of(good: pa.Table, run: pa.Table, rank: Ints) -> Ints:
    """(relevant documents,) rank in the run, 0 for those it lacks."""
    both = [pa.chunked_array([*run[name].cast(pa.string()).chunks, *good[name].cast(pa.string()).chunks])
            for name in ("qid", "docid")]  # fmt: skip
    code = pair_codes(*both)
    there, wanted = code[: run.num_rows], code[run.num_rows :]
    order = np.argsort(there)
    place = order[np.minimum(np.searchsorted(there, wanted, sorter=order), len(there) - 1)]
    return np.where(there[place] == wanted, rank[place], 0)


def _languages(docid: pa.ChunkedArray, languages: pa.Table) -> pa.ChunkedArray:
    place = pc.index_in(docid.cast(pa.string()), value_set=languages["docid"].cast(pa.string()).combine_chunks())
    return languages["lang"].cast(pa.string()).take(place)


def _refuse_unknown(good: pa.Table, lang: pa.ChunkedArray) -> None:
    if lang.null_count:
        row = pc.index(lang.is_null(), True).as_py()
        raise EvalError(
            f"the language of relevant document '{good['docid'][row]}' is not known ({lang.null_count:,} of "
            f"{len(lang):,} such); give the corpus, which has the languages of what no run retrieved"
        )
