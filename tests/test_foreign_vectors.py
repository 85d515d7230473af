"""Vectors made elsewhere: what files of every kind hold is taken row by row, or refused by name."""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from xret.errors import InputError, XretError
from xret.indexes.twoway import two_way_knn
from xret.vectors import Vectors, vectors_of

N, D = 5, 16
Y = np.random.default_rng(0).standard_normal((N, D)).astype(np.float32)
LISTS = Y.tolist()
CORPUS = pa.table({"id": [str(row + 1) for row in range(N)]})


def parquet(path: Path, vectors: Any, kind: Any = None, **columns: Any) -> None:
    pyarrow.parquet.write_table(pa.table({**columns, "vector": pa.array(vectors, kind)}), path)


def batches(path: Path, *parts: list[Any]) -> None:
    schema = pa.schema({"vector": pa.list_(pa.float32())})
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, schema) as writer:
        for part in parts:
            writer.write_batch(pa.record_batch([pa.array(part, schema.field(0).type)], schema=schema))


GAPS = [*LISTS[:2], None, *LISTS[2:]]
REFUSED: dict[str, tuple[Callable[[Path], Any], str]] = {
    # As many vectors as sentences once the empty place is dropped: all behind it would belong to the wrong ones.
    "gap": (lambda path: parquet(path, GAPS, pa.list_(pa.float32(), D)), "vectors of several lengths, or none"),
    "list gap": (lambda path: parquet(path, GAPS), "vectors of several lengths, or none"),
    "no value": (lambda path: parquet(path, [[None, *LISTS[0][1:]], *LISTS[1:]]), "holds nulls"),
    "ids of lists": (lambda path: parquet(path, LISTS, id=[[1]] * N), "column 'id' is list.*, which is no text"),
    "ids of bytes": (lambda path: parquet(path, LISTS, id=[b"\xff"] * N), "column 'id' is binary, which is no text"),
    "no batch": (batches, "0 vectors, but the corpus has 5 sentences"),
    "ragged": (lambda path: batches(path, LISTS[:3], [row[:8] for row in LISTS[3:]]), "vectors of several lengths"),
    "huge": (
        lambda path: save(path, Y.astype(np.float64) * 1e300),
        r"vectors: vector 1 \(id '1'\) holds NaN or infinity",
    ),
    "zero": (lambda path: save(path, Y * (np.arange(N) != 2)[:, None]), r"vectors: vector 3 \(id '3'\) has length 0"),
    "half, short": (
        lambda path: (0.02 * Y).repeat(2, axis=1).astype(np.float16).tofile(path),
        "read as float32, .*: give --dim 32",
    ),
    "half": (
        lambda path: np.hstack([Y, -Y]).astype(np.float16).tofile(path),
        "read as float32, vectors of 16 values look like no numbers; they may be .*: give --dim 32",
    ),
}


def save(path: Path, values: Any) -> None:
    with open(path, "wb") as stream:
        np.save(stream, values)


@pytest.mark.parametrize("kind", REFUSED)
def test_what_does_not_fit_is_refused(kind: str, tmp_path: Path) -> None:
    make, words = REFUSED[kind]
    path = tmp_path / "vectors"
    make(path)
    with pytest.raises(XretError, match=words) as caught:
        two_way_knn(*[Vectors.open(vectors_of(path, CORPUS, dim=D if "half" in kind else None))] * 2)
    assert str(caught.value).startswith(str(path))


def test_empty_batches_are_nothing(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    batches(tmp_path / "v.arrow", LISTS[:3], [], LISTS[3:])
    with caplog.at_level(logging.INFO, "xret"):
        found = Vectors.open(vectors_of(tmp_path / "v.arrow", CORPUS))
    assert np.array_equal(found.block(0, N), Y)
    assert "v.arrow: 5 vectors of 16 values, read as Arrow" in caplog.text


def test_a_folder_of_something_else_is_refused_as_such(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"so it is not a vectors folder made by xret"):
        vectors_of(tmp_path, CORPUS)
