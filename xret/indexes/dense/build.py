"""Building a dense index."""

from __future__ import annotations

import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from xret import __version__
from xret.artifact import atomic_folder
from xret.errors import InputError
from xret.indexes.choice import Choice, choose_factory
from xret.indexes.dense.layout import Manifest, seal
from xret.indexes.dense.parts import Growth, grow
from xret.indexes.dense.rows import count_languages, rows_of
from xret.indexes.dense.training import faiss_module, trained_index, write_faiss
from xret.indexes.dense.tuning import tuned_probes
from xret.indexes.factory import parse_factory
from xret.vectors import Vectors

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["build_index", "empty_index"]

logger = logging.getLogger("xret")


def build_index(
    target: Path,
    vectors: Vectors,
    *,
    corpus: pa.Table | None = None,
    factory: str = "auto",
    memory: int = 8 << 30,
    text: bool = True,
    seed: int = 0,
    threads: int | None = None,
    progress: bool = False,
    engine: Engine | None = None,
) -> Manifest:
    """Build an index folder; it appears under its name when it is complete.

    The same input gives the same bytes.

    Args:
        target: the folder to make; must not exist.
        vectors: n rows; brought to length 1, so that inner products are cosines.
        corpus: the table `id, text, lang` that was encoded; None: languages are ``und`` and no text is kept.
        factory: a FAISS factory string in the grammar of `xret.indexes.factory`, or ``"auto"``.
        memory: bytes the index may take, for ``"auto"`` and for the size of a part while building.
        text: keep the texts, so that hits can be shown and reranked (ignored without a corpus).
        seed: of the training sample.
        threads: FAISS threads; None as it is.
        progress: a bar on stderr, where that is a terminal.
        engine: shares out the parts, of which an index larger than `memory` has several (see `xret.engines`), to the
            same bytes; those that are done wait in ``TARGET.units`` for a run that goes on.

    Returns:
        The manifest, with the factory chosen and the reason.

    Raises:
        InputError: no rows, repeated ids, a factory that is unknown or does not fit, `target` exists.
        VectorsError: a shard of the vectors was changed since, or a vector is zero or not of the length promised.
        MismatchError: the corpus is not what the vectors were made from.
    """
    if vectors.rows == 0:
        raise InputError("there are no rows to index; the corpus or vector folder is empty")
    if memory < 1:
        raise InputError(f"a memory budget of {memory} bytes holds nothing; give more than 0")
    vectors.compare_checksums()
    table = rows_of(vectors, corpus, text=text and corpus is not None)
    choice = _choice(factory, vectors, memory)
    logger.info("index: %s; %s", choice.factory, choice.reason)
    manifest = Manifest(
        factory=str(choice.factory),
        reason=choice.reason,
        dim=vectors.dim,
        rows=vectors.rows,
        encoder=vectors.encoder_name,
        encoder_hash=vectors.encoder_hash,
        languages=count_languages(table),
        text="text" in table.column_names,
        seed=seed,
        centred=vectors.manifest.get("centred"),
        versions=_versions(),
    )
    growth = Growth(
        vectors=vectors, table=table, factory=choice.factory, memory=memory, threads=threads, progress=progress,
        engine=engine, work=Path(target).with_name(Path(target).name + ".units"),
    )  # fmt: skip
    with atomic_folder(target) as folder:
        made = _fill(folder, manifest, growth)
    if engine is not None and growth.work is not None:
        shutil.rmtree(growth.work, ignore_errors=True)
    return made


def empty_index(
    target: Path,
    *,
    dim: int,
    factory: str = "Flat",
    encoder: str | None = None,
    encoder_hash: str | None = None,
    text: bool = True,
) -> Manifest:
    """Make an index folder without rows, to add some.

    Args:
        target: the folder to make; must not exist.
        dim: values per vector.
        factory: one that learns nothing from rows (no ``IVF…``).
        encoder: name of the encoder of the rows to come, where known.
        encoder_hash: its content hash.
        text: whether rows come with texts.

    Raises:
        InputError: a factory that is unknown or is trained on rows, or `target` exists.
    """
    parsed = parse_factory(factory, dim=dim)
    if parsed.trained:
        raise InputError(f"{target}: index factory '{parsed}' learns from rows, and there are none; use Flat or HNSW32")
    manifest = Manifest(
        factory=str(parsed), reason="asked for", dim=dim, rows=0, encoder=encoder, encoder_hash=encoder_hash,
        languages={}, text=text, versions=_versions(),
    )  # fmt: skip
    nothing = Vectors.open(np.empty((0, dim), np.float32))
    with atomic_folder(target) as folder:
        write_faiss(trained_index(parsed, nothing, memory=1, seed=0, threads=None), folder / manifest.empty)
        manifest = replace(manifest, files={manifest.empty: seal(folder / manifest.empty)})
        manifest.write(folder)
    return manifest


def _fill(folder: Path, manifest: Manifest, growth: Growth) -> Manifest:
    empty = trained_index(
        growth.factory, growth.vectors, memory=growth.memory, seed=manifest.seed, threads=growth.threads
    )
    write_faiss(empty, folder / manifest.empty)
    manifest = replace(manifest, files={manifest.empty: seal(folder / manifest.empty)})
    manifest = grow(folder, manifest, growth)
    manifest.write(folder)
    if growth.factory.lists:
        manifest = replace(
            manifest, probes=tuned_probes(folder, growth.vectors, seed=manifest.seed, threads=growth.threads)
        )
        manifest.write(folder)
    return manifest


def _versions() -> dict[str, str]:
    return {"xret": __version__, "faiss": faiss_module().__version__}


def _choice(factory: str, vectors: Vectors, memory: int) -> Choice:
    if factory == "auto":
        return choose_factory(rows=vectors.rows, dim=vectors.dim, memory=memory)
    return Choice(parse_factory(factory, dim=vectors.dim), "asked for")
