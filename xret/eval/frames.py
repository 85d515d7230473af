"""Results as data frames: long tables with a row a number, as Arrow, pandas, CSV or Parquet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from xret.errors import require
from xret.eval.protocols import Scored
from xret.eval.scores import RunScores

__all__ = ["long_table", "per_query_table", "to_pandas"]

NOT_MEASURES = ("lang", "queries", "file_lang", "sentences")


def long_table(rows: Sequence[Scored]) -> pa.Table:
    """Means and breakdowns of scored rows, one number a row.

    Returns:
        `system, benchmark, protocol, identity, lang, measure, value: float64`; `lang` is ``all`` for the headline.
    """
    found: list[dict[str, Any]] = []
    for row in rows:
        head = {"system": row.system, "benchmark": row.benchmark, "protocol": row.protocol.name,
                "identity": row.protocol_identity}  # fmt: skip
        found += [{**head, "lang": "all", "measure": name, "value": value} for name, value in row.measures.items()]
        for line in row.by_language.to_pylist():
            values = {name: value for name, value in line.items() if name not in NOT_MEASURES and _is_number(value)}
            found += [{**head, "lang": line["lang"], "measure": name, "value": value} for name, value in values.items()]
    names = ("system", "benchmark", "protocol", "identity", "lang", "measure")
    return pa.Table.from_pylist(
        found, schema=pa.schema([*((name, pa.string()) for name in names), ("value", pa.float64())])
    )


def per_query_table(rows: Sequence[Scored]) -> pa.Table:
    """Values per query of scored rows: `system, benchmark, qid, lang, measure, value: float64, topic`."""
    tables = []
    for row in rows:
        count = row.per_query.num_rows
        head = [pa.array([text] * count, pa.string()) for text in (row.system, row.benchmark)]
        named = row.per_query.add_column(0, "system", head[0])
        tables.append(named.add_column(1, "benchmark", head[1]))
    return pa.concat_tables(tables)


def to_pandas(results: pa.Table | RunScores | Scored | Sequence[Scored]) -> Any:
    """A pandas data frame of results.

    Args:
        results: a table (a run, qrels, a breakdown) as it is; the values per query of `score_run`; scored rows, as
            `long_table` has them.

    Raises:
        MissingExtraError: pandas is not installed.
    """
    require("pandas", extra="pandas", purpose="results as data frames")
    if isinstance(results, pa.Table):
        return results.to_pandas()
    if isinstance(results, RunScores):
        return results.per_query().to_pandas()
    return long_table([results] if isinstance(results, Scored) else results).to_pandas()


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
