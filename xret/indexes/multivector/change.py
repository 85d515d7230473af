"""Changing a multi-vector index: documents added, replaced, deleted and joined, in steps that a crash cannot split."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus import gather
from xret.errors import InputError, MismatchError
from xret.indexes.changing import whole_or_not
from xret.indexes.dense.layout import locked, seal
from xret.indexes.dense.rows import count_languages, like
from xret.indexes.multivector.growing import MEMORY, Growth, grow, workers
from xret.indexes.multivector.layout import Manifest, Part, next_number, sweep
from xret.indexes.multivector.opened import MultiVectorIndex, open_index
from xret.indexes.multivector.postings import DOCUMENTS
from xret.indexes.multivector.segments import Coded, open_segment, write_segment
from xret.indexes.multivector.tokens import TokenSource, kept_columns
from xret.mapped import write_batches

__all__ = ["add_to_index", "compact_index", "delete_from_index"]

Ints = npt.NDArray[np.int64]
SMALL = 4096  # documents; a last part of fewer is joined with the added ones: many additions, few parts


def add_to_index(
    folder: str | Path,
    source: TokenSource,
    *,
    replace_ids: bool = False,
    memory: int = MEMORY,
    threads: int | None = None,
    progress: bool = False,
) -> Manifest:
    """Append documents; the next search finds them. Killed half way, the index stays as it was.

    Centroids and codec stay what they are; `Part.residual` tells how well they still fit.

    Args:
        folder: the index.
        source: documents, with token vectors by the encoder that made the index.
        replace_ids: documents with ids that are in the index take the places of those; otherwise they are refused.
        memory: see `build_index`.
        threads: see `build_index`.
        progress: a bar on stderr, where that is a terminal.

    Raises:
        InputError: no index there, no rows, ids that repeat or are in it already, or texts are missing.
        MismatchError: another encoder or width.
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        _refuse_misfit(index, source)
        table = like(kept_columns(source.table, text=index.manifest.text), index.table.column_names)
        if not replace_ids:
            index.refuse_ids(table["id"])
        old = index.rows_of(table["id"]) if replace_ids else np.empty(0, np.int64)
        with whole_or_not(folder, partial(sweep, folder, index.manifest)), workers(threads) as pool:
            growth = Growth(source=source, table=table, coder=index.coder, pool=pool, memory=memory, progress=progress)
            *_, grown = grow(folder, index.manifest, growth)
            grown = _tombstones(folder, grown, index, old)
            grown = _absorbed(folder, index, grown)
            languages = Counter(grown.languages) + Counter(count_languages(table))
            rows = grown.rows + table.num_rows
            return _swap(folder, replace(grown, rows=rows, languages=dict(sorted(languages.items()))))


def delete_from_index(folder: str | Path, ids: Sequence[str]) -> Manifest:
    """Make documents impossible to find. They are marked, not taken out: `compact_index` frees their space.

    Raises:
        InputError: no index there, or an id that it does not hold (nothing is deleted then).
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        rows = index.rows_to_delete(ids)
        with whole_or_not(folder, partial(sweep, folder, index.manifest)):
            return _swap(folder, _tombstones(folder, index.manifest, index, rows))


def compact_index(folder: str | Path) -> Manifest:
    """Take deleted documents out and join small parts. Codes stay what they are, and so do scores.

    Centroids and codec are not made anew: where `Part.residual` says that they fit no more, build the index again.

    Raises:
        InputError: no index there, or all of its documents are deleted.
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        old = index.manifest
        if not old.rows:
            raise InputError(f"{folder}: all of its documents are deleted; remove it, or add some first")
        if not len(index.deleted) and len(_runs(index)) == len(old.parts):
            return old
        gone = {name for part in old.parts for name in part.files} | ({old.deleted} if old.deleted else set())
        files = {name: sealed for name, sealed in old.files.items() if name not in gone}
        made = replace(old, parts=(), tokens=0, deleted=None, files=old.files)  # so that new names are new
        with whole_or_not(folder, partial(sweep, folder, old)):
            for run in _runs(index):
                made = write_segment(folder, made, *_joined(index, run))
            new = {name: made.files[name] for part in made.parts for name in part.files}
            return _swap(folder, replace(made, files={**files, **new}))


def _tombstones(folder: Path, manifest: Manifest, index: MultiVectorIndex, rows: Ints) -> Manifest:
    """The manifest with more rows deleted."""
    if not len(rows):
        return manifest
    deleted = np.union1d(index.deleted, rows).astype(np.int64)
    name = f"deleted-{next_number(manifest):05d}.arrow"
    batch = pa.record_batch({"row": pa.array(deleted)})
    write_batches(folder / name, [batch], batch.schema)
    gone = Counter(count_languages(pa.table({"lang": gather(index.table["lang"], rows)})))
    files = {key: sealed for key, sealed in manifest.files.items() if key != manifest.deleted}
    return replace(
        manifest,
        rows=manifest.rows - len(rows),
        languages=dict(sorted((Counter(manifest.languages) - gone).items())),
        deleted=name,
        files={**files, name: seal(folder / name)},
    )


def _absorbed(folder: Path, index: MultiVectorIndex, grown: Manifest) -> Manifest:
    """The last old part and the first new one as one, where the old one is small: row numbers stay."""
    at = len(index.manifest.parts) - 1
    small, first = grown.parts[at], grown.parts[at + 1]
    if small.rows >= SMALL or small.rows + first.rows > DOCUMENTS:
        return grown
    width = grown.width // index.coder.codec.span
    new, table = open_segment(folder, first, grown, 0, width)
    coded = Coded.joined([index.segments[at].coded(), new.coded()])
    rows = pa.concat_tables([index.table.slice(index.segments[at].start, small.rows), table])
    joined = write_segment(folder, grown, coded, rows)
    gone = {*small.files, *first.files}
    parts: list[Part] = [*grown.parts[:at], joined.parts[-1], *grown.parts[at + 2 :]]
    return replace(
        joined,
        parts=tuple(parts),
        tokens=grown.tokens,
        files={name: sealed for name, sealed in joined.files.items() if name not in gone},
    )


def _runs(index: MultiVectorIndex) -> list[list[int]]:
    """Numbers of the parts that become one, run by run; parts without a document left are in none."""
    left = [
        segment.rows - int(np.diff(np.searchsorted(index.deleted, [segment.start, segment.start + segment.rows]))[0])
        for segment in index.segments
    ]
    runs: list[list[int]] = []
    have = 0
    for number, rows in enumerate(left):
        if not rows:
            continue
        if runs and have + rows <= DOCUMENTS and _bytes(index, [*runs[-1], number]) <= MEMORY:
            runs[-1].append(number)
            have += rows
        else:
            runs.append([number])
            have = rows
    return runs


def _bytes(index: MultiVectorIndex, run: Sequence[int]) -> int:
    return 3 * sum(index.segments[number].codes.nbytes for number in run)


def _joined(index: MultiVectorIndex, run: Sequence[int]) -> tuple[Coded, pa.Table]:
    coded, tables = [], []
    for number in run:
        segment = index.segments[number]
        gone = index.deleted[(index.deleted >= segment.start) & (index.deleted < segment.start + segment.rows)]
        places = np.setdiff1d(np.arange(segment.rows), gone - segment.start)
        coded.append(segment.coded(places))
        tables.append(index.table.slice(segment.start, segment.rows).take(pa.array(places)))
    return Coded.joined(coded), pa.concat_tables(tables)


def _swap(folder: Path, manifest: Manifest) -> Manifest:
    manifest.write(folder)  # the one step that makes the change
    with suppress(OSError):  # the change is made; the next one sweeps again
        sweep(folder, manifest)
    return manifest


def _refuse_misfit(index: MultiVectorIndex, source: TokenSource) -> None:
    if source.table.num_rows == 0:
        raise InputError(f"{index.folder}: there are no rows to add; the corpus is empty")
    if source.dim != index.manifest.dim:
        raise MismatchError(
            f"{index.folder}: holds token vectors of {index.manifest.dim} dimensions, those to add have {source.dim}"
        )
    index.refuse_other_encoder(source.encoder_name, source.encoder_hash)
