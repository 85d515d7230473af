"""The Arrow side of an index: id, language, title and text of every row, in files beside the vectors."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError, MismatchError
from xret.vectors import Vectors

__all__ = ["BLOCK", "count_languages", "like", "row_numbers", "rows_of", "shown_columns"]

BLOCK = 8192  # rows handled at a time: 12 MiB of float32 at 384 dimensions
UNKNOWN = "und"  # BCP 47 for "undetermined"


def rows_of(vectors: Vectors, corpus: pa.Table | None, *, text: bool) -> pa.Table:
    """`id, lang` and, where wanted, `text` (and `title`, see `shown_columns`) of the rows of `vectors`, in their order.

    Args:
        vectors: what is indexed.
        corpus: the table that was encoded; None: ids come from the vectors, languages are ``und``.
        text: whether to keep the texts (needs `corpus`).

    Raises:
        MismatchError: the corpus is not what the vectors were made from.
        InputError: texts wanted without a corpus, or ids that repeat.
    """
    if corpus is None:
        if text:
            raise InputError(
                "the texts are to be stored, but there is no corpus beside the vectors; give it, or leave texts out"
            )
        ids = vectors.ids().cast(pa.string())
        table = pa.table({"id": ids, "lang": pa.repeat(pa.scalar(UNKNOWN, pa.string()), len(ids))})
    else:
        _refuse_foreign(vectors, corpus)
        table = corpus.select(["id", "lang", *shown_columns(corpus, text=text)])
    repeated = _repeated(table["id"])
    if repeated:
        raise InputError(f"id '{repeated[0]}' stands twice in the rows to index; ids must be unique")
    return table.cast(pa.schema([(name, pa.string()) for name in table.column_names]))


def shown_columns(corpus: pa.Table, *, text: bool) -> list[str]:
    """What an index keeps of a corpus to show it: `text` and, where there is one, `title`; nothing without texts."""
    if not text:
        return []
    titled = "title" in corpus.column_names and pa.types.is_string(corpus["title"].type)
    return ["title", "text"] if titled else ["text"]


def like(table: pa.Table, names: Sequence[str]) -> pa.Table:
    """Rows to add, with the columns of the index: a title that it keeps and they lack is null, others are left out."""
    for name in names:
        if name not in table.column_names:
            table = table.append_column(name, pa.nulls(table.num_rows, pa.string()))
    return table.select(list(names))


def count_languages(table: pa.Table) -> dict[str, int]:
    """Rows per language tag, tags in alphabetical order."""
    counted = {entry["values"]: entry["counts"] for entry in pc.value_counts(table["lang"]).to_pylist()}
    return dict(sorted(counted.items()))


def row_numbers(table: pa.Table, rows: int, path: Path) -> npt.NDArray[np.int64]:
    """The only column of a table of row numbers.

    Args:
        table: with the column `row`.
        rows: of the index.
        path: of the table, for messages.

    Raises:
        InputError: it does not hold ascending numbers of rows.
    """
    fits = table.column_names == ["row"] and pa.types.is_integer(table["row"].type) and not table["row"].null_count
    numbers = table["row"].to_numpy().astype(np.int64) if fits else np.array([-1])
    if len(numbers) and not (numbers[0] >= 0 and numbers[-1] < rows and (np.diff(numbers) > 0).all()):
        raise InputError(f"{path}: does not hold numbers of the index's {rows:,} rows; build the index again")
    return numbers


def _refuse_foreign(vectors: Vectors, corpus: pa.Table) -> None:
    from xret.corpus import corpus_hash

    if vectors.rows != corpus.num_rows:
        raise MismatchError(
            f"there are {vectors.rows:,} vectors and {corpus.num_rows:,} corpus rows; encode this corpus again"
        )
    place = 0
    for start in range(0, corpus.num_rows, BLOCK):
        differ = pc.not_equal(
            vectors.ids().slice(start, BLOCK).cast(pa.string()), corpus["id"].slice(start, BLOCK).cast(pa.string())
        )
        place = pc.index(differ, True).as_py()
        if place >= 0:
            ours, theirs = corpus["id"][start + place], vectors.ids()[start + place]
            raise MismatchError(
                f"row {start + place + 1} has id '{theirs}' in the vectors and '{ours}' in the corpus; "
                "encode this corpus again"
            )
    if vectors.corpus_hash and vectors.corpus_hash != corpus_hash(corpus):
        raise MismatchError("the vectors were made from other texts than this corpus holds; encode this corpus again")


def _repeated(ids: pa.ChunkedArray) -> list[str]:
    if pc.count_distinct(ids).as_py() == len(ids):
        return []
    counted = pc.value_counts(ids)
    names: list[str] = counted.field("values").filter(pc.greater(counted.field("counts"), 1)).to_pylist()
    return names
