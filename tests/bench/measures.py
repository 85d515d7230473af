"""Ten measures over 2,000 queries x 1,000 results: xret's NumPy core beside ir-measures, from the same rows in memory.

Run: python tests/bench/measures.py [queries] [results] [rounds]
"""

from __future__ import annotations

import statistics
import sys
import time
from collections.abc import Callable

import ir_measures
import numpy as np
import pyarrow as pa

from xret.eval.judged import Judged, judge
from xret.eval.measures import parse_measure
from xret.eval.scores import score_run

MEASURES = ("nDCG@20", "nDCG", "AP", "AP@100", "R@100", "RR", "P@10", "Success@1", "Rprec", "Judged@20")


def rows(queries: int, results: int) -> tuple[pa.Table, pa.Table]:
    """A run in no order with some equal scores, and 50 judgements a query, most of them retrieved."""
    rng = np.random.default_rng(0)
    pool = results * 2
    hits = np.concatenate([query * pool + rng.choice(pool, results, replace=False) for query in range(queries)])
    judged = np.concatenate([query * pool + rng.choice(pool, 50, replace=False) for query in range(queries)])
    run = {
        "qid": [f"q{hit // pool}" for hit in hits],
        "docid": [f"doc-{hit % (3 * pool)}" for hit in hits],
        "score": rng.normal(size=len(hits)).round(4),
    }
    qrels = {
        "qid": [f"q{hit // pool}" for hit in judged],
        "docid": [f"doc-{hit % (3 * pool)}" for hit in judged],
        "relevance": pa.array(rng.integers(0, 4, len(judged)), pa.int32()),
    }
    return pa.table(run), pa.table(qrels)


def nested(table: pa.Table, value: str) -> dict[str, dict[str, float]]:
    """What ir-measures takes without converting."""
    result: dict[str, dict[str, float]] = {}
    for qid, docid, number in zip(*(table[name].to_pylist() for name in ("qid", "docid", value)), strict=True):
        result.setdefault(qid, {})[docid] = number
    return result


def seconds(work: Callable[[], object]) -> tuple[float, object]:
    """Wall seconds, and the result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def steps(run: pa.Table, qrels: pa.Table) -> dict[str, float]:
    """Seconds of matching the run with its judgements, and of every measure after that."""
    took, judged = seconds(lambda: judge(run, qrels))
    assert isinstance(judged, Judged)
    parts = {"judge": took}
    for name in MEASURES:
        parts[name] = seconds(lambda name=name: parse_measure(name).per_query(judged))[0]  # type: ignore[misc]
    return parts


def main(queries: int = 2000, results: int = 1000, rounds: int = 5) -> None:
    """Print seconds, ratio, and the largest difference of a mean; the two take turns, the best of each counts."""
    run, qrels = rows(queries, results)
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    theirs_run, theirs_qrels = nested(run, "score"), nested(qrels, "relevance")
    ours: list[float] = []
    theirs: list[float] = []
    for _ in range(rounds):
        took, scores = seconds(lambda: score_run(run, qrels, MEASURES).means())
        ours.append(took)
        took, wanted = seconds(lambda: ir_measures.calc_aggregate(measures, theirs_qrels, theirs_run))
        theirs.append(took)
    assert isinstance(scores, dict) and isinstance(wanted, dict)
    # Judged@k of ir-measures takes equal scores in the other order: it may differ in the last digits.
    apart = max(abs(scores[str(measure)] - value) for measure, value in wanted.items() if str(measure) != "Judged@20")
    print(f"{queries} queries x {results} results, {len(MEASURES)} measures, {rounds} rounds in turn: best (median)")
    for name, took_all in (("xret", ours), ("ir-measures", theirs)):
        print(f"{name:12} {min(took_all):8.3f} s ({statistics.median(took_all):.3f} s)")
    ratios = sorted(b / a for a, b in zip(ours, theirs, strict=True))
    print(f"ratio        {min(theirs) / min(ours):8.1f}   (rounds: {ratios[0]:.1f} to {ratios[-1]:.1f})")
    print(f"largest difference of a mean {apart:.1e}")
    print("  ".join(f"{name} {1000 * took:.1f} ms" for name, took in steps(run, qrels).items()))


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
