"""The one order of a run: trec_eval's."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.runs.codes import codes

__all__ = ["ordered", "ranks", "trec_order"]

Ints = npt.NDArray[np.int64]


def trec_order(query: Ints, score: npt.NDArray[np.floating], docid: pa.ChunkedArray | pa.Array) -> Ints:
    """Row numbers sorted by query code, then score descending, then docid descending in byte order.

    Scores are compared as float32, as trec_eval up to 9.0.8 and pytrec_eval do (``float sim`` in `trec_format.h`;
    version 10 of 2026 compares doubles): scores that differ in the eighth digit only are ties, decided by docid.

    Args:
        query: (n,) codes >= 0 below 2**31 of each row's query.
        score: (n,) without NaN.
        docid: (n,) strings.

    Returns:
        (n,) a permutation of 0..n-1.
    """
    key = (query.astype(np.uint64) << np.uint64(32)) | _descending(score)
    order: Ints = np.arange(len(key))
    if not (key[1:] >= key[:-1]).all():  # most runs are in order already
        order = np.argsort(key)  # not stable, and faster for it: equal keys are put in order below
        key = key[order]
    same = key[1:] == key[:-1]
    tied = np.zeros(len(key), bool)
    tied[1:] |= same
    tied[:-1] |= same
    places = np.flatnonzero(tied)
    if len(places):
        rows = order[places]
        rows = rows[np.lexsort((rows, key[places]))]  # so that rows equal in all stay as they came
        order[places] = rows[np.lexsort((_docid_rank(docid, rows), key[places]))]
    return order


def ranks(query: Ints) -> Ints:
    """1-based position of each row within its query, for (n,) codes in which each query's rows stand together."""
    starts = np.flatnonzero(np.diff(query, prepend=-1))
    lengths = np.diff(np.append(starts, len(query)))
    return np.arange(1, len(query) + 1) - np.repeat(starts, lengths)


def ordered(run: pa.Table) -> pa.Table:
    """A run in trec_eval's order, queries in order of first appearance, with `rank` (int32, from 1) made anew."""
    query = codes(run["qid"])
    order = trec_order(query, run["score"].to_numpy(), run["docid"])
    if not np.array_equal(order, np.arange(len(order))):
        run = run.take(pa.array(order))
    rank = pa.array(ranks(query[order]), pa.int32())
    where = run.column_names.index("rank") if "rank" in run.column_names else -1
    return run.append_column("rank", rank) if where < 0 else run.set_column(where, "rank", rank)


def _descending(score: npt.NDArray[np.floating]) -> npt.NDArray[np.uint64]:
    """Numbers that ascend as float32 scores descend; equal scores (also 0 and -0) give equal numbers."""
    with np.errstate(over="ignore"):  # beyond float32 is infinity, in trec_eval too
        bits = (score.astype(np.float32) + np.float32(0)).view(np.uint32)
    negative = (bits.view(np.int32) >> 31).view(np.uint32)  # all bits where the sign is
    return (~(bits ^ (negative | np.uint32(1 << 31)))).astype(np.uint64)


def _docid_rank(docid: pa.ChunkedArray | pa.Array, rows: Ints) -> Ints:
    """(len(rows),) place of each row's docid among those rows, descending; Arrow compares bytes, as strcmp does."""
    down = pc.sort_indices(docid.take(pa.array(rows)), sort_keys=[("", "descending")]).to_numpy()
    place = np.empty(len(rows), np.int64)
    place[down] = np.arange(len(rows))
    return place
