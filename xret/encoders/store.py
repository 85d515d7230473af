"""A whole corpus to a vector store: streamed, in shards that survive a kill."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from tqdm import tqdm

from xret.artifact import read_manifest
from xret.encoders.encoder import Encoder
from xret.encoders.recipe import Role
from xret.errors import UsageError
from xret.vectors import SHARD_ROWS, Vectors, VectorsWriter
from xret.vectors.writer import check_same

__all__ = ["encode_corpus"]

_SLICE = 8192  # rows whose texts are in memory as Python strings at once
logger = logging.getLogger("xret")


def encode_corpus(
    corpus: pa.Table,
    out: Path,
    *,
    encoder: Encoder,
    role: Role | None = None,
    dtype: str = "float16",
    dim: int | None = None,
    shard_rows: int = SHARD_ROWS,
    resume: bool = False,
    progress: bool = True,
) -> Vectors:
    """Encode a corpus into a vectors folder.

    A run that was killed leaves ``OUT.partial``; the same call with `resume` keeps its finished shards and ends with
    the bytes that an uninterrupted run writes. A finished `out` of the same settings is opened and given back.

    Args:
        corpus: `id: string`, `text: string`, `lang: string`; may be memory-mapped.
        out: the folder to make.
        encoder: see `load_encoder`.
        role: queries and documents have their own prompts where the checkpoint has them.
        dtype: ``float16`` or ``float32``.
        dim: keep the first `dim` values, brought back to length 1.
        shard_rows: rows per file: what a kill can cost, and what is in memory as vectors.
        resume: go on with an interrupted run.
        progress: a bar on stderr when it is a terminal.

    Raises:
        MismatchError: what is to be resumed was made with another encoder, corpus or other options; names both.
        InputError: `out` exists, or an interrupted run does and `resume` is off, or the disk is full.
        UsageError: `dim` or `shard_rows` out of range.
    """
    from xret.corpus import corpus_hash

    out = Path(out)
    if shard_rows < 1:
        raise UsageError(f"shard_rows {shard_rows} must be positive")
    if dim is not None and not 1 <= dim <= encoder.dim:
        raise UsageError(f"dim {dim} is outside 1..{encoder.dim}, the width of {encoder.name}'s vectors")
    fields: dict[str, Any] = {
        "encoder": encoder.name, "encoder_hash": encoder.hash, "role": role, "corpus_hash": corpus_hash(corpus),
        "shard_rows": shard_rows, "total": corpus.num_rows,
    }  # fmt: skip
    width = dim or encoder.dim
    if resume and out.exists():
        check_same(out, read_manifest(out, kind="vectors"), {**fields, "dim": width, "dtype": dtype})
        return Vectors.open(out)
    writer = VectorsWriter(out, dim=width, dtype=dtype, fields=fields, resume=resume)
    if writer.rows:
        logger.info("%s: %d of %d rows are there already", writer.partial, writer.rows, corpus.num_rows)
    _fill(writer, corpus, encoder, role, dim, shard_rows, progress)
    encoder.report(writer.total("cut"), corpus.num_rows)
    return writer.finish()


def _fill(
    writer: VectorsWriter,
    corpus: pa.Table,
    encoder: Encoder,
    role: Role | None,
    dim: int | None,
    shard_rows: int,
    progress: bool,
) -> None:
    bar = tqdm(total=corpus.num_rows, initial=writer.rows, unit=" sentences", disable=None if progress else True)
    with bar:
        for start in range(writer.rows, corpus.num_rows, shard_rows):
            shard = corpus.slice(start, shard_rows)
            vectors = np.empty((shard.num_rows, writer.dim), writer.dtype)
            cut = 0
            for at in range(0, shard.num_rows, _SLICE):
                part = shard.slice(at, _SLICE)
                texts, lang = (
                    part["text"].to_pylist(),
                    part["lang"].to_pylist() if "lang" in part.column_names else None,
                )
                encoded, over = encoder.encode_counted(texts, role=role, lang=lang, dim=dim, advance=bar.update)
                vectors[at : at + part.num_rows] = encoded
                cut += over
            writer.write(shard["id"], vectors, cut=cut)
