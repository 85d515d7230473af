"""`xret index` beyond what searching shows: vectors as a source, what is printed, and picking up a killed run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.cli.test_search import here as here  # fixtures
from tests.cli.test_search import index as index


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).iterdir()}


def test_info_and_check(index: str, cli: Cli) -> None:
    text = cli("index", "info", index).out
    for part in ("rows       7", "4: de 2, en 2, ja 2, und 1", "8 dimensions", "Flat; 7 rows of 8 dimensions", "kept"):
        assert part in text
    fields = json.loads(cli("index", "info", index, "--json").out)
    assert (fields["rows"], fields["encoder"], fields["factory"], fields["text"]) == (7, "toy", "Flat", True)
    assert fields["bytes"] == sum(len(data) for name, data in files(index).items() if name != "manifest.json")
    assert cli("index", "check", index).out == "docs.index: ok: 7 rows, 3 files, 100% of a sample find themselves\n"
    assert json.loads(cli("index", "check", index, "--json").out)["ok"] is True
    damaged = Path(index, "part-00001.faiss")
    damaged.write_bytes(damaged.read_bytes()[::-1])
    called = cli("index", "check", index)
    assert (called.code, called.out) == (1, "") and "wrong checksum" in called.err


def test_vectors_are_a_source(index: str, cli: Cli) -> None:
    assert cli("encode", "docs.jsonl", "-o", "vectors", "--encoder", "toy", "--as", "document").code == 0
    called = cli("index", "build", "vectors", "-o", "plain.index", "--json")
    fields = json.loads(called.out)
    assert (fields["rows"], fields["text"], fields["languages"], fields["encoder"]) == (7, False, {"und": 7}, "toy")
    assert files("plain.index")["part-00001.faiss"] == files(index)["part-00001.faiss"]
    assert "text" not in cli("search", "plain.index", "katze", "-k", "1").out.splitlines()[1]
    called = cli("search", "plain.index", "katze", "--rerank", "maxsim")
    assert called.code == 1 and "built without texts" in called.err


def test_vectors_beside_their_corpus(index: str, cli: Cli) -> None:
    assert cli("encode", "docs.jsonl", "-o", "vectors", "--encoder", "toy", "--as", "document").code == 0
    called = cli("index", "build", "docs.jsonl", "--vectors", "vectors", "-o", "given.index")
    assert called.code == 0, called.err
    theirs, mine = files(index), files("given.index")
    assert {name: data for name, data in mine.items() if name != "manifest.json"} == {
        name: data for name, data in theirs.items() if name != "manifest.json"
    }
    Path("other.jsonl").write_text('{"id": "o", "text": "cat"}\n')
    for command, code, message in (
        (("other.jsonl", "--vectors", "vectors"), 1, "7 vectors and 1 corpus rows"),
        (("vectors", "--vectors", "vectors"), 2, "--vectors: 'vectors' holds vectors itself"),
        (("docs.jsonl", "--vectors", "vectors", "--encoder", "other"), 2, "made by encoder 'toy'"),
        (("docs.jsonl", "--vectors", "vectors", "--kind", "lexical"), 2, "--vectors"),
        (("docs.jsonl", "--vectors", "none"), 1, "none"),
    ):
        called = cli("index", "build", *command, "-o", "new.index")
        assert (called.code, called.err.count("\n")) == (code, 1) and message in called.err, called.err
        assert not Path("new.index").exists()


@pytest.mark.parametrize("command", [("build", "-o", "new.index"), ("add", "docs.index")])
def test_options_that_vectors_would_ignore_are_refused(index: str, command: tuple[str, ...], cli: Cli) -> None:
    Path("more.tsv").write_text("m1\tcat\n")
    assert cli("encode", "more.tsv", "-o", "vectors", "--encoder", "toy").code == 0
    for option, message in (
        ("--encoder=other", "--encoder: 'vectors' holds vectors, made by encoder 'toy'; leave it out"),
        ("--lang=fr", "--lang: 'vectors' holds vectors, which have no languages"),
    ):
        called = cli("index", *command, "vectors", option)
        assert (called.code, called.err.count("\n")) == (2, 1) and message in called.err
        assert not Path("new.index").exists()
    called = cli("index", "build", "vectors", "-o", "same.index", "--encoder", "toy")
    assert called.code == 0, called.err


def test_a_corpus_is_added_at_the_width_of_the_index(index: str, cli: Cli) -> None:
    assert cli("encode", "docs.jsonl", "-o", "vectors", "--encoder", "toy", "--dim", "4").code == 0
    assert cli("index", "build", "vectors", "-o", "narrow.index").code == 0
    Path("more.tsv").write_text("m1\triver tree\n")
    called = cli("index", "add", "narrow.index", "more.tsv")
    assert called.code == 0, called.err
    assert cli("search", "narrow.index", "tree river", "-k", "1").out.splitlines()[-1].split()[3] == "m1"


def test_a_folder_of_text_shards_is_a_corpus(index: str, cli: Cli) -> None:
    Path("shards").mkdir()
    lines = Path("docs.jsonl").read_text().splitlines(keepends=True)
    for number, part in enumerate((lines[:3], lines[3:])):
        Path("shards", f"part-{number}.jsonl").write_text("".join(part))
    called = cli("index", "build", "shards", "-o", "whole.index", "--encoder", "toy")
    assert called.code == 0, called.err
    assert files("whole.index")["part-00001.faiss"] == files(index)["part-00001.faiss"]
    assert json.loads(cli("index", "info", "whole.index", "--json").out)["text"] is True
    called = cli("index", "build", index, "-o", "new")
    assert called.code == 1 and "holds 'index', wanted a vectors folder" in called.err


def test_work_keeps_the_vectors(here: Path, cli: Cli) -> None:
    arguments = ("index", "build", "docs.jsonl", "--encoder", "toy", "--work", "work", "--no-text")
    assert cli(*arguments, "-o", "one").code == 0
    stamp = Path("work/vectors/manifest.json").stat().st_mtime_ns
    assert cli(*arguments, "-o", "two").code == 0
    assert Path("work/vectors/manifest.json").stat().st_mtime_ns == stamp
    assert files("one") == files("two")


def test_vectors_of_unknown_origin_need_an_encoder(here: Path, cli: Cli) -> None:
    import numpy as np

    np.save("x.npy", np.eye(8, dtype=np.float32))
    assert cli("index", "build", "x.npy", "-o", "bare.index").code == 0
    called = cli("search", "bare.index", "katze")
    assert called.code == 1 and "name it with --encoder" in called.err
    assert cli("search", "bare.index", "katze", "--encoder", "toy", "-k", "1").out.splitlines()[-1].split()[3] == "0"


def test_what_can_be_known_is_told_before_encoding(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.encoders.corpora.store.encode_corpus", lambda *_, **__: pytest.fail("encoded"))
    for arguments, message in (
        (("add", index, "docs.jsonl"), "holds 7 of the ids to add already ('en1', 'en2', 'de1', …)"),
        (("add", index, "docs.jsonl", "--encoder", "other"), "built with encoder 'toy'"),
        (("build", "docs.jsonl", "-o", "new", "--encoder", "toy", "--factory", "IVF8,Flat"), "but there are 7"),
        (("build", "docs.jsonl", "-o", "new", "--encoder", "toy", "--factory", "IVF2,PQ3x4"), "cut into 3 equal parts"),
    ):
        called = cli("index", *arguments)
        assert (called.code, called.err.count("\n")) == (1, 1) and message in called.err
