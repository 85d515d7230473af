"""`Vectors`: rows of a store, an array or a table, read block by block."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.artifact import MANIFEST, file_hash, read_manifest
from xret.errors import VectorsError
from xret.vectors.shard import as_matrix, read_shard

__all__ = ["SOURCE", "Vectors"]

SOURCE = b"xret.source"
"""Where the name of the file that a table was read from stands in its metadata, for messages."""


class Vectors:
    """An opened set of vectors.

    Attributes:
        rows: how many.
        dim: values per row.
        dtype: as stored, float16 or float32 (float64 arrays are read as float32).
        manifest: the store's manifest; empty for arrays and tables.
    """

    def __init__(
        self,
        chunks: list[NDArray[Any]],
        ids: pa.ChunkedArray | None,
        dim: int,
        dtype: Any,
        source: str,
        manifest: dict[str, Any],
    ) -> None:
        """Put together; use `Vectors.open`."""
        self._chunks, self._ids, self._source = chunks, ids, source
        self._starts = np.cumsum([0, *(len(chunk) for chunk in chunks)])
        self.rows, self.dim, self.manifest = int(self._starts[-1]), dim, manifest
        self.dtype = np.dtype(dtype)

    @staticmethod
    def open(value: Path | str | pa.Table | NDArray[Any] | Vectors, *, check: bool = False) -> Vectors:
        """Open a store, or wrap what is in memory.

        Args:
            value: a vectors folder, a ``.npy`` file, a (rows, d) float array, or a table with `id` and `vector`.
            check: also compare every shard's checksum.

        Raises:
            VectorsError: truncated, incomplete, damaged, of the wrong shape or type; NaN and infinity are found when
                the block that holds them is read.
            InputError: no such folder, or another kind of artifact.
        """
        if isinstance(value, Vectors):
            if check:
                value.compare_checksums()
            return value
        if isinstance(value, pa.Table):
            return _from_table(value)
        if isinstance(value, np.ndarray):
            return _from_array(value, "array")
        path = Path(value)
        if path.suffix == ".npy" and path.is_file():
            try:
                return _from_array(np.load(path, mmap_mode="r", allow_pickle=False), str(path))
            except (ValueError, EOFError) as error:
                raise VectorsError(f"{path}: cannot be read as a .npy array ({error})") from error
        return _from_folder(path, check=check)

    @property
    def source(self) -> str:
        """What was opened, for messages: a path, ``array`` or ``table``."""
        return self._source

    @property
    def encoder_hash(self) -> str | None:
        """Content hash of the encoder that made the vectors, where known."""
        return self.manifest.get("encoder_hash")

    @property
    def encoder_name(self) -> str | None:
        """What that encoder was called, where known."""
        return self.manifest.get("encoder")

    @property
    def corpus_hash(self) -> str | None:
        """Content hash of the corpus that was encoded, where known."""
        return self.manifest.get("corpus_hash")

    def ids(self) -> pa.ChunkedArray:
        """Row ids, string; "0", "1", … for bare arrays."""
        if self._ids is None:
            return pa.chunked_array([pa.array(range(self.rows), pa.int64()).cast(pa.string())])
        return self._ids

    def block(self, start: int, stop: int) -> NDArray[np.float32]:
        """Rows `start` to `stop`: (stop - start, dim) float32, C-contiguous; a read-only view where possible.

        Raises:
            VectorsError: a value is NaN or infinite; names the row, counted from 1, and its id.
            IndexError: outside the rows.
        """
        if not 0 <= start <= stop <= self.rows:
            raise IndexError(f"block {start}:{stop} of {self.rows} rows")
        out = self._rows(start, stop)
        if not np.isfinite(out).all():
            row = start + int(np.flatnonzero(~np.isfinite(out).all(axis=1))[0])
            raise VectorsError(
                f"{self._source}: vector {row + 1} (id '{self.ids()[row]}') holds NaN or infinity; make it again"
            )
        return out

    def take(self, rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Any rows in any order: (p, dim) float32; values are not checked, as those of `block` are.

        Raises:
            IndexError: outside the rows.
        """
        if len(rows) and (rows.min() < 0 or rows.max() >= self.rows):
            raise IndexError(f"rows {rows.min()} to {rows.max()} of {self.rows}")
        out = np.empty((len(rows), self.dim), np.float32)
        owner = np.searchsorted(self._starts, rows, side="right") - 1
        for number in np.unique(owner):
            mine = np.flatnonzero(owner == number)
            out[mine] = self._chunks[number][rows[mine] - self._starts[number]]
        return out

    def compare_checksums(self) -> None:
        """See that every shard has the bytes that were written; nothing to see for arrays and tables.

        Raises:
            VectorsError: naming the first shard that was changed, or is gone.
        """
        for path, _, wanted in _shards(self._source, self.manifest) if self.manifest else []:
            found = file_hash(path) if path.is_file() else "missing"
            if found != wanted:
                raise VectorsError(
                    f"{path}: checksum {found[:12]}, the manifest says {wanted[:12]}; make the vectors again"
                )

    def table(self) -> pa.Table:
        """Everything as a table `id: string, vector: fixed_size_list[dim]`, memory-mapped where the store is."""
        kind = pa.list_(pa.field("item", pa.from_numpy_dtype(self.dtype), False), self.dim)
        flat = [pa.array(np.ascontiguousarray(chunk).reshape(-1)) for chunk in self._chunks]
        column = pa.chunked_array([pa.FixedSizeListArray.from_arrays(values, type=kind) for values in flat], type=kind)
        return pa.table({"id": self.ids(), "vector": column})

    def _rows(self, start: int, stop: int) -> NDArray[np.float32]:
        first = int(np.searchsorted(self._starts, start, side="right")) - 1
        if start < stop and stop <= self._starts[first + 1]:
            chunk = self._chunks[first][start - self._starts[first] : stop - self._starts[first]]
            return np.ascontiguousarray(chunk, dtype=np.float32)
        out = np.empty((stop - start, self.dim), np.float32)
        for chunk, begin in zip(self._chunks, self._starts[:-1], strict=True):
            low, high = max(start, int(begin)), min(stop, int(begin) + len(chunk))
            if low < high:
                out[low - start : high - start] = chunk[low - begin : high - begin]
        return out


def _from_array(array: NDArray[Any], source: str) -> Vectors:
    if array.ndim != 2 or array.dtype.kind != "f":
        raise VectorsError(f"{source}: is {array.dtype} of shape {array.shape}, wanted floats of shape (rows, dim)")
    array = array.astype(np.float32) if array.itemsize > 4 else array
    return Vectors([array], None, array.shape[1], array.dtype, source, {})


def _from_table(table: pa.Table) -> Vectors:
    source = (table.schema.metadata or {}).get(SOURCE, b"table").decode()
    if missing := {"id", "vector"} - set(table.column_names):
        raise VectorsError(f"{source}: has no column '{min(missing)}'; wanted id and vector")
    kind = table["vector"].type
    chunks = [as_matrix(chunk, source) for chunk in table["vector"].chunks]
    if not pa.types.is_fixed_size_list(kind):
        raise VectorsError(f"{source}: column 'vector' is {kind}, wanted fixed_size_list of halffloat or float")
    dtype = kind.value_type.to_pandas_dtype()
    return Vectors(chunks, table["id"].cast(pa.string()), kind.list_size, dtype, source, {})


def _from_folder(folder: Path, *, check: bool) -> Vectors:
    partial = folder.with_name(folder.name + ".partial")
    if not folder.exists() and partial.exists():
        raise VectorsError(f"{folder}: is not finished ({partial.name} is there); run the same command with --resume")
    manifest = read_manifest(folder, kind="vectors")
    if not manifest.get("complete"):
        raise VectorsError(
            f"{folder}: is not finished (its writing was interrupted); run the same command with --resume"
        )
    try:
        dim, dtype = int(manifest["dim"]), str(manifest["dtype"])
        shards = _shards(folder, manifest)
    except (KeyError, TypeError, ValueError) as error:
        raise VectorsError(f"{folder / MANIFEST}: lacks {error}; make the vectors again") from error
    tables = [read_shard(path, dim, dtype, rows) for path, rows, _ in shards]
    chunks = [as_matrix(chunk, str(folder)) for table in tables for chunk in table["vector"].chunks]
    ids = pa.chunked_array([chunk for table in tables for chunk in table["id"].chunks], type=pa.string())
    vectors = Vectors(chunks, ids, dim, dtype, str(folder), manifest)
    if check:
        vectors.compare_checksums()
    return vectors


def _shards(folder: Path | str, manifest: dict[str, Any]) -> list[tuple[Path, int, str]]:
    """File, rows and SHA-256 of every shard, as the manifest says."""
    return [(Path(folder, Path(s["file"]).name), int(s["rows"]), str(s["sha256"])) for s in manifest["shards"]]
