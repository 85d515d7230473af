"""Each bad input is told in one line: file and row, what was found, what to do; skipping counts it instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.corpus.broken import NO_UTF8, TABLE, ipc, message, parquet
from xret.corpus import CorpusReader, open_corpus, read_corpus

# name, content, number and message of the first malformed row, rows left when such rows are skipped, and the counts
ROWS: list[tuple[str, bytes, int, str, list[str], dict[str, int]]] = [
    ("c.txt", b"a\n\nb\n \t\n", 2, "line is empty; remove it", ["1", "3"], {"empty line": 2}),
    ("c.txt", b"a\n\n", 2, "line is empty", ["1"], {"empty line": 1}),
    ("c.txt", b"a\nb\xffc\nd", 2, "byte 2 of the line is 0xff, which is not UTF-8", ["1", "3"], {"invalid UTF-8": 1}),
    ("c.txt", b"a\n\xe4\n\xc3\nd\n", 2, "byte 1 of the line is 0xe4", ["1", "4"], {"invalid UTF-8": 2}),
    ("c.txt", b"a\nb\0c\nd\n", 2, "byte 2 of the line is NUL; remove it", ["1", "3"], {"NUL byte": 1}),
    (
        "c.tsv",
        b"a\tx\nb\ty\na\tz\n",
        3,
        "id 'a' stands at {}:1 too; ids must be unique",
        ["a", "b"],
        {"duplicate id": 1},
    ),
    (
        "c.tsv",
        b"a\tx\nb\ty\tz\nc\n",
        2,
        "3 tab-separated field(s), wanted 2 (id<TAB>text)",
        ["a"],
        {"wrong number of fields": 2},
    ),
    ("c.tsv", b"id\ttext\tlang\na\tx\n", 2, "2 tab-separated field(s), wanted 3 (id<TAB>text<TAB>lang)", [], {}),
    ("c.tsv", b"a\tx\n\nb\t\n\tz\n", 2, "line is empty", ["a"], {"empty line": 1, "empty text": 1, "no id": 1}),
    (
        "c.tsv",
        b"id\ttext\tlang\na\tx\tde\nb\ty\ttest\n",
        3,
        "'test' is not a known language code",
        ["a"],
        {"unknown language": 1},
    ),
    (
        "c.tsv",
        b"id\ttext\tsegment\na\tx\t1\nb\ty\tone\n",
        3,
        "'segment' is 'one', wanted an integer",
        ["a"],
        {"wrong type": 1},
    ),
    ("c.jsonl", b'{"text": "a"}\n{"text" "b"}\n', 2, "broken JSON (Expecting ':' delimiter", ["1"], {"broken JSON": 1}),
    (
        "c.jsonl",
        b'{"text": "a"}\n["b"]\n',
        2,
        "line holds an array, wanted an object with 'text'",
        ["1"],
        {"broken JSON": 1},
    ),
    ("c.jsonl", b'{"text": "a"}\n\n', 2, "line is empty", ["1"], {"empty line": 1}),
    ("c.jsonl", b"[" * 100_000, 1, "broken JSON (maximum recursion depth", [], {}),
    ("c.jsonl", b'{"id": "a", "body": "x"}\n', 1, "no 'text'; found: id, body", [], {}),
    ("c.jsonl", b'{"text": "a"}\n{"text": 5}\n', 2, "'text' is a number, wanted a string", ["1"], {"wrong type": 1}),
    (
        "c.jsonl",
        b'{"id": 1, "text": "a"}\n{"id": true, "text": "b"}\n',
        2,
        "'id' is true or false",
        ["1"],
        {"wrong type": 1},
    ),
    (
        "c.jsonl",
        b'{"text": "a"}\n{"text": "b", "lang": 3}\n',
        2,
        "'lang' is a number, wanted a string",
        ["1"],
        {"wrong type": 1},
    ),
    (
        "c.jsonl",
        b'{"id": "a", "text": "a"}\n{"text": "b"}\n',
        2,
        "no 'id', though the file's first",
        ["a"],
        {"no id": 1},
    ),
    ("c.jsonl", b'{"text": "a"}\n{"id": 3, "text": "b"}\n', 2, "has an 'id', though", ["1"], {"unexpected id": 1}),
    (
        "c.jsonl",
        b'{"text": "a"}\n{"text": "\\ud83d"}\n',
        2,
        "holds half of a surrogate pair",
        ["1"],
        {"invalid Unicode": 1},
    ),
    ("c.jsonl", b'{"text": "a"}\n{"text": "\\u0000b"}\n', 2, "text holds a NUL", ["1"], {"NUL byte": 1}),
    (
        "c.jsonl",
        b'{"id": "a", "text": "a"}\n{"id": "b\\tc", "text": "b"}\n',
        2,
        "id 'b\\tc' holds a tab",
        ["a"],
        {"bad id": 1},
    ),
    ("c.parquet", parquet(TABLE.set_column(1, "text", [["x", None]])), 2, "no text", ["a"], {"no text": 1}),
    (
        "c.parquet",
        parquet(TABLE.set_column(0, "id", [["a", "a"]])),
        2,
        "id 'a' stands at {}: row 1 too",
        ["a"],
        {"duplicate id": 1},
    ),
    (
        "c.parquet",
        parquet(TABLE.set_column(1, "text", NO_UTF8)),
        2,
        "column 'text' is not UTF-8",
        ["a"],
        {"invalid UTF-8": 1},
    ),
    (
        "c.arrow",
        ipc(TABLE.set_column(1, "text", NO_UTF8)),
        2,
        "column 'text' is not UTF-8",
        ["a"],
        {"invalid UTF-8": 1},
    ),
    ("c.ipc", ipc(TABLE.set_column(0, "id", [["a", None]]), stream=True), 2, "no id", ["a"], {"no id": 1}),
]


@pytest.mark.parametrize(("name", "content", "number", "said", "left", "counts"), ROWS)
def test_malformed_rows(
    tmp_path: Path, name: str, content: bytes, number: int, said: str, left: list[str], counts: dict[str, int]
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    place = f"{path}: row {number}: " if name[2:] in ("parquet", "arrow", "ipc") else f"{path}:{number}: "
    found = message(path)
    assert found.startswith(place + said.replace("{}", str(path)))
    assert found.endswith(" (--on-error skip, where a command has it, leaves such rows out)")
    if not left:
        assert "nothing left to read (skipped 1 malformed row: " in message(path, on_error="skip")
        return
    reader = read_corpus(path, on_error="skip")
    assert [row["id"] for batch in reader for row in batch.to_pylist()] == left
    assert reader.skipped.counts == counts
    assert reader.skipped.total == sum(counts.values())


def test_ids_repeated_across_shards(tmp_path: Path) -> None:
    (tmp_path / "a.tsv").write_text("x\tHallo\n")
    (tmp_path / "b.tsv").write_text("y\tWelt\nx\tMond\n")
    assert message(tmp_path).startswith(f"{tmp_path / 'b.tsv'}:2: id 'x' stands at {tmp_path / 'a.tsv'}:1 too")


def test_the_earliest_row_is_told_whatever_is_wrong_with_later_ones(tmp_path: Path) -> None:
    (tmp_path / "c.tsv").write_bytes(b"a\tx\na\ty\nb\n\xff\tz\nc\t\n")
    assert message(tmp_path / "c.tsv").startswith(f"{tmp_path / 'c.tsv'}:2: id 'a' stands at")


def test_colliding_hashes_are_no_duplicates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.corpus.unique.hash", len, raising=False)
    (tmp_path / "c.tsv").write_text("aa\tx\nbb\ty\ncc\tz\naa\tw\n")
    assert message(tmp_path / "c.tsv").startswith(f"{tmp_path / 'c.tsv'}:4: id 'aa' stands at {tmp_path / 'c.tsv'}:1")
    (tmp_path / "c.tsv").write_text("aa\tx\nbb\ty\ncc\tz\n")
    assert sum(batch.num_rows for batch in read_corpus(tmp_path / "c.tsv")) == 3


def test_skipped_rows_are_reported(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "c.txt").write_bytes(b"a\n\n\n\xff\nb\n")
    table = open_corpus(tmp_path / "c.txt", on_error="skip", cache=tmp_path / "cache")
    assert table.column("id").to_pylist() == ["1", "5"]
    open_corpus(tmp_path / "c.txt", on_error="skip", cache=tmp_path / "cache")
    told = [record.message for record in caplog.records]
    assert told == [f"{tmp_path / 'c.txt'}: skipped 3 malformed rows: 2 empty line, 1 invalid UTF-8"] * 2


def test_reader_is_an_iterator_with_its_source_named(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a\n")
    reader = read_corpus(tmp_path / "c.txt")
    assert isinstance(reader, CorpusReader)
    assert reader.source == str(tmp_path / "c.txt")
    assert [batch.num_rows for batch in reader] == [1]
    assert reader.skipped.summary() == "skipped no rows"
