"""Building a multi-vector index: centroids and codec from a sample, then one pass over the documents."""

from __future__ import annotations

import errno
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret import __version__
from xret.artifact import MANIFEST, digest, read_manifest
from xret.errors import InputError, UsageError
from xret.indexes.dense.layout import Sealed, locked
from xret.indexes.dense.rows import count_languages
from xret.indexes.multivector.centroids import Centroids
from xret.indexes.multivector.codec import CODECS, CodecName
from xret.indexes.multivector.growing import MEMORY, Growth, coder_of, grow, workers
from xret.indexes.multivector.layout import Manifest, save_array, sweep
from xret.indexes.multivector.spread import Sharing
from xret.indexes.multivector.tokens import EncodedTokens, TokenSource, kept_columns
from xret.indexes.multivector.training import Coder, Trained, trained

__all__ = ["build_index"]

logger = logging.getLogger("xret")
ARRAYS = ("centroids.npy", "books.npy", "levels.npy", "basis.npy")


def build_index(
    target: Path,
    source: TokenSource,
    *,
    codec: CodecName = "4bit",
    pool: int = 1,
    text: bool = True,
    memory: int = MEMORY,
    seed: int = 0,
    queries: Sequence[npt.NDArray[np.float32]] | None = None,
    threads: int | None = None,
    progress: bool = False,
    sharing: Sharing | None = None,
) -> Manifest:
    """Build an index folder; it appears under its name when it is complete.

    The same input gives the same bytes, on any number of threads. Killed, it leaves ``TARGET.partial``, with which the
    same call goes on at the part that was not finished. Memory: the sample or one part, within `memory`, whatever the
    number of documents (ids, languages and texts are mapped where `source` maps them).

    Args:
        target: the folder to make; must not exist.
        source: the documents and their token vectors, which are brought to length 1.
        codec: see `xret.indexes.multivector.codec`.
        pool: about so many token vectors of a document become one (see `pooled`); 1: none.
        text: keep the texts, so that hits can be shown and reranked.
        memory: bytes that the sample, or a part while it is made, may take.
        seed: of sample, centroids and codebooks.
        queries: token vectors of real queries, to measure with what the codes lose; None: made up from documents.
        threads: None for OMP_NUM_THREADS or all cores.
        progress: a bar on stderr, where that is a terminal.
        sharing: who encodes the documents, all but the sample, and codes them; to the same bytes. None: this process.

    Raises:
        InputError: no documents, no tokens, repeated ids, `target` exists, or ``TARGET.partial`` is of another build.
        UsageError: an unknown codec, or a pool factor or budget below 1.
        VectorsError: NaN, infinity or another width among the vectors.
    """
    target = Path(target)
    _refuse(target, source, codec, pool, memory)
    table = kept_columns(source.table, text=text)
    stamp = digest(
        source.fingerprint(), source.dim, source.encoder_hash, source.similarity, source.fade,
        source.text_first, codec, pool, table.column_names, memory, seed,
        [len(query) for query in queries or ()], __version__,
    )  # fmt: skip
    with _partial(target) as folder, workers(threads) as executor:
        manifest = _resumed(folder, stamp)
        if manifest is None:
            sweep(folder, _NOTHING)
            made = trained(source, codec, factor=pool, memory=memory, seed=seed, pool=executor, queries=queries)
            manifest = _begun(folder, source, table, made, codec=codec, pool=pool, seed=seed)
            manifest.write(folder, complete=False, stamp=stamp)
        growth = Growth(
            source=source,
            table=table,
            coder=coder_of(folder, manifest),
            pool=executor,
            memory=memory,
            progress=progress,
            sharing=sharing if isinstance(source, EncodedTokens) else None,
        )
        built = _filled(folder, manifest, growth, stamp)
    if growth.sharing is not None:
        shutil.rmtree(growth.sharing.work, ignore_errors=True)
    return built


def _refuse(target: Path, source: TokenSource, codec: str, pool: int, memory: int) -> None:
    if codec not in CODECS:
        raise UsageError(f"codec '{codec}' is not known; known: {', '.join(CODECS)}")
    if pool < 1 or memory < 1:
        raise UsageError(f"a pool factor of {pool} and a budget of {memory:,} bytes: both must be 1 or more")
    if source.table.num_rows == 0:
        raise InputError("there are no rows to index; the corpus is empty")
    if os.path.lexists(target):
        raise InputError(f"{target}: exists already; remove it or choose another name")


def _begun(
    folder: Path, source: TokenSource, table: pa.Table, made: Trained, *, codec: CodecName, pool: int, seed: int
) -> Manifest:
    """Write what was trained; the manifest of an index without parts."""
    return Manifest(
        codec=codec, dim=source.dim, width=made.coder.width, centroids=len(made.centroids.codes),
        step=made.centroids.step, rows=table.num_rows, tokens=0, encoder=source.encoder_name,
        encoder_hash=source.encoder_hash, similarity=source.similarity, fade=source.fade,
        languages=count_languages(table), text="text" in table.column_names, pool=pool, residual=made.residual,
        ceiling=made.ceiling, seed=seed,
        versions={"xret": __version__, "numpy": np.__version__}, files=_save(folder, made.centroids, made.coder),
    )  # fmt: skip


def _filled(folder: Path, manifest: Manifest, growth: Growth, stamp: str) -> Manifest:
    """Write the parts that are not there yet.

    The finished manifest bears the stamp too: until the folder has its name, it may be met by another build.
    """
    for grown in grow(folder, manifest, growth, skip=sum(part.rows for part in manifest.parts)):
        manifest = grown
        manifest.write(folder, complete=False, stamp=stamp)
    sweep(folder, manifest)
    # What drift is measured from: of the sample, centroids have seen every token.
    residual = sum(part.residual * part.tokens for part in manifest.parts) / max(1, manifest.tokens)
    manifest = replace(manifest, residual=float(np.float32(residual)))
    manifest.write(folder, stamp=stamp)
    return manifest


_NOTHING = Manifest(
    codec="4bit", dim=0, width=0, centroids=0, step=0.0, rows=0, tokens=0, encoder=None, encoder_hash=None,
    similarity="sum", languages={}, text=False, pool=1, residual=0.0, ceiling=None, seed=0,
)  # fmt: skip


@contextmanager
def _partial(target: Path) -> Iterator[Path]:
    """``TARGET.partial``, locked; it gets the name of the target when all went well, and stays when not."""
    folder = target.with_name(target.name + ".partial")
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder}: is a file, and the unfinished index goes there; remove it or choose another name")
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{target}: cannot write here ({error.strerror}); give an existing, writable folder"
        ) from error
    try:
        with locked(folder):
            yield folder
            _named(folder, target)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT) or error.errno is None  # NumPy's, of what was not written
        remedy = "free some space" if full else "mend that"
        reason = error.strerror or "no space left"
        raise InputError(f"{target}: writing failed ({reason}); {remedy}, and the same build goes on") from error
    except BaseException:
        with suppress(OSError):
            if not (folder / MANIFEST).exists():  # nothing to go on with
                sweep(folder, _NOTHING)
                for name in ARRAYS:
                    (folder / name).unlink(missing_ok=True)
                folder.rmdir()
        raise


def _named(folder: Path, target: Path) -> None:
    try:
        os.replace(folder, target)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
            raise
        raise InputError(
            f"{target}: was made by someone else meanwhile; the index is complete in {folder}: remove the other one, "
            "and the same build gives it its name"
        ) from error


def _resumed(folder: Path, stamp: str) -> Manifest | None:
    """What an interrupted build with the same stamp has done.

    Raises:
        InputError: it was another build, or is damaged.
    """
    if not (folder / MANIFEST).is_file():
        return None
    try:
        fields = read_manifest(folder, kind="index")
        if fields.get("stamp") == stamp:
            manifest = Manifest.of(folder, fields)
            coder_of(folder, manifest)
    except InputError as error:
        raise InputError(f"{folder}: holds an interrupted build that is damaged; remove it ({error})") from error
    if fields.get("stamp") != stamp:
        raise InputError(
            f"{folder}: holds an interrupted build of other documents or with other options; remove it, or choose "
            "another name"
        )
    done = sum(part.rows for part in manifest.parts)
    logger.info("multivector: going on after %s documents", f"{done:,}")
    return manifest


def _save(folder: Path, centroids: Centroids, coder: Coder) -> dict[str, Sealed]:
    arrays: dict[str, npt.NDArray[Any]] = {
        "centroids.npy": centroids.codes,
        "books.npy": coder.codec.books,
        "levels.npy": coder.codec.levels,
    }
    if coder.basis is not None:
        arrays["basis.npy"] = coder.basis
    return {name: save_array(folder, name, array) for name, array in arrays.items()}
