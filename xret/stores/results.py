"""What a store found, as a run; and languages of which it has rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import InputError
from xret.runs import ordered

__all__ = ["as_run", "tags_of"]

TYPES = {"qid": pa.string(), "docid": pa.string(), "score": pa.float64(), "dlang": pa.string(), "text": pa.string()}


def as_run(columns: Mapping[str, object], *, k: int) -> pa.Table:
    """Hits in trec_eval's order, the best k of every query.

    Args:
        columns: `qid, docid, score, dlang` and perhaps `text`; a query's hits stand together.
        k: hits per query.

    Returns:
        `qid, docid, score: float64, rank: int32, dlang` (and `text`).
    """
    found = pa.table({name: _cast(values, TYPES[name]) for name, values in columns.items()})
    run = ordered(found)
    run = run.filter(pc.less_equal(run["rank"], k))
    return run.select(["qid", "docid", "score", "rank", *(n for n in ("dlang", "text") if n in run.column_names)])


def tags_of(languages: Sequence[str], known: Sequence[str], where: object) -> list[str]:
    """The tags that languages stand for: themselves and their subtags (RFC 4647, basic filtering), in any case.

    Args:
        languages: as asked for.
        known: the tags of which there are rows.
        where: what has them, for messages.

    Raises:
        InputError: one of which there is no row; lists those there are.
    """
    found: set[str] = set()
    for language in languages:
        wanted = language.lower()
        tags = {tag for tag in known if tag.lower() == wanted or tag.lower().startswith(wanted + "-")}
        if not tags:
            raise InputError(
                f"{where}: has no rows in language '{language}'; it has {', '.join(sorted(known)) or 'no rows at all'}"
            )
        found |= tags
    return sorted(found)


def _cast(values: object, kind: pa.DataType) -> pa.ChunkedArray:
    column = values if isinstance(values, pa.ChunkedArray) else pa.chunked_array([pa.array(values)])
    return column.cast(kind)
