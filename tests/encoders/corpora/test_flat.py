"""Vectors as one file, on a disk that is too small."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xret.encoders import encode_corpus, load_encoder
from xret.encoders.corpora.flat import write_flat
from xret.errors import InputError


@contextmanager
def room_for(size: int) -> Iterator[None]:
    """No file can grow beyond `size` bytes."""
    before, handler = resource.getrlimit(resource.RLIMIT_FSIZE), signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
        signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("name", ["v.npy", "v.parquet"])
def test_full_disk(static: Callable[..., Path], tmp_path: Path, name: str) -> None:
    rows = 3000
    texts = pa.table({"id": [str(row) for row in range(rows)], "text": ["the old bird"] * rows, "lang": ["en"] * rows})
    encoder = load_encoder(static(), device="cpu", threads=1)
    vectors = encode_corpus(texts, tmp_path / "v", encoder=encoder, shard_rows=1000, progress=False)
    with room_for(4_000), pytest.raises(InputError, match=rf"{name}: writing failed \(.*[Ff]ile too large.*\); free"):
        write_flat(vectors, tmp_path / name)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["static", "v"]
    write_flat(vectors, tmp_path / "v.npy")
    assert np.array_equal(np.load(tmp_path / "v.npy"), vectors.block(0, rows))
