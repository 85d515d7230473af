"""Pieces of broken corpora, and the one-line message that reading one gives."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from xret.corpus import read_corpus
from xret.errors import CorpusError

TABLE = pa.table({"id": ["a", "b"], "text": ["Hallo", "Welt"]})
LINES = b"".join(b"Satz %d\n" % number for number in range(5000))
NO_UTF8 = pa.array([b"fein", b"kaputt \xff"]).view(pa.string())


def message(source: Path, **options: str) -> str:
    with pytest.raises(CorpusError) as caught:
        list(read_corpus(source, **options))  # type: ignore[arg-type]
    text = str(caught.value)
    assert "\n" not in text
    return text


def ipc(table: pa.Table, *, stream: bool = False) -> bytes:
    sink = pa.BufferOutputStream()
    with (pa.ipc.new_stream if stream else pa.ipc.new_file)(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def parquet(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    return bytes(sink.getvalue())
