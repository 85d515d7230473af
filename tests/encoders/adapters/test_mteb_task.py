"""A task class of MTEB's own on a folder of local data: its nDCG@10 is that of `xret eval benchmark mteb`."""

from __future__ import annotations

import json
from copy import deepcopy
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xret.corpus import open_corpus
from xret.encoders.adapters import MTEBEncoder
from xret.eval.benchmarks import load_benchmark
from xret.runs import read_qrels
from xret.sample import export_sample

CARD = """---
configs:
- config_name: corpus
  data_files: [{split: corpus, path: corpus/*.parquet}]
- config_name: queries
  data_files: [{split: queries, path: queries/*.parquet}]
- config_name: default
  data_files: [{split: test, path: data/test-*.parquet}]
---
"""


def mteb_folder(root: Path) -> Path:
    """The sample as a repository of MTEB's: Parquet in shards, and a card that says what is what."""
    sample, folder = root / "sample", root / "task"
    export_sample(sample)
    for part in ("corpus", "queries", "data"):
        (folder / part).mkdir(parents=True)
    (folder / "README.md").write_text(CARD)
    docs = open_corpus(sample / "docs.jsonl")
    columns = {"_id": docs["id"], "title": pa.array(["Title"] * docs.num_rows), "text": docs["text"]}
    table = pa.table(columns)
    for number, start in enumerate((0, 100)):
        pq.write_table(table.slice(start, 100), folder / "corpus" / f"corpus-0000{number}-of-00002.parquet")
    rows = open_corpus(sample / "queries.tsv").to_pylist()
    asked = pa.table({"_id": [row["id"] for row in rows], "text": [row["text"] for row in rows]})
    pq.write_table(asked, folder / "queries" / "queries-00000-of-00001.parquet")
    judged = read_qrels(sample / "qrels.txt").to_pylist()
    right = [{"query-id": row["qid"], "corpus-id": row["docid"], "score": row["relevance"]} for row in judged]
    pq.write_table(pa.Table.from_pylist(right), folder / "data" / "test-00000-of-00001.parquet")
    return folder


def run_of(adapter: MTEBEncoder, folder: Path) -> pa.Table:
    """All documents for every query, by cosine."""
    benchmark = load_benchmark("mteb", folder)
    assert benchmark.corpus is not None
    queries = adapter.encoder.encode(benchmark.queries["text"].to_pylist(), role="query")
    documents = adapter.encoder.encode(benchmark.corpus["text"].to_pylist(), role="document")
    qids, docids = benchmark.queries["id"].to_pylist(), benchmark.corpus["id"].to_pylist()
    scores = np.asarray(queries, np.float64) @ np.asarray(documents, np.float64).T
    return pa.table(
        {
            "qid": [qid for qid in qids for _ in docids],
            "docid": docids * len(qids),
            "score": scores.ravel(),
        }
    )


def test_the_folder_that_mteb_reads(tmp_path: Path) -> None:
    benchmark = load_benchmark("mteb", mteb_folder(tmp_path))
    assert benchmark.documents is not None
    assert benchmark.documents.survey.rows == 150
    assert next(benchmark.batches())["text"][0].as_py().startswith("Title ")
    assert benchmark.queries.num_rows == 30


def test_equal_ndcg_by_a_task_of_mteb(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mteb = pytest.importorskip("mteb", reason="MTEB is not installed: pip install 'xret[mteb]'")
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    folder = mteb_folder(tmp_path)
    task = mteb.get_task("SciFact")
    task.metadata = deepcopy(task.metadata)
    task.metadata.dataset = {"path": str(folder), "revision": "local"}  # its own loader, from a folder
    adapter = MTEBEncoder("xret-mini", device="cpu")
    found = mteb.evaluate(adapter, [task], cache=None, co2_tracker=False, show_progress_bar=False)
    theirs = found.task_results[0].scores["test"][0]
    ours = load_benchmark("mteb", folder).scored(run_of(adapter, folder), system="xret-mini").measures
    print(json.dumps({"mteb": {name: theirs[name] for name in ("ndcg_at_10", "recall_at_100")}, "xret": dict(ours)}))
    assert ours["nDCG@10"] == pytest.approx(theirs["ndcg_at_10"], abs=1e-5)  # MTEB rounds to five digits
    assert ours["R@100"] == pytest.approx(theirs["recall_at_100"], abs=1e-5)
