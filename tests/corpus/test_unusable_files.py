"""Files that cannot be read at all: each is told in one line, skipping or not."""

from __future__ import annotations

import gzip
import re
from pathlib import Path

import pyarrow as pa
import pytest

from tests.corpus.broken import LINES, TABLE, ipc, message, parquet
from xret.corpus import read_corpus
from xret.errors import InputError, UsageError

FILES: list[tuple[str, bytes, str]] = [
    ("c.txt", b"", ": is empty; wanted at least one sentence"),
    ("c.txt", b"\xef\xbb\xbf", ": is empty; wanted"),
    ("c.txt.gz", gzip.compress(b""), ": is empty; wanted"),
    ("c.parquet", parquet(TABLE.slice(0, 0)), ": is empty; wanted"),
    ("c.txt", "Größe".encode("utf-16"), ": holds UTF-16 text, wanted UTF-8 text; convert it: iconv -f UTF-16 -t UTF-8"),
    ("c.txt", "Größe".encode("utf-16-le"), ": looks like UTF-16 text without a byte order mark"),
    ("c.jsonl", "Größe".encode("utf-32"), ": holds UTF-32 text, wanted UTF-8 text"),
    ("c.txt", gzip.compress(LINES), ": holds gzip data, wanted UTF-8 text; let its name end in .gz"),
    ("c.tsv", parquet(TABLE), ": holds a Parquet file, wanted UTF-8 text; let its name end in .parquet"),
    ("c.txt.gz", gzip.compress(LINES)[:-20], ": truncated gzip file; fetch or compress it again"),
    ("c.txt.zst", pa.compress(LINES, "zstd", asbytes=True)[:-20], ": truncated zstd file; fetch or compress it again"),
    ("c.txt.gz", LINES, ": not a sound gzip file ("),
    ("c.txt.zst", LINES, ": not a sound zstd file ("),
    ("c.tsv", b"id\tsentence\na\tx\n", ":1: the header names no column 'text'; found: id, sentence"),
    (
        "c.tsv",
        b"id\ttext\ttext\na\tx\ty\n",
        ":1: the header has an empty or repeated name; found: 'id', 'text', 'text'",
    ),
    ("c.parquet", parquet(TABLE)[:-10], ": truncated or broken Parquet file ("),
    ("c.parquet", b"PAR1 and no more", ": truncated or broken Parquet file ("),
    ("c.parquet", parquet(TABLE.rename_columns(["id", "body"])), ": no column 'text'; found: id, body; rename one"),
    ("c.parquet", parquet(TABLE.set_column(1, "text", [[1, 2]])), ": column 'text' holds int64, wanted string"),
    ("c.parquet", parquet(TABLE.set_column(0, "id", [[1.5, 2]])), ": column 'id' holds double, wanted string"),
    ("c.arrow", ipc(TABLE)[:-10], ": truncated or broken Arrow file ("),
    ("c.arrow", ipc(TABLE).replace(b"\5\0\0\0\x09\0\0\0", b"\5\0\0\0\x63\0\0\0"), ": truncated or broken Arrow file ("),
    ("c.arrow", ipc(TABLE, stream=True)[:-8], ": truncated or broken Arrow stream (no end marker)"),
    ("c.arrow", b"neither of the two", ": truncated or broken Arrow stream ("),
    ("c.arrow", b"FEA1....", ": is Feather version 1; write it anew"),
    ("c.csv", b"a,b\n", ": its name does not tell the format; wanted .txt, .tsv, .jsonl (each also .gz or .zst)"),
    ("corpus", b"a\n", ": its name does not tell the format"),
    ("c.parquet.gz", b"x", ": a compressed parquet file; unpack it first"),
]


@pytest.mark.parametrize(("name", "content", "said"), FILES)
@pytest.mark.parametrize("on_error", ["fail", "skip"])
def test_unusable_files(tmp_path: Path, name: str, content: bytes, said: str, on_error: str) -> None:
    (tmp_path / name).write_bytes(content)
    assert message(tmp_path / name, on_error=on_error).startswith(f"{tmp_path / name}{said}")


def test_missing_files_and_folders(tmp_path: Path) -> None:
    assert message(tmp_path / "no.txt") == f"{tmp_path / 'no.txt'}: no such file or folder; check the name"
    (tmp_path / "c.txt").write_text("a\n")
    assert message(tmp_path / "c.txt" / "d.txt").endswith("no such file or folder; check the name")
    folder = tmp_path / "shards"
    folder.mkdir()
    assert message(folder).startswith(f"{folder}: has no files in it")
    (folder / "a.txt").write_text("")
    assert message(folder).startswith(f"{folder}: all files in it are empty")
    (folder / "a.txt.gz").write_bytes(gzip.compress(b"x\n"))
    assert message(folder).startswith(f"{folder}: holds both a.txt and a.txt.gz; keep one")
    (folder / "a.txt.gz").rename(folder / "b.tsv.gz")
    assert message(folder).startswith(f"{folder}: holds files of several formats (tsv, txt)")
    (folder / "manifest.json").write_text("{}")
    assert message(folder).startswith(f"{folder}: is an artifact made by xret")


def test_unreadable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "c.txt").write_text("a\n")
    monkeypatch.setattr(pa, "input_stream", refuse)  # permissions do not stop root, who may run this
    said = "may not be read (Permission denied); change its permissions"
    assert message(tmp_path / "c.txt") == f"{tmp_path / 'c.txt'}: {said}"


def test_absurdly_long_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.corpus.lines.BLOCK", 1 << 10)
    monkeypatch.setattr("xret.corpus.lines.LONGEST", 1 << 20)
    (tmp_path / "c.txt").write_bytes(b"a\nb\n" + b"x" * (3 << 20))
    assert re.match(
        f"{re.escape(str(tmp_path))}/c.txt:3: line of more than 1 MiB; wanted one", message(tmp_path / "c.txt")
    )


def test_wrong_options(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("a\n")
    with pytest.raises(InputError, match="'german' is not a known language code; wanted BCP 47 such as de"):
        read_corpus(tmp_path / "c.txt", lang="german")
    with pytest.raises(UsageError, match="on_error is 'ignore', wanted 'fail' or 'skip'"):
        read_corpus(tmp_path / "c.txt", on_error="ignore")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="batch_rows is 0, wanted at least 1"):
        read_corpus(tmp_path / "c.txt", batch_rows=0)
    with pytest.raises(UsageError, match="format is 'csv', wanted one of txt, tsv, jsonl, parquet, arrow"):
        read_corpus(tmp_path / "c.txt", format="csv")
