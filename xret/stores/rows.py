"""Rows and queries on their way into a store: of the right shape, finite, of length 1; or refused in one line."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError, UsageError, VectorsError
from xret.indexes.dense.lengths import unit_rows
from xret.stores.recipe import Recipe
from xret.stores.store import Floats
from xret.vectors import Vectors

__all__ = [
    "MOST_TOKENS",
    "WEIGHTS",
    "as_column",
    "as_mapping",
    "checked_queries",
    "checked_rows",
    "matrix",
    "query_names",
    "row_batches",
]

TITLE = "title"  # index folders keep it, where rows come with one
NEEDED = ("id", "lang", "vector")
WEIGHTS = pa.map_(pa.int64(), pa.float32())
MOST_TOKENS = 2**32 - 8  # Milvus' own less some that `xret.stores.milvus` uses
CONTROL = r"[\x00-\x1f\x7f]"


def checked_rows(rows: pa.Table, recipe: Recipe, where: object) -> pa.Table:
    """What `Store.upsert` was given, as it is stored: see there for columns and errors.

    Returns:
        `id, lang: string`, `vector: fixed_size_list<float>[dim]` and, as the recipe says, `text`, `sparse`; `title`,
        where there is one; other columns are left out.
    """
    wanted = [*NEEDED, *(["text"] if recipe.text else []), *(["sparse"] if recipe.sparse else [])]
    missing = [name for name in wanted if name not in rows.column_names]
    if missing:
        raise InputError(f"{where}: keeps {', '.join(wanted)}; the rows given have no '{missing[0]}'")
    strings: dict[str, pa.ChunkedArray] = {
        name: _strings(rows, name, where) for name in ("id", "lang", "text") if name in wanted
    }
    _check_ids(strings["id"], where)
    found = Vectors.open(pa.table({"id": strings["id"], "vector": rows["vector"]}))
    recipe.refuse_other_dim(where, found.dim, "the rows given")
    values = _sound(found.block(0, found.rows), strings["id"], where, recipe)
    columns: dict[str, object] = {"vector": as_column(values)}
    columns.update(strings)
    if recipe.sparse:
        columns["sparse"] = _weights(rows["sparse"], strings["id"], where)
    if TITLE in rows.column_names:
        columns[TITLE] = rows[TITLE].cast(pa.string())
        wanted.append(TITLE)
    return pa.table([columns[name] for name in wanted], names=wanted)


def checked_queries(vectors: Floats, recipe: Recipe, where: object) -> Floats:
    """(n, dim) query vectors as the store compares them.

    Raises:
        VectorsError: not two dimensions, or NaN or infinity.
        MismatchError: another dimension.
    """
    found = np.ascontiguousarray(vectors, np.float32)
    if found.ndim != 2:
        raise VectorsError(f"{where}: query vectors of shape {found.shape}, wanted (queries, {recipe.dim})")
    if len(found):
        recipe.refuse_other_dim(where, found.shape[1], "the queries")
    bad = np.flatnonzero(~np.isfinite(found).all(axis=1))
    if len(bad):
        raise VectorsError(f"{where}: query vector {bad[0] + 1} holds NaN or infinity; encode it again")
    return unit_rows(found) if recipe.metric == "cosine" else found


def query_names(qids: Sequence[str] | None, queries: int, k: int) -> list[str]:
    """The names of queries, and a look at k.

    Raises:
        UsageError: k below 1, or not one name for each query.
    """
    if k < 1:
        raise UsageError(f"k is {k}; ask for at least 1 hit")
    names = [str(number) for number in range(1, queries + 1)] if qids is None else list(qids)
    if len(names) != queries or len(set(names)) != queries:
        raise UsageError(f"{queries} query vectors and {len(set(names))} different names; give one name for each")
    return names


def row_batches(vectors: Vectors, corpus: pa.Table, *, rows: int, start: int = 0) -> Iterator[pa.Table]:
    """Rows `start` and after of vectors and of their corpus, as `Store.upsert` takes them.

    Args:
        vectors: n vectors.
        corpus: their n rows `id, lang` and what else is to be stored.
        rows: of a batch.
        start: of the first row.
    """
    for first in range(start, vectors.rows, rows):
        stop = min(first + rows, vectors.rows)
        yield corpus.slice(first, stop - first).append_column("vector", as_column(vectors.block(first, stop)))


def as_column(values: Floats) -> pa.FixedSizeListArray:
    """(n, d) float32 as a column."""
    return pa.FixedSizeListArray.from_arrays(np.ascontiguousarray(values).ravel(), values.shape[1])


def as_mapping(weights: Any) -> dict[int, float]:
    """Token weights of a query: of a mapping, or of `xret.encoders.TokenWeights`."""
    pairs = weights.items() if isinstance(weights, Mapping) else zip(weights.ids, weights.weights, strict=True)
    return {int(token): float(weight) for token, weight in pairs}


def matrix(rows: pa.Table) -> Floats:
    """(n, d) float32 of the column `vector`."""
    vectors = Vectors.open(rows.select(["id", "vector"]))
    return vectors.block(0, vectors.rows)


def _strings(rows: pa.Table, name: str, where: object) -> pa.ChunkedArray:
    try:
        column = rows[name].cast(pa.string())
    except pa.ArrowException as error:
        raise InputError(f"{where}: column '{name}' is {rows[name].type}, wanted string") from error
    if column.null_count:
        row = pc.index(column.is_null(), True).as_py()
        raise InputError(f"{where}: row {row + 1} of those given has no {name}; give every row one")
    return column


def _weights(column: pa.ChunkedArray, ids: pa.ChunkedArray, where: object) -> pa.ChunkedArray:
    """Token weights as ``map<int64, float>`` without gaps.

    Raises:
        InputError: another type, or weights that no store can rank by.
    """
    try:
        found = column.cast(WEIGHTS)
    except pa.ArrowException as error:
        raise InputError(f"{where}: column 'sparse' is {column.type}, wanted map<int64, float>") from error
    if found.null_count:
        found = pa.chunked_array([pa.array([each or [] for each in found.to_pylist()], WEIGHTS)])
    for id, pairs in zip(ids, found, strict=True):
        tokens, weights = pairs.values.field(0).to_numpy(), pairs.values.field(1).to_numpy(zero_copy_only=False)
        if len(tokens) and not (tokens.min() >= 0 and tokens.max() < MOST_TOKENS and np.isfinite(weights).all()):
            raise InputError(
                f"{where}: the token weights of id '{id}' are not finite numbers of tokens from 0; mend it"
            )
        if len(set(tokens.tolist())) < len(tokens):
            raise InputError(f"{where}: a token stands twice in the weights of id '{id}'; add them up")
    return found


def _check_ids(ids: pa.ChunkedArray, where: object) -> None:
    if pc.any(pc.equal(ids, "")).as_py():
        raise InputError(f"{where}: row {pc.index(ids, '').as_py() + 1} of those given has an empty id; give it one")
    controls = pc.match_substring_regex(ids, CONTROL)
    if pc.any(controls).as_py():
        name = ids[pc.index(controls, True).as_py()].as_py()
        raise InputError(f"{where}: id {name!r} holds a control character, which no store takes; rename it")
    if pc.count_distinct(ids).as_py() != len(ids):
        counted = pc.value_counts(ids)
        twice = counted.field("values").filter(pc.greater(counted.field("counts"), 1))[0]
        raise InputError(f"{where}: id '{twice}' stands twice in the rows given; ids must be unique")


def _sound(values: Floats, ids: pa.ChunkedArray, where: object, recipe: Recipe) -> Floats:
    if recipe.metric == "ip":
        return values
    zero = np.flatnonzero(~(np.linalg.norm(values, axis=1) > 0))
    if len(zero):
        raise VectorsError(f"{where}: the vector of id '{ids[int(zero[0])]}' is zero and has no cosine; leave it out")
    return unit_rows(values)
