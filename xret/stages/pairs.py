"""The table of mined pairs, from pairs of distinct sentences."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.corpus import gather
from xret.stages.distinct import Distinct
from xret.stages.margin import Candidates

__all__ = ["Side", "pairs_table"]

logger = logging.getLogger("xret")


class Side:
    """One corpus, its distinct sentences, and the mean cosine of each to its neighbours."""

    def __init__(self, corpus: pa.Table, distinct: Distinct, means: NDArray[np.float64]) -> None:
        """A corpus `id, text`; `means` (u,) for the u distinct texts."""
        self.corpus, self.distinct, self.means = corpus, distinct, means.astype(np.float32)

    def gather(self, column: str, rows: NDArray[np.int64]) -> pa.ChunkedArray:
        """A column's values at some rows."""
        return gather(self.corpus[column], rows)


def pairs_table(src: Side, tgt: Side, chosen: Candidates, others: Mapping[str, Any] | None = None) -> pa.Table:
    """Pairs of distinct sentences as the pairs of all their ids.

    Args:
        src: the source side.
        tgt: the target side.
        chosen: p pairs.
        others: further columns, arrays (p,) of NumPy or Arrow.

    Returns:
        `score: float64, src_id, tgt_id, src_text, tgt_text: string, cosine, src_mean, tgt_mean: float32` and the
        others, by (score descending, src_id, tgt_id), ids compared as strings.
    """
    src_rows, first = src.distinct.rows_of(chosen.src)
    tgt_rows, second = tgt.distinct.rows_of(chosen.tgt[first])
    src_rows, pair = src_rows[second], first[second]
    if len(pair) > len(chosen.src):
        logger.info(f"repeated lines: {len(chosen.src)} pairs of sentences are {len(pair)} pairs of ids")
    columns = {"score": chosen.score[pair], "src_id": src.gather("id", src_rows), "tgt_id": tgt.gather("id", tgt_rows)}
    by_ids = [("score", "descending"), ("src_id", "ascending"), ("tgt_id", "ascending")]
    ids = pa.table(columns)
    order = pc.sort_indices(ids, sort_keys=by_ids).to_numpy().astype(np.int64)
    pair, src_rows, tgt_rows = (rows[order] for rows in (pair, src_rows, tgt_rows))
    columns = {name: gather(ids[name], order) for name in ids.column_names}
    columns |= {"src_text": src.gather("text", src_rows), "tgt_text": tgt.gather("text", tgt_rows)}
    columns |= {"cosine": chosen.cosine[pair], "src_mean": src.means[chosen.src[pair]]}
    columns |= {"tgt_mean": tgt.means[chosen.tgt[pair]]}
    return pa.table(columns | {name: pa.array(values).take(pa.array(pair)) for name, values in (others or {}).items()})
