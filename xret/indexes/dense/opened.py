"""A dense index opened for reading: everything memory-mapped."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather, keep
from xret.errors import InputError, MismatchError
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
class DenseIndex:
    """An index opened for searching; see `open_index`.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        table: `id, lang[, text]` of every row, deleted ones included; a row's number is its place here.
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
        kept = self.kept(None)
        return self.table if kept is None else keep(self.table, kept)

    def kept(self, languages: Sequence[str] | None) -> npt.NDArray[np.bool_] | None:
        """(rows,) whether a row may be found: not deleted, and of one of `languages`; None when all may.

        A language stands for its subtags too (RFC 4647, basic filtering): ``zh`` finds ``zh`` and ``zh-Hant``.

        Raises:
            InputError: a language of which the index has no row; lists those it has.
        """
        if languages is None and not len(self.deleted):
            return None
        kept = np.ones(self.table.num_rows, bool)
        if languages is not None:
            tags = pa.array(sorted(self._tags(languages)), pa.string())
            kept = pc.is_in(self.table["lang"], value_set=tags).to_numpy()
        kept[self.deleted] = False
        return kept

    def rows_of(self, ids: pa.Array | pa.ChunkedArray) -> npt.NDArray[np.int64]:
        """Ascending numbers of the rows with one of these ids; none for ids that are not there or deleted."""
        found, kept = pc.is_in(self.table["id"], value_set=ids).to_numpy(), self.kept(None)
        return np.flatnonzero(found if kept is None else found & kept)

    def refuse_other_encoder(self, name: str | None, hash: str | None) -> None:
        """Raise unless queries come from the encoder that made the index (unknown origins are let pass).

        Raises:
            MismatchError: with both names.
        """
        ours, ours_hash = self.manifest.encoder, self.manifest.encoder_hash
        if hash and ours_hash and hash != ours_hash:
            if name == ours:
                raise MismatchError(
                    f"{self.folder}: was built with another version of encoder '{ours}' ({ours_hash[:12]}) than the "
                    f"one given ({hash[:12]}); build the index again"
                )
            raise MismatchError(
                f"{self.folder}: was built with encoder '{ours}' ({ours_hash[:12]}), those given come from '{name}' "
                f"({hash[:12]}); "
                f"use --encoder {ours}, or build the index again with '{name}'"
            )

    def refuse_without_text(self) -> None:
        """Raise when the index was built without texts.

        Raises:
            InputError: saying so.
        """
        if not self.manifest.text:
            raise InputError(f"{self.folder}: was built without texts; build it again without --no-text")

    def refuse_ids(self, new: pa.ChunkedArray) -> None:
        """Raise when the index holds some of the ids to add already.

        Raises:
            InputError: naming the first three.
        """
        found = gather(self.table["id"], self.rows_of(new.unique().cast(pa.string())))
        if len(found):
            names = ", ".join(f"'{name}'" for name in found[:3].to_pylist())
            raise InputError(
                f"{self.folder}: holds {len(found):,} of the ids to add already "
                f"({names}{', …' if len(found) > 3 else ''}); leave those rows out, or delete them from the index first"
            )

    def _tags(self, languages: Sequence[str]) -> set[str]:
        has = self.manifest.languages
        found: set[str] = set()
        for language in languages:
            wanted = language.lower()
            tags = {tag for tag in has if tag.lower() == wanted or tag.lower().startswith(wanted + "-")}
            if not tags:
                counts = ", ".join(f"{tag} {count:,}" for tag, count in has.items()) or "no rows at all"
                raise InputError(f"{self.folder}: has no rows in language '{language}'; it has {counts}")
            found |= tags
        return found


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
        row_numbers(map_table(folder / manifest.deleted, remedy=REMEDY)) if manifest.deleted else np.empty(0, np.int64)
    )
    return DenseIndex(folder, manifest, pa.concat_tables(tables), tuple(shelves), deleted)
