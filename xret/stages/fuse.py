"""Fusion: several runs to one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.runs import known_columns, ordered, pair_codes
from xret.runs.codes import codes
from xret.stages.merging.normalise import Floats, Ints, least, minmax, zscore
from xret.stages.stage import Stage

__all__ = ["FUSIONS", "Fuse", "Fusion", "fuse_runs"]

Fusion = Literal["rrf", "zscore", "minmax", "combsum", "combmnz"]
FUSIONS: tuple[Fusion, ...] = get_args(Fusion)


@dataclass(frozen=True, kw_only=True)
class Fuse(Stage):
    """Merges two to four runs (see `fuse_runs`).

    Output: a run.

    Attributes:
        method: rrf, zscore, minmax, combsum or combmnz.
        k: the constant of reciprocal rank fusion.
        weights: one for every run; None: all alike.
        depth: documents per query that are kept; None keeps all.
        tag: the name of the new run; None: the method.
    """

    name = "fuse"
    inputs = ("run", "other_run", "third_run?", "fourth_run?")
    output = "run"

    method: Fusion = "rrf"
    k: int = 60
    weights: tuple[float, ...] | None = None
    depth: int | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        _check(self.method, self.k, self.weights, self.depth)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The merged run of those given."""
        runs = [run for run in values if run is not None]
        return fuse_runs(runs, method=self.method, k=self.k, weights=self.weights, depth=self.depth, tag=self.tag)


def fuse_runs(
    runs: Sequence[pa.Table],
    *,
    method: Fusion = "rrf",
    k: int = 60,
    weights: Sequence[float] | None = None,
    depth: int | None = None,
    tag: str | None = None,
) -> pa.Table:
    """Merge runs: a document's score is the sum, over the runs, of weight * share.

    ========  ===================================================  ==========================================
    method    share of a document                                  of one that the run does not have
    ========  ===================================================  ==========================================
    rrf       1 / (k + rank) (Cormack, Clarke & Büttcher 2009)     0
    zscore    score less the mean of the run's for this query,     the least that the run has for this query
              over their deviation (Montague & Aslam 2001)
    minmax    score, from 0 (the least of the run's for this       0
              query) to 1 (the most) (Lee 1997)
    combsum   score as it is: for scores on one scale (Fox &       0
              Shaw 1994)
    combmnz   as minmax; the sum times the number of runs that     0
              have the document and a weight (Fox & Shaw 1994;
              Lee 1997)
    ========  ===================================================  ==========================================

    Ranks are taken anew from the runs' scores, in trec_eval's order. Scores do not depend on the order of the runs;
    queries come in the order in which they appear in them.

    Args:
        runs: at least one; of further columns only `qlang, dlang, text` are read.
        method: one of the table.
        k: of rrf: larger values bring the ranks nearer to each other; 60 in the paper.
        weights: one for every run, 0 or more; None: 1 for all.
        depth: documents per query that are kept; None keeps all.
        tag: the name of the new run; None: the method.

    Returns:
        `qid, docid, score: float64, rank: int32, tag` and those of `qlang, dlang, text` that some run has.

    Sources: Cormack, Clarke & Büttcher, SIGIR 2009; Montague & Aslam, "Relevance score normalization for metasearch",
    CIKM 2001; Lee, "Analyses of multiple evidence combination", SIGIR 1997; Fox & Shaw, "Combination of multiple
    searches", TREC-2, 1994. The least score for what is missing: Zhang et al., "Mr. TyDi", MRL 2021 (their hybrids).

    Raises:
        UsageError: no runs, an unknown method, or weights that are not one for each run.
        EvalError: a column of a run is not of its type, a score is NaN or (for all but rrf) infinite, or a run has a
            document twice for one query.
    """
    if not runs:
        raise UsageError("there are no runs to fuse; give at least one")
    _check(method, k, weights, depth)
    if weights is not None and len(weights) != len(runs):
        raise UsageError(f"{len(weights)} weights for {len(runs)} runs; give one for each, in their order")
    rows = pa.concat_tables([ordered(known_columns(run)) for run in runs], promote_options="default")
    origin = np.repeat(np.arange(len(runs)), [run.num_rows for run in runs])
    first, pair = _pairs(rows)
    _refuse_unfit(rows, origin, pair)
    shares = _shares(rows, origin, pair, len(runs), method, k)
    if weights is not None:
        shares *= np.array(weights, np.float64)
    scores = np.sort(shares, axis=1).sum(axis=1)  # sorted, so that rounding does not depend on the order of the runs
    if method == "combmnz":
        counted = np.ones(len(runs)) if weights is None else (np.array(weights) > 0).astype(np.float64)
        scores *= np.bincount(pair, counted[origin], minlength=len(first))
    columns = {name: rows[name].take(pa.array(first)) for name in ("qid", "docid")}
    columns |= {"score": pa.array(scores), "rank": pa.nulls(len(first), pa.int32())}
    columns |= {"tag": pa.array([tag or method] * len(first), pa.string())}
    columns |= {name: _known(rows[name], pair, len(first)) for name in _further(rows)}
    fused = ordered(pa.table(columns))
    return fused if depth is None else fused.filter(pc.less_equal(fused["rank"], depth))


def _check(method: str, k: int, weights: Sequence[float] | None, depth: int | None) -> None:
    if method not in FUSIONS:
        raise UsageError(f"no fusion '{method}'; known: {', '.join(FUSIONS)}")
    if k < 0:
        raise UsageError(f"k is {k}; reciprocal rank fusion needs 0 or more")
    if weights is not None and not (all(0 <= one < np.inf for one in weights) and any(weights)):
        shown = ", ".join(f"{one:g}" for one in weights)
        raise UsageError(f"weights are {shown or 'none'}; wanted 0 or more for every run, one of them above 0")
    if depth is not None and depth < 1:
        raise UsageError(f"depth is {depth}; keep at least 1 document per query")


def _shares(rows: pa.Table, origin: Ints, pair: Ints, runs: int, method: Fusion, k: int) -> Floats:
    """(pairs, runs) what each run says of each document."""
    count = int(pair.max(initial=-1)) + 1
    if method == "rrf":
        shares = np.zeros((count, runs))
        shares[pair, origin] = 1 / (k + rows["rank"].to_numpy())
        return shares
    score = rows["score"].to_numpy()
    _refuse_infinite(rows, score)
    query = codes(rows["qid"])
    group = query * runs + origin
    values = {"zscore": zscore, "minmax": minmax, "combmnz": minmax}.get(method, _as_it_is)(score, group)
    shares = np.zeros((count, runs))
    if method == "zscore":
        low = np.full((int(query.max(initial=-1)) + 1) * runs, np.inf)
        found = least(values, group)
        low[: len(found)] = found
        of = np.empty(count, np.int64)
        of[pair] = query
        shares = np.nan_to_num(low.reshape(-1, runs), posinf=0.0)[of]  # 0 for all of a query that the run has not
    shares[pair, origin] = values
    return shares


def _refuse_unfit(rows: pa.Table, origin: Ints, pair: Ints) -> None:
    """Refuse what has no place in an order, and what would count twice."""
    bad = np.flatnonzero(np.isnan(rows["score"].to_numpy()))
    if len(bad):
        row, what = int(bad[0]), "is NaN, which has no place in an order; mend what made the run"
        raise EvalError(f"the score of document '{rows['docid'][row]}' for query '{rows['qid'][row]}' {what}")
    both = origin * (int(pair.max(initial=-1)) + 1) + pair
    found, counts = np.unique(both, return_counts=True)
    if (counts > 1).any():
        row = int(np.flatnonzero(both == found[np.argmax(counts > 1)])[1])
        raise EvalError(
            f"document '{rows['docid'][row]}' stands twice for query '{rows['qid'][row]}' in run {origin[row] + 1} of "
            f"{origin[-1] + 1}; keep one of the two"
        )


def _as_it_is(score: Floats, group: Ints) -> Floats:
    return score


def _refuse_infinite(rows: pa.Table, score: npt.NDArray[np.float64]) -> None:
    bad = np.flatnonzero(~np.isfinite(score))
    if len(bad):
        row = int(bad[0])
        raise EvalError(
            f"the score of document '{rows['docid'][row]}' for query '{rows['qid'][row]}' is {score[row]}; wanted a "
            "finite number, or --method rrf, which reads ranks only"
        )


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
    """For every pair, the value of the first of its rows that has one; "und" only where no other is."""
    unknown = pc.equal(column, "und").fill_null(False)
    there = np.flatnonzero(column.is_valid().to_numpy())
    there = there[np.argsort(unknown.to_numpy()[there], kind="stable")]
    known, at = np.unique(pair[there], return_index=True)
    row = np.full(pairs, -1, np.int64)
    row[known] = there[at]
    return column.take(pa.array(row, mask=row < 0))
