"""MaxP: documents that are kept as passages get the score of their best one (Dai & Callan 2019).

The passages are the rows of a corpus; its column `doc_id` names the document of each. A row without one is a document
of its own.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import EvalError
from xret.runs import ordered, pair_codes

__all__ = ["best_passages", "to_passages"]

Ints = npt.NDArray[np.int64]
PARENT = "doc_id"


def to_passages(run: pa.Table, corpus: pa.Table) -> pa.Table:
    """The run with passages in place of documents: a row of the run for each passage of its document.

    Args:
        run: its `docid` are ids of the corpus, or else values of the corpus's `doc_id`.
        corpus: `id` and `doc_id`.

    Returns:
        The run itself where its documents are ids of the corpus; else its rows, each as often as its document has
        passages, `docid` the passage's id, passages in the order of the corpus.

    Raises:
        EvalError: the corpus has no `doc_id`, or a document of the run is neither an id nor a `doc_id`.
    """
    if PARENT not in corpus.column_names:
        raise EvalError(
            f"the corpus has no column '{PARENT}', which names the document of each passage; give passages that have "
            "one, or rerank without MaxP over passages"
        )
    wanted = run["docid"].unique()
    if len(pc.index_in(corpus["id"], value_set=wanted).unique().drop_null()) == len(wanted):
        return run
    owner = pc.fill_null(pc.index_in(corpus[PARENT], value_set=wanted), -1).to_numpy().astype(np.int64)
    rows = np.flatnonzero(owner >= 0)
    rows = rows[np.argsort(owner[rows], kind="stable")]
    counts = np.bincount(owner[rows], minlength=len(wanted))
    if not counts.all():
        lost = wanted[int(np.argmin(counts))]
        raise EvalError(
            f"document '{lost}' of the run has no passages in the corpus ({int((counts == 0).sum()):,} documents have "
            "none); give the corpus the run was made with"
        )
    begins = np.cumsum(counts) - counts
    document = pc.index_in(run["docid"], value_set=wanted).to_numpy().astype(np.int64)
    again = np.repeat(np.arange(run.num_rows), counts[document])
    first = np.cumsum(counts[document]) - counts[document]
    place = begins[document][again] + np.arange(len(again)) - first[again]
    ids = gather(corpus["id"], rows[place])
    repeated = run.take(pa.array(again))
    return repeated.set_column(repeated.column_names.index("docid"), "docid", ids.cast(run["docid"].type))


def best_passages(run: pa.Table, corpus: pa.Table) -> pa.Table:
    """The run with documents in place of passages: of each document, the row of its best passage.

    Args:
        run: its `docid` are ids of the corpus.
        corpus: `id` and `doc_id`.

    Returns:
        In trec_eval's order, ranks made anew; columns other than `docid` and `rank` as the best passage has them.
    """
    run = ordered(run)
    wanted = run["docid"].unique()
    there = pc.index_in(corpus["id"], value_set=wanted)
    rows = np.flatnonzero(there.is_valid().to_numpy())[::-1]
    row_of = np.zeros(len(wanted), np.int64)
    row_of[there.drop_null().to_numpy()[::-1]] = rows  # the first of equal ids
    parent = gather(corpus[PARENT], row_of).combine_chunks()
    parent = pc.coalesce(parent.cast(wanted.type), wanted)
    place = pc.index_in(run["docid"], value_set=wanted).to_numpy().astype(np.int64)
    documents = pa.chunked_array([parent.take(pa.array(place))])
    _, first = np.unique(pair_codes(run["qid"], documents), return_index=True)
    run = run.set_column(run.column_names.index("docid"), "docid", documents)
    return ordered(run.take(pa.array(np.sort(first))))
