"""Ten measures over 2,000 queries x 1,000 results: xret's NumPy core beside ir-measures, from the same rows in memory.

Run: python tests/bench/measures.py [queries] [results]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable

import ir_measures
import numpy as np
import pyarrow as pa

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


def timed(work: Callable[[], object], repeats: int = 3) -> tuple[float, object]:
    """Best wall seconds of a few, and the result."""
    best, result = float("inf"), None
    for _ in range(repeats):
        start = time.perf_counter()
        result = work()
        best = min(best, time.perf_counter() - start)
    return best, result


def main(queries: int = 2000, results: int = 1000) -> None:
    """Print seconds, ratio, and the largest difference of a mean."""
    run, qrels = rows(queries, results)
    measures = [ir_measures.parse_measure(name) for name in MEASURES]
    theirs_run, theirs_qrels = nested(run, "score"), nested(qrels, "relevance")
    ours, scores = timed(lambda: score_run(run, qrels, MEASURES).means())
    theirs, wanted = timed(lambda: ir_measures.calc_aggregate(measures, theirs_qrels, theirs_run), repeats=1)
    assert isinstance(scores, dict) and isinstance(wanted, dict)
    # Judged@k of ir-measures takes equal scores in the other order: it may differ in the last digits.
    apart = max(abs(scores[str(measure)] - value) for measure, value in wanted.items() if str(measure) != "Judged@20")
    print(f"{queries} queries x {results} results, {len(MEASURES)} measures")
    print(f"xret         {ours:8.3f} s")
    print(f"ir-measures  {theirs:8.3f} s   ratio {theirs / ours:.1f}   largest difference of a mean {apart:.1e}")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
