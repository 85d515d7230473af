"""FAISS indexes in the making: from a factory, a seeded sample and blocks of vectors to a file."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import InputError, require
from xret.indexes.dense.lengths import sound_rows
from xret.indexes.dense.rows import BLOCK
from xret.indexes.factory import Factory, check_factory
from xret.threads import sensible_threads
from xret.vectors import Vectors

__all__ = [
    "WritingError",
    "add_rows",
    "core",
    "faiss_module",
    "faiss_threads",
    "read_faiss",
    "trained_index",
    "write_faiss",
]

logger = logging.getLogger("xret")
LEAST = 1024  # rows to learn from, however small the budget
EFFORT = 128  # candidates looked at when a row is put into a graph; FAISS's 40 loses some 5 % of recall
Floats = npt.NDArray[np.float32]


class WritingError(InputError):
    """A FAISS index could not be written."""


def faiss_module() -> ModuleType:
    """FAISS, or the error that says how to install it."""
    return require("faiss", extra="cpu", purpose="building and searching an index")


def core(index: Any) -> Any:
    """The index as its own class, which FAISS's Python face does not always give."""
    return faiss_module().downcast_index(index)


def trained_index(factory: Factory, vectors: Vectors, *, memory: int, seed: int, threads: int | None) -> Any:
    """An empty FAISS index for inner products, trained on a seeded sample of `vectors` where its kind needs it.

    Raises:
        InputError: FAISS cannot make this index for this dimension, or there are too few rows to train it.
    """
    faiss = faiss_module()
    try:
        index = faiss.index_factory(vectors.dim, str(factory), faiss.METRIC_INNER_PRODUCT)
        _prepare(index)
        if factory.trained:
            sample = _sample(vectors, _sample_size(factory, vectors, memory), seed)
            with faiss_threads(threads):
                index.train(sample)
            _rebuild_coarse(index, factory)
    except RuntimeError as error:  # all that FAISS raises
        raise InputError(f"index factory '{factory}' cannot be built: {_reason(error)}") from error
    return index


def add_rows(index: Any, factory: Factory, blocks: Iterator[Floats], *, threads: int | None) -> None:
    """Add blocks of (n, d) float32 rows to a FAISS index.

    A graph takes them on one thread: several insert in an order of their own, and two builds would differ.
    """
    with faiss_threads(1 if factory.links else threads):
        for block in blocks:
            index.add(block)


def write_faiss(index: Any, path: Path) -> None:
    """Write a FAISS index to a file.

    Raises:
        WritingError: the disk is full or not writable.
    """
    try:
        faiss_module().write_index(index, str(path))
    except RuntimeError as error:
        raise WritingError(
            f"{path}: writing failed ({_reason(error)}); free some space or choose another place"
        ) from error


def read_faiss(path: Path, *, mapped: bool = True) -> Any:
    """Read a FAISS index, by default memory-mapped where its kind allows.

    Raises:
        InputError: the file is missing or is no FAISS index.
    """
    faiss = faiss_module()
    # Two ways to map: IFC (FAISS 1.11) serves flat codes and graphs, the older one serves inverted lists better.
    lists = getattr(faiss, "IO_FLAG_MMAP", 0)
    flags = getattr(faiss, "IO_FLAG_MMAP_IFC", lists) if mapped else 0
    try:
        index = faiss.read_index(str(path), flags)
        if mapped and flags != lists and isinstance(core(index), faiss.IndexIVF):
            index = faiss.read_index(str(path), lists)
    except (RuntimeError, MemoryError) as error:
        raise InputError(f"{path}: not a readable FAISS index ({_reason(error)}); build the index again") from error
    return index


@contextmanager
def faiss_threads(threads: int | None) -> Iterator[None]:
    """FAISS on so many threads (None: as it is), and as before afterwards."""
    faiss = faiss_module()
    before = faiss.omp_get_max_threads()
    if threads is not None:
        faiss.omp_set_num_threads(sensible_threads(threads))
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def _sample_size(factory: Factory, vectors: Vectors, memory: int) -> int:
    check_factory(str(factory), rows=vectors.rows, dim=vectors.dim)
    needed = max(factory.centres, 1)
    room = max(LEAST, memory // (8 * vectors.dim))
    size = max(needed, min(factory.training_rows(vectors.rows), room))
    if size < (wanted := 39 * needed):  # FAISS's own measure, which it prints past us
        logger.warning(
            "index factory '%s': learns from %s of %s rows, and %s or more are advised; vectors may be kept coarsely",
            *(factory, f"{size:,}", f"{vectors.rows:,}", f"{wanted:,}"),
        )
    return size


def _sample(vectors: Vectors, size: int, seed: int) -> Floats:
    """(size, d) distinct rows in ascending order, read block by block."""
    rows = np.sort(np.random.default_rng(seed).choice(vectors.rows, size, replace=False, shuffle=False))
    out = np.empty((size, vectors.dim), np.float32)
    for start in range(0, vectors.rows, BLOCK):
        first, last = np.searchsorted(rows, (start, start + BLOCK))
        if first < last:
            block = sound_rows(vectors, start, min(start + BLOCK, vectors.rows))
            out[first:last] = block[rows[first:last] - start]
    return out


def _prepare(index: Any) -> None:
    """Settings that a factory string cannot spell."""
    inner = core(index)
    for owner in (inner, getattr(inner, "pq", None)):
        if owner is not None and hasattr(owner, "cp"):
            owner.cp.min_points_per_centroid = 1  # `_sample_size` warns, through the logger; FAISS prints to stderr
    if hasattr(inner, "do_polysemous_training"):
        inner.do_polysemous_training = False  # orders PQ codes for a filter that we do not use; nine tenths of the time
    if hasattr(inner, "hnsw"):
        inner.hnsw.efConstruction = EFFORT


def _rebuild_coarse(index: Any, factory: Factory) -> None:
    """Insert the list centres into their graph again on one thread, so that two builds are equal."""
    if factory.coarse:
        coarse = core(index).quantizer
        centres = coarse.reconstruct_n(0, coarse.ntotal)
        coarse.reset()
        with faiss_threads(1):
            coarse.add(centres)


def _reason(error: Exception) -> str:
    """What FAISS found, without its C++ signature and source path."""
    return str(error).split("Error: ")[-1].split(" at /")[-1].replace("\n", " ").strip()[:200] or "out of memory"
