"""Documents read a few at a time, and their token vectors looked at."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from xret.errors import InputError, VectorsError
from xret.indexes.multivector.tokens import TokenSource

__all__ = ["BLOCK", "blocks", "sound_tokens"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
BLOCK = 256  # documents read at a time
LEAST, MOST = 1 << 12, 1 << 18  # tokens read at a time, by the budget


def blocks(source: TokenSource, rows: Ints, memory: int) -> Iterator[Ints]:
    """Rows in runs that are read at once: at most 256, and no more tokens than `memory` lets be read.

    Where a run ends depends on what it begins with alone: a build that goes on reads the same runs.
    """
    most = max(LEAST, min(MOST, memory // (12 * source.dim)))
    start = 0
    while start < len(rows):
        own = rows[start : start + BLOCK]
        own = own[: max(1, int(np.searchsorted(np.cumsum(source.most_tokens(own)), most, side="right")))]
        yield own
        start += len(own)


def sound_tokens(source: TokenSource, rows: Ints) -> tuple[Floats, Ints]:
    """Vectors of some documents, brought to length 1: (tokens, dim) float32 and (len(rows),) how many each has.

    Vectors of length 0, which are near nothing, are left out.

    Raises:
        VectorsError: another width than promised, NaN or infinity; names the document.
    """
    try:
        found = source.read(rows)
    except OSError as error:  # not one of writing the index
        first, last = (source.table["id"][int(rows[at])] for at in (0, -1))
        raise InputError(f"the token vectors of ids '{first}' to '{last}' cannot be had ({error})") from error
    for row, vectors in zip(rows, found, strict=True):
        if vectors.ndim != 2 or vectors.shape[1] != source.dim or not np.isfinite(vectors).all():
            what = f"of shape {vectors.shape}, wanted (tokens, {source.dim})"
            if vectors.ndim == 2 and vectors.shape[1] == source.dim:
                what = "not all finite"
            raise VectorsError(
                f"the token vectors of id '{source.table['id'][int(row)]}' are {what}; encode the corpus again"
            )
    counts = np.array([len(vectors) for vectors in found], np.int64)
    flat = np.concatenate(found) if found else np.empty((0, source.dim), np.float32)
    lengths = np.linalg.norm(flat, axis=1)
    real = lengths > 1e-12
    if not real.all():
        owner = np.repeat(np.arange(len(rows)), counts)[real]
        flat, lengths, counts = flat[real], lengths[real], np.bincount(owner, minlength=len(rows))
    return np.asarray(flat / lengths[:, None], np.float32), counts
