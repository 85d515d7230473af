"""The columns of a pairs table, and formats by the name of a file."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

__all__ = ["FORMATS", "PACKED", "PAIR_COLUMNS", "Format", "format_of"]

Format = Literal["tsv", "jsonl", "parquet"]
FORMATS: tuple[Format, ...] = ("tsv", "jsonl", "parquet")
PAIR_COLUMNS = ("score", "src_id", "tgt_id", "src_text", "tgt_text")
PACKED = {".gz": "gzip", ".zst": "zstd"}


def format_of(path: Path) -> Format:
    """``parquet`` or ``jsonl`` by the suffix (before ``.gz`` or ``.zst``), else ``tsv``."""
    name = path.name.lower()
    for suffix in PACKED:
        name = name.removesuffix(suffix)
    if name.endswith((".parquet", ".pq")):
        return "parquet"
    return "jsonl" if name.endswith((".jsonl", ".ndjson")) else "tsv"
