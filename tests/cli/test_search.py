"""`xret search` and `xret index` as a user types them, with a toy encoder of four concepts in three languages."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet
import pytest

from tests.cli.conftest import Cli
from xret.cli.table import width
from xret.runs import read_run

CONCEPTS = (("cat", "katze", "猫"), ("dog", "hund", "犬"), ("tree", "baum", "木"), ("river", "fluss", "川"))
DOCS = (
    ("en1", "en", "cat tree"), ("en2", "en", "dog"), ("de1", "de", "katze"), ("de2", "de", "hund fluss"),
    ("ja1", "ja", "猫 木 " * 60), ("ja2", "ja", "川"), ("xx1", "und", "dog dog"),
)  # fmt: skip


def toy_encoder(folder: Path, *, seed: int = 0) -> Path:
    """A static model in which the words of one concept are near each other."""
    from safetensors.numpy import save_file
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

    folder.mkdir()
    words = ["[UNK]", *(word for concept in CONCEPTS for word in concept)]
    table = np.random.default_rng(seed).standard_normal((len(words), 8)).astype(np.float32) * 0.1
    for number, concept in enumerate(CONCEPTS):
        for word in concept:
            table[words.index(word), number] += 1
    tokenizer = Tokenizer(models.WordLevel({word: place for place, word in enumerate(words)}, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.Lowercase()
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.save(str(folder / "tokenizer.json"))
    config = {"model_type": "xret-static", "vocab_size": len(words), "hidden_size": 8, "output_size": 8}
    (folder / "config.json").write_text(
        json.dumps(config | {"pad_token_id": 0, "max_length": 256, "name": folder.name})
    )
    tensors = {"embedding.weight": table, "projection.weight": np.eye(8, dtype=np.float32)}
    save_file(tensors, folder / "model.safetensors")
    return folder


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Toy encoders `toy` and `other`, and `docs.jsonl`, in the current folder."""
    monkeypatch.setenv("XRET_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("COLUMNS", "60")
    monkeypatch.chdir(tmp_path)
    toy_encoder(Path("toy"))
    toy_encoder(Path("other"), seed=1)
    Path("docs.jsonl").write_text(
        "".join(json.dumps({"id": id, "lang": lang, "text": text}) + "\n" for id, lang, text in DOCS)
    )
    return tmp_path


@pytest.fixture
def index(here: Path, cli: Cli) -> str:
    called = cli("index", "build", "docs.jsonl", "-o", "docs.index", "--encoder", "toy")
    assert (called.code, called.out) == (0, ""), called.err
    assert "docs.index: 7 rows, 4 languages, Flat" in called.err
    assert sorted(path.name for path in here.iterdir()) == ["cache", "docs.index", "docs.jsonl", "other", "toy"]
    return "docs.index"


def hits(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]


def test_table(index: str, cli: Cli) -> None:
    called = cli("search", index, "Katze", "猫 dog", "-k", "4")
    assert called.code == 0, called.err
    first, second = called.out.split("\n\n")
    assert first.splitlines()[0] == "1: Katze" and second.splitlines()[0] == "2: 猫 dog"
    assert first.splitlines()[1].split() == ["rank", "score", "lang", "id", "text"]
    assert first.splitlines()[3].split() == ["1", "1.0000", "de", "de1", "katze"]
    assert {line.split()[3] for line in first.splitlines()[3:6]} == {"de1", "en1", "ja1"}
    assert "…" in called.out
    assert max(width(line) for line in called.out.splitlines()) <= 60


def test_formats(index: str, cli: Cli) -> None:
    found = hits(cli("search", index, "hund", "--format", "jsonl", "-k", "3").out)
    assert list(found[0]) == ["qid", "query", "docid", "score", "rank", "tag", "qlang", "dlang", "text"]
    assert [(hit["docid"], hit["rank"]) for hit in found] == [("xx1", 1), ("en2", 2), ("de2", 3)]  # equal: by larger id
    Path("queries.tsv").write_text("id\ttext\tlang\nq1\thund\tde\nq2\t木\tja\n")
    trec = cli("search", index, "--queries", "queries.tsv", "--format", "trec", "-k", "2")
    assert [line.split()[0] for line in trec.out.splitlines()] == ["q1", "q1", "q2", "q2"]
    for name in ("run.trec", "run.parquet", "run.jsonl.gz", "run.trec.gz"):
        assert cli("search", index, "--queries", "queries.tsv", "-k", "2", "-o", name).code == 0
        assert read_run(name)["docid"].to_pylist() == [line.split()[2] for line in trec.out.splitlines()]
    table = pyarrow.parquet.read_table("run.parquet")
    assert set(table["qlang"].to_pylist()) == {"de", "ja"} and "text" not in table.column_names
    assert cli("search", index, "--queries", "queries.tsv", "-k", "2", "--text", "-o", "texts.parquet").code == 0
    texts = pyarrow.parquet.read_table("texts.parquet")
    assert texts.drop_columns("text") == table and None not in texts["text"].to_pylist()
    bare = hits(cli("search", index, "hund", "--no-text", "--format", "jsonl", "-k", "3").out)
    assert bare == [{name: value for name, value in hit.items() if name != "text"} for hit in found]
    called = cli("search", index, "hund", "--text", "--format", "trec")
    assert (called.code, called.err.count("\n")) == (2, 1) and "no place for texts" in called.err


def test_languages_and_reranking(index: str, cli: Cli) -> None:
    found = hits(cli("search", index, "tree", "--lang", "de,ja", "--format", "jsonl").out)
    assert [hit["dlang"] for hit in found].count("de") == 2 and len(found) == 4
    for same in ("deu, jpn", "DE,ja,de"):
        assert hits(cli("search", index, "tree", "--lang", same, "--format", "jsonl").out) == found
    reranked = hits(cli("search", index, "tree cat", "--rerank", "maxsim", "--format", "jsonl", "-k", "2").out)
    assert {hit["tag"] for hit in reranked} == {"maxsim"}
    assert reranked[0]["docid"] == "en1" and reranked[0]["score"] == pytest.approx(2, abs=1e-5)
    shallow = hits(cli("search", index, "tree", "--rerank", "maxsim", "--rerank-depth", "1", "--format", "jsonl").out)
    assert len(shallow) == 1


def test_queries_from_stdin(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    for arguments in (("-",), ("--queries", "-")):
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("katze\n犬\n".encode())))
        found = hits(cli("search", index, *arguments, "--format", "jsonl", "-k", "1").out)
        assert [(hit["qid"], hit["query"]) for hit in found] == [("1", "katze"), ("2", "犬")]


def test_tsv_on_stdin_keeps_its_ids(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO("id\ttext\nq1\tkatze\nq2\t犬\n".encode())))
    called = cli("search", index, "--queries", "-", "--format", "jsonl", "-k", "1")
    assert [(hit["qid"], hit["query"]) for hit in hits(called.out)] == [("q1", "katze"), ("q2", "犬")]
    assert "<stdin>: read as tsv because its first line holds a tab\n" in called.err


def test_stdout_as_a_file_name(index: str, cli: Cli) -> None:
    for arguments in (("-k", "2"), ("--format", "trec"), ("--rerank", "maxsim", "--format", "jsonl")):
        assert cli("search", index, "hund", *arguments, "-o", "-") == cli("search", index, "hund", *arguments)
    assert not Path("-").exists()


def test_verbose_says_what_was_searched_and_how_it_was_scored(index: str, cli: Cli) -> None:
    said = cli("search", index, "hund", "-k", "5000000", "--rerank", "maxsim", "--rerank-depth", "3", "-v").err
    assert "search: 1 queries, up to 7 hits each, index 'Flat' of 7 rows\n" in said
    assert "rerank: maxsim by 'toy' of the first 3 of every query: 3 pairs" in said
    assert cli("index", "build", "docs.jsonl", "-o", "lists", "--encoder", "toy", "--factory", "IVF2,Flat").code == 0
    assert (
        "index 'IVF2,Flat' of 7 rows, 2 of 2 lists looked into (as measured)" in cli("search", "lists", "x", "-v").err
    )
    assert "1 of 2 lists looked into (asked for)" in cli("search", "lists", "x", "-v", "--nprobe", "1").err


def test_reranking_works_in_a_folder_of_its_own(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    from xret.stages.rerank import Rerank

    works, run = [], Rerank.run

    def spy(self: Rerank, *values: Any, work: Path) -> Any:
        works.append(work)
        assert list(work.iterdir()) == []
        (work / "state").write_text("of this call")
        return run(self, *values, work=work)

    monkeypatch.setattr(Rerank, "run", spy)
    assert cli("search", index, "hund", "--rerank", "maxsim", "-o", "run.trec").code == 0
    Path("queries.tsv").write_text("id\ttext\n1\thund\n")
    arguments = ("--queries", "queries.tsv", "--corpus", "docs.jsonl", "--encoder", "toy")
    assert cli("rerank", "run.trec", *arguments, "-o", "again.trec").code == 0
    assert len(set(works)) == 2 and not any(work.exists() for work in works)
    assert read_run("run.trec").equals(read_run("again.trec"))


def test_arguments_that_are_not_utf8(index: str, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    latin = b"M\xfcller".decode("utf-8", "surrogateescape")  # as Python hands on such arguments
    for arguments, message in (
        (("search", index, "katze", latin), "query 2 is not UTF-8; write it as such"),
        (("index", "delete", index, "en1", latin), "id 2 is not UTF-8, so no index holds it; nothing was deleted"),
    ):
        called = cli(*arguments)
        assert (called.code, called.out, called.err) == (1, "", f"xret: {message}\n")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"en1\nM\xfcller\n")))
    called = cli("index", "delete", index, "-")
    assert (called.code, called.err) == (
        1,
        "xret: <stdin>:2: is not UTF-8; write ids as such, nothing was deleted\n",
    )
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"en1\r\n\nen2")))
    assert cli("index", "delete", index, "-").code == 0
    assert json.loads(cli("index", "info", index, "--json").out)["rows"] == 5


def test_added_and_deleted_rows(index: str, cli: Cli) -> None:
    Path("more.tsv").write_text("id\ttext\nfr1\triver tree\n")
    assert cli("index", "add", index, "more.tsv", "--lang", "fr").code == 0
    best = cli("search", index, "tree river", "--format", "jsonl", "-k", "1")
    assert hits(best.out)[0] == hits(best.out)[0] | {"docid": "fr1", "dlang": "fr", "text": "river tree"}
    again = cli("index", "add", index, "more.tsv", "--lang", "fr")
    assert (again.code, again.err.count("\n")) == (1, 1) and "('fr1')" in again.err
    assert cli("index", "delete", index, "fr1", "en1").code == 0
    assert json.loads(cli("index", "info", index, "--json").out)["rows"] == 6
    assert cli("index", "check", index).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ("search nowhere katze", 1, "nowhere: no such folder; wanted an index folder"),
        ("search toy katze", 1, "toy: has no manifest.json"),
        ("search docs.index", 2, "give queries as arguments, or --queries"),
        ("search docs.index katze --queries docs.jsonl", 2, "one of the three"),
        ("search docs.index katze --lang sw", 1, "no rows in language 'sw'; it has de 2, en 2, ja 2, und 1"),
        ("search docs.index katze --lang klingonish", 2, "--lang: 'klingonish' is not a known language code"),
        ("search docs.index katze --query-lang zz9", 2, "--query-lang: 'zz9' is not a known language code"),
        ("search docs.index katze --rerank-depth 5", 2, "--rerank-depth is for --rerank, which is not given"),
        ("search docs.index --queries docs.jsonl -o docs.jsonl", 2, "would overwrite 'docs.jsonl'"),
        ("index build docs.jsonl -o -", 2, "-o -: is made as a folder"),
        ("index build docs.jsonl -o new --lang klingonish", 2, "--lang: 'klingonish' is not a known language code"),
        ("search docs.index katze --lang ,", 2, "--lang names no language"),
        ("search docs.index katze -k 0", 2, "0 is not in the range"),
        ("search docs.index katze --encoder other", 1, "built with encoder 'toy'"),
        ("search docs.index katze --nprobe 3", 2, "nprobe is for indexes with lists"),
        ("search docs.index --queries nowhere.tsv", 1, "nowhere.tsv: no such file"),
        ("index add docs.index docs.jsonl --encoder other", 1, "use --encoder toy"),
        ("index build docs.jsonl -o docs.index", 1, "docs.index: exists already"),
        ("index build docs.jsonl -o new --memory much", 2, "memory 'much' is no size"),
        (
            "index build docs.jsonl -o new --encoder toy --factory Plat",
            2,
            "--factory: index factory 'Plat' is not known",
        ),
        ("index build docs.jsonl -o new --encoder toy --factory IVF64,Flat", 1, "but there are 7"),
        ("index build nowhere.txt -o new --encoder toy", 1, "nowhere.txt: no such file"),
        ("index build docs.jsonl -o no/such/folder", 1, "no/such/folder: there is no folder no/such"),
        ("index delete docs.index en1 nobody", 1, "('nobody'); nothing was deleted"),
        ("index info docs.jsonl", 1, "docs.jsonl"),
    ],
)
def test_mistakes_are_one_line(index: str, cli: Cli, arguments: str, code: int, message: str) -> None:
    called = cli(*arguments.split())
    assert (called.code, called.out) == (code, ""), called.err
    assert message in called.err
    assert "Traceback" not in called.err and called.err.strip().count("\n") <= (3 if "Usage" in called.err else 0)
    assert cli("index", "check", index).code == 0 and not Path("new").exists()


def test_an_encoder_that_has_moved(index: str, cli: Cli) -> None:
    Path("toy").rename("elsewhere")
    called = cli("search", index, "katze")
    assert (called.code, called.err.count("\n")) == (1, 1)
    assert "docs.index: its encoder is not found; say with --encoder where it is now (toy: no such" in called.err
    assert cli("search", index, "katze", "--encoder", "elsewhere").code == 0


def test_an_empty_query(index: str, cli: Cli) -> None:
    called = cli("search", index, "katze", " ")
    assert (called.code, called.err) == (1, "xret: query 2 is empty; give it some words\n")
