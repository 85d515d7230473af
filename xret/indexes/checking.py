"""What is checked alike in every kind of index: checksums of files, and rows against the manifest."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import file_hash
from xret.errors import InputError
from xret.indexes.dense.layout import REMEDY
from xret.indexes.dense.rows import count_languages

__all__ = ["check_rows", "check_sums"]


def check_sums(folder: Path, sums: Iterable[tuple[str, str]]) -> None:
    """Read files whole and compare them with what was written.

    Args:
        folder: of the index.
        sums: names of files in it, with their SHA-256 (64 hex characters).

    Raises:
        InputError: names the first that differs.
    """
    for name, wanted in sums:
        if file_hash(folder / name) != wanted:
            raise InputError(f"{folder / name}: its bytes are not those that were written (wrong checksum); {REMEDY}")


def check_rows(folder: Path, table: pa.Table, *, rows: int, languages: Mapping[str, int]) -> None:
    """Compare the rows that can be found with the manifest.

    Args:
        folder: of the index.
        table: `id, lang` of these rows.
        rows: how many the manifest says there are.
        languages: how many of each language.

    Raises:
        InputError: other numbers, or an id that stands twice.
    """
    if table.num_rows != rows:
        raise InputError(f"{folder}: has {table.num_rows:,} rows, the manifest says {rows:,}; {REMEDY}")
    if pc.count_distinct(table["id"]).as_py() != table.num_rows:
        raise InputError(f"{folder}: some ids stand twice; {REMEDY}")
    if count_languages(table) != dict(languages):
        raise InputError(f"{folder}: the rows per language are not those of the manifest; {REMEDY}")
