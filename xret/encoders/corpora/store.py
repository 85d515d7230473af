"""A whole corpus to a vector store: streamed, in shards that survive a kill."""

from __future__ import annotations

import logging
import os
import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
from tqdm import tqdm

from xret.artifact import read_manifest
from xret.encoders.corpora.alone import alone
from xret.encoders.corpora.shards import encode_rows, facts
from xret.encoders.encoder import Encoder
from xret.encoders.recipe import Role
from xret.errors import UsageError, VectorsError
from xret.vectors import SHARD_ROWS, Vectors, VectorsWriter
from xret.vectors.writer import check_new, check_same

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["UNITS", "Encoded", "encode_corpus"]

UNITS = ".units"
"""In an unfinished store: shards that an engine has made and that wait for their turn."""

logger = logging.getLogger("xret")


@dataclass(frozen=True)
class Encoded:
    """What a run of `encode_corpus` came to."""

    rows: int  # in the store
    new_rows: int  # encoded by this run; the others were there
    cut: int  # rows longer than the encoder takes, over the whole store, as are the next four
    lost: int  # tokens of theirs that were left out
    unknown: dict[str, int]  # rows by language that the encoder lacks
    tokens: int  # encoded
    padding: float  # share of what was computed that was no token
    tokens_per_second: float | None  # of this run, start of workers included; None where it had nothing to do


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
    workers: int = 1,
    threads: int | None = None,
    engine: Engine | None = None,
    tell: Callable[[Encoded], object] = lambda encoded: None,
) -> Vectors:
    """Encode a corpus into a vectors folder.

    A run that was killed leaves ``OUT.partial``; the same call with `resume` keeps its finished shards and ends with
    the bytes that an uninterrupted run writes. A finished `out` of the same settings is opened and given back, after
    shards that were lost or cut off since have been made again.

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
        workers: processes that share the shards out; each loads the encoder by its name. The bytes are the same for any
            number. On CUDA they take the GPUs in turn.
        threads: CPU threads of each of several workers; None shares the cores out.
        engine: shares the shards out instead (see `xret.engines`), to the same bytes.
        tell: called at the end with what the run came to.

    Raises:
        MismatchError: what is to be resumed was made with another encoder, corpus or other options; names both.
        InputError: `out` exists, or an interrupted run does, or another process writes it, and `resume` is off; or the
            disk is full.
        UsageError: `dim`, `shard_rows` or `workers` out of range.
        EngineError: a shard could not be encoded, or workers died again and again; what was finished is kept.
    """
    from xret.corpus import corpus_hash

    encoder.need_sentences()
    out = Path(out)
    if shard_rows < 1 or workers < 1:
        name, value = ("shard_rows", shard_rows) if shard_rows < 1 else ("workers", workers)
        raise UsageError(f"{name} {value} must be positive")
    if dim is not None and not 1 <= dim <= encoder.dim:
        raise UsageError(f"dim {dim} is outside 1..{encoder.dim}, the width of {encoder.name}'s vectors")
    fields: dict[str, Any] = {
        "encoder": encoder.name, "encoder_hash": encoder.hash, "role": role, "corpus_hash": corpus_hash(corpus),
        "precision": encoder.precision, "shard_rows": shard_rows, "total": corpus.num_rows,
    }  # fmt: skip
    width = dim or encoder.dim
    started, wanted = time.perf_counter(), {**fields, "dim": width, "dtype": dtype}
    if not resume:
        check_new(out)
    while (finished := _finished(out, wanted)) is None:
        with alone(out, wait=resume) as mine:
            if not mine:  # another process has made it meanwhile
                continue
            writer = VectorsWriter(out, dim=width, dtype=dtype, fields=fields, resume=resume, mend=resume)
            options: dict[str, Any] = {"encoder": encoder, "role": role, "dim": dim, "shard_rows": shard_rows}
            before = _filled(writer, corpus, engine or workers, threads=threads, progress=progress, options=options)
            encoder.report(writer.total("cut"), corpus.num_rows)
            shutil.rmtree(writer.partial / UNITS, ignore_errors=True)
            vectors = writer.finish()
        shards = vectors.manifest["shards"]
        new = [shard for number, shard in enumerate(shards) if number not in before]
        tell(_told(shards, new, time.perf_counter() - started))
        return vectors
    tell(_told(finished.manifest["shards"], [], 0.0))
    return finished


def _finished(out: Path, wanted: dict[str, Any]) -> Vectors | None:
    """A finished store of these settings, opened; None where there is still something to do.

    Raises:
        MismatchError: it has other settings.
    """
    if not out.exists():
        return None
    check_same(out, read_manifest(out, kind="vectors"), wanted)
    return _sound(out)


def _filled(
    writer: VectorsWriter, corpus: pa.Table, by: Engine | int, *, threads: int | None, progress: bool,
    options: dict[str, Any],
) -> set[int]:  # fmt: skip
    """Write the shards that are not there, by an engine or so many processes; the numbers of those that were."""
    before = {*range(writer.shards), *writer.spare}
    done = writer.rows + sum(int(shard["rows"]) for shard in writer.spare.values())
    if done:
        logger.info("%s: %d of %d rows are there already", writer.partial, done, corpus.num_rows)
    with tqdm(total=corpus.num_rows, initial=done, unit=" sentences", disable=None if progress else True) as bar:
        options = {**options, "advance": bar.update}
        left = -(-(corpus.num_rows - done) // options["shard_rows"])
        chosen = _several(by, left) if isinstance(by, int) else by
        if chosen is None:
            _fill(writer, corpus, **options)
        else:
            from xret.encoders.corpora.workers import fill_by_engine

            before |= fill_by_engine(writer, corpus, engine=chosen, threads=threads, **options)
    return before


def _sound(out: Path) -> Vectors | None:
    """A finished store, opened; None where shards were lost or cut off, and it is unfinished again."""
    partial = out.with_name(out.name + ".partial")
    try:
        return Vectors.open(out)
    except VectorsError as error:
        if partial.exists():
            raise
        logger.warning("%s; this run mends it", str(error).partition(";")[0])
    os.replace(out, partial)
    return None


def _several(workers: int, shards: int) -> Engine | None:
    """Processes of this machine, where several are asked for and have something to share."""
    if workers == 1 or shards < 2:
        return None
    from xret.engines import LocalEngine

    return LocalEngine(workers)


def _fill(
    writer: VectorsWriter,
    corpus: pa.Table,
    *,
    encoder: Encoder,
    role: Role | None,
    dim: int | None,
    shard_rows: int,
    advance: Callable[[int], object],
) -> None:
    encode = partial(encode_rows, encoder, role=role, dim=dim, dtype=writer.dtype, advance=advance)
    while (start := writer.shards * shard_rows) < corpus.num_rows:
        shard = corpus.slice(start, shard_rows)
        vectors, losses = encode(shard)
        writer.write(shard["id"], vectors, **facts(losses))


def _told(shards: list[dict[str, Any]], new: list[dict[str, Any]], seconds: float) -> Encoded:
    def total(fact: str, shards: list[dict[str, Any]] = shards) -> int:
        return sum(int(shard.get(fact, 0)) for shard in shards)

    unknown = sum((Counter(shard.get("unknown", {})) for shard in shards), Counter[str]())
    return Encoded(
        rows=total("rows"), new_rows=total("rows", new), cut=total("cut"), lost=total("lost"),
        unknown=dict(unknown.most_common()), tokens=total("tokens"),
        padding=1 - total("tokens") / max(1, total("slots")),
        tokens_per_second=total("tokens", new) / seconds if new else None,
    )  # fmt: skip
