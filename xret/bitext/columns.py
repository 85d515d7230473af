"""The columns of a pairs table, and formats by the name of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from xret.packed import plain_suffix

__all__ = ["FORMATS", "PAIR_COLUMNS", "Format", "format_of"]

Format = Literal["tsv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = ("tsv", "jsonl", "parquet")
PAIR_COLUMNS = ("score", "src_id", "tgt_id", "src_text", "tgt_text")


def format_of(path: Path) -> Format:
    """``parquet`` or ``jsonl`` by the suffix (before ``.gz`` or ``.zst``), in upper or lower case, else ``tsv``."""
    suffix = plain_suffix(path)
    if suffix in (".parquet", ".pq"):
        return "parquet"
    return "jsonl" if suffix in (".jsonl", ".ndjson") else "tsv"
