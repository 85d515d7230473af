"""Several processes: the bytes of one, and what happens when they or their parent die."""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.encoders.conftest import WORDS
from xret.encoders import encode_corpus, load_encoder
from xret.encoders.corpora.store import Encoded
from xret.encoders.encoder import Encoder
from xret.errors import ModelError, UsageError
from xret.vectors import Vectors

Made = Callable[..., Path]
ROOT = Path(__file__).resolve().parents[3]


def corpus(rows: int) -> pa.Table:
    texts = [" ".join(WORDS[(row * at) % len(WORDS)] for at in range(1 + row % 70)) for row in range(rows)]
    return pa.table({"id": [f"d{row}" for row in range(rows)], "text": texts, "lang": ["en"] * rows})


def tree(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def loaded(folder: Path) -> Encoder:
    return load_encoder(folder, device="cpu", threads=1)


def test_bytes_of_one_process(static: Made, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    encoder, table, told = loaded(static()), corpus(330), list[Encoded]()
    chunked = pa.concat_tables([table.slice(0, 37), table.slice(37)])  # shards over the edges of chunks
    with caplog.at_level(logging.WARNING, "xret"):
        for name, workers in (("one", 1), ("three", 3)):
            encode_corpus(
                chunked, tmp_path / name, encoder=encoder, shard_rows=50, dtype="float32", dim=4, role="query",
                workers=workers, tell=told.append,
            )  # fmt: skip
    assert tree(tmp_path / "one") == tree(tmp_path / "three")
    assert [record.message for record in caplog.records] == [
        f"{encoder.name}: 24 of 330 texts are longer than 64 tokens and were cut"
    ] * 2
    one, three = told
    assert (one.rows, one.new_rows, one.cut, one.tokens) == (330, 330, 24, three.tokens)
    assert one.lost == sum(max(0, 1 + row % 70 - 64) for row in range(330)) == three.lost
    assert 0 < one.padding == three.padding < 0.5
    assert encoder.encode(["bird"]).shape == (1, 5)  # its graphs were closed, and open again


def test_a_killed_worker_is_replaced(
    static: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    encoder, table, out = loaded(static()), corpus(1500), tmp_path / "v"
    started: list[subprocess.Popen[str]] = []
    plain = subprocess.Popen

    def start(*arguments: Any, **options: Any) -> Any:
        started.append(plain(*arguments, **options))
        return started[-1]

    monkeypatch.setattr("xret.engines.process.subprocess.Popen", start)

    def kill() -> None:
        while not (tmp_path / "v.partial/vectors-00002.arrow").exists():
            time.sleep(0.001)
        started[1].send_signal(signal.SIGKILL)

    thread = threading.Thread(target=kill)
    thread.start()
    options: dict[str, Any] = {"encoder": encoder, "shard_rows": 10}
    encode_corpus(table, out, workers=2, **options)
    thread.join()
    assert len(started) == 3
    assert re.search(
        r"unit 'vectors-00\d+': its worker was killed by SIGKILL \(out of memory\?\); trying again", caplog.text
    )
    assert all(process.poll() is not None for process in started)
    encode_corpus(table, tmp_path / "whole", **options)
    assert tree(out) == tree(tmp_path / "whole")
    Vectors.open(out, check=True)


def test_shards_that_were_lost_are_made_again_and_no_others(static: Made, tmp_path: Path) -> None:
    encoder, table, out = loaded(static()), corpus(100), tmp_path / "v"
    options: dict[str, Any] = {"encoder": encoder, "shard_rows": 10, "resume": True}
    encode_corpus(table, tmp_path / "whole", **options)
    for workers in (1, 2):
        told: list[Encoded] = []
        encode_corpus(table, out, workers=workers, **options)
        (out / "vectors-00003.arrow").unlink()
        os.truncate(out / "vectors-00007.arrow", 99)
        encode_corpus(table, out, workers=workers, tell=told.append, **options)
        assert told[0].new_rows == 20
        assert tree(out) == tree(tmp_path / "whole")


def test_errors_of_workers_are_raised_here(static: Made, tmp_path: Path) -> None:
    folder = static()
    encoder = loaded(folder)
    with pytest.raises(UsageError, match="workers 0"):
        encode_corpus(corpus(9), tmp_path / "v", encoder=encoder, workers=0)
    static(hidden=8)  # another model in the same place
    with pytest.raises(ModelError, match="was changed, or is another model"):
        encode_corpus(corpus(9), tmp_path / "v", encoder=encoder, workers=2, shard_rows=2)
    (folder / "config.json").unlink()
    with pytest.raises(ModelError, match=r"config\.json"):
        encode_corpus(corpus(9), tmp_path / "v", encoder=encoder, workers=2, shard_rows=2, resume=True)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_no_worker_outlives_its_parent(static: Made, tmp_path: Path, number: signal.Signals) -> None:
    lines = "\n".join(corpus(1500)["text"].to_pylist())
    (tmp_path / "c.txt").write_text(lines)
    command = [sys.executable, "-c", "from xret.cli import main; main()", "encode", "c.txt", "-o", "v", "--encoder"]
    command += [str(static()), "--workers", "2", "--shard-rows", "5", "--device", "cpu"]
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen(
        command, cwd=tmp_path, env=env, stderr=subprocess.PIPE, text=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # a shell's background jobs ignore it
    )  # fmt: skip
    while process.poll() is None and not (tmp_path / "v.partial/vectors-00001.arrow").exists():
        time.sleep(0.005)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    workers = children.read_text().split() if children.exists() else []
    process.send_signal(number)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == {signal.SIGINT: 130, signal.SIGTERM: 143}.get(number, -signal.SIGKILL)
    assert "Traceback" not in said
    for _ in range(500):
        if not any(Path(f"/proc/{worker}").exists() for worker in workers):
            break
        time.sleep(0.02)
    assert not any(Path(f"/proc/{worker}").exists() for worker in workers)
    done = subprocess.run([*command, "--resume", "--json"], cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["rows"] == 1500 and told["new_rows"] < 1500
    assert Vectors.open(tmp_path / "v", check=True).rows == 1500
