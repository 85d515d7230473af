"""MaxP: documents that are kept as passages get the score of their best one (Dai & Callan 2019).

The passages are the rows of a corpus; its column `doc_id` names the document of each. A row without one is a document
of its own.
"""

from __future__ import annotations

import logging
from typing import Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import EvalError
from xret.runs import ordered, pair_codes

__all__ = ["RunOf", "best_passages", "to_passages"]

Ints = npt.NDArray[np.int64]
RunOf = Literal["passages", "documents"]
PARENT = "doc_id"
logger = logging.getLogger("xret")


def to_passages(run: pa.Table, corpus: pa.Table, *, of: RunOf | None = None) -> pa.Table:
    """The run with passages in place of documents: a row of the run for each passage of its document.

    Args:
        run: of passages: its `docid` are ids of the corpus; or of documents: they are values of the corpus's `doc_id`,
            or ids of rows that have none.
        corpus: `id` and `doc_id`.
        of: which of the two; None: as the ids say.

    Returns:
        The run itself where it is of passages; else its rows, each as often as its document has passages, `docid` the
        passage's id, passages in the order of the corpus.

    Raises:
        EvalError: the corpus has no `doc_id`, a document of the run is neither an id nor a `doc_id`, or all are both,
            and would be scored otherwise as the one than as the other.
    """
    if PARENT not in corpus.column_names:
        raise EvalError(
            f"the corpus has no column '{PARENT}', which names the document of each passage; give passages that have "
            "one, or rerank without MaxP over passages"
        )
    wanted = run["docid"].unique()
    owner = _owners(corpus, wanted)
    counts = np.bincount(owner[owner >= 0], minlength=len(wanted))
    found = _kind_of(corpus, wanted, owner, counts) if of is None else of
    logger.info("maxp: the run is of %s", found)
    if found == "passages":
        return run
    rows = np.flatnonzero(owner >= 0)
    rows = rows[np.argsort(owner[rows], kind="stable")]
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


def _owners(corpus: pa.Table, wanted: pa.Array) -> Ints:
    """(rows of the corpus,) the place in `wanted` of the document that each passage is of, -1 where it is not there."""
    parts = []
    for batch in corpus.select(["id", PARENT]).to_batches(max_chunksize=1 << 16):
        own = pc.coalesce(batch[PARENT].cast(wanted.type), batch["id"].cast(wanted.type))
        parts.append(pc.fill_null(pc.index_in(own, value_set=wanted), -1).to_numpy(zero_copy_only=False))
    return np.concatenate([np.empty(0, np.int64), *parts]).astype(np.int64)


def _kind_of(corpus: pa.Table, wanted: pa.Array, owner: Ints, counts: Ints) -> RunOf:
    """What the ids of a run are of.

    Raises:
        EvalError: they are ids of passages and of documents alike, and it makes a difference.
    """
    row = pc.fill_null(pc.index_in(corpus["id"].cast(wanted.type), value_set=wanted), -1).to_numpy().astype(np.int64)
    passages = np.bincount(row[row >= 0], minlength=len(wanted)) > 0
    if not (passages.all() and counts.all()):
        return "passages" if passages.all() else "documents"
    if (counts == 1).all() and np.array_equal(np.flatnonzero(row >= 0), np.flatnonzero(owner >= 0)):
        return "passages"  # each document is the one passage of its name
    both = wanted[int(np.argmax(counts != 1)) if (counts != 1).any() else 0]
    raise EvalError(
        f"the ids of the run are passages as well as documents of the corpus, such as '{both}'; say which are meant: "
        "run_of 'passages' or 'documents' (--run-of)"
    )


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
