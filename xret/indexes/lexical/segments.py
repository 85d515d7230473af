"""Segments on disk: written, and mapped for reading."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import InputError
from xret.indexes.dense.layout import Sealed, seal
from xret.indexes.lexical.inversion import Inverted
from xret.indexes.lexical.layout import REMEDY, Segment
from xret.indexes.lexical.terms import Terms
from xret.mapped import map_table, write_batches

__all__ = ["Opened", "open_segment", "write_segment"]

Ints = npt.NDArray[np.int64]
POSTINGS = pa.schema([("row", pa.int32()), ("count", pa.uint16())])
TERMS = pa.schema([("term", pa.string()), ("end", pa.int64())])


@dataclass(frozen=True, eq=False)
class Opened:
    """A segment, mapped.

    Attributes:
        segment: what the manifest says of it.
        start: the number of its first row.
        table: `id, lang, length[, title][, text]` of its rows.
        postings: (p,) int32 rows within the segment and (p,) uint16 counts.
        terms: by language (first subtag): the terms, and where in `postings` theirs begin.
    """

    segment: Segment
    start: int
    table: pa.Table
    rows: npt.NDArray[np.int32]
    counts: npt.NDArray[np.uint16]
    terms: Mapping[str, tuple[Terms, int]]

    @cached_property
    def lengths(self) -> npt.NDArray[np.int32]:
        """(rows,) terms in each text."""
        lengths: npt.NDArray[np.int32] = self.table["length"].to_numpy()
        return lengths

    def postings(self, language: str, term: str) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.uint16]] | None:
        """Rows and counts of a term, None where no document of the language has it."""
        found = self.terms.get(language)
        place = found[0].place(term) if found else None
        if found is None or place is None:
            return None
        terms, start = found
        first, last = terms.span(place)
        rows = self.rows[start + first : start + last]
        if (
            not 0 <= first <= last
            or len(rows) != last - first
            or (len(rows) and not 0 <= rows.min() <= rows.max() < self.segment.rows)
        ):
            raise InputError(
                f"segment {self.segment.number} of the index names rows that it has not: it is damaged; run xret index "
                "check, and build it again"
            )
        return rows, self.counts[start + first : start + last]

    def inverted(self, language: str) -> Inverted:
        """All postings of a language."""
        terms, start = self.terms[language]
        ends = terms.ends
        stop = start + (int(ends[-1]) if len(ends) else 0)
        return Inverted(terms.strings, ends, self.rows[start:stop], self.counts[start:stop])


def write_segment(
    folder: Path, number: int, table: pa.Table, languages: Mapping[str, Inverted]
) -> tuple[Segment, dict[str, Sealed]]:
    """Write the three files of a segment; the segment, and what its files must look like."""
    parts = list(languages.values())
    segment = Segment(
        number=number,
        rows=table.num_rows,
        terms={language: len(part.terms) for language, part in languages.items()},
        postings=sum(len(part.rows) for part in parts),
    )
    table = table.combine_chunks()
    write_batches(folder / segment.file("rows"), table.to_batches(), table.schema)
    terms = (pa.record_batch([part.terms, pa.array(part.ends)], schema=TERMS) for part in parts)
    write_batches(folder / segment.file("terms"), terms, TERMS)
    rows = np.concatenate([np.empty(0, np.int32), *(part.rows for part in parts)])
    counts = np.concatenate([np.empty(0, np.uint16), *(part.counts for part in parts)])
    batch = pa.record_batch([pa.array(rows), pa.array(counts)], schema=POSTINGS)
    write_batches(folder / segment.file("postings"), [batch], POSTINGS)
    return segment, {name: seal(folder / name) for name in segment.files}


def open_segment(folder: Path, segment: Segment, start: int) -> Opened:
    """Map a segment.

    Raises:
        InputError: a file is unreadable, or the numbers of rows, terms and postings are not those of the manifest.
    """
    table, terms, postings = (map_table(folder / name, remedy=REMEDY) for name in segment.files)
    wanted_columns = ({"id", "lang", "length"}, set(TERMS.names), set(POSTINGS.names))
    for part, columns, name in zip((table, terms, postings), wanted_columns, segment.files, strict=True):
        if not columns <= set(part.column_names):
            raise InputError(f"{folder / name}: has no {', '.join(sorted(columns - set(part.column_names)))}; {REMEDY}")
    found = table.num_rows, terms.num_rows, postings.num_rows
    wanted = segment.rows, sum(segment.terms.values()), segment.postings
    if found != wanted:
        raise InputError(
            f"{folder}: segment {segment.number} has {found[0]:,} rows, {found[1]:,} terms and {found[2]:,} postings, "
            f"the manifest says {wanted[0]:,}, {wanted[1]:,} and {wanted[2]:,}; {REMEDY}"
        )
    languages, first, begin = {}, 0, 0
    for language, size in segment.terms.items():
        own = Terms.of(terms.slice(first, size))
        languages[language] = own, begin
        first, begin = first + size, begin + (int(own.ends[-1]) if size else 0)
    if begin != segment.postings:
        raise InputError(
            f"{folder / segment.file('terms')}: ends at posting {begin:,} of {segment.postings:,}; {REMEDY}"
        )
    rows, counts = postings["row"].to_numpy(), postings["count"].to_numpy()
    return Opened(segment, start, table, rows, counts, languages)
