"""Documents to parts: read block by block, coded, and written when a part is full."""

from __future__ import annotations

import importlib
import logging
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from tqdm import tqdm

from xret.errors import InputError
from xret.indexes.multivector.centroids import Centroids
from xret.indexes.multivector.codec import CODECS, Codec
from xret.indexes.multivector.layout import REMEDY, Manifest, map_array
from xret.indexes.multivector.pooling import pooled
from xret.indexes.multivector.postings import DOCUMENTS
from xret.indexes.multivector.reading import BLOCK, blocks, sound_tokens
from xret.indexes.multivector.segments import Coded, write_segment
from xret.indexes.multivector.spread import Sharing, spread_blocks
from xret.indexes.multivector.tokens import TokenSource
from xret.indexes.multivector.training import Coder
from xret.indexes.twoway.blas import worker_count

__all__ = ["MEMORY", "Growth", "block_coder", "coder_of", "grow", "workers"]

logger = logging.getLogger("xret")
MEMORY = 1 << 30
STEPS = 1 << 12  # of what codes stand for, up to 1
LEAST = 1 << 12  # tokens of a part, however small the budget


@dataclass(frozen=True, kw_only=True)
class Growth:
    """Documents to append and how.

    Attributes:
        source: n documents.
        table: the columns of theirs that are kept.
        coder: of the index.
        pool: threads.
        memory: bytes that the coded tokens of a part may take.
        progress: a bar on stderr, where that is a terminal.
        sharing: who encodes and codes; None: this process.
    """

    source: TokenSource
    table: pa.Table
    coder: Coder
    pool: ThreadPoolExecutor
    memory: int = MEMORY
    progress: bool = False
    sharing: Sharing | None = None


def block_coder(
    source: TokenSource, coder: Coder, factor: int, pool: ThreadPoolExecutor
) -> Callable[[npt.NDArray[np.int64]], Coded]:
    """What reads a block of documents, pools their tokens and codes them."""

    def code(numbers: npt.NDArray[np.int64]) -> Coded:
        found, counts = pooled(*sound_tokens(source, numbers), factor, pool, text_first=source.text_first)
        return coder.code(found, counts, pool)

    return code


def grow(folder: Path, manifest: Manifest, growth: Growth, *, skip: int = 0) -> Iterator[Manifest]:
    """Write the documents from row `skip` on as parts; gives the manifest (not written) after each of them.

    Parts end where a block of documents does: what is in a part does not depend on where a killed build went on.
    """
    total, parts, tokens, rows = growth.table.num_rows, [], 0, 0
    most = max(LEAST, growth.memory // (3 * (growth.coder.width // growth.coder.codec.span + 12)))
    bar = tqdm(total=total, initial=skip, desc="index", unit=" docs", unit_scale=True,
               disable=None if growth.progress else True)  # fmt: skip
    with bar:
        for numbers, coded in _coded(folder, manifest, growth, skip):
            stop = int(numbers[-1]) + 1
            parts.append(coded)
            tokens, rows = tokens + len(coded.cells), rows + len(numbers)
            bar.update(len(numbers))
            if rows + BLOCK > DOCUMENTS or tokens >= most or stop >= total:
                own = growth.table.slice(stop - rows, rows)
                manifest = write_segment(folder, manifest, Coded.joined(parts), own)
                logger.info("multivector: part of %s documents, %s tokens", f"{rows:,}", f"{tokens:,}")
                yield manifest
                parts, tokens, rows = [], 0, 0


def _coded(
    folder: Path, manifest: Manifest, growth: Growth, skip: int
) -> Iterator[tuple[npt.NDArray[np.int64], Coded]]:
    """Blocks of documents from row `skip` on, and their coded tokens."""
    found = blocks(growth.source, np.arange(skip, growth.table.num_rows), growth.memory)
    if growth.sharing is None:
        code = block_coder(growth.source, growth.coder, manifest.pool, growth.pool)
        yield from ((numbers, code(numbers)) for numbers in found)
    else:
        shared = list(found)
        yield from zip(shared, spread_blocks(folder, growth.sharing, growth, shared, manifest.pool), strict=True)


def coder_of(folder: Path, manifest: Manifest) -> Coder:
    """The coder of an index folder.

    Raises:
        InputError: a file of it is unreadable or of another shape.
    """
    codes = map_array(folder, "centroids.npy", shape=(manifest.centroids, manifest.width), kinds="i")
    books = np.array(map_array(folder, "books.npy", shape=(None, 256, None), kinds="f"))
    levels = np.array(map_array(folder, "levels.npy", shape=(None,), kinds="f"))
    books = np.asarray(np.rint(books * STEPS) / STEPS, np.float32)  # see `maxsim.Question`
    basis = None
    if "basis.npy" in manifest.files:
        basis = np.array(map_array(folder, "basis.npy", shape=(manifest.dim, manifest.width), kinds="f"))
    if manifest.codec not in CODECS or manifest.width % books.shape[2]:
        raise InputError(f"{folder}: codec '{manifest.codec}' does not fit its codebooks; {REMEDY}")
    return Coder(
        Centroids(codes, manifest.step).values(),
        Codec(manifest.codec, books, levels),
        basis,
        manifest.fade / manifest.pool,
    )


@contextmanager
def workers(threads: int | None) -> Iterator[ThreadPoolExecutor]:
    """Threads of our own, with BLAS inside each kept to one: in products this small, its own wait more than they do.

    To look for the libraries takes as long as a short search: they are looked for once.
    """
    with _libraries().limit(limits=1, user_api="blas"), ThreadPoolExecutor(worker_count(threads)) as pool:
        yield pool


@cache
def _libraries() -> Any:
    return importlib.import_module("threadpoolctl").ThreadpoolController()
