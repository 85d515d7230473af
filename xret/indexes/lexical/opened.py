"""A lexical index opened for reading: everything memory-mapped."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError
from xret.indexes.catalogue import Catalogue
from xret.indexes.dense.rows import row_numbers
from xret.indexes.lexical.analyzers import Analyzer, analyzer, base_language, stemmer_version
from xret.indexes.lexical.layout import REMEDY, Manifest, read_steadily
from xret.indexes.lexical.segments import Opened, open_segment
from xret.mapped import map_table

__all__ = ["LexicalIndex", "Statistics", "open_index"]

logger = logging.getLogger("xret")
Ints = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Statistics:
    """The documents of a language that have a term and are not deleted; others count no more than in Lucene."""

    documents: int
    length: float
    """Mean number of terms."""


@dataclass(frozen=True, eq=False)
class LexicalIndex(Catalogue):
    """An index opened for searching; see `open_index`.

    Attributes:
        folder: where it lies.
        manifest: what it says of itself.
        segments: the postings.
        table: `id, lang, length[, title][, text]` of every row, deleted ones included.
        deleted: numbers of the deleted rows, ascending; a row's number is its place over all segments.
    """

    folder: Path
    manifest: Manifest
    segments: tuple[Opened, ...]
    table: pa.Table
    deleted: Ints

    @cached_property
    def alive(self) -> Mask | None:
        """(rows,) whether a row is there; None where none was deleted."""
        if not len(self.deleted):
            return None
        alive = np.ones(self.table.num_rows, bool)
        alive[self.deleted] = False
        return alive

    @cached_property
    def analyzers(self) -> Mapping[str, Analyzer]:
        """By language (first subtag), of those that the index has a row of."""
        has = {base_language(tag) for tag, rows in self.manifest.languages.items() if rows}
        return {name: analyzer(spec) for name, spec in self.manifest.analyzers.items() if name in has}

    @cached_property
    def statistics(self) -> Mapping[str, Statistics]:
        """By language (first subtag)."""
        tags = pc.unique(self.table["lang"])
        code = pc.index_in(self.table["lang"], value_set=tags).to_numpy()
        length = self.table["length"].to_numpy().astype(np.float64)
        counted = length > 0 if self.alive is None else self.alive & (length > 0)
        code, length = code[counted], length[counted]
        rows, terms = np.bincount(code, minlength=len(tags)), np.bincount(code, length, len(tags))
        found: dict[str, tuple[int, float]] = {}
        for tag, more, longer in zip(tags.to_pylist(), rows.tolist(), terms.tolist(), strict=True):
            before = found.get(base_language(tag), (0, 0.0))
            found[base_language(tag)] = before[0] + more, before[1] + longer
        return {name: Statistics(count, total / count) for name, (count, total) in found.items() if count}

    @property
    def stated(self) -> Manifest:
        """What the manifest says of the rows."""
        return self.manifest

    def tags(self, languages: Sequence[str]) -> set[str]:
        """The tags of the index that languages stand for.

        Raises:
            InputError: a language of which the index has no row.
        """
        return self._tags(languages)


def open_index(folder: str | Path) -> LexicalIndex:
    """Open an index folder for searching, memory-mapped.

    Raises:
        InputError: no lexical index there, or a file that is missing, truncated or unreadable.
    """
    return read_steadily(Path(folder), open_as)


def open_as(folder: Path, manifest: Manifest) -> LexicalIndex:
    """What a manifest that was read before names; arguments and errors as for `open_index`."""
    segments, start = [], 0
    for segment in manifest.segments:
        segments.append(open_segment(folder, segment, start))
        start += segment.rows
    deleted = np.empty(0, np.int64)
    if manifest.deleted:
        deleted = row_numbers(map_table(folder / manifest.deleted, remedy=REMEDY), start, folder / manifest.deleted)
    if start - len(deleted) != manifest.rows:
        raise InputError(
            f"{folder}: has {start:,} rows, {len(deleted):,} of them deleted, the manifest says "
            f"{manifest.rows:,}; {REMEDY}"
        )
    made = manifest.versions.get("PyStemmer")
    if made != stemmer_version():
        logger.warning(
            "%s: was made with PyStemmer %s, this is %s: some words may be stemmed otherwise and not be found; "
            "build the index again",
            folder, made, stemmer_version(),
        )  # fmt: skip
    tables = [segment.table for segment in segments]
    return LexicalIndex(folder, manifest, tuple(segments), pa.concat_tables(tables or [_no_rows(manifest)]), deleted)


def _no_rows(manifest: Manifest) -> pa.Table:
    """The table of an index whose rows were all deleted and taken out."""
    columns = {"id": pa.string(), "lang": pa.string(), "length": pa.int32(), "text": pa.string()}
    return pa.table({name: pa.array([], type_) for name, type_ in columns.items() if name != "text" or manifest.text})
