"""Vectors of a batch of queries, which an engine's workers make in the portions that one process makes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from xret.artifact import digest, file_hash
from xret.encoders.corpora.workers import open_encoder
from xret.encoders.runtime.batching import windows
from xret.engines import Engine, State
from xret.mapped import keep_table, map_table

if TYPE_CHECKING:
    from xret.engines.calls import Place

__all__ = ["encode_queries_unit", "query_vectors"]

REMEDY = "search again"


def query_vectors(
    queries: Path, encoder: Mapping[str, Any], dim: int | None, *, engine: Engine, folder: Path, threads: int | None
) -> pa.Table:
    """What n queries are asked with, to the last bit as if they were encoded in one call.

    Args:
        queries: an Arrow file `text, lang`.
        encoder: `name, hash, device`, as `open_encoder` takes.
        dim: of sentence vectors; None for token vectors.
        engine: who works.
        folder: that all workers can open.
        threads: of each worker.

    Returns:
        n rows, one column: `vector: fixed_size_list<float>[dim]`, or `tokens: large_list<fixed_size_list<float>[d]>`.

    Raises:
        EngineError: some could not be encoded.
    """
    texts = map_table(queries, remedy=REMEDY)["text"].to_pylist()
    items = [
        {"unit": f"vectors-{span.start}", "queries": str(queries), "span": [span.start, span.stop], "dim": dim}
        for span in windows(texts)
    ]
    recipe = digest("query vectors", file_hash(queries), encoder["hash"], dim)
    found: dict[int, str] = {}
    for number, answer, _ in engine.run(
        encode_queries_unit, items, folder=folder, recipe=recipe, state=State(open_encoder, encoder), cpus=threads,
        gpus=float(encoder["device"] == "cuda"),
    ):  # fmt: skip
        found[number] = answer["files"][0]
    return pa.concat_tables([map_table(folder / found[number], remedy=REMEDY) for number in sorted(found)])


def encode_queries_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Encode a run of queries."""
    encoder, (start, stop), dim = place.state, item["span"], item["dim"]
    queries = map_table(Path(item["queries"]), remedy=REMEDY).slice(start, stop - start)
    texts, lang = queries["text"].to_pylist(), queries["lang"].to_pylist()
    if dim is not None:
        found = encoder.encode(texts, role="query", lang=lang, dim=None if dim == encoder.dim else dim)
        table = pa.table({"vector": pa.FixedSizeListArray.from_arrays(found.ravel(), dim)})
    else:
        tokens = encoder.encode_tokens(texts, role="query", lang=lang)
        ends = pa.array(np.cumsum([0, *map(len, tokens)]), pa.int64())
        flat = pa.FixedSizeListArray.from_arrays(np.concatenate(tokens).ravel(), encoder.token_dim)
        table = pa.table({"tokens": pa.LargeListArray.from_arrays(ends, flat)})
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(table, path)
    return {"files": [path.name]}
