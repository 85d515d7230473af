"""The teacher's vectors, made once and kept as vectors."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest
from xret.encoders.distil.config import DistilConfig

__all__ = ["teacher_vectors"]


def teacher_vectors(
    english: pa.Array, config: DistilConfig, work: Path, *, key: str, threads: int | None
) -> tuple[np.ndarray, str]:
    """(distinct English strings, d) float16 unit rows, and the teacher's content hash.

    Args:
        english: the strings.
        config: names the teacher and the device.
        work: folder of the vector store.
        key: hash of the strings.
        threads: CPU threads.

    Raises:
        ModelError: the teacher is not found or not supported.
        InputError: the vectors kept in `work` are damaged.
    """
    from xret.encoders import encode_corpus, load_encoder
    from xret.vectors import Vectors

    teacher = load_encoder(config.teacher, device="cpu" if config.device == "cpu" else "auto", threads=threads)
    folder = work / f"teacher-{digest(key, teacher.hash)[:12]}"
    if not folder.exists():
        rows = len(english)
        ids = pc.cast(pa.array(np.arange(rows)), pa.string())
        corpus = pa.table({"id": ids, "text": english, "lang": pa.array(["en"] * rows)})
        encode_corpus(corpus, folder, encoder=teacher, role=None, dtype="float16", resume=True)
    store = Vectors.open(folder)
    matrix = np.empty((store.rows, store.dim), dtype=np.float16)
    for start in range(0, store.rows, 65536):
        matrix[start : start + 65536] = store.block(start, min(start + 65536, store.rows))
    return matrix, teacher.hash
