"""Fusion: several runs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import UsageError
from xret.runs import known_columns, ordered, pair_codes
from xret.stages.stage import Stage

__all__ = ["Fuse", "fuse_runs"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Fuse(Stage):
    """Merges two to four runs (see `fuse_runs`).

    Output: a run.

    Attributes:
        method: ``rrf``.
        k: the constant of reciprocal rank fusion.
        depth: documents per query that are kept; None keeps all.
        tag: the name of the new run.
    """

    name = "fuse"
    inputs = ("run", "other_run", "third_run?", "fourth_run?")
    output = "run"

    method: Literal["rrf"] = "rrf"
    k: int = 60
    depth: int | None = None
    tag: str = "rrf"

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 0:
            raise UsageError(f"k is {self.k}; reciprocal rank fusion needs 0 or more")
        if self.depth is not None and self.depth < 1:
            raise UsageError(f"depth is {self.depth}; keep at least 1 document per query")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The merged run of those given."""
        return fuse_runs([run for run in values if run is not None], k=self.k, depth=self.depth, tag=self.tag)


def fuse_runs(runs: Sequence[pa.Table], *, k: int = 60, depth: int | None = None, tag: str = "rrf") -> pa.Table:
    """Reciprocal rank fusion (Cormack, Clarke & Büttcher 2009): a document's score is the sum of 1 / (k + rank).

    Ranks are taken anew from the runs' scores, in trec_eval's order. Scores do not depend on the order of the runs;
    queries come in the order in which they appear in them.

    Args:
        runs: at least one; of further columns only `qlang, dlang, text` are read.
        k: larger values bring the ranks nearer to each other; 60 in the paper.
        depth: documents per query that are kept; None keeps all.
        tag: the name of the new run.

    Returns:
        `qid, docid, score: float64, rank: int32, tag` and those of `qlang, dlang, text` that some run has.

    Raises:
        UsageError: no runs.
        EvalError: a column of a run is not of its type.
    """
    if not runs:
        raise UsageError("there are no runs to fuse; give at least one")
    rows = pa.concat_tables([ordered(known_columns(run)) for run in runs], promote_options="default")
    origin = np.repeat(np.arange(len(runs)), [run.num_rows for run in runs])
    first, pair = _pairs(rows)
    shares = np.zeros((len(first), len(runs)))
    shares[pair, origin] = 1 / (k + rows["rank"].to_numpy())
    scores = np.sort(shares, axis=1).sum(axis=1)  # sorted, so that rounding does not depend on the order of the runs
    columns = {name: rows[name].take(pa.array(first)) for name in ("qid", "docid")}
    columns |= {"score": pa.array(scores), "rank": pa.nulls(len(first), pa.int32())}
    columns |= {"tag": pa.array([tag] * len(first), pa.string())}
    columns |= {name: _known(rows[name], pair, len(first)) for name in _further(rows)}
    fused = ordered(pa.table(columns))
    return fused if depth is None else fused.filter(pc.less_equal(fused["rank"], depth))


def _pairs(rows: pa.Table) -> tuple[Ints, Ints]:
    """First row of every distinct (qid, docid), by first appearance, and every row's place among them."""
    code = pair_codes(rows["qid"], rows["docid"])
    _, first, pair = np.unique(code, return_index=True, return_inverse=True)
    order = np.argsort(first, kind="stable")
    place = np.empty(len(order), np.int64)
    place[order] = np.arange(len(order))
    return first[order], place[pair]


def _further(rows: pa.Table) -> list[str]:
    return [name for name in ("qlang", "dlang", "text") if name in rows.column_names]


def _known(column: pa.ChunkedArray, pair: Ints, pairs: int) -> pa.Array:
    """For every pair, the value of the first of its rows that has one."""
    there = np.flatnonzero(column.is_valid().to_numpy())
    known, at = np.unique(pair[there], return_index=True)
    row = np.full(pairs, -1, np.int64)
    row[known] = there[at]
    return column.take(pa.array(row, mask=row < 0))
