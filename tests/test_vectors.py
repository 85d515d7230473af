"""Vector stores: round trips, blocks, damage, and runs that were interrupted."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import InputError, MismatchError, VectorsError
from xret.vectors import Vectors, VectorsWriter, write_vectors

ROOT = Path(__file__).resolve().parents[1]
FIELDS = {"encoder": "mini", "encoder_hash": "a" * 64, "role": None, "corpus_hash": "c" * 64, "total": 7}


def rows(n: int, dim: int = 4, seed: int = 0) -> Any:
    x = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def store(out: Path, sizes: list[int], dtype: str = "float32", **fields: Any) -> Any:
    """A store of shards of these sizes; gives its rows."""
    x = rows(sum(sizes))
    ends = np.cumsum(sizes)
    blocks = ((map(str, range(e - n, e)), x[e - n : e]) for n, e in zip(sizes, ends, strict=True))
    write_vectors(out, blocks, dim=4, dtype=dtype, fields={**FIELDS, **fields})
    return x.astype(dtype)


def tree(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("sizes", [[7], [3, 1, 3], [1] * 7, []], ids=str)
def test_round_trip(tmp_path: Path, sizes: list[int], dtype: str) -> None:
    x = store(tmp_path / "v", sizes, dtype)
    vectors = Vectors.open(tmp_path / "v", check=True)
    assert (vectors.rows, vectors.dim, vectors.dtype) == (len(x), 4, np.dtype(dtype))
    assert vectors.ids().to_pylist() == [str(i) for i in range(len(x))]
    assert (vectors.encoder_name, vectors.encoder_hash, vectors.corpus_hash) == ("mini", "a" * 64, "c" * 64)
    again = Vectors.open(vectors.table())
    assert again.table().equals(vectors.table())
    assert np.array_equal(again.block(0, len(x)), x.astype(np.float32))


@given(st.lists(st.integers(1, 5), min_size=1, max_size=5), st.data())
@settings(max_examples=40, deadline=None)
def test_blocks_are_slices(tmp_path_factory: pytest.TempPathFactory, sizes: list[int], data: st.DataObject) -> None:
    out = tmp_path_factory.mktemp("v") / "v"
    x = store(out, sizes, "float16")
    start = data.draw(st.integers(0, len(x)))
    stop = data.draw(st.integers(start, len(x)))
    table = Vectors.open(out).table()
    for source in (out, x, table, table.slice(0), pa.concat_tables([table.slice(0, 1), table.slice(1)])):
        block = Vectors.open(source).block(start, stop)
        assert block.dtype == np.float32
        assert block.flags.c_contiguous
        assert np.array_equal(block, x[start:stop].astype(np.float32))
    part = Vectors.open(table.slice(start, stop - start))
    assert np.array_equal(part.block(0, part.rows), x[start:stop].astype(np.float32))


def test_any_rows_in_any_order(tmp_path: Path) -> None:
    x = store(tmp_path / "v", [3, 1, 4], "float16").astype(np.float32)
    vectors = Vectors.open(tmp_path / "v")
    for wanted in ([7, 0, 3, 3, 2], [], [5]):
        assert np.array_equal(vectors.take(np.array(wanted, np.int64)), x[wanted])
    for outside in (-1, 8):
        with pytest.raises(IndexError, match="of 8"):
            vectors.take(np.array([0, outside]))


def test_nothing_is_copied_where_nothing_is_converted(tmp_path: Path) -> None:
    store(tmp_path / "v", [7])
    vectors = Vectors.open(tmp_path / "v")
    assert np.shares_memory(vectors.block(0, 5), vectors.block(2, 7))
    assert not vectors.block(0, 5).flags.writeable
    with pytest.raises(IndexError):
        vectors.block(0, 8)


def test_arrays_and_npy_files(tmp_path: Path) -> None:
    x = rows(3)
    np.save(tmp_path / "x.npy", x)
    for value in (x, tmp_path / "x.npy", str(tmp_path / "x.npy"), x.astype(np.float64), Vectors.open(x)):
        vectors = Vectors.open(value)
        assert vectors.ids().to_pylist() == ["0", "1", "2"]
        assert np.allclose(vectors.block(0, 3), x)
        assert vectors.encoder_hash is None
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    for bad, message in (
        (x[0], "shape"),
        (x.astype(int), "wanted floats"),
        (tmp_path / "objects.npy", "cannot be read"),
    ):
        with pytest.raises(VectorsError, match=message):
            Vectors.open(bad)


def test_equal_rows_give_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        store(tmp_path / name, [4, 3], "float16")
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
    sliced = pa.array([str(i) for i in range(9)]).slice(2, 4)
    for name, ids in (("c", sliced), ("d", pa.array(["2", "3", "4", "5"]))):
        writer = VectorsWriter(tmp_path / name, dim=4)
        writer.write(ids, rows(4))
        writer.finish()
    assert tree(tmp_path / "c") == tree(tmp_path / "d")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (lambda v: (v / "vectors-00001.arrow").unlink(), "is missing"),
        (
            lambda v: (v / "vectors-00001.arrow").write_bytes((v / "vectors-00001.arrow").read_bytes()[:-40]),
            "truncated",
        ),
        (lambda v: (v / "vectors-00001.arrow").write_bytes(b""), "truncated"),
        (lambda v: shutil.copy(v / "vectors-00000.arrow", v / "vectors-00001.arrow"), "4 rows, the manifest says 3"),
        (lambda v: edit(v, dim=5), "the manifest says 5 x float32"),
        (lambda v: edit(v, dtype="float16"), "the manifest says 4 x float16"),
        (lambda v: edit(v, complete=False), "is not finished"),
        (lambda v: edit(v, kind="index"), "holds 'index'"),
        (lambda v: edit(v, shards=[{"file": "x"}]), "lacks 'rows'"),
        (lambda v: (v / "manifest.json").unlink(), "has no manifest.json"),
        (lambda v: (v / "manifest.json").write_text("{"), "broken JSON"),
        (lambda v: v.rename(v.with_name("v.partial")), r"is not finished \(v.partial is there\)"),
        (lambda v: shutil.rmtree(v), "no such folder"),
    ],
)
def test_damage_is_named(tmp_path: Path, damage: Any, message: str) -> None:
    store(tmp_path / "v", [4, 3])
    damage(tmp_path / "v")
    with pytest.raises(InputError, match=message) as error:
        Vectors.open(tmp_path / "v")
    assert "\n" not in str(error.value)


def edit(folder: Path, **fields: Any) -> None:
    path = folder / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | fields))


def test_changed_bytes_are_found_on_request(tmp_path: Path) -> None:
    x = store(tmp_path / "v", [4, 3])
    path = tmp_path / "v" / "vectors-00001.arrow"
    data = bytearray(path.read_bytes())
    at = data.index(x[5].tobytes())
    data[at : at + 4] = np.float32(0.5).tobytes()
    path.write_bytes(data)
    Vectors.open(tmp_path / "v")
    with pytest.raises(VectorsError, match="checksum"):
        Vectors.open(tmp_path / "v", check=True)
    data[at : at + 4] = np.float32("nan").tobytes()
    path.write_bytes(data)
    vectors = Vectors.open(tmp_path / "v")
    vectors.block(0, 5)
    with pytest.raises(VectorsError, match=r"vector 6 \(id '5'\) holds NaN"):
        vectors.block(0, 7)


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (pa.table({"id": ["a"]}), "no column 'vector'"),
        (pa.table({"id": ["a"], "vector": [[1.0]]}), "wanted fixed_size_list"),
        (pa.table({"id": ["a"], "vector": pa.array([[1]], pa.list_(pa.int8(), 1))}), "wanted fixed_size_list"),
        (pa.table({"id": ["a"], "vector": pa.array([None], pa.list_(pa.float32(), 1))}), "holds nulls"),
        (pa.table({"id": ["a"], "vector": pa.array([[None]], pa.list_(pa.float32(), 1))}), "holds nulls"),
    ],
)
def test_tables_that_are_no_vectors(table: pa.Table, message: str) -> None:
    with pytest.raises(VectorsError, match=message):
        Vectors.open(table)


def test_writer_refuses_bad_rows(tmp_path: Path) -> None:
    writer = VectorsWriter(tmp_path / "v", dim=4)
    bad = rows(2)
    bad[1, 2] = np.nan
    for ids, x, message in (
        (["a"], rows(1, dim=3), r"\(1, 3\), wanted \(1, 4\)"),
        (["a"], rows(2), r"\(2, 4\), wanted \(1, 4\)"),
        (["a", "b"], bad, "id 'b' holds NaN"),
        (["a"], rows(1) * 1e6, "id 'a' holds NaN or infinity"),
    ):
        with pytest.raises(VectorsError, match=message):
            writer.write(pa.array(ids), x)
    with pytest.raises(VectorsError, match="dtype 'int8'"):
        VectorsWriter(tmp_path / "w", dim=4, dtype="int8")


def test_an_interrupted_run_goes_on_or_is_refused(tmp_path: Path) -> None:
    x = store(tmp_path / "whole", [4, 3], "float16")
    out = tmp_path / "v"
    first = VectorsWriter(out, dim=4, fields=FIELDS)
    first.write(pa.array(list("0123")), x[:4])
    (first.partial / ".vectors-00001.arrow.x.part").write_text("cut off")
    with pytest.raises(InputError, match=r"interrupted run \(4 of 7 rows\).*--resume"):
        VectorsWriter(out, dim=4, fields=FIELDS)
    for change, message in (
        ({"encoder_hash": "b" * 64, "encoder": "other"}, r"encoder 'mini' \(aaaaaaaaaaaa\).*'other' \(bbbbbbbbbbbb\)"),
        ({"corpus_hash": "d" * 64}, "corpus 'cccccccccccc', this run has 'dddddddddddd'"),
        ({"role": "query"}, "role 'None', this run has 'query'"),
        ({"precision": "bf16"}, "precision 'None', this run has 'bf16'"),
    ):
        with pytest.raises(MismatchError, match=message):
            VectorsWriter(out, dim=4, fields={**FIELDS, **change}, resume=True)
    second = VectorsWriter(out, dim=4, fields=FIELDS, resume=True)
    assert second.rows == 4
    second.write(pa.array(list("456")), x[4:])
    second.finish()
    assert tree(out) == tree(tmp_path / "whole")
    with pytest.raises(InputError, match="exists already"):
        VectorsWriter(out, dim=4, fields=FIELDS, resume=True)


def test_a_shard_changed_since_is_not_resumed(tmp_path: Path) -> None:
    writer = VectorsWriter(tmp_path / "v", dim=4)
    writer.write(pa.array(["a"]), rows(1))
    (writer.partial / "vectors-00000.arrow").write_bytes(b"?")
    with pytest.raises(VectorsError, match="was changed"):
        VectorsWriter(tmp_path / "v", dim=4, resume=True)


def test_full_disk_is_one_line(tmp_path: Path) -> None:
    """A limit on file sizes stands in for a full disk: both fail in write(2)."""
    code = """
import resource, sys, numpy as np, pyarrow as pa
from pathlib import Path
from xret.errors import InputError
from xret.vectors import VectorsWriter
writer = VectorsWriter(Path(sys.argv[1]), dim=64)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    writer.write(pa.array([str(i) for i in range(500)]), np.ones((500, 64)))
except InputError as error:
    print(error)
"""
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "v")], capture_output=True, text=True, env=env)
    assert "vectors-00000.arrow: writing failed" in done.stdout, done.stderr
    assert "File too large" in done.stdout
    assert done.stdout.count("\n") == 1


def test_places_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for out in (tmp_path / "none" / "v", tmp_path / "file" / "v"):
        with pytest.raises(InputError, match="cannot write here"):
            VectorsWriter(out, dim=4)
