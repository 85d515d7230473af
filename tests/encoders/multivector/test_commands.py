"""`xret rerank` with a late-interaction model, end to end, and what other commands say to one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import call
from xret.encoders import load_encoder
from xret.encoders.checkpoints.export import export_model
from xret.runs import read_run

pytestmark = pytest.mark.usefixtures("quiet")
LANGS = ["en", "de", "sw"]


@pytest.fixture
def files(tmp_path: Path, texts: list[str], monkeypatch: pytest.MonkeyPatch) -> tuple[list[str], list[str]]:
    """queries.jsonl, docs.jsonl and a run over all of them; gives the texts of both."""
    monkeypatch.chdir(tmp_path)
    queries = ["the old river", "stone", "the old river"]
    documents = [text for text in texts if text]
    for name, rows in (("queries", queries), ("docs", documents)):
        lines = [
            json.dumps({"id": f"{name[0]}{at}", "text": text, "lang": LANGS[at % 3]}) for at, text in enumerate(rows)
        ]
        Path(f"{name}.jsonl").write_text("\n".join(lines) + "\n")
    run = [f"q{q} Q0 d{d} {d + 1} {-d} x\n" for q in range(len(queries)) for d in range(len(documents))]
    Path("run.trec").write_text("".join(run))
    return queries, documents


def scored(name: str) -> dict[tuple[str, str], float]:
    return {(row["qid"], row["docid"]): row["score"] for row in read_run(name).to_pylist()}


@pytest.mark.parametrize("kind", ["bert", "xmod"])
def test_rerank(make: Callable[..., Any], files: tuple[list[str], list[str]], tmp_path: Path, kind: str) -> None:
    codes = ["en_XX", "de_DE", "sw_KE"]
    told = {"languages": codes, "default_language": "en_XX"} if kind == "xmod" else {}
    reference = make(tmp_path / "colbert", kind, settings=told, attend_to_mask_tokens=True)
    paths = ("run.trec", "--queries", "queries.jsonl", "--corpus", "docs.jsonl", "-o", "out.parquet")
    assert call("rerank", *paths, "--model", "maxsim", "--encoder", "colbert", "--device", "cpu") == 0
    found = scored("out.parquet")
    for q, query in enumerate(files[0]):
        for d, document in enumerate(files[1]):
            lang = (q % 3, d % 3) if told else (None, None)
            asked = reference.vectors(query, query=True, lang=lang[0])
            vectors = reference.vectors(document, query=False, lang=lang[1])
            assert found[f"q{q}", f"d{d}"] == pytest.approx(float((asked @ vectors.T).max(axis=1).sum()), abs=1e-4)
    assert len(found) == len(files[0]) * len(files[1])
    same = np.isclose(found["q0", "d0"], found["q2", "d0"], atol=1e-5)
    assert same != bool(told)  # one text, in two languages


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
def test_exported(make: Callable[..., Any], texts: list[str], tmp_path: Path, kind: str) -> None:
    make(tmp_path / "colbert", kind)
    export_model(tmp_path / "colbert", tmp_path / "ready")
    one, other = (load_encoder(tmp_path / name, device="cpu", threads=1) for name in ("colbert", "ready"))
    for role in ("query", "document"):
        pairs = zip(one.encode_tokens(texts, role=role), other.encode_tokens(texts, role=role), strict=True)
        assert all(np.array_equal(left, right) for left, right in pairs)


def test_neither_torch_nor_transformers_is_needed(make: Callable[..., Any], tmp_path: Path) -> None:
    make(tmp_path / "colbert", "xmod", settings={"languages": ["en_XX"], "default_language": "en_XX"})
    code = """
import sys
sys.modules.update({name: None for name in ("torch", "transformers", "sentence_transformers", "safetensors")})
from xret.encoders import load_encoder, load_reranker
rows = load_encoder(sys.argv[1], device="cpu", threads=1).encode_tokens(["the river"], role="query", lang=["en"])
print(rows[0].shape)
"""
    command = [sys.executable, "-c", code, str(tmp_path / "colbert")]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip() == "(16, 8)"


def test_other_commands_name_what_it_is_for(
    make: Callable[..., Any], files: tuple[list[str], list[str]], tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "colbert", "bert")
    for command in (("encode", "docs.jsonl", "-o", "out"), ("index", "build", "docs.jsonl", "-o", "out")):
        assert call(*command, "--encoder", "colbert", "--device", "cpu") != 0
        told = capfd.readouterr().err
        assert "gives token vectors, no sentence vectors" in told and "rerank RUN --model maxsim" in told
        assert not list(tmp_path.glob("out*"))
    paths = ("run.trec", "--queries", "queries.jsonl", "--corpus", "docs.jsonl", "-o", "out.parquet")
    assert call("rerank", *paths, "--model", "colbert", "--encoder", "colbert") != 0
    assert "--encoder is for --model maxsim" in capfd.readouterr().err
    assert call("rerank", *paths, "--model", "colbert") != 0
    assert "is no cross-encoder" in capfd.readouterr().err
    assert call("rerank", *paths, "--model", "maxism") != 0
    assert "'maxism' is no way to rerank; wanted maxsim, light, or a cross-encoder" in capfd.readouterr().err
    assert call("models", "info", "colbert") == 0
    told = capfd.readouterr().out
    assert "queries 16 tokens, filled to 16 (unattended); documents 24" in told and "markers insert 1/2" in told
