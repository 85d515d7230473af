"""What a user may name as a corpus, a file, a folder of shards or ``-``, and how its bytes are reached."""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import IO, Any

import pyarrow as pa

from xret.artifact import MANIFEST
from xret.corpus.languages import guess_lang
from xret.errors import CorpusError, UsageError
from xret.packed import BOM, stdin_bytes

__all__ = ["FORMATS", "Shard", "Source", "find_source", "open_stream", "readable"]

logger = logging.getLogger("xret")

FORMATS = {
    ".txt": "txt",
    ".tsv": "tsv",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".pq": "parquet",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".arrows": "arrow",
}
TEXT_FORMATS = ("txt", "tsv", "jsonl")
_FIRST_LINE = 1 << 16  # bytes in which a tab of the first line is looked for
COMPRESSIONS = {".gz": "gzip", ".zst": "zstd"}
_KNOWN = "wanted .txt, .tsv, .jsonl (each also .gz or .zst), .parquet, .arrow or .feather"


@dataclass(frozen=True)
class Shard:
    """One file of a corpus."""

    path: Path
    label: str
    """Its name in messages."""
    format: str
    """``txt``, ``tsv``, ``jsonl``, ``parquet`` or ``arrow``."""
    compression: str | None = None
    """``gzip``, ``zstd`` or None."""
    lang: str | None = None
    """The language its name tells, if any."""
    prefix: str = ""
    """Put before ids made from line numbers, so that they are unique in a folder."""

    @property
    def place(self) -> str:
        """A template that names a line or row: ``"de.txt:{}"``, ``"de.parquet: row {}"``."""
        return f"{self.label}:{{}}" if self.format in TEXT_FORMATS else f"{self.label}: row {{}}"


class Source:
    """The shards of a corpus in reading order; a temporary copy of stdin lives as long as it."""

    def __init__(self, label: str, shards: list[Shard]) -> None:
        """A corpus called `label` in messages."""
        self.label = label
        self.shards = shards


def find_source(source: str | Path, *, format: str | None = None) -> Source:
    """Look at what `source` names.

    Args:
        source: a file, a folder of shards of one format (read in name order), or ``-`` for stdin, which is first
            copied to a temporary file.
        format: of stdin or of a file whose name does not tell: a value of `FORMATS`.

    Raises:
        CorpusError: missing, unreadable, empty, or of a kind that is not known.
        UsageError: `format` is not known, or `source` is empty.
    """
    if format is not None and format not in FORMATS.values():
        raise UsageError(f"format is '{format}', wanted one of {', '.join(dict.fromkeys(FORMATS.values()))}")
    if str(source) == "-":
        return _copied(stdin_bytes(error=CorpusError), "<stdin>", format)
    if not str(source):
        raise UsageError("the name of a corpus is empty; give a file, a folder (. for the current one) or -")
    path = Path(source)
    with readable(str(source)):
        if path.is_dir():
            return Source(str(source), _folder(path, format))
        if path.is_fifo():
            with open(path, "rb") as stream:
                return _copied(stream, str(source), format)
        if path.stat().st_size == 0:
            raise CorpusError(f"{source}: is empty; wanted at least one sentence")
    return Source(str(source), [_shard(path, format)])


@contextmanager
def readable(label: str) -> Iterator[None]:
    """Turn what the operating system says about a file into one line."""
    try:
        yield
    except (FileNotFoundError, NotADirectoryError) as error:
        raise CorpusError(f"{label}: no such file or folder; check the name") from error
    except PermissionError as error:
        raise CorpusError(f"{label}: may not be read ({error.strerror}); change its permissions") from error


@contextmanager
def open_stream(shard: Shard) -> Iterator[Any]:
    """A text shard's decompressed bytes, with ``read(n)``.

    Raises:
        CorpusError: unreadable, truncated or not compressed as its name says.
    """
    with readable(shard.label):
        try:
            with pa.input_stream(str(shard.path), compression=shard.compression) as stream:
                yield stream
        except OSError as error:
            if error.errno is not None or shard.compression is None:
                raise
            raise CorpusError(f"{shard.label}: {_broken(shard.compression, str(error))}") from error


def _broken(compression: str, found: str) -> str:
    if "runcated" in found:
        return f"truncated {compression} file; fetch or compress it again"
    return f"not a sound {compression} file ({found}); fetch or compress it again"


def _shard(path: Path, format: str | None = None, *, label: str | None = None) -> Shard:
    suffixes = path.suffixes
    compression = COMPRESSIONS.get(suffixes[-1].lower()) if suffixes else None
    name = path.name[: -len(suffixes[-1])] if compression else path.name
    stem, dot, end = name.rpartition(".")
    found = format or FORMATS.get(f".{end.lower()}" if dot else "")
    shard = Shard(path, label or str(path), found or "txt", compression)
    if found is None:
        # Moses style: the language is the extension ("train.de").
        lang = guess_lang(end) if dot else None
        if lang is None:
            raise CorpusError(f"{shard.label}: its name does not tell the format; {_KNOWN}")
        return replace(shard, lang=lang)
    if compression and found not in TEXT_FORMATS:
        raise CorpusError(
            f"{shard.label}: a compressed {found} file; unpack it first (only text formats may be .gz or .zst)"
        )
    return replace(shard, lang=guess_lang(stem.rpartition(".")[2] if dot else ""))


def _folder(folder: Path, format: str | None) -> list[Shard]:
    if (folder / MANIFEST).is_file():
        raise CorpusError(
            f"{folder}: is an artifact made by xret (it has a {MANIFEST}), wanted a corpus: a file, or a folder of them"
        )
    paths = [path for path in sorted(folder.iterdir()) if path.is_file() and not path.name.startswith((".", "_"))]
    if not paths:
        raise CorpusError(f"{folder}: has no files in it; wanted a corpus file or a folder of shards of one format")
    shards = [_shard(path, format) for path in paths]
    formats = sorted({shard.format for shard in shards})
    if len(formats) > 1:
        raise CorpusError(
            f"{folder}: holds files of several formats ({', '.join(formats)}); wanted shards of one format"
        )
    prefixes: dict[str, Path] = {}
    for shard in shards:
        stem = _stem(shard.path.name)
        if stem in prefixes:
            raise CorpusError(f"{folder}: holds both {prefixes[stem].name} and {shard.path.name}; keep one of them")
        prefixes[stem] = shard.path
    filled = [
        replace(shard, prefix=f"{stem}:")
        for stem, shard in zip(prefixes, shards, strict=True)
        if shard.path.stat().st_size
    ]
    if not filled:
        raise CorpusError(f"{folder}: all files in it are empty; wanted at least one sentence")
    return filled


def _stem(name: str) -> str:
    for endings in (COMPRESSIONS, FORMATS):
        stem, dot, end = name.rpartition(".")
        if f"{dot}{end.lower()}" in endings:
            name = stem
    return name


def _copied(stream: IO[bytes], label: str, format: str | None) -> Source:
    """What can be read but once, in a temporary file that is removed with the source."""
    handle, name = tempfile.mkstemp(prefix="xret-stdin-")
    path = Path(name)
    source = Source(label, [])
    weakref.finalize(source, path.unlink, missing_ok=True)
    with os.fdopen(handle, "wb") as spool:
        shutil.copyfileobj(stream, spool, 1 << 20)
    if not path.stat().st_size:
        raise CorpusError(f"{label}: is empty; wanted at least one sentence")
    found, compression = _sniff(path, label)
    if format is None and found == "tsv":  # a guess, if a good one: plain text may hold tabs
        logger.warning("%s: read as tsv because its first line holds a tab", label)
    source.shards.append(Shard(path, label, format or found, compression))
    return source


def _sniff(path: Path, label: str) -> tuple[str, str | None]:
    """Format and compression of nameless bytes: by the first of them.

    Text is JSON Lines if it begins with a brace, TSV if its first line holds a tab, else one sentence a line.
    """
    with open(path, "rb") as stream:
        start = stream.read(_FIRST_LINE)
    compression = {b"\x1f\x8b": "gzip", b"\x28\xb5": "zstd"}.get(start[:2])
    if start.startswith(b"PAR1"):
        return "parquet", None
    if start.startswith((b"ARROW1", b"\xff\xff\xff\xff")):
        return "arrow", None
    if compression:
        with open_stream(Shard(path, label, "txt", compression)) as stream:
            start = stream.read(_FIRST_LINE)
    if start.removeprefix(BOM).startswith(b"{"):
        return "jsonl", compression
    if b"\t" not in start.partition(b"\n")[0]:
        return "txt", compression
    return "tsv", compression
