"""What looks wrong in a file of results or judgements though every field can be read."""

from __future__ import annotations

import logging

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import EvalError
from xret.runs.codes import codes
from xret.runs.rows import Rows

__all__ = ["LABELS", "refuse_labels", "warn_of_ranks"]

LABELS = (-2, 1000)  # TREC's own go from -2 (spam); what is beyond is another column, or scores in the place of labels


def refuse_labels(rows: Rows, relevance: pa.ChunkedArray) -> None:
    """Refuse labels that cannot be relevance.

    Raises:
        EvalError: one below -2 or above 1,000; names file and line.
    """
    least, most = LABELS
    values = relevance.to_numpy()
    wrong = np.flatnonzero((values < least) | (values > most))
    if len(wrong):
        raise EvalError(
            f"{rows.where(int(wrong[0]))}: relevance is {values[wrong[0]]} ({len(wrong):,} such of {len(values):,}); "
            f"wanted labels from {least} to {most:,}: look whether another column stands in their place"
        )


def warn_of_ranks(label: str, table: pa.Table, rank: pa.ChunkedArray) -> None:
    """Say once how many rows of a run have a rank that their score contradicts; scores decide.

    Args:
        label: the file.
        table: `qid, docid, score` in the order of the file.
        rank: (rows,) the file's own ranks; nothing is said where they are no numbers.
    """
    try:
        said = rank.cast(pa.int64()).to_numpy()
    except pa.ArrowException:
        return
    query, score = codes(table["qid"]), table["score"].to_numpy()
    order = _by_rank(query, said)
    with np.errstate(over="ignore"):  # beyond float32 is infinity, as in `trec_order`
        query, said, score = query[order], said[order], score[order].astype(np.float32)
    wrong = (query[1:] == query[:-1]) & (said[1:] > said[:-1]) & (score[1:] > score[:-1])
    places = np.flatnonzero(wrong)
    if len(places):
        row = int(order[places[0] + 1])
        logging.getLogger("xret").warning(
            "%s: the ranks of %s documents of %s queries contradict their scores (such as '%s' for query '%s'); "
            "scores decide, as in trec_eval",
            label, f"{len(places):,}", f"{len(np.unique(query[places])):,}", table["docid"][row], table["qid"][row],
        )  # fmt: skip


def _by_rank(query: npt.NDArray[np.int64], rank: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """(rows,) the order by query and then rank; most files have it already."""
    step = np.diff(query)
    if (step >= 0).all() and (np.diff(rank)[step == 0] >= 0).all():
        return np.arange(len(query))
    return np.lexsort((rank, query))
