"""Changing a lexical index: rows added, replaced and deleted, in one step that a crash cannot split."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus import gather, keep
from xret.errors import MismatchError
from xret.indexes.changing import whole_or_not
from xret.indexes.dense.layout import Sealed, locked, seal
from xret.indexes.dense.rows import like
from xret.indexes.lexical.build import FULL, by_language, count_languages, new_analyzers, rows_to_index, write_segments
from xret.indexes.lexical.inversion import joined
from xret.indexes.lexical.layout import Manifest, Segment
from xret.indexes.lexical.opened import LexicalIndex, open_index
from xret.indexes.lexical.segments import Opened, open_segment, write_segment
from xret.mapped import write_batches

__all__ = ["add_to_index", "compact_index", "delete_from_index"]

logger = logging.getLogger("xret")
SMALL = 65_536  # a last segment of fewer rows is joined with the added ones: many additions, few segments
Ints = npt.NDArray[np.int64]


def add_to_index(
    folder: str | Path,
    corpus: pa.Table,
    *,
    analyzers: Mapping[str, str] | None = None,
    replacing: bool = False,
    progress: bool = False,
) -> Manifest:
    """Append rows; the next search finds them. Killed half way, the index stays as it was.

    Args:
        folder: the index.
        corpus: `id, text, lang`.
        analyzers: for languages that are new to the index.
        replacing: rows with ids that are there already take the place of these.
        progress: a bar on stderr, where that is a terminal.

    Raises:
        InputError: no index there, no rows, ids that repeat or are in it already, a language without an analyzer.
        MismatchError: another analyzer for a language that the index has.
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        old = index.manifest
        table = rows_to_index(corpus, text=old.text)
        if old.segments and old.text:
            table = like(table, [name for name in index.table.column_names if name != "length"])
        specs = _grown_analyzers(folder, old, table, analyzers or {})
        gone = np.empty(0, np.int64)
        if replacing:
            gone = index.rows_of(table["id"].combine_chunks())
        else:
            index.refuse_ids(table["id"])
        with whole_or_not(folder, partial(old.sweep, folder)):
            own = {name: specs[name] for name in new_analyzers(table, specs)}
            segments, files = write_segments(
                folder, table, own, number=old.next_number, text=old.text, progress=progress
            )
            new = replace(
                _without(index, gone, next(_numbers(old, segments))),
                segments=old.segments + segments,
                analyzers=specs,
            )
            new = replace(
                new,
                rows=new.rows + table.num_rows,
                languages=dict(sorted((Counter(new.languages) + Counter(count_languages(table))).items())),
                files={**new.files, **files},
            )
            return _swap(folder, _absorbed(folder, new, len(old.segments)))


def delete_from_index(folder: str | Path, ids: Sequence[str]) -> Manifest:
    """Make rows impossible to find, as if they had never been there; `compact_index` frees their space.

    Raises:
        InputError: no index there, or an id that it does not hold (nothing is deleted then).
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        rows = index.rows_to_delete(ids)
        with whole_or_not(folder, partial(index.manifest.sweep, folder)):
            return _swap(folder, _without(index, rows, index.manifest.next_number))


def compact_index(folder: str | Path) -> Manifest:
    """Take deleted rows out for good, and join segments as far as they stay below the size of a full one.

    Raises:
        InputError: no index there.
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        old, groups = index.manifest, list(_groups(index.segments))
        if not len(index.deleted) and len(groups) == len(old.segments):
            return old
        with whole_or_not(folder, partial(old.sweep, folder)):
            segments: list[Segment] = []
            files: dict[str, Sealed] = {}
            numbers = _numbers(old, ())
            for group in groups:
                rows = [_kept_rows(index, segment) for segment in group]
                whole = sum(map(len, rows)) == sum(segment.segment.rows for segment in group)
                if len(group) == 1 and whole:
                    segments.append(group[0].segment)
                    files |= {name: old.files[name] for name in group[0].segment.files}
                elif sum(map(len, rows)):
                    segment, sealed = _joined(folder, next(numbers), group, rows)
                    segments.append(segment)
                    files |= sealed
            return _swap(folder, replace(old, segments=tuple(segments), deleted=None, files=files))


def _grown_analyzers(folder: Path, old: Manifest, table: pa.Table, given: Mapping[str, str]) -> dict[str, str]:
    """Analyzers of the languages of an index and of rows to add."""
    asked = by_language(given.items())
    specs = new_analyzers(
        table, {**asked, **{name: old.analyzers[name] for name in old.analyzers if name not in asked}}
    )
    for name, spec in old.analyzers.items():
        if specs.get(name, spec) != spec:
            raise MismatchError(
                f"{folder}: analyses language '{name}' with {spec}, asked for is {specs[name]}; leave --analyzer out, "
                "or build the index again"
            )
    return dict(sorted({**old.analyzers, **specs}.items()))


def _without(index: LexicalIndex, rows: Ints, number: int) -> Manifest:
    """The manifest when rows are deleted; their numbers are written."""
    old = index.manifest
    if not len(rows):
        return old
    deleted = np.union1d(index.deleted, rows).astype(np.int64)
    name = f"deleted-{number:05d}.arrow"
    batch = pa.record_batch({"row": pa.array(deleted)})
    write_batches(index.folder / name, [batch], batch.schema)
    gone = Counter(gather(index.table["lang"], rows).to_pylist())
    return replace(
        old,
        rows=old.rows - len(rows),
        languages=dict(sorted((Counter(old.languages) - gone).items())),
        deleted=name,
        files={
            **{key: value for key, value in old.files.items() if key != old.deleted},
            name: seal(index.folder / name),
        },
    )


def _absorbed(folder: Path, manifest: Manifest, first: int) -> Manifest:
    """The manifest with the segment `first` joined to the one before it, if they are small; rows keep their numbers."""
    if not 0 < first < len(manifest.segments):
        return manifest
    pair = manifest.segments[first - 1 : first + 1]
    if pair[0].rows >= SMALL or sum(segment.postings for segment in pair) > FULL:
        return manifest
    opened = [open_segment(folder, segment, 0) for segment in pair]
    number = next(_numbers(manifest, ()))
    made, sealed = _joined(folder, number, opened, [np.arange(segment.rows) for segment in pair])
    left = {name for segment in pair for name in segment.files}
    return replace(
        manifest,
        segments=(*manifest.segments[: first - 1], made, *manifest.segments[first + 1 :]),
        files={**{name: value for name, value in manifest.files.items() if name not in left}, **sealed},
    )


def _joined(
    folder: Path, number: int, segments: Sequence[Opened], rows: Sequence[Ints]
) -> tuple[Segment, dict[str, Sealed]]:
    """Write some rows of several segments, ascending, as one."""
    maps, tables, start = [], [], 0
    for segment, own in zip(segments, rows, strict=True):
        numbers = np.full(segment.segment.rows, -1, np.int64)
        numbers[own] = np.arange(start, start + len(own))
        tables.append(keep(segment.table, numbers >= 0))
        maps.append(numbers)
        start += len(own)
    languages = sorted({name for segment in segments for name in segment.terms})
    inverted = {}
    for name in languages:
        parts = [
            (each.inverted(name), numbers) for each, numbers in zip(segments, maps, strict=True) if name in each.terms
        ]
        made = joined(parts)
        if len(made.terms):
            inverted[name] = made
    return write_segment(folder, number, pa.concat_tables(tables), inverted)


def _groups(segments: Sequence[Opened]) -> Iterator[list[Opened]]:
    """Consecutive segments that make up at most a full one."""
    group: list[Opened] = []
    for segment in segments:
        if group and sum(each.segment.postings for each in [*group, segment]) > FULL:
            yield group
            group = []
        group.append(segment)
    if group:
        yield group


def _kept_rows(index: LexicalIndex, segment: Opened) -> Ints:
    if index.alive is None:
        return np.arange(segment.segment.rows)
    return np.flatnonzero(index.alive[segment.start : segment.start + segment.segment.rows])


def _numbers(manifest: Manifest, more: Sequence[Segment]) -> Iterator[int]:
    """Numbers of files to write, beyond those of a manifest and of further segments."""
    number = max([manifest.next_number, *(segment.number + 1 for segment in more)])
    while True:
        yield number
        number += 1


def _swap(folder: Path, manifest: Manifest) -> Manifest:
    manifest.write(folder)  # the one step that makes the change
    with suppress(OSError):  # the change is made; the next one sweeps again
        manifest.sweep(folder)
    return manifest
