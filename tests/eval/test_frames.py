"""Results as data frames, CSV and Parquet."""

from __future__ import annotations

import csv
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.eval.benchmarks.makers import miracl
from xret.eval.benchmarks import load_benchmark
from xret.eval.frames import long_table, per_query_table, to_pandas
from xret.eval.protocols.scored import Scored
from xret.eval.scores import score_run
from xret.eval.tables import write_table

RUN = pa.table({"qid": ["7#1", "7#2"], "docid": ["0#0", "1#0"], "score": [2.0, 1.0]})


@pytest.fixture
def row(tmp_path: Path) -> Scored:
    return load_benchmark("miracl", miracl(tmp_path / "m"), lang="sw").scored(RUN, system="mine")


def test_one_number_a_row(row: Scored) -> None:
    table = long_table([row, row])
    assert table.num_rows == 2 * 2 * (1 + 3)  # rows, measures, headline and sw, macro, micro
    first = table.to_pylist()[0]
    assert first == {
        "system": "mine", "benchmark": "miracl/sw/dev", "protocol": "miracl", "identity": row.protocol_identity,
        "lang": "all", "measure": "nDCG@10", "value": 0.5,
    }  # fmt: skip
    assert per_query_table([row]).column_names == ["system", "benchmark", "qid", "lang", "measure", "value", "topic"]


def test_data_frames(row: Scored) -> None:
    pytest.importorskip("pandas")
    frame = to_pandas([row])
    assert frame.query("lang == 'all'").set_index("measure").value["nDCG@10"] == 0.5
    assert list(to_pandas(row).columns) == long_table([row]).column_names
    assert to_pandas(RUN).shape == (2, 3)
    qrels = pa.table({"qid": ["7#1"], "docid": ["0#0"], "relevance": pa.array([1], pa.int32())})
    assert to_pandas(score_run(RUN, qrels, ["AP"])).value.tolist() == [1.0]


def test_files_that_other_programs_read(row: Scored, tmp_path: Path) -> None:
    table = per_query_table([row])
    write_table(table, tmp_path / "a.csv")
    write_table(table, tmp_path / "a.parquet")
    with open(tmp_path / "a.csv", newline="") as stream:
        lines = list(csv.DictReader(stream))
    assert [(line["qid"], float(line["value"])) for line in lines] == list(
        zip(table["qid"].to_pylist(), table["value"].to_pylist(), strict=True)
    )
    assert pq.read_table(tmp_path / "a.parquet").equals(table)
