"""The rows of a dense index folder as vectors and corpus, to load them into another store."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from xret.errors import InputError
from xret.indexes.dense.opened import Shelf, open_index
from xret.indexes.factory import parse_factory
from xret.indexes.kinds import STORE, index_kind
from xret.stores.rows import as_column
from xret.stores.store import Floats
from xret.vectors import Vectors
from xret.vectors.store import SOURCE

__all__ = ["index_rows"]

WHOLE = ("Flat", "SQfp16")  # codes that keep vectors as they were, or as vectors folders do


def index_rows(folder: Path, corpus: pa.Table | None) -> tuple[pa.Table | None, Vectors]:
    """(corpus, vectors) of what a dense index holds; in memory, for an index of one machine.

    Args:
        folder: of the index.
        corpus: with the texts of an index that keeps none; it must hold the same rows in the same order.

    Raises:
        InputError: no dense index (nor a folder that is a store), or one whose codes are coarser than its vectors were.
    """
    if (kind := index_kind(folder)) not in ("dense", STORE):
        raise InputError(f"{folder}: is a {kind} index; a store takes vectors, or a dense index")
    index = open_index(folder)
    made = index.manifest
    code = parse_factory(made.factory, dim=made.dim).code
    if code not in WHOLE:
        raise InputError(f"{folder}: keeps vectors as {code} only; load the vectors that it was built from")
    kept = index.kept(None)
    vectors = np.concatenate([np.empty((0, made.dim), np.float32), *(_vectors(shelf) for shelf in index.shelves)])
    rows = index.live()
    table = pa.table({"id": rows["id"], "vector": as_column(vectors if kept is None else vectors[kept])})
    given = Vectors.open(table.replace_schema_metadata({SOURCE: str(folder).encode()}))
    files = {name: sealed.sha256 for name, sealed in made.files.items()}
    given.manifest = {"encoder": made.encoder, "encoder_hash": made.encoder_hash, "files": files, "shards": []}
    return (rows if corpus is None else corpus), given


def _vectors(shelf: Shelf) -> Floats:
    found: Floats = shelf.faiss.reconstruct_n(0, shelf.rows)
    return found
