"""Document files that several sets share: JSON lines, tab-separated, and TREC's SGML, as streams of batches."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from xret.corpus.sources import Shard, open_stream
from xret.errors import EvalError
from xret.eval.benchmarks.documents import BATCH, Documents
from xret.eval.benchmarks.lines import Record, json_blocks, tsv_blocks, value_of
from xret.packed import packing

__all__ = ["IDS", "SCHEMA", "batch_of", "joined", "json_documents", "sgml_documents", "tsv_documents"]

IDS = ("docid", "_id", "id")
SCHEMA = pa.schema([(name, pa.string()) for name in ("id", "lang", "text", "title")])
BLOCK = 1 << 20  # characters decoded at once
LONGEST = 64 << 20  # characters of a document; longer means that a closing tag is missing
NO_TEXT = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&nbsp;": " "}

Languages = Sequence[tuple[Path, str]]  # files, each with the language of its documents


def batch_of(ids: list[str], lang: str, texts: list[str], titles: list[str | None]) -> pa.RecordBatch:
    """A batch of `SCHEMA`."""
    columns = [ids, [lang] * len(ids), texts, titles]
    return pa.RecordBatch.from_arrays([pa.array(column, pa.string()) for column in columns], schema=SCHEMA)


def joined(*parts: str | None, by: str = "\n") -> str:
    """Title and text (or the like), one a line unless `by` says otherwise; those that are empty are left out."""
    return by.join(part for part in parts if part and part.strip())


def json_documents(files: Languages, text: Callable[[Record], str], *, ids: tuple[str, ...] = IDS) -> Documents:
    """Documents of JSON Lines files.

    Args:
        files: each with its language.
        text: from an object to what is searched; also to None, of broken ones.
        ids: names that its id may have.
    """

    def read() -> Iterator[pa.RecordBatch]:
        for path, lang in files:
            for numbers, objects in json_blocks(path):
                rows = list(zip(numbers, objects, strict=True))
                found = [value_of(value, ids, f"{path}:{number}") for number, value in rows]
                texts = [_called(text, value, f"{path}:{number}") for number, value in rows]
                titles = [value.get("title") if isinstance(value.get("title"), str) else None for value in objects]
                yield batch_of(found, lang, texts, titles)

    return Documents(read, label=_label(files))


def tsv_documents(files: Languages, *, title: bool = False, header: str | None = None) -> Documents:
    """Documents of tab-separated files: id, text (and title, in DPR's layout).

    Args:
        files: each with its language.
        title: whether a third field is the title.
        header: the first field of a first line that is no document.
    """

    def read() -> Iterator[pa.RecordBatch]:
        for path, lang in files:
            for numbers, rows in tsv_blocks(path, 3 if title else 2, header=header):
                for start in range(0, len(numbers), BATCH):
                    part = rows[start : start + BATCH]
                    titles = [row[2] if title else None for row in part]
                    texts = [_unquoted(row[1]) if title else row[1] for row in part]
                    yield batch_of([row[0] for row in part], lang, texts, titles)

    return Documents(read, label=_label(files))


def sgml_documents(files: Languages, tags: Sequence[str], *, encoding: str) -> Documents:
    """Documents of TREC or CLEF files: ``<DOC>``, ``<DOCNO>`` and marked text.

    Args:
        files: each with its language.
        tags: names of the elements whose texts make the document, in their order there.
        encoding: of the files.
    """
    wanted = re.compile(rf"<({'|'.join(tags)})\b[^>]*>(.*?)</\1\s*>", re.DOTALL | re.IGNORECASE)

    def read() -> Iterator[pa.RecordBatch]:
        for path, lang in files:
            ids: list[str] = []
            texts: list[str] = []
            for number, document in enumerate(_documents(path, encoding), 1):
                ids.append(_number(document, path, number))
                texts.append(joined(*(_plain(match[2]) for match in wanted.finditer(document))))
                if len(ids) == BATCH:
                    yield batch_of(ids, lang, texts, [None] * len(ids))
                    ids, texts = [], []
            if ids:
                yield batch_of(ids, lang, texts, [None] * len(ids))

    return Documents(read, label=_label(files))


def _documents(path: Path, encoding: str) -> Iterator[str]:
    """The text of each ``<DOC>`` element."""
    rest = ""
    for block in _decoded(path, encoding):
        rest += block
        *whole, rest = re.split(r"</DOC\s*>", rest, flags=re.IGNORECASE)
        for document in whole:
            _, opened, inner = document.partition("<DOC>") if "<DOC>" in document else document.partition("<doc>")
            if opened:
                yield inner
        if len(rest) > LONGEST:
            raise EvalError(f"{path}: a document of more than {LONGEST >> 20} MiB; wanted <DOC>…</DOC> elements")
    if "<DOC>" in rest.upper():
        raise EvalError(f"{path}: ends within a document (no </DOC>); the file is truncated, fetch it again")


def _decoded(path: Path, encoding: str) -> Iterator[str]:
    import codecs

    decoder, line = codecs.getincrementaldecoder(encoding)(), 1
    with open_stream(Shard(path, str(path), "txt", packing(path))) as stream:
        while True:
            data = stream.read(BLOCK)
            try:
                yield decoder.decode(data, final=not data)
            except UnicodeDecodeError as error:
                at = line + data[: error.start].count(b"\n")
                raise EvalError(
                    f"{path}:{at}: byte 0x{error.object[error.start]:02x} is not {encoding}; "
                    "say --encoding latin-1 (or another), or convert the file"
                ) from error
            if not data:
                return
            line += data.count(b"\n")


def _number(document: str, path: Path, number: int) -> str:
    match = re.search(r"<DOCNO>\s*(\S+)\s*</DOCNO>", document, re.IGNORECASE)
    if match is None:
        raise EvalError(f"{path}: document {number} has no <DOCNO>")
    return match[1]


def _plain(marked: str) -> str:
    text = NO_TEXT.sub(" ", marked)
    for entity, character in ENTITIES.items():
        text = text.replace(entity, character)
    return " ".join(text.split())


def _unquoted(text: str) -> str:
    """DPR's passages are quoted as CSV has it: ``"…""so""…"``."""
    return text[1:-1].replace('""', '"') if len(text) > 1 and text[0] == text[-1] == '"' else text


def _called(text: Callable[[Record], str], value: Record, place: str) -> str:
    try:
        return text(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise EvalError(f"{place}: has no text as wanted ({error}); found: {', '.join(value)}") from error


def _label(files: Languages) -> str:
    return str(files[0][0]) if len(files) == 1 else f"{files[0][0]} and {len(files) - 1} more"
