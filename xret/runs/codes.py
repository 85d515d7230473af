"""Numbers for ids and for pairs of ids, so that rows are matched by integers."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["codes", "joint_codes", "pair_codes"]

Ints = npt.NDArray[np.int64]


def codes(column: pa.ChunkedArray, values: pa.Array | None = None) -> Ints:
    """(rows,) place of each id in `values` (by default its distinct ids by first appearance), -1 for those absent.

    Ids are compared as strings, whatever types hold them.
    """
    column = column.cast(pa.string())
    found = pc.index_in(column, value_set=pc.unique(column) if values is None else values.cast(pa.string()))
    places: Ints = pc.fill_null(found, -1).to_numpy().astype(np.int64)
    return places


def joint_codes(first: Ints, second: Ints, seconds: int) -> Ints:
    """(rows,) a number for each pair of codes, equal for equal pairs, -1 where one of the two is.

    Args:
        first: (rows,) codes, -1 or more.
        second: (rows,) codes from -1 to `seconds` - 1.
        seconds: number of second codes; first and second codes together stay below 2**63 by far.
    """
    return np.where((first < 0) | (second < 0), -1, first * seconds + second)


def pair_codes(first: pa.ChunkedArray, second: pa.ChunkedArray) -> Ints:
    """(rows,) a number >= 0 for each pair of ids, such as (qid, docid), equal for equal pairs."""
    seconds = codes(second)
    return joint_codes(codes(first), seconds, int(seconds.max(initial=-1)) + 1)
