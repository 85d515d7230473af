"""`xret encode` and `xret models` as a user types them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from xret.vectors import Vectors

ROOT = Path(__file__).resolve().parents[2]
Run = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """``run("encode", …)`` in a folder with ``model`` (a tiny static model) and ``docs.tsv``."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, pre_tokenizers

    model = tmp_path / "model"
    model.mkdir()
    words = ["<pad>", "<unk>", "river", "stone", "bird", "house"]
    tokenizer = Tokenizer(models.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.save(str(model / "tokenizer.json"))
    random = np.random.default_rng(0)
    tensors = {"embedding.weight": random.standard_normal((6, 4)), "projection.weight": random.standard_normal((3, 4))}
    save_file({name: array.astype(np.float32) for name, array in tensors.items()}, model / "model.safetensors")
    config = {"model_type": "xret-static", "vocab_size": 6, "hidden_size": 4, "output_size": 3, "license": "CC0-1.0"}
    (model / "config.json").write_text(json.dumps(config))
    (model / "languages.json").write_text(json.dumps({"main": ["en", "de"], "others": ["fr"]}))
    (model / "quality.json").write_text(json.dumps({"tatoeba": 45.1}))
    (tmp_path / "null.jsonl").write_text('{"text": null}\n')
    (tmp_path / "docs.tsv").write_text("a\tbird house\nb\triver\nc\tbird house stone\n")
    env = {
        **os.environ,
        "PYTHONPATH": str(ROOT),
        "XRET_CACHE": str(tmp_path / "cache"),
        "HF_HOME": str(tmp_path / "hf"),
    }

    def call(*arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-c", "from xret.cli import main; main()", *arguments]
        return subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=env, input=stdin)

    return call


def test_encode(run: Run, tmp_path: Path) -> None:
    done = run("encode", "docs.tsv", "-o", "v", "--encoder", "model", "--dtype", "float32", "--device", "cpu", "-v")
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    assert "v: 3 rows x 3 float32 by model" in done.stderr
    assert "on cpu" in done.stderr
    vectors = Vectors.open(tmp_path / "v", check=True)
    assert vectors.ids().to_pylist() == ["a", "b", "c"]
    assert np.allclose(np.linalg.norm(vectors.block(0, 3), axis=1), 1)
    done = run("encode", "docs.tsv", "-o", "w", "--encoder", "model", "--dim", "2", "--as", "query", "--json")
    told = json.loads(done.stdout)
    assert (told["rows"], told["dim"], told["dtype"], told["encoder"]) == (3, 2, "float16", "model")
    assert told["hash"] == Vectors.open(tmp_path / "w").encoder_hash
    assert (told["device"], told["precision"], told["tokens"], told["cut"], told["new_rows"]) == (
        "cpu",
        "fp32",
        6,
        0,
        3,
    )
    assert told["tokens_per_second"] > 0 and 0 <= told["padding"] < 1


def test_workers(run: Run, tmp_path: Path) -> None:
    for name, workers in (("v", "1"), ("w", "2")):
        options = ["--workers", workers, "--shard-rows", "1", "--device", "cpu", "-v"]
        done = run("encode", "docs.tsv", "-o", name, "--encoder", "model", *options)
        assert done.returncode == 0, done.stderr
    assert "2 workers, 1 threads each" in done.stderr
    one, two = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "vw")
    assert one == two and len(one) == 4


def test_one_file(run: Run, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    options = ["--encoder", "model", "--dtype", "float32", "--lang", "de", "--shard-rows", "2"]
    for name in ("v", "v.parquet", "v.npy"):
        done = run("encode", "docs.tsv", "-o", name, *options)
        assert done.returncode == 0, done.stderr
    assert f"{name}: 3 rows x 3 float32 by model" in done.stderr
    wanted = Vectors.open(tmp_path / "v").block(0, 3)
    table = pq.read_table(tmp_path / "v.parquet")
    assert table.column_names == ["id", "lang", "vector"]
    assert (table["id"].to_pylist(), table["lang"].to_pylist()) == (["a", "b", "c"], ["de"] * 3)
    assert np.array_equal(np.array(table["vector"].to_pylist(), np.float32), wanted)
    assert json.loads(table.schema.metadata[b"xret"])["encoder_hash"] == Vectors.open(tmp_path / "v").encoder_hash
    assert np.array_equal(np.load(tmp_path / "v.npy", allow_pickle=False), wanted)
    assert sorted(path.name for path in tmp_path.glob("v*")) == ["v", "v.npy", "v.parquet"]
    done = run("encode", "docs.tsv", "-o", "v.npy", "--resume", *options)
    assert (done.returncode, "v.npy: exists already" in done.stderr) == (1, True)


def test_one_file_goes_on_where_it_was(run: Run, tmp_path: Path) -> None:
    run("encode", "docs.tsv", "-o", "v.npy.vectors", "--encoder", "model")  # as a run leaves it that was killed so late
    done = run("encode", "docs.tsv", "-o", "v.npy", "--encoder", "model", "--resume", "--json")
    assert json.loads(done.stdout)["new_rows"] == 0
    assert np.load(tmp_path / "v.npy").dtype == np.float16
    assert not (tmp_path / "v.npy.vectors").exists()


def test_odd_lines(run: Run, tmp_path: Path) -> None:
    """Lines of 1 MB and control characters have a vector; a NUL is refused with its line."""
    odd = ["bird " * 200_000, "b" * 1_000_000, "\x01\x1f\x7f bird \u2028", "house"]
    rows = [json.dumps({"id": str(row), "text": text}) for row, text in enumerate(odd)]
    (tmp_path / "odd.jsonl").write_text("\n".join(rows) + "\n")
    done = run("encode", "odd.jsonl", "-o", "v", "--encoder", "model", "--json")
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["rows"], told["cut"]) == (4, 1)
    assert told["lost"] == 200_000 - 1024
    assert "1 of 4 texts are longer than 1024 tokens and were cut" in done.stderr
    vectors = Vectors.open(tmp_path / "v", check=True).block(0, 4)
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-2)
    (tmp_path / "nul.jsonl").write_text('{"text": "bird"}\n{"text": "a\\u0000b"}\n')
    done = run("encode", "nul.jsonl", "-o", "w", "--encoder", "model")
    assert (done.returncode, "nul.jsonl:2: text holds a NUL" in done.stderr) == (1, True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_lone_surrogate_is_told(run: Run, tmp_path: Path, workers: str) -> None:
    (tmp_path / "odd.jsonl").write_text('{"text": "bird"}\n{"text": "a\\ud800b"}\n{"text": "c"}\n')
    done = run("encode", "odd.jsonl", "-o", "v", "--encoder", "model", "--workers", workers, "--shard-rows", "1")
    assert done.returncode == 1
    assert "odd.jsonl:2" in done.stderr and "Traceback" not in done.stderr
    assert not (tmp_path / "v").exists()


def test_tsv_on_stdin_keeps_its_ids(run: Run, tmp_path: Path) -> None:
    done = run("encode", "-", "-o", "v", "--encoder", "model", stdin="a\tbird house\nb\triver\n")
    assert "<stdin>: read as tsv because its first line holds a tab\n" in done.stderr
    assert Vectors.open(tmp_path / "v").ids().to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["docs.tsv", "-o", "model"], "model: exists already", 1),
        (["none.tsv", "-o", "v"], "none.tsv", 1),
        (["docs.tsv", "-o", "no/v"], "no/v: cannot write here", 1),
        (["docs.tsv", "-o", "-"], "-o -: is made as a folder", 2),
        (["docs.tsv", "-o", "v.csv"], "-o v.csv: vectors are kept as a folder", 2),
        (["docs.tsv", "-o", "v.NPY"], "-o v.NPY: vectors are kept as a folder", 2),
        (["docs.tsv", "-o", "v", "--lang", "klingonish"], "--lang: 'klingonish' is not a known language code", 2),
        (["", "-o", "v"], "the name of a corpus is empty", 2),
        (["null.jsonl", "-o", "v"], "null.jsonl:1: 'text' is null", 1),
        (["docs.tsv", "-o", "v", "--dim", "9"], "dim 9", 2),
        (["docs.tsv", "-o", "v", "--encoder", "docs.tsv"], "docs.tsv: is a file", 1),
        (["docs.tsv", "-o", "v", "--encoder", "org/unknown"], "not on disk.*models pull org/unknown", 1),
        (["docs.tsv", "-o", "v", "--encoder", "nothing"], "nothing: no such encoder", 1),
        (["docs.tsv"], "Missing option '-o'", 2),
        (["docs.tsv", "-o", "v", "--device", "tpu"], "'tpu' is not one of 'auto', 'cpu', 'cuda', 'cuda:N'", 2),
        (["docs.tsv", "-o", "v", "--workers", "0"], "'--workers'", 2),
        (["docs.tsv", "-o", "no/v.npy"], "no/v.npy: cannot write here", 1),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: list[str], message: str, code: int) -> None:
    done = run("encode", "--encoder", "model", *arguments)
    assert re.search(message, done.stderr), done.stderr
    assert done.returncode == code
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_resume_with_another_model(run: Run, tmp_path: Path) -> None:
    assert run("encode", "docs.tsv", "-o", "v", "--encoder", "model").returncode == 0
    assert run("encode", "docs.tsv", "-o", "v", "--encoder", "model", "--resume").returncode == 0
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"version": "2"}))
    done = run("encode", "docs.tsv", "-o", "v", "--encoder", "model", "--resume")
    assert done.returncode == 1
    assert "was made with encoder 'model'" in done.stderr


def test_models(run: Run, tmp_path: Path) -> None:
    run("encode", "docs.tsv", "-o", "v", "--encoder", "model")
    listed = json.loads(run("models", "list", "--json").stdout)
    (row,) = [row for row in listed if row["name"] == "model"]
    assert (row["family"], row["dim"], row["where"]) == ("xret-static", 3, str(tmp_path / "model"))
    lines = [line.split() for line in run("models", "list").stdout.splitlines()]
    assert lines[0] == ["name", "family", "dim", "size", "where"]
    assert [line[:3] for line in lines if line[0] == "model"] == [["model", "xret-static", "3"]]
    told = json.loads(run("models", "info", "model", "--json").stdout)
    assert (told["hash"], told["size"]) == (row["hash"], row["bytes"])
    assert (told["licence"], told["languages"], told["quality"]) == ("CC0-1.0", ["en", "de"], {"tatoeba": 45.1})
    text = run("models", "info", "model").stdout
    assert re.search("languages +2: en de", text)
    assert re.search("quality +tatoeba: 45.1\n", text)
    assert run("models", "info", "nothing").returncode == 1
    assert "distil" in run("models", "--help").stdout


def test_models_that_are_gone_or_changed_are_not_listed(run: Run, tmp_path: Path) -> None:
    def listed() -> list[tuple[str, str]]:
        rows = json.loads(run("models", "list", "--json").stdout)
        return [(row["name"], row["hash"]) for row in rows if row["where"] != "bundled"]

    run("encode", "docs.tsv", "-o", "v", "--encoder", "model")
    run("encode", "docs.tsv", "-o", "w", "--encoder", "./model")
    ((_, first),) = listed()
    config = json.loads((tmp_path / "model/config.json").read_text())
    (tmp_path / "model/config.json").write_text(json.dumps(config | {"version": "2"}))
    assert listed() == []
    run("encode", "docs.tsv", "-o", "x", "--encoder", "model")
    ((name, second),) = listed()
    assert (name, second != first) == ("model", True)
    (tmp_path / "model").rename(tmp_path / "moved")
    assert listed() == []


def test_exported_graph_runs_alone(run: Run, tmp_path: Path) -> None:
    import onnxruntime
    from tokenizers import Tokenizer

    run("encode", "docs.tsv", "-o", "v", "--encoder", "model", "--dtype", "float32")
    assert run("models", "export", "model", "-o", "out").returncode == 0
    assert json.loads((tmp_path / "out/recipe.json").read_text())["recipe"]["dim"] == 3
    ids = Tokenizer.from_file(str(tmp_path / "out/tokenizer.json")).encode("river").ids
    session = onnxruntime.InferenceSession(tmp_path / "out/model.onnx", providers=["CPUExecutionProvider"])
    feed = {"input_ids": np.array([ids]), "attention_mask": np.ones((1, len(ids)), np.int64)}
    (vector,) = session.run(["sentence_embedding"], feed)
    assert np.allclose(vector[0], Vectors.open(tmp_path / "v").block(1, 2)[0], atol=1e-6)
    done = run("models", "export", "model", "-o", "out")
    assert done.returncode == 1
    assert "exists already" in done.stderr
