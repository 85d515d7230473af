"""Vectors made elsewhere: NumPy files, raw numbers as of LASER and vecalign, Arrow and Parquet, xret's folders."""

from __future__ import annotations

import logging
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
from numpy.typing import NDArray

from xret.errors import InputError, MismatchError, VectorsError
from xret.vectors.shard import as_matrix
from xret.vectors.store import SOURCE, Vectors

__all__ = ["LASER_DIM", "vectors_of"]

LASER_DIM = 1024
"""Values per row of LASER's files, which do not say."""
ITEMS = {4: "<f4", 2: "<f2"}
_LIKELY, _EVEN = (1e-6, 1e6), 5e-3  # lengths of vectors, and the size of a usual value beside that
_SAMPLE = 256  # vectors looked at from all over a file

logger = logging.getLogger("xret")


def vectors_of(path: str | Path, corpus: pa.Table, *, dim: int | None = None) -> pa.Table | Path:
    """The vectors of a corpus, row by row, from a file of any kind; what it is shows in its first bytes.

    - NumPy's format, float16, float32 or float64 of shape (rows, dim): memory-mapped.
    - Arrow IPC and Parquet: a column `vector` (or `embedding`) of lists of floats; if there is `id`, it must be the
      corpus'.
    - Anything else: bare numbers, float32 or float16 by the size of the file (LASER's ``.bin``, vecalign's ``.emb``).
    - A folder by ``xret encode``, given back as it is.

    Args:
        path: the file or folder.
        corpus: its `id`, and how many rows there must be.
        dim: values per row of bare numbers; None: 1,024, as of LASER, where the size agrees.

    Returns:
        A table `id, vector`, the ids those of the corpus, or the folder.

    Raises:
        InputError: no such file, or a folder of something else.
        VectorsError: not vectors, or of another size than `dim` says.
        MismatchError: other ids, or another number of rows, than the corpus has.
    """
    path = Path(path)
    if path.is_dir():
        Vectors.open(path)  # refuses other folders
        return path
    if not path.is_file():
        raise InputError(f"{path}: no such file or folder; wanted vectors (.npy, raw floats, Arrow, Parquet, a folder)")
    with open(path, "rb") as stream:
        start = stream.read(6)
    if start == b"\x93NUMPY":
        matrix, kind = _numpy(path), "a NumPy array"
    elif start[:4] == b"PAR1" or start == b"ARROW1" or start[:4] == b"\xff\xff\xff\xff":
        parquet = start[:4] == b"PAR1"
        matrix, kind = _columns(path, corpus, parquet=parquet), "Parquet" if parquet else "Arrow"
    else:
        matrix = _raw(path, corpus.num_rows, dim)
        kind = f"bare {matrix.dtype.name}"
    if len(matrix) != corpus.num_rows:
        raise MismatchError(f"{path}: {len(matrix):,} vectors, but the corpus has {corpus.num_rows:,} sentences")
    if dim is not None and matrix.shape[1] != dim:
        raise MismatchError(f"{path}: vectors of {matrix.shape[1]} values, --dim says {dim}")
    logger.info(f"{path}: {len(matrix):,} vectors of {matrix.shape[1]} values, read as {kind}")
    item = pa.list_(pa.field("item", pa.from_numpy_dtype(matrix.dtype), False), matrix.shape[1])
    column = pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), type=item)
    table = pa.table({"id": corpus["id"], "vector": column})
    return table.replace_schema_metadata({SOURCE: str(path).encode()})


def _numpy(path: Path) -> NDArray[Any]:
    """A mapped array, C-contiguous, of float16 or float32."""
    try:
        array = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise VectorsError(f"{path}: cannot be read as a NumPy array ({error})") from error
    if array.ndim != 2 or array.dtype.kind != "f" or not array.shape[1]:
        raise VectorsError(f"{path}: is {array.dtype} of shape {array.shape}, wanted floats of shape (rows, dim)")
    kind = np.float16 if array.itemsize == 2 else np.float32
    with np.errstate(over="ignore"):  # infinity is refused where it is read
        return np.ascontiguousarray(array, kind)


def _raw(path: Path, rows: int, dim: int | None) -> NDArray[Any]:
    """Bare little-endian numbers, mapped."""
    size, width = path.stat().st_size, dim or LASER_DIM
    found = ITEMS.get(size // (rows * width)) if size % (rows * width) == 0 else None
    if found is None:
        told = f"--dim says {dim}" if dim else f"LASER's have {LASER_DIM} values; give --dim for others"
        whole = f", which would be {size // (4 * rows)} float32 values each" if size % (4 * rows) == 0 else ""
        raise VectorsError(
            f"{path}: {size:,} bytes are no float32 or float16 vectors of {rows:,} sentences ({told}){whole}"
        )
    mapped: NDArray[Any] = np.memmap(path, np.dtype(found), "r", shape=(rows, width))
    some = np.unique(np.linspace(0, rows - 1, min(_SAMPLE, rows)).astype(np.int64))
    if not _likely(mapped[some]):
        half = size // (2 * rows)
        told = f"float16 vectors of {half} values: give --dim {half}" if found == "<f4" else "of another kind"
        raise VectorsError(
            f"{path}: read as {mapped.dtype.name}, vectors of {width} values look like no numbers; they may be {told}"
        )
    return mapped


def _likely(sample: NDArray[Any]) -> bool:
    """Whether most vectors (s, d) can be some: bytes of other numbers have odd lengths, or a few values outweigh all.

    A float16's exponent becomes eight times as large where two are read as a float32.
    """
    wide = np.abs(sample.astype(np.float64))
    length = np.linalg.norm(wide, axis=1)
    typical = np.array([np.median(row[row > 0]) if (row > 0).any() else 0.0 for row in wide])
    sound = (length >= _LIKELY[0]) & (length <= _LIKELY[1]) & (typical * math.sqrt(wide.shape[1]) >= _EVEN * length)
    return bool(sound.mean() >= 0.5)


def _columns(path: Path, corpus: pa.Table, *, parquet: bool) -> NDArray[Any]:
    table = _table(path, parquet=parquet)
    name = next((each for each in ("vector", "embedding") if each in table.column_names), None)
    if name is None:
        found = ", ".join(table.column_names)
        raise VectorsError(f"{path}: has no column 'vector' or 'embedding'; found: {found}")
    if table.column_names.count(name) > 1 or table.column_names.count("id") > 1:
        raise VectorsError(f"{path}: has several columns '{name}' or 'id'; leave one of them")
    if "id" in table.column_names and not _texts(table["id"], path).equals(corpus["id"]):
        raise MismatchError(f"{path}: the vectors have other ids than the corpus; encode this corpus again")
    pieces = [as_matrix(_fixed(chunk, path), str(path)) for chunk in table[name].chunks if len(chunk)]
    if len({piece.shape[1] for piece in pieces}) > 1:
        raise VectorsError(f"{path}: {_SEVERAL}")
    return np.concatenate(pieces) if pieces else np.empty((0, 1), np.float32)


_SEVERAL = "vectors of several lengths, or none; every row needs as many values"


def _texts(ids: pa.ChunkedArray, path: Path) -> pa.ChunkedArray:
    try:
        return ids.cast(pa.string())
    except pa.ArrowException as error:
        raise VectorsError(f"{path}: column 'id' is {ids.type}, which is no text; leave it out") from error


def _table(path: Path, *, parquet: bool) -> pa.Table:
    try:
        if parquet:
            return pyarrow.parquet.read_table(path)
        with pa.memory_map(str(path)) as source:
            try:
                return pa.ipc.open_file(source).read_all()
            except pa.ArrowInvalid:
                return pa.ipc.open_stream(source).read_all()
    except (pa.ArrowException, OSError) as error:
        raise VectorsError(f"{path}: cannot be read ({str(error).splitlines()[0]}); make it again") from error


def _fixed(chunk: pa.Array, path: Path) -> pa.FixedSizeListArray:
    """Lists all of one length as lists of fixed size, of float16 or float32."""
    kind = chunk.type
    variable = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not (variable or pa.types.is_fixed_size_list(kind)) or not pa.types.is_floating(kind.value_type):
        raise VectorsError(f"{path}: column of vectors is {kind}, wanted lists of floats")
    lengths = np.diff(chunk.offsets.to_numpy()) if variable else np.full(len(chunk), kind.list_size)
    width = int(lengths[0])
    if chunk.null_count or not width or (lengths != width).any():  # without the nulls, what follows them would move up
        raise VectorsError(f"{path}: {_SEVERAL}")
    item = pa.float16() if kind.value_type == pa.float16() else pa.float32()
    values = chunk.flatten().cast(item)
    return pa.FixedSizeListArray.from_arrays(values, type=pa.list_(pa.field("item", item, False), width))
