"""Every format and compression gives the same rows; ids, languages and further columns come out as promised."""

from __future__ import annotations

import gzip
import io
import json
import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xret.corpus import read_corpus

TEXTS = ["Der Hund schläft.", "犬が寝ている。", "Собака спит.  ", " the dog's\u2028asleep", 'a "quoted" line']
IDS = ["a", "b c", "c", "ü", "5"]
LANGS = ["de", "ja", "ru", "en", "und"]


def rows(source: Path | str, **options: object) -> list[dict[str, object]]:
    return [row for batch in read_corpus(source, **options) for row in batch.to_pylist()]  # type: ignore[arg-type]


def _ipc(path: Path, table: pa.Table, *, stream: bool = False, compression: str | None = None) -> None:
    options = pa.ipc.IpcWriteOptions(compression=compression)
    make = pa.ipc.new_stream if stream else pa.ipc.new_file
    with make(str(path), table.schema, options=options) as writer:
        writer.write_table(table, max_chunksize=2)


def _lines(path: Path, table: pa.Table) -> bytes:
    records = table.to_pylist()
    if ".jsonl" in path.name:
        return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in records)
    lines = ["\t".join(table.column_names), *("\t".join(row.values()) for row in records)]
    return "\r\n".join(lines).encode("utf-8-sig")


def write(path: Path, table: pa.Table) -> None:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=2)
    elif path.suffix == ".arrow":
        _ipc(path, table, compression="lz4" if "lz4" in path.name else None)
    elif path.suffix == ".ipc":
        _ipc(path, table, stream=True)
    elif path.suffix in (".gz", ".zst"):
        codec = {".gz": "gzip", ".zst": "zstd"}[path.suffix]
        data = _lines(path, table)
        half = len(data) // 2  # two members, as `cat a.gz b.gz` makes them
        with pa.OSFile(str(path), "wb") as file:
            file.write(pa.compress(data[:half], codec, asbytes=True) if codec == "zstd" else gzip.compress(data[:half]))
            file.write(pa.compress(data[half:], codec, asbytes=True) if codec == "zstd" else gzip.compress(data[half:]))
    else:
        path.write_bytes(_lines(path, table))


@pytest.mark.parametrize(
    "name",
    [
        "c.tsv",
        "c.tsv.gz",
        "c.tsv.zst",
        "c.jsonl",
        "c.jsonl.gz",
        "c.jsonl.zst",
        "c.parquet",
        "c.arrow",
        "c.lz4.arrow",
        "c.ipc",
    ],
)
def test_all_formats_agree(tmp_path: Path, name: str) -> None:
    write(tmp_path / name, pa.table({"text": TEXTS, "id": IDS, "lang": LANGS, "title": ["t", "u", "v", "w", "x"]}))
    found = rows(tmp_path / name)
    assert [row["id"] for row in found] == IDS
    assert [row["text"] for row in found] == TEXTS
    assert [row["lang"] for row in found] == LANGS
    assert [row["title"] for row in found] == ["t", "u", "v", "w", "x"]
    assert list(found[0]) == ["id", "text", "lang", "title"]


@pytest.mark.parametrize("name", ["c.txt", "c.txt.gz", "c.txt.zst"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_text_lines_get_their_numbers_as_ids(tmp_path: Path, name: str, end: str) -> None:
    data = ("\ufeff" + end.join(TEXTS)).encode()  # no line end after the last
    compress: Callable[[bytes], bytes] = gzip.compress if name.endswith("gz") else bytes
    if name.endswith("zst"):
        data = pa.compress(data, "zstd", asbytes=True)
    (tmp_path / name).write_bytes(compress(data))
    assert [(row["id"], row["text"]) for row in rows(tmp_path / name)] == list(zip("12345", TEXTS, strict=True))


def test_lines_across_blocks_keep_text_and_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.corpus.lines.BLOCK", 16)
    texts = [f"Zeile {number} " + "ä" * (number % 23) for number in range(1, 200)]
    (tmp_path / "c.txt").write_bytes("\r\n".join(texts).encode() + b"\r\n")
    assert [(row["id"], row["text"]) for row in rows(tmp_path / "c.txt")] == [
        (str(number), text) for number, text in enumerate(texts, 1)
    ]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("a\tHallo\nb\tWelt\n", [("a", "Hallo", "und"), ("b", "Welt", "und")]),
        ("a\tde\tHallo\nb\teng\tworld\n", [("a", "Hallo", "de"), ("b", "world", "en")]),
        ("lang\ttext\tid\ndeu\tHallo\ta\n\tWelt\tb\n", [("a", "Hallo", "de"), ("b", "Welt", "und")]),
        ("text\nHallo\nWelt\n", [("1", "Hallo", "und"), ("2", "Welt", "und")]),
        ("_id\tText\nq1\tHallo\n", [("q1", "Hallo", "und")]),
        ("x\ttext\n", [("x", "text", "und")]),
    ],
)
def test_tsv_with_and_without_header(tmp_path: Path, content: str, expected: list[tuple[str, str, str]]) -> None:
    (tmp_path / "c.tsv").write_text(content, encoding="utf-8")
    found = [(row["id"], row["text"], row["lang"]) for row in rows(tmp_path / "c.tsv")]
    # Made ids are true line numbers, the header's line included.
    assert found == ([("2", "Hallo", "und"), ("3", "Welt", "und")] if expected[0][0] == "1" else expected)


@pytest.mark.parametrize(
    ("name", "option", "expected"),
    [
        ("news.de.txt", None, "de"),
        ("de.txt", None, "de"),
        ("news.deu.txt.gz", None, "de"),
        ("train.zh-Hant.txt", None, "zh-Hant"),
        ("train.de", None, "de"),
        ("news.test.txt", None, "und"),
        ("dev.txt", None, "und"),
        ("europarl.de-en.txt", None, "und"),
        ("news.de.txt", "ger", "de"),
        ("news.de.txt", "fr", "fr"),
    ],
)
def test_language_of_a_file(tmp_path: Path, name: str, option: str | None, expected: str) -> None:
    data = b"Hallo\n"
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    assert rows(tmp_path / name, lang=option)[0]["lang"] == expected


def test_a_row_s_own_language_comes_first(tmp_path: Path) -> None:
    (tmp_path / "c.fr.jsonl").write_text('{"text": "a", "lang": "de"}\n{"text": "b"}\n{"text": "c", "lang": ""}\n')
    assert [row["lang"] for row in rows(tmp_path / "c.fr.jsonl", lang="es")] == ["de", "es", "es"]
    assert [row["lang"] for row in rows(tmp_path / "c.fr.jsonl")] == ["de", "fr", "fr"]


def test_folder_is_read_in_name_order_with_unique_made_ids(tmp_path: Path) -> None:
    (tmp_path / "b.en.txt").write_text("third\n")
    (tmp_path / "a.de.txt.gz").write_bytes(gzip.compress(b"eins\nzwei\n"))
    (tmp_path / "c.txt").write_text("")
    (tmp_path / "_SUCCESS").write_text("")
    found = [(row["id"], row["text"], row["lang"]) for row in rows(tmp_path)]
    assert found == [("a.de:1", "eins", "de"), ("a.de:2", "zwei", "de"), ("b.en:1", "third", "en")]


@pytest.mark.parametrize(
    ("data", "format", "expected"),
    [
        (b"Hallo\nWelt\n", None, [("1", "Hallo"), ("2", "Welt")]),
        (b'{"id": "x", "text": "Hallo"}\n', None, [("x", "Hallo")]),
        (b"x\tHallo\n", "tsv", [("x", "Hallo")]),
        (b"x\tHallo\n", "txt", [("1", "x\tHallo")]),
        (b"x\tHallo\n", None, [("x", "Hallo")]),
        (b"\xef\xbb\xbfid\ttext\nx\tHallo\n", None, [("x", "Hallo")]),
        (b"Hallo\nx\tWelt\n", None, [("1", "Hallo"), ("2", "x\tWelt")]),
        (gzip.compress(b"longer than 8 bytes\tHallo\n"), None, [("longer than 8 bytes", "Hallo")]),
        (gzip.compress(b"Hallo\n"), None, [("1", "Hallo")]),
        (gzip.compress(b'{"id": "x", "text": "Hallo"}'), None, [("x", "Hallo")]),
    ],
)
def test_standard_input(
    data: bytes,
    format: str | None,
    expected: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))
    assert [(row["id"], row["text"]) for row in rows("-", format=format)] == expected
    said = "<stdin>: read as tsv because its first line holds a tab"
    plain = gzip.decompress(data) if data.startswith(b"\x1f\x8b") else data
    guessed = format is None and b"\t" in plain.splitlines()[0]
    assert caplog.messages == ([said] if guessed else [])


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_named_pipe(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(b"Hallo\n"))
    writer.start()
    assert [row["text"] for row in rows(tmp_path / "pipe")] == ["Hallo"]
    writer.join()


def test_json_values_become_typed_columns(tmp_path: Path) -> None:
    lines = [
        {"id": 1, "text": "a", "segment": 3, "score": 1, "deep": {"k": ["ü"]}, "mixed": 1, "flag": True},
        {"id": "2", "text": "b", "segment": "4", "score": 2.5, "deep": None, "mixed": "x", "flag": None},
    ]
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    batch = next(read_corpus(tmp_path / "c.jsonl"))
    assert batch.schema.types[3:] == [pa.int64(), pa.float64(), pa.string(), pa.string(), pa.bool_()]
    assert [list(row.values())[3:] for row in batch.to_pylist()] == [
        [3, 1.0, '{"k": ["ü"]}', "1", True],
        [4, 2.5, None, "x", None],
    ]


def test_batches_have_at_most_so_many_rows(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("".join(f"Satz {number}\n" for number in range(10)))
    assert [batch.num_rows for batch in read_corpus(tmp_path / "c.txt", batch_rows=4)] == [4, 4, 2]


def test_integer_ids_and_foreign_string_types(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": pa.array([7, 8]),
            "text": pa.array(["a", "b"], pa.large_string()),
            "lang": pa.array(["deu", "deu"]).dictionary_encode(),
            "year": pa.array([1999, None], pa.int16()),
        }
    )
    write(tmp_path / "c.arrow", table)
    assert rows(tmp_path / "c.arrow") == [
        {"id": "7", "text": "a", "lang": "de", "year": 1999},
        {"id": "8", "text": "b", "lang": "de", "year": None},
    ]
