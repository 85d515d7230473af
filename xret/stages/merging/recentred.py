"""A dense run over vectors without their languages' offsets."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pyarrow as pa

from xret.stages.centre import Centre
from xret.stages.index import Index
from xret.stages.retrieve import Retrieve
from xret.stages.stage import Value

__all__ = ["recentred_run"]


def recentred_run(
    corpus: pa.Table,
    vectors: Value,
    queries: pa.Table,
    query_vectors: Value,
    *,
    work: Path,
    method: Literal["mean", "shift"] = "mean",
    parallel: tuple[pa.Table, Value] | None = None,
    source: str = "en",
    k: int = 100,
    threads: int | None = None,
) -> pa.Table:
    """Move the documents' vectors, index them exactly, and search.

    Args:
        corpus: `id, text, lang`.
        vectors: its vectors.
        queries: `id, text, lang`.
        query_vectors: theirs, which stay as they are.
        work: an existing folder for vectors and index.
        method: see `Centre`.
        parallel: for ``shift``: parallel texts with `doc_id`, and their vectors.
        source: for ``shift``: the language to which all are moved.
        k: documents per query.
        threads: CPU threads; None for all cores.

    Returns:
        A run, as of `Retrieve`.

    Raises:
        MismatchError, UsageError: as the stages named.
    """
    centre = Centre(method=method, source=source)
    moved = centre.run(corpus, vectors, *(parallel or (None, None)), work=work)
    index = Index(factory="Flat", text=False, threads=threads).run(corpus, moved, work=work)
    run: pa.Table = Retrieve(k=k, threads=threads).run(queries, query_vectors, index, work=work)
    return run
