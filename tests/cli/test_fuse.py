"""`xret fuse` over files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.cli.conftest import Called, Cli


@pytest.fixture(autouse=True)
def runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("one.trec").write_text("q1 Q0 a 1 9 x\nq1 Q0 b 2 8 x\nq2 Q0 c 1 1 x\n")
    Path("two.trec").write_text("q1 Q0 b 1 0.9 y\nq1 Q0 d 2 0.8 y\n")


def test_fuse(cli: Cli) -> None:
    called = cli("fuse", "one.trec", "two.trec", "-o", "-", "-k", "1", "--tag", "both")
    assert called.code == 0, called.err
    lines = [line.split() for line in called.out.splitlines()]
    assert [(qid, docid, rank, tag) for qid, _, docid, rank, _, tag in lines] == [
        ("q1", "b", "1", "both"), ("q1", "a", "2", "both"), ("q1", "d", "3", "both"), ("q2", "c", "1", "both"),
    ]  # fmt: skip
    assert [float(line[4]) for line in lines] == pytest.approx([1 / 3 + 1 / 2, 1 / 2, 1 / 3, 1 / 2])
    assert "-: 4 documents for 2 queries" in called.err
    assert cli("fuse", "one.trec", "two.trec", "-o", "out.trec", "--depth", "1").code == 0
    assert [line.split()[2] for line in Path("out.trec").read_text().splitlines()] == ["b", "c"]


def test_runs_of_different_formats(cli: Cli) -> None:
    """A further column that is text in the one (as all of JSONL is) and a number in the other."""
    Path("one.jsonl").write_text('{"qid": "q1", "docid": "a", "score": 9, "page": 3, "qlang": "de"}\n')
    columns = {"qid": ["q1"], "docid": ["b"], "score": [1.0], "page": [4]}
    table = pa.table({**columns, "qlang": pa.array(["de"]).dictionary_encode()})
    pa.parquet.write_table(table, "two.parquet")
    assert cli("fuse", "one.jsonl", "two.parquet", "-o", "OUT.JSONL.GZ") == Called(
        0, "", "OUT.JSONL.GZ: 2 documents for 1 query\n"
    )
    rows = [json.loads(line) for line in gzip.decompress(Path("OUT.JSONL.GZ").read_bytes()).splitlines()]
    assert [(row["docid"], row["qlang"]) for row in rows] == [("b", "de"), ("a", "de")]
    assert cli("fuse", "OUT.JSONL.GZ", "-o", "again.trec").code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("one.trec three.trec -o out", 1, "three.trec: no such file"),
        ("-o out", 2, "Missing argument 'RUN...'"),
        ("one.trec", 2, "Missing option '-o'"),
        ("one.trec -o out -k -1", 2, "-1 is not in the range"),
        ("one.trec -o out --method sum", 2, "'sum' is not"),
    ],
)
def test_mistakes(cli: Cli, arguments: str, code: int, message: str) -> None:
    called = cli("fuse", *arguments.split())
    assert (called.code, called.out) == (code, "")
    assert message in called.err and "Traceback" not in called.err
    assert not Path("out").exists()


def test_a_run_that_is_read_is_not_replaced(cli: Cli) -> None:
    before = Path("two.trec").read_bytes()
    called = cli("fuse", "one.trec", "two.trec", "-o", "./two.trec")
    assert (called.code, called.err) == (
        2,
        "xret: -o ./two.trec: would overwrite 'two.trec', which is to be read; give another name\n",
    )
    assert Path("two.trec").read_bytes() == before
