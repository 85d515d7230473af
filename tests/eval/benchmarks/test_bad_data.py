"""Data that does not fit together, or is broken: one line that says what, where, how often, and what to do."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.eval.benchmarks.makers import MAKERS, jsonl, write
from xret.errors import XretError
from xret.eval.benchmarks import load_benchmark

HC4 = "resources/hc4/zho/test.qrels.v1-0.txt"
PT = "data/google/collections/portuguese_collection.tsv"


def broken_line(root: Path) -> None:
    lines = ['{"_id": "e%d", "text": "t"}\n' % i for i in range(50_000)]  # noqa: UP031 - braces
    lines[48_210] = '{"_id": "e48210", "text": \n'
    write(root / "corpus.jsonl", "".join(lines))


BROKEN: dict[str, tuple[str, Callable[[Path], object], dict[str, Any], str]] = {
    "line": ("beir", broken_line, {}, r"corpus.jsonl:48211: broken JSON \(Expecting value"),
    "topics": (
        "mmarco", lambda root: write(root / "qrels.dev.small.tsv", "1\t0\t0\t1\n9\t0\t1\t1\n2\t0\t1\t1\n"), {},
        r"mmarco/pt/dev.small: 2 of 3 queries of the judgements are not among the 2 topics: '1', '9'; "
        r"topics have such as '1048585', '2'; give topics and judgements of the same set",
    ),
    "labels": (
        "hc4", lambda root: write(root / HC4, "1 0 zho-0 2\n1 0 zho-1 0\n3 0 zho-2 1\n"), {},
        r"hc4/zh/test: 1 of 3 labels are none of \{0, 1, 3\}: 2 for query '1', document 'zho-0'",
    ),
    "nothing": ("hc4", lambda root: write(root / HC4, "1 0 zho-0 0\n"), {}, "no judgement is above 0"),
    "pool": (
        "mmarco", lambda root: write(root / PT, "0\tO rio corre.\n"), {},
        r"1 of 2 judged documents are not among the 1 of .*portuguese_collection.tsv: '1'; give the whole collection",
    ),
    "twice": (
        "mmarco", lambda root: write(root / PT, "0\ta\n1\tb\n0\tc\n"), {}, "collection.tsv: document '0' stands twice"
    ),
    "fields": ("mmarco", lambda root: write(root / PT, "0\ta\n1 b\n"), {}, r"collection.tsv:2: has 1 fields, wanted 2"),
    "bytes": (
        "mmarco", lambda root: (root / PT).write_bytes("0\tágua\n".encode("latin-1")), {},
        r"collection.tsv:1: byte 3 of the line is 0xe1, which is not UTF-8",
    ),
    "utf-16": (
        "mmarco", lambda root: (root / PT).write_bytes("0\tágua\n".encode("utf-16")), {}, "UTF-16 text, wanted UTF-8"
    ),
    "sgml": ("clef03", lambda root: None, {"lang": "de"}, r"a.sgml:4: byte 0xfc is not utf-8; say --encoding latin-1"),
    "cut": (
        "clef03", lambda root: write(root / "german/a.sgml", "<DOC>\n<DOCNO>1</DOCNO>\n<TEXT>a"), {"lang": "de"},
        r"a.sgml: ends within a document \(no </DOC>\)",
    ),
    "missing": (
        "mrtydi", lambda root: (root / "mrtydi-v1.1-swahili/qrels.test.txt").unlink(), {},
        r"no qrels; tried mrtydi-v1.\*-swahili/qrels.test.txt, qrels.mrtydi-v1.\*-sw.test.txt \(each also .gz, .zst\)"
        r".* there are docs.jsonl.gz, qrels.dev",
    ),
    "archive": (
        "mrtydi", lambda root: write(root / "mrtydi-v1.1-thai.tar.gz", ""), {"lang": "th"},
        r"unpack mrtydi-v1.1-thai.tar.gz first",
    ),
    "language": ("mrtydi", lambda root: None, {"lang": "de"}, r"--lang de: mrtydi has no such language; known: ar, bn"),
    "split": ("mrtydi", lambda root: None, {"split": "tset"}, "mrtydi has no such split; did you mean 'test'"),
    "human": (
        "hc4", lambda root: jsonl(root / "resources/hc4/test.topics.v1-0.jsonl", [
            {"topic_id": i, "topics": [{"lang": "eng", "source": "original", "topic_title": "a"}]} for i in "13"
        ]), {"source": "human"}, r"topic 1 has no words translated to zho by a human; it has eng \(original\)",
    ),
    "field": (
        "hc4", lambda root: None, {"fields": ("narrative",)}, "topic 1 has no narrative there; choose other --fields"
    ),
    "answers": (
        "mkqa", lambda root: jsonl(root / "mkqa.jsonl.gz", [{"example_id": 1, "queries": {}, "answers": {}}]), {},
        r"mkqa.jsonl.gz:1: has no English answers as MKQA writes them",
    ),
    "gzip": (
        "miracl", lambda root: sorted(root.rglob("*sw/docs-0.jsonl.gz"))[0].write_bytes(b"\x1f\x8bxx"),
        {"lang": "sw"}, "docs-0.jsonl.gz: not a sound gzip file",
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", BROKEN)
def test_one_line(case: str, tmp_path: Path) -> None:
    name, damage, options, message = BROKEN[case]
    damage(MAKERS[name](tmp_path))
    with pytest.raises(XretError, match=message) as caught:
        load_benchmark(name, tmp_path, **options)
    assert "\n" not in str(caught.value)


def test_part_of_a_collection_is_taken_when_that_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    MAKERS["mmarco"](tmp_path)
    write(tmp_path / PT, "0\tO rio corre.\n5\t\n")
    found = load_benchmark("mmarco", tmp_path, partial=True)
    assert "1 of 2 judged documents are not among the 1" in caplog.text
    assert "1 documents have no text and are left out" in caplog.text
    assert found.documents is not None
    assert (found.documents.survey.rows, found.documents.survey.empty) == (1, 1)


def test_names_and_folders(tmp_path: Path) -> None:
    for arguments, message in (
        (("miracle", tmp_path), "no benchmark 'miracle'; did you mean 'miracl'"),
        (("tatoeba-laser", tmp_path), "it is scored by a command of its own"),
        (("miracl", tmp_path / "none"), "no such file or folder"),
        (("miracl", tmp_path), "no file name tells a language of this set"),
        (("beir", tmp_path), r"no qrels; tried qrels/test.tsv, test.tsv .*there are no files"),
        (("trec", {"topics": tmp_path}), "no role 'topics' of a file; there are folder, corpus, queries, qrels"),
        (("trec", {}), "no data given"),
    ):
        with pytest.raises(XretError, match=message):
            load_benchmark(*arguments)
