"""Changing a dense index: rows added and deleted, in one step that a crash cannot split."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus import gather
from xret.errors import InputError, MismatchError
from xret.indexes.dense.layout import Manifest, Part, locked, next_number, seal, sweep
from xret.indexes.dense.opened import DenseIndex, open_index
from xret.indexes.dense.parts import Growth, grow
from xret.indexes.dense.rows import count_languages, like, rows_of
from xret.indexes.dense.training import WritingError
from xret.indexes.factory import parse_factory
from xret.mapped import write_batches
from xret.vectors import Vectors

__all__ = ["add_to_index", "delete_from_index"]

logger = logging.getLogger("xret")
SMALL = 65_536  # a last part of fewer rows is written anew with the added ones: many additions, few parts


def add_to_index(
    folder: str | Path,
    vectors: Vectors,
    *,
    corpus: pa.Table | None = None,
    replace_ids: bool = False,
    memory: int = 8 << 30,
    threads: int | None = None,
    progress: bool = False,
) -> Manifest:
    """Append rows; the next search finds them. Killed half way, the index stays as it was.

    Args:
        folder: the index.
        vectors: n rows by the encoder that made the index; brought to length 1.
        corpus: the table that was encoded; needed when the index keeps texts.
        replace_ids: rows with ids that are there take the places of those, in the same step.
        memory: bytes of vectors a new part may hold.
        threads: FAISS threads; None as it is.
        progress: a bar on stderr, where that is a terminal.

    Raises:
        InputError: no index there, no rows, ids that repeat or are in it already, or texts are missing.
        MismatchError: another encoder or dimension, or a corpus that the vectors were not made from.
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        manifest = index.manifest
        _refuse_misfit(index, vectors, corpus)
        vectors.compare_checksums()
        table = rows_of(vectors, corpus, text=manifest.text)
        if manifest.parts:
            table = like(table, index.table.column_names)
        old = index.rows_of(table["id"].cast(pa.string())) if replace_ids else np.empty(0, np.int64)
        if not replace_ids:
            index.refuse_ids(table["id"])
        factory = parse_factory(manifest.factory, dim=manifest.dim)
        growth = Growth(
            vectors=vectors, table=table, factory=factory, memory=memory, threads=threads, progress=progress
        )
        with _whole_or_not(folder, manifest):
            marked = _marked(index, old) if len(old) else manifest
            languages = Counter(marked.languages) + Counter(count_languages(table))
            grown = grow(folder, marked, growth, absorb=_small(manifest))
            return _swap(
                folder, replace(grown, rows=marked.rows + vectors.rows, languages=dict(sorted(languages.items())))
            )


def delete_from_index(folder: str | Path, ids: Sequence[str]) -> Manifest:
    """Make rows impossible to find. They are marked, not taken out: building again frees their space.

    Raises:
        InputError: no index there, or an id that it does not hold (nothing is deleted then).
    """
    folder = Path(folder)
    with locked(folder):
        index = open_index(folder)
        rows = index.rows_to_delete(ids)
        with _whole_or_not(folder, index.manifest):
            return _swap(folder, _marked(index, rows))


def _marked(index: DenseIndex, rows: npt.NDArray[np.int64]) -> Manifest:
    """The manifest with some more rows deleted, whose file is written; the index's own is as it was."""
    manifest = index.manifest
    deleted = np.union1d(index.deleted, rows).astype(np.int64)
    name = f"deleted-{next_number(manifest):05d}.arrow"
    batch = pa.record_batch({"row": pa.array(deleted)})
    gone = Counter(count_languages(pa.table({"lang": gather(index.table["lang"], rows)})))
    files = {key: value for key, value in manifest.files.items() if key != manifest.deleted}
    write_batches(index.folder / name, [batch], batch.schema)
    return replace(
        manifest,
        rows=manifest.rows - len(rows),
        languages=dict(sorted((Counter(manifest.languages) - gone).items())),
        deleted=name,
        files={**files, name: seal(index.folder / name)},
    )


def _swap(folder: Path, manifest: Manifest) -> Manifest:
    manifest.write(folder)  # the one step that makes the change
    with suppress(OSError):  # the change is made; the next one sweeps again
        sweep(folder, manifest)
    return manifest


@contextmanager
def _whole_or_not(folder: Path, manifest: Manifest) -> Iterator[None]:
    """Say of a failure to write what it means for the index, and give back the room that the half change took."""
    try:
        yield
    except (OSError, InputError) as error:
        cause = error if isinstance(error, OSError) else error.__cause__
        if not isinstance(cause, OSError) and not isinstance(error, WritingError):
            raise
        with suppress(OSError):
            sweep(folder, manifest)
        reason = getattr(cause, "strerror", None) or str(cause).strip().splitlines()[0]
        raise InputError(
            f"{folder}: cannot be changed ({reason}) and stays as it was; free some space, or make the folder "
            "writable, and try again"
        ) from error


def _small(manifest: Manifest) -> Part | None:
    return manifest.parts[-1] if manifest.parts and manifest.parts[-1].rows < SMALL else None


def _refuse_misfit(index: DenseIndex, vectors: Vectors, corpus: pa.Table | None) -> None:
    if vectors.rows == 0:
        raise InputError(f"{index.folder}: there are no rows to add; the corpus or vector folder is empty")
    if vectors.dim != index.manifest.dim:
        raise MismatchError(
            f"{index.folder}: holds vectors of {index.manifest.dim} dimensions, those to add have {vectors.dim}"
        )
    index.refuse_other_encoder(vectors.encoder_name, vectors.encoder_hash)
    index.refuse_centred(vectors.manifest.get("centred"))
    if index.manifest.text and corpus is None:
        raise InputError(f"{index.folder}: keeps texts, and vectors alone have none; add a corpus instead")
