"""One shard: an Arrow IPC file of one record batch, ``id: string, vector: fixed_size_list<halffloat|float>[d]``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.errors import VectorsError

__all__ = ["as_matrix", "read_shard", "schema", "shard_name", "write_shard"]


def shard_name(number: int) -> str:
    """File name of a shard."""
    return f"vectors-{number:05d}.arrow"


def schema(dim: int, dtype: str) -> pa.Schema:
    """Arrow schema of a store: `dim` values of dtype ``float16`` or ``float32`` per row."""
    kind = pa.float16() if dtype == "float16" else pa.float32()
    return pa.schema(
        [pa.field("id", pa.string(), False), pa.field("vector", pa.list_(pa.field("item", kind, False), dim))]
    )


def write_shard(path: Path, ids: pa.Array, vectors: NDArray[Any]) -> None:
    """Write ids and (rows, d) float16 or float32 vectors; the same values give the same bytes."""
    target = schema(vectors.shape[1], vectors.dtype.name)
    values = pa.array(np.ascontiguousarray(vectors).reshape(-1))
    column = pa.FixedSizeListArray.from_arrays(values, type=target.field("vector").type)
    # A slice of a larger array would be written with its offsets: copied, so that bytes depend on the rows alone.
    own = pa.array(ids.to_pylist(), pa.string())
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_file(sink, target) as writer:
        writer.write_batch(pa.record_batch([own, column], schema=target))


def read_shard(path: Path, dim: int, dtype: str, rows: int) -> pa.Table:
    """Memory-map a shard.

    Raises:
        VectorsError: missing, truncated, or of another width, dtype or number of rows than the manifest says.
    """
    try:
        with pa.memory_map(str(path)) as source:
            table = pa.ipc.open_file(source).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        problem = "is missing" if not path.exists() else "is truncated or not Arrow"
        raise VectorsError(f"{path}: shard {problem}; make the vectors again") from error
    if not table.schema.equals(schema(dim, dtype)):
        raise VectorsError(
            f"{path}: holds {table.schema.types}, the manifest says {dim} x {dtype}; make the vectors again"
        )
    if table.num_rows != rows:
        raise VectorsError(f"{path}: holds {table.num_rows} rows, the manifest says {rows}; make the vectors again")
    return table


def as_matrix(column: pa.FixedSizeListArray, where: str) -> NDArray[Any]:
    """A chunk of a vector column as a (rows, d) array without copying.

    Raises:
        VectorsError: not fixed-size lists of float16 or float32, or with nulls in it.
    """
    kind = column.type
    if not pa.types.is_fixed_size_list(kind) or kind.value_type not in (pa.float16(), pa.float32()):
        raise VectorsError(f"{where}: column 'vector' is {kind}, wanted fixed_size_list of halffloat or float")
    values = column.flatten()  # honours slices, as `.values` does not
    if column.null_count or values.null_count:
        raise VectorsError(f"{where}: column 'vector' holds nulls; every row needs a vector")
    matrix: NDArray[Any] = values.to_numpy(zero_copy_only=True).reshape(-1, kind.list_size)
    return matrix
