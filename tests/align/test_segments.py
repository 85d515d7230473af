"""Corpora as documents made of segments, and texts as sentences."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest

from xret.align import document_starts, segments, split_lines, split_sentences
from xret.errors import CorpusError, UsageError


def corpus(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist([{"lang": "de", **row} for row in rows])


def listed(table: pa.Table) -> list[tuple[str, str, str]]:
    assert table.column_names == ["id", "text", "lang", "doc_id"]
    return [(row["doc_id"], row["id"], row["text"]) for row in table.to_pylist()]


def test_rows_are_documents_of_lines() -> None:
    rows = [{"id": "a", "text": "Eins.\n\n  Zwei. Drei!\r\n"}, {"id": "b:1", "text": "Vier"}]
    table = segments(corpus(rows))
    assert listed(table) == [("a", "a:1", "Eins."), ("a", "a:2", "Zwei. Drei!"), ("b:1", "b:1:1", "Vier")]
    assert document_starts(table).tolist() == [0, 2, 3]
    assert [row[2] for row in listed(segments(corpus(rows), split="sentences"))] == ["Eins.", "Zwei.", "Drei!", "Vier"]
    assert listed(segments(corpus(rows[1:]), split="none")) == [("b:1", "b:1", "Vier")]


def test_a_column_gathers_documents_in_the_order_of_segments() -> None:
    rows = [("3", "y", 1), ("1", "x", 2), ("2", "y", 0), ("4", "x", 1), ("5", "x", 2)]
    table = segments(corpus([{"id": a, "text": f"t{a}", "doc_id": b, "segment": c} for a, b, c in rows]))
    assert [row[:2] for row in listed(table)] == [("y", "2"), ("y", "3"), ("x", "4"), ("x", "1"), ("x", "5")]
    without = segments(corpus([{"id": a, "text": f"t{a}", "doc_id": b} for a, b, _ in rows]))
    assert [row[1] for row in listed(without)] == ["3", "2", "1", "4", "5"]
    assert segments(table).equals(table)  # segments again are themselves


def test_files_are_documents() -> None:
    folder = corpus([{"id": "one:1", "text": "a"}, {"id": "one:2", "text": "b"}, {"id": "two:1", "text": "c"}])
    assert [row[0] for row in listed(segments(folder, documents="file"))] == ["one", "one", "two"]
    single = corpus([{"id": "1", "text": "a"}, {"id": "2", "text": "b"}])
    assert [row[0] for row in listed(segments(single, documents="file", name="book.txt"))] == ["book.txt"] * 2


def test_blank_lines_part_documents() -> None:
    lines = [("1", "a"), ("2", "b"), ("4", "c"), ("7", "d"), ("8", "e")]
    table = segments(corpus([{"id": a, "text": b} for a, b in lines]), documents="blank", name="book.txt")
    assert [row[0][-2:] for row in listed(table)] == ["#1", "#1", "#2", "#3", "#3"]
    assert {row[0][:-2] for row in listed(table)} == {"book.txt"} and [row[1] for row in listed(table)] == list("12478")
    folder = [("x:2", "a"), ("x:3", "b"), ("x:5", "c"), ("y:z:6", "d"), ("y:z:8", "e")]
    table = segments(corpus([{"id": a, "text": b} for a, b in folder]), documents="blank")
    assert [row[0] for row in listed(table)] == ["x#1", "x#1", "x#2", "y:z#1", "y:z#2"]
    with pytest.raises(CorpusError, match="id 'x:y' is no line number; blank lines part documents of text files"):
        segments(corpus([{"id": "x:y", "text": "a"}]), documents="blank")


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("Sie kam. Er ging! Warum? Wer weiß.", ["Sie kam.", "Er ging!", "Warum?", "Wer weiß."]),
        ("Am 3. Mai kam J. R. Ott, z.B. mit ihr. Ruhe.", ["Am 3. Mai kam J. R. Ott, z.B. mit ihr.", "Ruhe."]),
        ('"Come in." He did … and left x.org. Why', ['"Come in."', "He did … and left x.org.", "Why"]),
        ("今日は雨です。傘は？「ない。」帰る", ["今日は雨です。", "傘は？", "「ない。」", "帰る"]),
        ("यह घर है। वह बड़ा है।", ["यह घर है।", "वह बड़ा है।"]),
        ("كيف الحال؟ بخير. شكرا", ["كيف الحال؟", "بخير.", "شكرا"]),
        (" \n\t\n", []),
    ],
)  # fmt: skip
def test_sentences_end_where_punctuation_says_so(text: str, wanted: list[str]) -> None:
    assert split_sentences(text) == wanted
    assert "".join("".join(split_lines(text)).split()) == "".join("".join(wanted).split())  # nothing is lost


def test_mistakes_are_named() -> None:
    rows = corpus([{"id": "a + b", "text": "x"}])
    with pytest.raises(CorpusError, match=r"id 'a \+ b' holds ' \+ '"):
        segments(rows)
    plain = corpus([{"id": "a", "text": "x"}])
    with pytest.raises(CorpusError, match="no column 'doc_id' says which rows are one document; found lang, id, text"):
        segments(plain, documents="column")
    with pytest.raises(UsageError, match="split 'words' is none of auto, none, lines, sentences"):
        segments(plain, split="words")  # type: ignore[arg-type]
    partly = corpus([{"id": "a", "text": "x", "doc_id": "d"}, {"id": "b", "text": "y", "doc_id": None}])
    with pytest.raises(CorpusError, match="row 'b' has no doc_id"):
        segments(partly)
    worded = corpus([{"id": "a", "text": "x", "doc_id": "d", "segment": "first"}])
    with pytest.raises(CorpusError, match="column 'segment' must hold a number in every row; found string"):
        segments(worded)
