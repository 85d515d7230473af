"""Token ids of a whole training table, as two flat arrays that memory-map."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from xret.artifact import atomic_file
from xret.encoders.distil.kept import kept, open_tokeniser

__all__ = ["Tokens", "tokenise"]


@dataclass(frozen=True)
class Tokens:
    """Ids of many texts: text i is ``ids[starts[i]:starts[i + 1]]``.

    Attributes:
        ids: (tokens,) int32.
        starts: (texts + 1,) int64.
    """

    ids: np.ndarray
    starts: np.ndarray

    def gather(self, rows: np.ndarray, *, limit: int) -> tuple[np.ndarray, np.ndarray]:
        """(ids, lengths) of texts `rows`, one after the other, each cut to `limit` tokens; int64 arrays."""
        lengths = np.minimum(self.starts[rows + 1] - self.starts[rows], limit)
        ends = np.cumsum(lengths)
        offsets = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - lengths, lengths)
        return self.ids[np.repeat(self.starts[rows], lengths) + offsets].astype(np.int64), lengths


def tokenise(texts: pa.Array, tokenizer_file: Path, target: Path, *, limit: int, label: str) -> Tokens:
    """Ids of `texts`, written to ``target.ids.npy`` and ``target.starts.npy`` (or read, where these exist).

    Raises:
        InputError: one of these files is damaged.
        ModelError: the tokeniser is.
    """
    ids_file, starts_file = (target.with_name(f"{target.name}.{part}.npy") for part in ("ids", "starts"))
    if not starts_file.exists():
        tokenizer = open_tokeniser(tokenizer_file)
        tokenizer.enable_truncation(limit)
        pieces, counts = [np.empty(0, np.int32)], []
        for start in tqdm(range(0, len(texts), 16384), desc=label, unit="block", disable=None):
            for encoding in tokenizer.encode_batch_fast(
                texts[start : start + 16384].to_pylist(), add_special_tokens=False
            ):
                pieces.append(np.asarray(encoding.ids, dtype=np.int32))
                counts.append(len(encoding.ids))
        for path, array in (
            (ids_file, np.concatenate(pieces)),
            (starts_file, np.cumsum([0, *counts])),
        ):
            with atomic_file(path) as temporary, open(temporary, "wb") as stream:
                np.save(stream, array, allow_pickle=False)
    with kept(ids_file):
        ids = np.load(ids_file, mmap_mode="r", allow_pickle=False)
    with kept(starts_file):
        return Tokens(ids, np.load(starts_file, allow_pickle=False))
