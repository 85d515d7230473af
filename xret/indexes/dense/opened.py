"""A dense index opened for reading: everything memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import InputError, MismatchError
from xret.indexes.catalogue import Catalogue
from xret.indexes.dense.layout import Manifest, read_steadily
from xret.indexes.dense.rows import row_numbers
from xret.indexes.dense.training import read_faiss
from xret.mapped import map_table

__all__ = ["DenseIndex", "Shelf", "open_as", "open_index"]

REMEDY = "build the index again"


@dataclass(frozen=True, eq=False)
class Shelf:
    """One part, opened: a FAISS index and the number of its first row."""

    faiss: Any
    start: int
    rows: int


@dataclass(frozen=True, eq=False)
class DenseIndex(Catalogue):
    """An index opened for searching; see `open_index`.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        table: `id, lang[, title][, text]` of every row, deleted ones included; a row's number is its place here.
        shelves: the vectors.
        deleted: numbers of the deleted rows, ascending.
    """

    folder: Path
    manifest: Manifest
    table: pa.Table
    shelves: tuple[Shelf, ...]
    deleted: npt.NDArray[np.int64]

    @cached_property
    def corpus(self) -> pa.Table:
        """`id, lang, text` of the rows that can be found.

        Memory-mapped; where more than one row in some 64 was deleted, a copy of the others.

        Raises:
            InputError: the index was built without texts.
        """
        self.refuse_without_text()
        return self.live()

    @property
    def stated(self) -> Manifest:
        """The manifest."""
        return self.manifest

    def refuse_centred(self, new: str | None = None) -> None:
        """Raise unless rows can be added: neither the index's vectors nor the new ones were moved by offsets.

        Args:
            new: what the manifest of the vectors to add says of it.

        Raises:
            MismatchError: they were, each by the offsets of their own corpus.
        """
        if self.manifest.centred:
            raise MismatchError(
                f"{self.folder}: holds centred vectors ({self.manifest.centred}), and rows added to them would need "
                "the same offsets; build it again from the whole corpus"
            )
        if new:
            raise MismatchError(
                f"{self.folder}: holds vectors as they were encoded, those to add are centred ({new}); add them "
                "before they are centred, or build the index again"
            )


def open_index(folder: str | Path) -> DenseIndex:
    """Open an index folder for searching, memory-mapped.

    What is opened stays as it is, whatever other processes do to the folder meanwhile (see `read_steadily`).

    Raises:
        InputError: no index there, or a file that is missing, truncated or unreadable.
    """
    return read_steadily(Path(folder), open_as)


def open_as(folder: Path, manifest: Manifest) -> DenseIndex:
    """What a manifest that was read before names; arguments and errors as for `open_index`."""
    tables, shelves, start = [], [], 0
    for part in manifest.parts:
        faiss, table = read_faiss(folder / part.vectors), map_table(folder / part.table, remedy=REMEDY)
        if faiss.ntotal != part.rows or table.num_rows != part.rows or faiss.d != manifest.dim:
            raise InputError(
                f"{folder / part.vectors}: holds {faiss.ntotal:,} {faiss.d}-dimensional vectors, {table.num_rows:,} "
                f"ids, wanted {part.rows:,} of {manifest.dim}; build the index again"
            )
        shelves.append(Shelf(faiss, start, part.rows))
        tables.append(table)
        start += part.rows
    deleted = (
        row_numbers(map_table(folder / manifest.deleted, remedy=REMEDY), start, folder / manifest.deleted)
        if manifest.deleted
        else np.empty(0, np.int64)
    )
    columns = ["id", "lang", *(["text"] if manifest.text else [])]
    table = pa.concat_tables(tables) if tables else pa.table({name: pa.array([], pa.string()) for name in columns})
    return DenseIndex(folder, manifest, table, tuple(shelves), deleted)
