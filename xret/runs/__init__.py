"""Runs and relevance judgements: TREC text, JSONL and Parquet in and out, each also gzip or zstandard.

A run is a table `qid: string, docid: string, score: float64, rank: int32, tag: string` (+ `qlang`, `dlang`, `text`
where known), a qrels table `qid: string, docid: string, relevance: int32`. The order of a run is trec_eval's: score
descending, equal scores by docid descending; the rank column of a file is never trusted.
"""

from xret.runs.codes import pair_codes
from xret.runs.columns import known_columns
from xret.runs.order import ordered, trec_order
from xret.runs.read import read_qrels, read_run
from xret.runs.write import write_qrels, write_run

__all__ = [
    "known_columns",
    "ordered",
    "pair_codes",
    "read_qrels",
    "read_run",
    "trec_order",
    "write_qrels",
    "write_run",
]
