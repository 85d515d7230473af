"""A row of numbers with all that it hangs on: whose, by which protocol, on which data, made with which versions."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import atomic_file
from xret.errors import EvalError
from xret.eval.protocols.protocol import Protocol
from xret.machine import made_by

__all__ = ["FORMAT", "PER_QUERY", "TOPIC", "Scored", "read_scored", "write_scored"]

FORMAT = "xret scored 1"
TOPIC = "topic"
PER_QUERY = pa.schema(
    [
        *((name, pa.string()) for name in ("qid", "lang", "measure")),
        ("value", pa.float64()),
        (TOPIC, pa.string()),
    ]
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Scored:
    """One system on one benchmark.

    Attributes:
        system: what was scored: the name of an encoder, a run, a file of pairs.
        benchmark: name of the data, such as ``miracl/sw/dev``.
        protocol: what was done, with the settings that were used.
        measures: measure -> mean as the protocol averages; the headline first; NaN where undefined.
        by_language: `lang`, further columns, float64 columns of measures.
        per_query: `qid, lang, measure: string, value: float64, topic: string`; without rows where only means are known.
            Queries of one topic are translations of one another; null: a topic of its own. May come without `topic`.
        hashes: content hashes. Those of `corpus`, `queries`, `qrels` must be equal for rows to be compared; others
            (`model`, `index`) are only told.
        versions: of the software, and the hardware (`xret.machine`).
        topics: how topics are known (see `xret.eval.topics`); empty: they are not.
    """

    system: str
    benchmark: str
    protocol: Protocol
    measures: Mapping[str, float]
    by_language: pa.Table = field(default_factory=lambda: _languages([]))
    per_query: pa.Table = field(default_factory=PER_QUERY.empty_table)
    hashes: Mapping[str, str] = field(default_factory=dict)
    versions: Mapping[str, str] = field(default_factory=made_by)
    topics: str = ""

    def __post_init__(self) -> None:
        """Queries without topics get the column all the same, empty."""
        if TOPIC not in self.per_query.column_names:
            unknown = pa.nulls(self.per_query.num_rows, pa.string())
            object.__setattr__(self, "per_query", self.per_query.append_column(TOPIC, unknown))

    @property
    def protocol_identity(self) -> str:
        """`Protocol.identity`."""
        return self.protocol.identity

    def to_json(self) -> str:
        """One JSON object, a line for each of its parts; undefined numbers are null, unknown topics left out."""
        queries = self.per_query
        if queries[TOPIC].null_count == queries.num_rows:  # as rows were before they had topics
            queries = queries.drop_columns([TOPIC])
        parts = {
            "format": FORMAT,
            "system": self.system,
            "benchmark": self.benchmark,
            "protocol": self.protocol.fields(),
            "measures": dict(self.measures),
            "by_language": self.by_language.to_pylist(),
            "per_query": queries.to_pydict(),
            "hashes": dict(self.hashes),
            "versions": dict(self.versions),
            **({"topics": self.topics} if self.topics else {}),
        }
        lines = [f"{json.dumps(name)}: {json.dumps(_null(value), ensure_ascii=False)}" for name, value in parts.items()]
        return "{\n" + ",\n".join(lines) + "\n}\n"

    @staticmethod
    def from_json(text: str, *, name: str = "row") -> Scored:
        """What `to_json` gave.

        Args:
            text: JSON.
            name: of the file, for messages.

        Raises:
            EvalError: not JSON, no row, or a definition that does not have the identity it claims.
        """
        parts = _object(text, name)
        try:
            found = Scored(
                system=str(parts["system"]),
                benchmark=str(parts["benchmark"]),
                protocol=Protocol.from_fields(parts["protocol"]),
                measures={str(key): _number(value) for key, value in parts["measures"].items()},
                by_language=_languages(parts["by_language"]),
                per_query=_queries(parts["per_query"]),
                hashes={str(key): str(value) for key, value in parts["hashes"].items()},
                versions={str(key): str(value) for key, value in parts["versions"].items()},
                topics=str(parts.get("topics", "")),
            )
        except (KeyError, TypeError, AttributeError, ValueError, pa.ArrowException) as error:
            what = f"has no '{error.args[0]}'" if isinstance(error, KeyError) else f"is no scored row ({error})"
            raise EvalError(f"{name}: {what}; wanted what --save wrote") from error
        if found.protocol_identity != parts["protocol"].get("identity"):
            raise EvalError(
                f"{name}: its definition of {found.protocol.name} has identity {found.protocol_identity}, it claims "
                f"{parts['protocol'].get('identity')}: edited, or of another version of xret; score again"
            )
        return found


def write_scored(row: Scored, path: Path) -> None:
    """Write one row, atomically.

    Raises:
        InputError: the folder is not there or cannot be written.
    """
    with atomic_file(path) as temporary:
        temporary.write_text(row.to_json(), encoding="utf-8")


def read_scored(path: str | Path) -> Scored:
    """Read one row.

    Raises:
        EvalError: no such file, or not what `write_scored` wrote.
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise EvalError(f"{path}: cannot be read ({reason}); wanted a row that --save wrote") from error
    return Scored.from_json(text, name=str(path))


def _object(text: str, name: str) -> dict[str, Any]:
    try:
        parts = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise EvalError(f"{name}: not JSON ({error}); wanted a row that --save wrote") from error
    found = parts.get("format") if isinstance(parts, dict) else type(parts).__name__
    if found != FORMAT:
        raise EvalError(f"{name}: is '{found}', wanted '{FORMAT}': a row that --save wrote")
    return dict(parts)


def _queries(columns: dict[str, list[Any]]) -> pa.Table:
    """Values per query; rows of before they had topics lack these."""
    wanted = pa.schema([each for each in PER_QUERY if each.name != TOPIC or TOPIC in columns])
    return pa.table({each.name: columns[each.name] for each in wanted}, schema=wanted)


def _languages(rows: list[dict[str, Any]]) -> pa.Table:
    """A table of rows; columns of nulls alone are undefined numbers."""
    if not rows:
        return pa.table({"lang": pa.array([], pa.string())})
    table = pa.Table.from_pylist(rows)
    undefined = {each.name for each in table.schema if pa.types.is_null(each.type)}
    return table.cast(
        pa.schema([(each.name, pa.float64() if each.name in undefined else each.type) for each in table.schema])
    )


def _number(value: object) -> float:
    return math.nan if value is None else float(value)  # type: ignore[arg-type]


def _null(value: object) -> object:
    if isinstance(value, dict):
        return {key: _null(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_null(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
