"""A multi-vector index opened for reading: everything but the centroids is memory-mapped."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import InputError
from xret.indexes.catalogue import Catalogue
from xret.indexes.dense.rows import row_numbers
from xret.indexes.multivector.growing import coder_of
from xret.indexes.multivector.layout import REMEDY, Manifest, read_steadily
from xret.indexes.multivector.segments import Segment, open_segment
from xret.indexes.multivector.training import Coder
from xret.mapped import map_table

__all__ = ["MultiVectorIndex", "open_as", "open_index"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class MultiVectorIndex(Catalogue):
    """An index opened for searching; see `open_index`.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        table: `id, lang[, doc_id][, title][, text]` of every document, deleted ones included.
        segments: the coded tokens.
        coder: centroids and codec.
        deleted: numbers of the deleted rows, ascending.
    """

    folder: Path
    manifest: Manifest
    table: pa.Table
    segments: tuple[Segment, ...]
    coder: Coder
    deleted: Ints

    @property
    def stated(self) -> Manifest:
        """The manifest."""
        return self.manifest

    @property
    def corpus(self) -> pa.Table:
        """`id, lang, text` of the documents that can be found.

        Raises:
            InputError: the index was built without texts.
        """
        self.refuse_without_text()
        return self.live()

    @cached_property
    def counts(self) -> Ints:
        """(rows,) token vectors of each document."""
        return np.concatenate([np.diff(segment.starts) for segment in self.segments])


def open_index(folder: str | Path) -> MultiVectorIndex:
    """Open an index folder for searching.

    What is opened stays as it is, whatever other processes do to the folder meanwhile.

    Raises:
        InputError: no index there, or a file that is missing, truncated or unreadable.
    """
    return read_steadily(Path(folder), open_as)


def open_as(folder: Path, manifest: Manifest) -> MultiVectorIndex:
    """What a manifest that was read before names; arguments and errors as for `open_index`."""
    coder, tables, segments, start = coder_of(folder, manifest), [], [], 0
    width = manifest.width // coder.codec.span
    for part in manifest.parts:
        segment, table = open_segment(folder, part, manifest, start, width)
        segments.append(segment)
        tables.append(table)
        start += part.rows
    deleted = np.empty(0, np.int64)
    if manifest.deleted:
        deleted = row_numbers(map_table(folder / manifest.deleted, remedy=REMEDY), start, folder / manifest.deleted)
    if start - len(deleted) != manifest.rows or not segments:
        raise InputError(
            f"{folder}: has {start - len(deleted):,} rows, the manifest says {manifest.rows!r}; run xret index check "
            f"{folder}"
        )
    return MultiVectorIndex(folder, manifest, pa.concat_tables(tables), tuple(segments), coder, deleted)
