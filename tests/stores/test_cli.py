"""Stores from the command line, and in the places of indexes: search, rerank, pipelines."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest

from tests.cli.conftest import Called, Cli, call
from tests.encoders.conftest import quiet  # noqa: F401
from tests.encoders.multivector.conftest import backbone, unigram
from tests.encoders.multivector.test_bge import bge
from tests.stores.conftest import OURS, LiteServer
from xret.cli import main
from xret.sample import export_sample
from xret.stores.link import place_of

PIPELINE = """
[inputs]
corpus = "docs.jsonl"
queries = "queries.tsv"
qrels = "qrels.txt"

[[stage]]
use = "encode"
encoder = "xret-mini"

[[stage]]
use = "{use}"
{to}

[[stage]]
use = "encode"
encoder = "xret-mini"
role = "query"
read = { corpus = "queries" }
write = "query_vectors"

[[stage]]
use = "retrieve"
k = 20

[outputs]
run = "{out}"
"""


@pytest.fixture
def cli(capfd: pytest.CaptureFixture[str]) -> Cli:
    """Calls `xret` with these arguments, in the current folder."""

    def invoke(*arguments: str | Path) -> Called:
        capfd.readouterr()
        code = call(*arguments)
        out, err = capfd.readouterr()
        return Called(code, out, err)

    return invoke


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sample with its vectors."""
    folder = tmp_path_factory.mktemp("stores") / "sample"
    export_sample(folder)
    for line in (f"encode {folder}/docs.jsonl -o {folder}/vectors", f"index build {folder}/docs.jsonl -o {folder}/i"):
        with pytest.raises(SystemExit) as stop:
            main(line.split())
        assert not stop.value.code
    return folder


@pytest.fixture
def here(sample: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The sample as the current folder."""
    monkeypatch.chdir(sample)
    return sample


@pytest.fixture(params=["folder", "milvus"])
def to(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """Where the store comes."""
    if request.param == "folder":
        return str(tmp_path / "docs")
    uri = str(request.getfixturevalue("milvus_uri"))
    return f"{uri.replace('http', 'milvus', 1)}/{OURS}{uuid4().hex[:8]}"


def test_from_vectors_to_search(here: Path, to: str, cli: Cli) -> None:
    loaded = cli("store", "load", "vectors", "--to", to, "--corpus", "docs.jsonl", "--index", "Flat", "--json")
    assert loaded.code == 0, loaded.err
    rows = json.loads(loaded.out)["rows"]
    assert json.loads(cli("store", "info", to, "--json").out)["rows"] == rows > 100
    assert "encoder" in cli("store", "info", to).out
    plain = cli("search", "i", "--queries", "queries.tsv", "-k", "5", "--format", "jsonl")
    stored = cli("search", to, "--queries", "queries.tsv", "-k", "5", "--format", "jsonl")
    assert stored.code == 0, stored.err
    pairs = list(zip(map(json.loads, plain.out.splitlines()), map(json.loads, stored.out.splitlines()), strict=True))
    assert all((a["qid"], a["docid"], a["text"]) == (b["qid"], b["docid"], b["text"]) for a, b in pairs)
    again = cli("search", to, "rain and wind", "--rerank", "maxsim", "-k", "3", "--lang", "de")
    assert (again.code, len(again.out.splitlines())) == (0, len(cli("search", "i", "x", "-k", "3").out.splitlines()))
    spread = cli("search", to, "rain and wind", "-k", "3", "--engine", "local", "--workers", "2")
    assert spread.out == cli("search", to, "rain and wind", "-k", "3").out
    alias = f"{to}_live"
    assert cli("store", "swap", alias, to.rsplit("/", 1)[1]).code == 0
    assert cli("search", alias, "rain", "-k", "1").code == 0
    for new, name in ((f"{to}_2", to), (f"{to}_2", f"{to}_2")):  # names of stores: told before anything is loaded
        told = cli("store", "load", "vectors", "--to", new, "--alias", name)
        assert (told.code, len(told.err.splitlines())) == (1, 1) and "no alias" in told.err
        assert "no such" in cli("store", "info", new).err
    refused = cli("store", "drop", to)
    assert (refused.code, len(refused.err.splitlines())) == (1, 1)
    deleted = json.loads(cli("store", "delete", alias, "no such id", "--json").out)
    assert (deleted["deleted"], deleted["missing"], deleted["rows"]) == (0, 1, rows)
    unknown = cli("search", to, "rain", "--lang", "tlh")
    assert (unknown.code, unknown.out) == (1, "")
    assert "has no rows in language 'tlh'" in unknown.err
    other = cli("search", to, "rain", "--hybrid", "rrf")
    assert other.code in (1, 2)
    assert len(other.err.splitlines()) == 1


def test_an_index_is_loaded_and_led_to(here: Path, to: str, tmp_path: Path, cli: Cli) -> None:
    link = tmp_path / "led.index"
    assert cli("store", "load", "i", "--to", to, "-o", link).code == 0
    assert str(place_of(link)) == to
    assert cli("search", link, "rain", "-k", "2", "--format", "jsonl").out.splitlines()[0].startswith("{")
    assert "rows" in cli("index", "info", link).out
    assert cli("index", "check", link).code == 0
    assert cli("index", "add", link, "docs.jsonl").code == 2
    assert "exists already" in cli("store", "link", to, "-o", link).err


@pytest.mark.usefixtures("quiet")
def test_token_weights_of_an_encoder_that_has_them(tmp_path: Path, cli: Cli) -> None:
    """Loaded with the rows, and made of queries where no words are counted: what both say alike comes first."""
    for name in ("torch", "transformers", "sentence_transformers"):
        pytest.importorskip(name)
    parts: Any = (unigram, None, backbone, None)
    bge(tmp_path / "made", parts)
    to = str(tmp_path / "docs")
    corpus, model = tmp_path / "docs.tsv", str(tmp_path / "made" / "model")
    texts = ["the cat sat", "ein Haus am See", "the dog and the cat", "Wasser und Brot"]
    corpus.write_text("".join(f"{number}\t{text}\n" for number, text in enumerate(texts)))
    assert cli("encode", corpus, "-o", tmp_path / "v", "--encoder", model, "--lang", "en").code == 0
    load = ("store", "load", tmp_path / "v", "--to", to, "--corpus", corpus, "--lang", "en")
    done = cli(*load, "--sparse")
    assert done.code == 0, done.err
    assert json.loads(cli("store", "info", to, "--json").out)["sparse"] is True
    found = cli("search", to, texts[2], "-k", "1", "--hybrid", "weighted", "--encoder", model, "--format", "jsonl")
    assert found.code == 0, found.err
    assert json.loads(found.out)["docid"] == "2"
    assert "keeps token weights; give --sparse" in cli(*load).err
    assert cli("store", "load", tmp_path / "v", "--to", f"{to}_2", "--sparse").code == 2


def test_a_pipeline_takes_a_store_where_it_takes_an_index(here: Path, to: str, tmp_path: Path, cli: Cli) -> None:
    for name, use, option in (("index.trec", "index", ""), ("store.trec", "load", f'to = "{to}"\nindex = "Flat"')):
        made = PIPELINE.replace("{use}", use).replace("{to}", option).replace("{out}", name)
        Path(here, "p.toml").write_text(made)
        done = cli("run", "p.toml", "--work", tmp_path / "work")
        assert done.code == 0, done.err
    runs = [Path(here, name).read_text().splitlines() for name in ("index.trec", "store.trec")]
    first, second = ([line.split()[:4] for line in lines] for lines in runs)
    assert first == second


def test_a_server_that_is_not_there_is_one_line(here: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("pymilvus")
    monkeypatch.setattr("xret.stores.milvus.client.PATIENCE", 0.1)
    port = LiteServer.free_port()
    called = cli("search", f"milvus://127.0.0.1:{port}/docs", "rain")
    assert (called.code, called.out, len(called.err.splitlines())) == (1, "", 1)
    assert "cannot be reached" in called.err
    assert cli("store", "info", "milvus://host/a-b").code == 2
