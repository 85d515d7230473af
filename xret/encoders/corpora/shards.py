"""One shard of a corpus to vectors: what one process, and each of several, does again and again."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.devices import is_cuda
from xret.encoders.encoder import Encoder, Losses
from xret.encoders.recipe import Role

__all__ = ["encode_rows", "facts"]

_SLICE = 8192  # rows whose texts are in memory as Python strings at once


def encode_rows(
    encoder: Encoder,
    rows: pa.Table,
    *,
    role: Role | None,
    dim: int | None,
    dtype: str,
    advance: Callable[[int], object] = lambda rows: None,
) -> tuple[NDArray[Any], Losses]:
    """The vectors of a table's `text` column, `_SLICE` rows at a time.

    Args:
        encoder: as for `encode_corpus`, and so are `role`, `dim` and `dtype`.
        rows: `text: string` and perhaps `lang: string`.
        role: see there.
        dim: see there.
        dtype: see there.
        advance: called with the number of texts done, now and then.

    Returns:
        (rows, dim) vectors of `dtype`, and what was lost.
    """
    vectors, losses = np.empty((rows.num_rows, dim or encoder.dim), dtype), Losses()

    def encode(at: int) -> Losses:
        part = rows.slice(at, _SLICE)
        lang = part["lang"].to_pylist() if "lang" in part.column_names else None
        found, lost = encoder.encode_counted(part["text"].to_pylist(), role=role, lang=lang, dim=dim, advance=advance)
        with np.errstate(over="ignore"):  # found again, and told, when the shard is written
            vectors[at : at + part.num_rows] = found
        return lost

    starts = range(0, rows.num_rows, _SLICE)
    if is_cuda(encoder.device):  # two slices at a time: one is tokenised while the other is computed
        with ThreadPoolExecutor(2) as pool:
            parts = list(pool.map(encode, starts))
    else:
        parts = list(map(encode, starts))
    for lost in parts:
        losses.add(lost)
    return vectors, losses


def facts(losses: Losses) -> dict[str, Any]:
    """What a manifest tells about a shard."""
    return {
        "cut": losses.cut, "lost": losses.lost, "unknown_lang": losses.unknown.total(),
        "unknown": dict(sorted(losses.unknown.items())), "tokens": losses.tokens, "slots": losses.slots,
    }  # fmt: skip
