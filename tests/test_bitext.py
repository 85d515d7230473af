"""Pairs and gold files: what is written is read back, and broken files are told by line."""

from __future__ import annotations

import datetime
import gzip
import io
import json
import math
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.bitext import read_gold, read_pairs, write_pairs
from xret.errors import EvalError, InputError

WORD = st.text(st.characters(exclude_characters="\t\n\r", codec="utf-8"), min_size=1, max_size=12)
SCORE = st.floats(allow_nan=False, allow_infinity=False)
ROWS = st.lists(
    st.tuples(SCORE, WORD, WORD, WORD, WORD, st.floats(width=32, allow_nan=False, allow_infinity=False)), max_size=8
)


def table(rows: list[tuple[float, str, str, str, str, float]]) -> pa.Table:
    names = ("score", "src_id", "tgt_id", "src_text", "tgt_text", "cosine")
    types = (pa.float64(), *[pa.string()] * 4, pa.float32())
    columns = zip(*rows, strict=True) if rows else [()] * 6
    return pa.table({name: pa.array(values, kind) for name, values, kind in zip(names, columns, types, strict=True)})


@settings(max_examples=60, deadline=None)
@given(ROWS)
def test_round_trip(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[float, str, str, str, str, float]]
) -> None:
    pairs, folder = table(rows), tmp_path_factory.mktemp("pairs")
    for name in ("p.tsv", "p.tsv.gz", "P.TSV.GZ", "p.tsv.zst", "p.jsonl", "p.jsonl.Zst", "p.parquet", "p.PARQUET"):
        write_pairs(pairs, folder / name)
        found = read_pairs(folder / name)
        assert found.select(pairs.column_names[:5]).equals(pairs.drop_columns(["cosine"])), name
        if rows and not name.lower().startswith("p.tsv"):
            assert found["cosine"].cast(pa.float32()).equals(pairs["cosine"])


def test_bytes_do_not_depend_on_time_or_name(tmp_path: Path) -> None:
    pairs = table([(1 / 3, "a", "b", "c", "d", 0.9)])
    for suffix in ("tsv.gz", "tsv.zst", "jsonl", "parquet"):
        for name in ("one", "two"):
            write_pairs(pairs, tmp_path / f"{name}.{suffix}")
        assert (tmp_path / f"one.{suffix}").read_bytes() == (tmp_path / f"two.{suffix}").read_bytes()
    assert gzip.decompress((tmp_path / "one.tsv.gz").read_bytes()) == b"0.3333333333333333\ta\tb\tc\td\n"
    assert b'"cosine": 0.9}' in (tmp_path / "one.jsonl").read_bytes()


def test_tabs_and_line_breaks_in_texts_become_spaces_in_tsv_alone(tmp_path: Path) -> None:
    pairs = table([(1.0, "a", "b", "x\ty\r\nz", "t", 0.5)])
    stream = io.BytesIO()
    write_pairs(pairs, stream)
    assert stream.getvalue() == b"1.0\ta\tb\tx y  z\tt\n"
    for name in ("p.jsonl", "p.parquet"):
        write_pairs(pairs, tmp_path / name)
        assert read_pairs(tmp_path / name)["src_text"][0].as_py() == "x\ty\r\nz"
    with pytest.raises(InputError, match="src_id 'a\\\\tb' holds a tab"):
        write_pairs(table([(1.0, "a\tb", "b", "x", "t", 0.5)]), tmp_path / "p.tsv")
    for suffix in (".gz", ".GZ"):
        with pytest.raises(InputError, match=rf"leave out .\{suffix}."):
            write_pairs(pairs, tmp_path / f"p.parquet{suffix}")
    assert sorted(each.name for each in tmp_path.iterdir()) == ["p.jsonl", "p.parquet"]


def test_unscored_layouts(tmp_path: Path) -> None:
    path = tmp_path / "pairs.tsv"
    for text, scores, ids in (
        ("\ufeffeins\tone\r\nzwei\ttwo\r\n", [None, None], ["1", "2"]),
        ("1.5\teins\tone\n\tzwei\ttwo", [1.5, None], ["1", "2"]),
        (
            "score\tsrc_id\ttgt_id\tsrc_text\ttgt_text\n2\ta\tb\teins\tone\n1e-3\tc\td\tzwei\ttwo\n",
            [2.0, 0.001],
            ["a", "c"],
        ),
    ):
        path.write_bytes(text.encode())
        found = read_pairs(path, scored=False)
        assert found["score"].to_pylist() == scores
        assert found["src_id"].to_pylist() == ids
        assert (found["src_text"].to_pylist(), found["tgt_text"].to_pylist()) == (["eins", "zwei"], ["one", "two"])
    path = tmp_path / "pairs.jsonl"
    path.write_text('{"src_text": "eins", "tgt_text": "one", "page": 7}\n')
    found = read_pairs(path, scored=False)
    assert found.to_pylist() == [
        {"score": None, "src_id": "1", "tgt_id": "1", "src_text": "eins", "tgt_text": "one", "page": 7}
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("p.tsv", b"1\ta\tb\tc\td\n1\ta\tb\tc\n", r"p.tsv:2: found 4 columns, wanted score<TAB>src_id"),
        ("p.tsv", b"1\ta\tb\tc\td\n\n", r"p.tsv:2: found 1 columns"),
        ("p.tsv", b"much\ta\tb\tc\td\n", r"p.tsv:1: score is 'much', wanted a number"),
        ("p.tsv", b"nan\ta\tb\tc\td\n", r"p.tsv:1: score is nan, wanted a finite number"),
        ("p.tsv", b"1\ta\t\tc\td\n", r"p.tsv:1: tgt_id is empty"),
        ("p.tsv", b"1\ta\tb\tc\td\n1\ta\t\xff\tc\td\n", r"p.tsv:2: not UTF-8"),
        ("p.tsv.gz", gzip.compress(b"1\ta\tb\tc\td\n" * 99)[:-12], r"p.tsv.gz: cannot be unpacked"),
        ("p.jsonl", b'{"score": 1}\n', r"p.jsonl: pairs without 'src_id'; found score"),
        ("p.jsonl", b'{"score": 1}\n{\n', r"p.jsonl:2: not JSON"),
        ("p.jsonl", b"[1]\n", r"p.jsonl:1: found list, wanted an object"),
        ("p.jsonl", b'{"x": 1}\n{"x": "y"}\n', r"p.jsonl: 'x' holds values of several kinds"),
        ("p.jsonl", b'{"x": 1}\n{"x": "a\\ud800"}\n', r"p.jsonl:2: 'x' cannot be kept \('utf-8' codec"),
        ("p.jsonl", b'{"x": 1}\n{"x": 18446744073709551616}\n', r"p.jsonl:2: 'x' cannot be kept \(.*int"),
        ("p.jsonl", b'{"x\\ud800": 1}\n', r"p.jsonl:1: a name holds half a surrogate pair"),
        ("p.parquet", b"PAR1", r"p.parquet: cannot be read as Parquet"),
        ("missing.tsv", None, r"missing.tsv: no such file"),
        ("p.tsv.dir", "folder", r"p.tsv.dir: is a folder"),
    ],
)
def test_broken_pairs(tmp_path: Path, name: str, content: bytes | str | None, message: str) -> None:
    path = tmp_path / name
    if isinstance(content, bytes):
        path.write_bytes(content)
    elif content:
        path.mkdir()
    with pytest.raises(InputError, match=message) as caught:
        read_pairs(path)
    assert "\n" not in str(caught.value)


def test_rows_of_parquet_are_named(tmp_path: Path) -> None:
    pairs = table([(1.0, "a", "b", "c", "d", 0.5), (float("nan"), "a", "b", "c", "d", 0.5)])
    pyarrow.parquet.write_table(pairs, tmp_path / "p{0}.parquet")
    with pytest.raises(InputError, match=r"p\{0\}.parquet: row 2: score is nan"):
        read_pairs(tmp_path / "p{0}.parquet")


def test_what_json_has_no_form_for(tmp_path: Path) -> None:
    pairs = table([(1.0, "a", "b", "c", "d", math.nan)]).append_column("deep", pa.array([{"x": [math.inf, 2.0]}]))
    times = pa.array([datetime.datetime(2024, 5, 6, 7, 8)], pa.timestamp("s"))
    for name, column in (("at", times), ("bytes", pa.array([b"\xc3\xa9"])), ("more", pa.array([b"\xff"]))):
        pairs = pairs.append_column(name, column)
    write_pairs(pairs, tmp_path / "p.jsonl")
    row = json.loads((tmp_path / "p.jsonl").read_text(), parse_constant=lambda name: pytest.fail(name))
    last = [row[name] for name in pairs.column_names[5:]]
    assert last == [None, {"x": [None, 2.0]}, "2024-05-06T07:08:00", "é", "ff"]


def test_gold(tmp_path: Path) -> None:
    path = tmp_path / "gold.tsv"
    path.write_text("de-1\ten-2\nde-3\ten-3\n")
    assert read_gold(path).to_pydict() == {"src_id": ["de-1", "de-3"], "tgt_id": ["en-2", "en-3"]}
    for content, message in (("a\n", "gold.tsv:1: found 1 columns"), ("", "is empty"), ("a\t\n", "gold.tsv:1: tgt_id")):
        path.write_text(content)
        with pytest.raises(EvalError, match=message):
            read_gold(path)
    path.write_bytes(b"\xef\xbb\xbfde-1\ten-2\n")
    assert read_gold(path)["src_id"].to_pylist() == ["de-1"]
