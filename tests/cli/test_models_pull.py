"""`xret models pull`, `info` and `export` as a user types them, against a hub on this machine."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from tests.encoders.checkpoints.test_layouts import modules
from tests.encoders.conftest import WORDS, transformer_folder
from tests.encoders.hub.fake_hub import FakeHub, serving
from tests.encoders.multivector.conftest import stanford
from xret.vectors import Vectors

Run = Callable[..., subprocess.CompletedProcess[str]]
NAME = "sentence-transformers/LaBSE"
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def hub(tmp_path: Path) -> Iterator[FakeHub]:
    """A hub with a tiny LaBSE: its layout, with a vocab.txt and no tokenizer.json."""
    import warnings

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        folder = transformer_folder(tmp_path / "hub", "bert")
    modules(folder, "cls", "Dense 24", "Normalize", length=20)
    (folder / "tokenizer.json").unlink()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    (folder / "vocab.txt").write_text("\n".join([*specials, *WORDS]) + "\n")
    (folder / "tokenizer_config.json").write_text('{"tokenizer_class": "BertTokenizer", "do_lower_case": false}')
    (folder / "README.md").write_text("---\nlicense: apache-2.0\nlanguage:\n- de\n- en\n---\n")
    with serving() as found:
        found.models[NAME] = folder
        yield found


@pytest.fixture
def run(hub: FakeHub, tmp_path: Path) -> Run:
    """``run("models", …)`` in an empty folder, with a cache of its own, where torch and transformers cannot be had."""
    (tmp_path / "here").mkdir()
    code = (
        "import sys; sys.modules.update(torch=None, transformers=None, sentence_transformers=None)\n"
        "from xret.cli import main; main()"
    )
    environment = {
        **os.environ, "PYTHONPATH": str(ROOT), "XRET_CACHE": str(tmp_path / "cache"), "HF_ENDPOINT": hub.url,
        "HF_HUB_OFFLINE": "0", "HF_HOME": str(tmp_path / "hf"), "COLUMNS": "200",
    }  # fmt: skip

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-c", code, *arguments], cwd=tmp_path / "here", env=environment, capture_output=True,
            text=True, check=False,
        )  # fmt: skip

    return call


def test_pulled_then_used_without_the_hub(run: Run, hub: FakeHub, tmp_path: Path) -> None:
    done = run("models", "pull", NAME)
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip() == f"ready: xret encode --encoder {NAME}"
    shown = dict(line.split(None, 1) for line in done.stdout.splitlines() if not line.startswith("trained"))
    assert shown["family"] == "bert"
    assert shown["vectors"] == "24 values (tokens: 24), pooling cls [1_Pooling/config.json]"
    assert shown["heads"] == "2_Dense tanh, 3_Normalize L2"
    assert shown["reads"] == "20 tokens of a text [sentence_bert_config.json]"
    assert (shown["licence"], shown["languages"]) == ("apache-2.0", "2: de en")
    hub.shutdown()
    (tmp_path / "here/docs.tsv").write_text("d1\tthe old bird\nd2\ta river runs\n")
    encoded = run("encode", "docs.tsv", "-o", "v", "--encoder", NAME, "-v")
    assert encoded.returncode == 0, encoded.stderr
    assert "pooling from 1_Pooling/config.json" in encoded.stderr
    with_vectors = Vectors.open(tmp_path / "here/v")
    assert with_vectors.dim == 24 and with_vectors.encoder_name == NAME
    rows = json.loads(run("models", "list", "--json").stdout)
    assert NAME in [row["name"] for row in rows]


def test_it_has_the_vectors_of_sentence_transformers(run: Run, hub: FakeHub, tmp_path: Path) -> None:
    from sentence_transformers import SentenceTransformer

    assert run("models", "pull", NAME, "-o", "ready").returncode == 0
    shutil.rmtree(tmp_path / "cache")
    (tmp_path / "here/docs.tsv").write_text("d1\tthe old bird\nd2\ta river runs\n")
    done = run("encode", "docs.tsv", "-o", "v", "--encoder", "ready", "--dtype", "float32")
    assert done.returncode == 0, done.stderr
    model = SentenceTransformer(str(hub.models[NAME]), device="cpu")
    theirs = model.encode(["the old bird", "a river runs"], normalize_embeddings=True, show_progress_bar=False)
    assert np.abs(Vectors.open(tmp_path / "here/v").block(0, 2) - theirs).max() <= 1e-5


def test_json_and_what_is_said(run: Run) -> None:
    done = run("models", "pull", NAME, "--query-prompt", "blue ", "--pooling", "mean", "--dim", "7", "--json")
    pulled = json.loads(done.stdout)
    assert (pulled["encoder"], pulled["fetched"], pulled["precision"]) == (NAME, True, "fp32")
    recipe, sources = pulled["model"]["recipe"], pulled["model"]["sources"]
    assert (recipe["prompts"], recipe["pooling"], recipe["dim"]) == ([["query", "blue "]], ["mean"], 7)
    assert {sources[part] for part in ("prompts", "pooling", "dim")} == {"given"}
    info = run("models", "info", NAME).stdout
    assert "7 values, the first of 24 [given]" in info and "query: 'blue ' [given]" in info
    again = run("models", "pull", f"{NAME}:int8", "-v")
    assert again.returncode == 0 and re.search(r"int8 +cosine with fp32: mean (0\.9|1\.0)\d+, lowest", again.stdout)


def test_it_names_the_command_that_a_model_is_for(run: Run, tmp_path: Path) -> None:
    stanford(tmp_path / "late interaction", "bert")
    done = run("models", "pull", str(tmp_path / "late interaction"))
    assert done.returncode == 0, done.stderr
    assert done.stderr == f"ready: xret rerank --model maxsim --encoder '{tmp_path / 'late interaction'}'\n"


@pytest.mark.parametrize(
    ("arguments", "message", "code"),
    [
        (["org/none"], "org/none: no such model at http://127", 1),
        (["nothing"], "nothing: no such encoder", 1),
        ([f"{NAME}:int4"], "'int4' is no precision; known: fp32, fp16, bf16, int8", 1),
        ([NAME, "--pooling", "median"], "pooling 'median' is not known", 1),
        ([NAME, "--revision", "v3"], "has no such revision", 1),
        (["xret-mini", "--pooling", "cls"], "nothing is written into .*; make a ready folder with -o FOLDER", 2),
        (["xret-mini", "--revision", "v1"], "is on disk", 2),
        ([NAME, "--languages", "de"], "model_type 'bert' has no languages to choose from", 1),
    ],
)
def test_mistakes_are_one_line(run: Run, arguments: list[str], message: str, code: int) -> None:
    done = run("models", "pull", *arguments)
    assert (done.returncode, done.stdout) == (code, "")
    assert re.fullmatch(rf"xret: .*{message}.*\n", done.stderr), done.stderr


def test_export_takes_what_is_said(run: Run) -> None:
    assert run("models", "export", "xret-mini", "-o", "ready", "--document-prompt", "old ").returncode == 0
    assert "document: 'old ' [given]" in run("models", "info", "ready").stdout
    again = run("models", "pull", "ready", "--json")
    assert (
        json.loads(again.stdout)["model"]["hash"] == json.loads(run("models", "info", "ready", "--json").stdout)["hash"]
    )
