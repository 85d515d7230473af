"""Folders of BEIR and MTEB, and data sets of ir_datasets."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.eval.benchmarks.makers import jsonl, write
from xret.errors import EvalError, UsageError
from xret.eval.benchmarks import load_benchmark
from xret.eval.benchmarks.family import Options
from xret.eval.benchmarks.irds import irds_name


def mteb_languages(root: Path) -> Path:
    """A task of several languages: a configuration each for corpus, queries and qrels."""
    for lang in ("de", "sw"):
        jsonl(
            root / f"{lang}-corpus" / "test.jsonl",
            ({"_id": f"{lang}{i}", "title": "", "text": f"t {i}"} for i in range(3)),
        )
        jsonl(
            root / f"{lang}-queries" / "test.jsonl", ({"_id": f"q{i}", "text": f"{lang} query {i}"} for i in range(2))
        )
        right = [
            {"query-id": "q0", "corpus-id": f"{lang}1", "score": 1.0},
            {"query-id": "q1", "corpus-id": f"{lang}2", "score": 0},
        ]
        jsonl(root / f"{lang}-qrels" / "test.jsonl", right)
    return root


def test_mteb_by_language(tmp_path: Path) -> None:
    mteb_languages(tmp_path)
    with pytest.raises(UsageError, match="has de, sw; say which with --lang"):
        load_benchmark("mteb", tmp_path)
    found = load_benchmark("mteb", tmp_path, lang="sw")
    assert found.queries.to_pylist()[0] == {"id": "q0", "lang": "sw", "text": "sw query 0"}
    assert found.qrels is not None
    assert found.qrels.to_pylist() == [
        {"qid": "q0", "docid": "sw1", "relevance": 1},
        {"qid": "q1", "docid": "sw2", "relevance": 0},
    ]
    assert found.documents is not None
    assert found.documents.survey.languages == {"sw": 3}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("query-id\tcorpus-id\tscore\nq0\td0\t0.5\n", r"test.tsv:2: relevance is '0.5', wanted a whole number"),
        (
            "query-id\tcorpus-id\tscore\nq0\td0\t1\nq0\td0\t2\n",
            r"test.tsv: document 'd0' is judged twice for query 'q0'",
        ),
        ("query-id\tcorpus-id\tscore\nq0\td0\n", r"test.tsv:2: has 2 fields, wanted 3"),
        ("query-id\tcorpus-id\tscore\n", r"test.tsv: is empty; wanted judgements"),
    ],
)
def test_broken_judgements(text: str, message: str, tmp_path: Path) -> None:
    jsonl(tmp_path / "corpus.jsonl", [{"_id": "d0", "text": "a"}])
    jsonl(tmp_path / "queries.jsonl", [{"_id": "q0", "text": "a"}])
    write(tmp_path / "qrels" / "test.tsv", text)
    with pytest.raises(EvalError, match=message):
        load_benchmark("beir", tmp_path)


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A data set of ir_datasets' own class, known under an id of MIRACL's."""
    module = pytest.importorskip("ir_datasets", reason="ir_datasets is not installed: pip install 'xret[ir-datasets]'")
    docs = write(tmp_path / "d.tsv", "a\tA river.\nb\tA bird.\nc\t\n")
    queries = write(tmp_path / "q.tsv", "1\triver\n2\tbird\n")
    qrels = write(tmp_path / "r.txt", "1 0 a 1\n2 0 b 1\n2 0 a 0\n")
    made = module.create_dataset(docs_tsv=str(docs), queries_tsv=str(queries), qrels_trec=str(qrels))
    monkeypatch.setattr(module, "load", lambda name: made if name == "miracl/sw/dev" else module.registry[name])
    return module


@pytest.mark.usefixtures("small")
def test_ir_datasets_by_protocol_and_by_id() -> None:
    found = load_benchmark("miracl", "ir_datasets:", lang="sw")
    assert (found.name, found.protocol.name, found.lang) == ("miracl/sw/dev", "miracl", "sw")
    assert found.queries.to_pylist()[0] == {"id": "1", "lang": "sw", "text": "river"}
    assert found.documents is not None
    assert (found.documents.survey.rows, found.documents.survey.empty) == (2, 1)
    again = load_benchmark("ir-datasets", "ir_datasets:miracl/sw/dev", lang="sw")
    assert again.protocol.name == "ir-datasets"
    assert again.hashes == found.hashes
    with pytest.raises(UsageError, match=r"ir_datasets has no 'mr-tydi/swa'; did you mean 'mr-tydi/sw'"):
        load_benchmark("ir-datasets", "ir_datasets:mr-tydi/swa")


def test_what_is_not_at_hand_is_one_line(small: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline() -> Any:
        raise ConnectionError("HTTPSConnectionPool(host='x'):\nmany lines")

    absent = SimpleNamespace(
        has_queries=lambda: True, has_qrels=lambda: True, has_docs=lambda: True, qrels_iter=offline
    )
    monkeypatch.setattr(small, "load", lambda _: absent)
    with pytest.raises(EvalError, match=r"no local copy of hc4/zh/test and could not fetch it \(HTTPSConn") as caught:
        load_benchmark("hc4", "ir_datasets:", lang="zh")
    assert "\n" not in str(caught.value)


def test_ids_of_protocols_are_known_to_ir_datasets() -> None:
    module = pytest.importorskip("ir_datasets")
    known = {str(each) for each in module.registry}
    asked = (("mrtydi", "sw", "test"), ("miracl", "yo", "dev"), ("mmarco", "pt", "dev.small"), ("hc4", "zh", "test"),
             ("neuclir", "fa", "2022"), ("neuclir-mlir", None, "2023"))  # fmt: skip
    for name, lang, split in asked:
        assert irds_name(name, "", Options(lang=lang, split=split)) in known
    with pytest.raises(UsageError, match="ir_datasets has no ciral; it has mrtydi, miracl"):
        irds_name("ciral", "", Options())
    with pytest.raises(UsageError, match="say which language"):
        irds_name("miracl", "", Options(split="dev"))
