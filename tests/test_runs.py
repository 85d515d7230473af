"""Runs and qrels: round trips, the one order, and what a malformed file is told."""

from __future__ import annotations

import gzip
import io
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import EvalError
from xret.pipeline.sink import write_value
from xret.runs import ordered, read_qrels, read_run, write_qrels, write_run

ids = st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"]), min_size=1, max_size=6).filter(
    lambda text: text != "#" and len(text.encode().split()) == 1
)
numbers = st.floats(allow_nan=False, allow_infinity=False)
tables = st.dictionaries(st.tuples(ids, ids), numbers, min_size=1, max_size=12)


NAMES = ["r.trec", "r.txt.gz", "R.TREC.GZ", "r.trec.zst", "r.jsonl", "r.jsonl.gz", "r.parquet", "r.PARQUET", "r.arrow"]


def run_of(rows: dict[tuple[str, str], float]) -> pa.Table:
    columns = {"qid": [qid for qid, _ in rows], "docid": [docid for _, docid in rows]}
    return ordered(pa.table({**columns, "score": pa.array(rows.values(), pa.float64())}))


@settings(max_examples=50, deadline=None)
@given(tables, st.sampled_from(NAMES))
def test_what_is_written_is_read(
    tmp_path_factory: pytest.TempPathFactory, rows: dict[tuple[str, str], float], name: str
) -> None:
    path = tmp_path_factory.mktemp("runs") / name
    run = run_of(rows)
    write_run(run, path, tag="mine")
    assert read_run(path).equals(run.append_column("tag", pa.array(["mine"] * len(rows))))
    first = path.read_bytes()
    write_run(run, path, tag="mine")
    assert path.read_bytes() == first


@pytest.mark.parametrize("name", ["r.parquet", "r.arrow"])
def test_the_bytes_do_not_tell_how_the_rows_were_put_together(name: str, tmp_path: Path) -> None:
    run = run_of({("q", f"d{row}"): -row for row in range(4000)})
    run = run.append_column("text", pa.array([f"{row} words " * 99 for row in range(4000)]))
    cut = pa.concat_tables([run.slice(0, 1001), run.slice(1001, 2), run.slice(1003)])
    for folder, table in (("whole", run), ("cut", cut)):
        for write in (write_run, partial(write_value, kind="run")):
            path = tmp_path / f"{folder}-{name}"
            write(table.append_column("tag", pa.chunked_array([["x"] * 4000])), path)
            assert path.read_bytes() == (tmp_path / f"whole-{name}").read_bytes()
    assert read_run(tmp_path / f"cut-{name}").num_rows == 4000


@settings(max_examples=100, deadline=None)
@given(tables)
def test_order_is_score_then_docid_both_descending(rows: dict[tuple[str, str], float]) -> None:
    run = run_of(rows)
    with np.errstate(over="ignore"):
        keys = [(np.float32(row["score"]), row["docid"].encode()) for row in run.to_pylist()]
    qids = list(dict.fromkeys(qid for qid, _ in rows))
    assert list(dict.fromkeys(run["qid"].to_pylist())) == qids
    for qid in qids:
        mine = [index for index, row in enumerate(run.to_pylist()) if row["qid"] == qid]
        assert mine == list(range(mine[0], mine[-1] + 1))
        assert [keys[index] for index in mine] == sorted((keys[index] for index in mine), reverse=True)
        assert run["rank"].to_pylist()[mine[0] : mine[-1] + 1] == list(range(1, len(mine) + 1))


def test_ranks_of_a_file_are_not_trusted(tmp_path: Path) -> None:
    path = tmp_path / "run.trec"
    path.write_text("q Q0 a 1 0.1 t\nq Q0 b 7 0.9 t\nq Q0 c x 0.5 t\n")
    assert read_run(path).select(["docid", "rank"]).to_pydict() == {"docid": ["b", "c", "a"], "rank": [1, 2, 3]}


def test_odd_but_sound_text_is_read(tmp_path: Path) -> None:
    """Tabs and spaces mixed, Windows line ends, blank lines, comments, a sign C reads, quotes, no final newline."""
    path = tmp_path / "run.trec"
    path.write_bytes(b'# made by hand\r\n\r\n q\tQ0   "a 1 +1e0 t\r\n#q Q0 b 2 inf t\n\nq Q0 c\t3 -2 t')
    rows = read_run(path).select(["qid", "docid", "score"]).to_pylist()
    assert [tuple(row.values()) for row in rows] == [("q", '"a', 1.0), ("q", "c", -2.0), ("#q", "b", float("inf"))]


BOM = b"\xef\xbb\xbf"
MARKED = {
    "regular.trec": b"q Q0 a 1 2 t\nq Q0 b 2 1 t\n",
    "irregular.trec": b"q  Q0 a 1 2 t\nq Q0\tb 2 1 t\n",
    "comment.trec": b"# by hand\nq Q0 a 1 2 t\nq Q0 b 2 1 t\n",
    "packed.trec.gz": gzip.compress(BOM + b"q  Q0 a 1 2 t\nq Q0 b 2 1 t\n"),
    "run.jsonl": b'{"qid": "q", "docid": "a", "score": 2}\n{"qid": "q", "docid": "b", "score": 1}\n',
}


@pytest.mark.parametrize(("name", "content"), MARKED.items())
def test_a_byte_order_mark_is_no_part_of_an_id(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content if name.endswith(".gz") else BOM + content)
    assert read_run(path).select(["qid", "docid"]).to_pydict() == {"qid": ["q", "q"], "docid": ["a", "b"]}
    (tmp_path / "qrels.txt").write_bytes(BOM + b"q  0 a 1\nq 0 b 0\n")
    assert read_qrels(tmp_path / "qrels.txt")["qid"].to_pylist() == ["q", "q"]


def test_columns_have_the_types_of_a_run(tmp_path: Path) -> None:
    run = run_of({("q", "d"): 1.0}).append_column("qlang", pa.array(["de"]).dictionary_encode())
    run = run.append_column("text", pa.array(["Wort"], pa.large_string())).append_column("page", pa.array([7]))
    pa.parquet.write_table(run, tmp_path / "run.parquet")
    found = read_run(tmp_path / "run.parquet")
    assert [found[name].type for name in ("qlang", "text", "page")] == [pa.string(), pa.string(), pa.int64()]
    assert ordered(run.set_column(0, "qid", run["qid"].dictionary_encode()))["rank"].to_pylist() == [1]
    for name, what in (("text", "run.parquet: column 'text' is list.*, wanted string"), ("qid", "qid is list")):
        pa.parquet.write_table(
            run.set_column(run.column_names.index(name), name, pa.array([["x"]])), tmp_path / "run.parquet"
        )
        with pytest.raises(EvalError, match=what):
            read_run(tmp_path / "run.parquet")


def test_packed_parquet_is_not_written(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"run.parquet.GZ: Parquet files are not packed; leave out '.GZ'"):
        write_run(run_of({("q", "d"): 1.0}), tmp_path / "run.parquet.GZ")


def test_further_columns_survive_but_in_trec_text(tmp_path: Path) -> None:
    run = run_of({("q", "d"): 1.0}).append_column("qlang", pa.array(["de"]))
    write_run(run, tmp_path / "run.parquet")
    assert read_run(tmp_path / "run.parquet")["qlang"].to_pylist() == ["de"]
    stream = io.StringIO()
    write_run(run, stream)
    assert stream.getvalue() == "q Q0 d 1 1 xret\n"


def test_qrels_are_read_in_every_format(tmp_path: Path) -> None:
    qrels = pa.table({"qid": ["a", "a"], "docid": ["x", "y"], "relevance": pa.array([2, -1], pa.int32())})
    for name in ("q.txt", "q.jsonl", "q.parquet", "q.txt.gz"):
        write_qrels(qrels, tmp_path / name)
        assert read_qrels(tmp_path / name).equals(qrels)


BAD_RUNS = {
    "": "run.trec: is empty; wanted a run",
    "\n\n": "run.trec: is empty; wanted a run",
    "q Q0 a 1 1.0 t\nq Q0 b 2 0.5\n": "run.trec:2: has 5 fields, wanted 6: qid Q0 docid rank score tag",
    "\n# hello there\nq Q0 a 1 1.0 t\nq Q0 b c 2 0.5 t\n": "run.trec:4: has 7 fields, wanted 6",
    "q Q0 a 1 1.0 t\n\nq Q0 b 2 NaN t\n": "run.trec:3: score is NaN",
    "q Q0 a 1 high t\n": "run.trec:1: score is 'high', wanted a number",
    "q Q0 a 1 2 t\nq Q0 b 1 1_0 t\n": "run.trec:2: score is '1_0', wanted a number",
    "q Q0 a 1 2 t\np Q0 a 1 2 t\nq Q0 a 2 1 t\n": r"run.trec:3: document 'a' stands twice for query 'q' \(first .*:1\)",
    "q Q0 a 1 2 t\nq Q0 \udcff 2 1 t\n": "run.trec:2: is not valid UTF-8",
}


@pytest.mark.parametrize(("text", "message"), BAD_RUNS.items())
def test_malformed_runs_are_told_the_line(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "run.trec"
    path.write_bytes(text.encode(errors="surrogateescape"))
    with pytest.raises(EvalError, match=message):
        read_run(path)
    packed = tmp_path / "run.trec.gz"
    packed.write_bytes(gzip.compress(path.read_bytes()))
    with pytest.raises(EvalError, match=message.replace("run.trec", "run.trec.gz")):
        read_run(packed)


BAD_QRELS = {
    "q 0 a 1\nq 0 b 1.5\n": "q.txt:2: relevance is '1.5', wanted a whole number",
    "q 0 a 1\nq 0 b\n": "q.txt:2: has 3 fields, wanted 4: qid iter docid relevance",
    "q 0 a 99999999999\n": "q.txt:1: relevance is '99999999999', wanted a whole number",
    "q 0 a 1\nq 0 b 0\nq 1 a 0\n": "q.txt:3: document 'a' stands twice for query 'q'",
}


@pytest.mark.parametrize(("text", "message"), BAD_QRELS.items())
def test_malformed_qrels_are_told_the_line(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "q.txt").write_text(text)
    with pytest.raises(EvalError, match=message):
        read_qrels(tmp_path / "q.txt")


def test_unusable_files_are_named(tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=r"gone.trec: no such file"):
        read_run(tmp_path / "gone.trec")
    with pytest.raises(EvalError, match="is a folder"):
        read_run(tmp_path)
    (tmp_path / "cut.trec.gz").write_bytes(gzip.compress(b"q Q0 a 1 1.0 t\n" * 999)[:40])
    with pytest.raises(EvalError, match=r"cut.trec.gz: cannot be unpacked"):
        read_run(tmp_path / "cut.trec.gz")
    packed = tmp_path / "cut.trec.zst"
    write_run(run_of({("q", str(n)): 1.0 / (n + 1) for n in range(99)}), packed)
    packed.write_bytes(packed.read_bytes()[:-9])
    with pytest.raises(EvalError, match=r"cut.trec.zst: cannot be unpacked"):
        read_run(packed)
    (tmp_path / "cut.parquet").write_bytes(b"PAR1")
    with pytest.raises(EvalError, match=r"cut.parquet: is not a readable parquet file"):
        read_run(tmp_path / "cut.parquet")
    pa.parquet.write_table(pa.table({"qid": ["q"], "doc": ["d"]}), tmp_path / "other.parquet")
    with pytest.raises(EvalError, match=r"other.parquet: has no column 'docid'"):
        read_run(tmp_path / "other.parquet")
    pa.parquet.write_table(
        pa.table({"qid": ["q", "q"], "docid": ["d", "e"], "score": [1.0, None]}), tmp_path / "null.parquet"
    )
    with pytest.raises(EvalError, match=r"null.parquet: row 2: score is 'None', wanted a number"):
        read_run(tmp_path / "null.parquet")
    (tmp_path / "r.jsonl").write_text('{"qid": "q", "docid": "d", "score": 1}\n{"qid": "q", "score": 1}\n')
    with pytest.raises(EvalError, match=r"r.jsonl:2: has no 'docid'"):
        read_run(tmp_path / "r.jsonl")
    (tmp_path / "r.jsonl").write_text('{"qid": "q"')
    with pytest.raises(EvalError, match=r"r.jsonl:1: is not JSON"):
        read_run(tmp_path / "r.jsonl")


@pytest.mark.parametrize("bad", ["two words", "", "tab\tin it", "#"])
def test_ids_that_trec_text_cannot_hold_are_refused(bad: str, tmp_path: Path) -> None:
    run = run_of({(bad, "d"): 1.0})
    with pytest.raises(EvalError, match="cannot stand in TREC text"):
        write_run(run, tmp_path / "run.trec")
    assert not list(tmp_path.iterdir())
    write_run(run, tmp_path / "run.jsonl")
    assert read_run(tmp_path / "run.jsonl")["qid"].to_pylist() == [bad]
