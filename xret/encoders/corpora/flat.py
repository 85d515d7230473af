"""Vectors as one file for other programs: Parquet (`id`, `lang`, `vector`) or a bare ``.npy`` matrix, streamed."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from xret.artifact import atomic_file
from xret.encoders.corpora.store import encode_corpus
from xret.errors import UsageError
from xret.vectors import Vectors
from xret.vectors.shard import as_matrix
from xret.vectors.writer import check_new

__all__ = ["FLAT", "encode_to_file", "write_flat"]


def encode_to_file(corpus: pa.Table, out: Path, *, resume: bool = False, **options: Any) -> None:
    """As `encode_corpus`, but into one file.

    The shards are written to the folder ``OUT.vectors`` first, which a killed run leaves and `resume` goes on with; it
    is removed when the file is complete.

    Args:
        corpus: as there.
        out: the file to make; ``.parquet`` or ``.npy``.
        resume: as there.
        options: as there.

    Raises:
        UsageError: another suffix.
        InputError: `out` exists, and as `encode_corpus`.
    """
    out = Path(out)
    _writer_of(out)
    check_new(out)
    folder = out.with_name(out.name + ".vectors")
    write_flat(encode_corpus(corpus, folder, resume=resume, **options), out, corpus=corpus)
    shutil.rmtree(folder)


def write_flat(vectors: Vectors, out: Path, *, corpus: pa.Table | None = None) -> None:
    """Copy a store into one file, a shard in memory at a time.

    Args:
        vectors: what to copy.
        out: the file; ``.parquet``: `id: string`, `lang: string` where `corpus` has it, `vector: fixed_size_list` in
            the store's dtype, a row group per shard, and the manifest's fields as JSON under the schema's key ``xret``;
            ``.npy``: the (rows, dim) matrix alone.
        corpus: the rows' texts, for `lang`.

    Raises:
        UsageError: another suffix.
        InputError: it cannot be written.
    """
    write = _writer_of(Path(out))
    with atomic_file(Path(out)) as temporary:
        write(vectors, temporary, corpus)


def _parquet(vectors: Vectors, path: Path, corpus: pa.Table | None) -> None:
    table = vectors.table()
    names = ["lang"] if corpus is not None and "lang" in corpus.column_names else []
    fields = [table.schema.field("id"), *(pa.field(name, pa.string()) for name in names), table.schema.field("vector")]
    manifest = {key: value for key, value in vectors.manifest.items() if key not in ("shards", "complete")}
    schema = pa.schema(fields, metadata={"xret": json.dumps(manifest, sort_keys=True, default=str)})
    start = 0
    # Vectors do not repeat: dictionaries and statistics of them would only take time and room.
    with pq.ParquetWriter(str(path), schema, use_dictionary=names, write_statistics=["id", *names]) as writer:
        for batch in table.to_batches():
            columns = {name: batch[name] for name in table.column_names}
            for name in names:
                assert corpus is not None
                columns[name] = corpus[name].slice(start, batch.num_rows).cast(pa.string())
            part = pa.table([columns[field.name] for field in fields], schema=schema)
            writer.write_table(part, row_group_size=max(1, batch.num_rows))
            start += batch.num_rows


def _npy(vectors: Vectors, path: Path, _: pa.Table | None) -> None:
    header = {
        "descr": np.lib.format.dtype_to_descr(vectors.dtype), "fortran_order": False,
        "shape": (vectors.rows, vectors.dim),
    }  # fmt: skip
    with open(path, "wb") as stream:
        np.lib.format.write_array_header_1_0(stream, header)
        for chunk in vectors.table()["vector"].chunks:
            # Not tofile, which says of a full disk only how many numbers it wrote.
            stream.write(np.ascontiguousarray(as_matrix(chunk, vectors.source)).data)


FLAT: dict[str, Callable[[Vectors, Path, pa.Table | None], None]] = {".parquet": _parquet, ".npy": _npy}


def _writer_of(out: Path) -> Callable[[Vectors, Path, pa.Table | None], None]:
    if out.suffix not in FLAT:
        raise UsageError(f"{out}: the suffix '{out.suffix}' is no file of vectors; known: {', '.join(FLAT)}")
    return FLAT[out.suffix]
