"""The columns of a pairs table, and formats by the name of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal, TypeAlias

from xret.packed import plain_suffix

__all__ = ["FORMATS", "PAIR_COLUMNS", "Format", "Langs", "format_of"]

Format = Literal["tsv", "jsonl", "parquet", "tmx", "moses"]
FORMATS: tuple[Format, ...] = ("tsv", "jsonl", "parquet", "tmx", "moses")
Langs: TypeAlias = tuple[str, str]
"""The languages of source and target (BCP 47), ``und`` for one that is not known."""

PAIR_COLUMNS = ("score", "src_id", "tgt_id", "src_text", "tgt_text")


def format_of(path: Path) -> Format:
    """``parquet``, ``jsonl`` or ``tmx`` by the suffix (before ``.gz`` or ``.zst``), in either case, else ``tsv``.

    ``moses``, two files, has no suffix of its own: it must be asked for.
    """
    suffix = plain_suffix(path)
    if suffix in (".parquet", ".pq"):
        return "parquet"
    if suffix == ".tmx":
        return "tmx"
    return "jsonl" if suffix in (".jsonl", ".ndjson") else "tsv"
