"""Rows side by side, if they are alike: one protocol, one pool, one set of queries, one set of judgements."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import fields

import pyarrow as pa

from xret.errors import MismatchError, UsageError
from xret.eval.protocols.protocol import NO_NUMBERS, Protocol
from xret.eval.protocols.scored import Scored

__all__ = ["COMPARED", "compare", "unlike"]

COMPARED = {"corpus": "corpora", "queries": "queries", "qrels": "judgements"}
log = logging.getLogger("xret")


def compare(rows: Sequence[Scored], names: Sequence[str] | None = None) -> pa.Table:
    """The numbers of like rows.

    A hash that one of two rows does not have is taken to be equal, with a warning.

    Args:
        rows: two or more.
        names: what messages call them (files); default: their systems.

    Returns:
        `system: string`, one float64 column for each measure that all rows have, as the first row orders them.

    Raises:
        MismatchError: two rows differ in protocol, settings, corpus, queries or judgements, or share no measure: says
            which rows, and in what.
        UsageError: fewer than two rows.
    """
    if len(rows) < 2:
        raise UsageError(f"found {len(rows)} rows, wanted two or more to compare")
    called = list(names or (row.system for row in rows))
    first = rows[0]
    for row, name in zip(rows[1:], called[1:], strict=True):
        if (reason := unlike(first, row)) is not None:
            raise MismatchError(f"{called[0]} and {name} cannot be compared: {reason}")
        for part in sorted(COMPARED.keys() & (first.hashes.keys() ^ row.hashes.keys())):
            log.warning("%s of %s or %s is not known; taken to be the same", part, called[0], name)
    shared = [measure for measure in first.measures if all(measure in row.measures for row in rows)]
    if not shared:
        raise MismatchError(f"{', '.join(called)} share no measure: {_all_measures(rows)}; score them again")
    columns = {measure: pa.array([row.measures[measure] for row in rows], pa.float64()) for measure in shared}
    return pa.table({"system": [row.system for row in rows], **columns})


def unlike(one: Scored, other: Scored) -> str | None:
    """Why two rows may not stand in one table, in one line; None if they may."""
    if one.protocol.name != other.protocol.name:
        return f"protocol {one.protocol.name} against {other.protocol.name}"
    if one.protocol_identity != other.protocol_identity:
        return f"{one.protocol.name} with {'; '.join(_changes(one.protocol, other.protocol))}"
    for part, what in COMPARED.items():
        mine, theirs = one.hashes.get(part), other.hashes.get(part)
        if mine and theirs and mine != theirs:
            where = f" of {one.benchmark} and {other.benchmark}" if one.benchmark != other.benchmark else ""
            return f"different {what}{where} (hash {mine[:12]} against {theirs[:12]})"
    if one.benchmark != other.benchmark and not COMPARED.keys() & one.hashes.keys() & other.hashes.keys():
        return f"{one.benchmark} against {other.benchmark}, and no hashes tell that they are the same data"
    return None


def _changes(one: Protocol, other: Protocol) -> Iterator[str]:
    settings = dict(one.options), dict(other.options)
    for name in sorted(settings[0].keys() | settings[1].keys()):
        mine, theirs = (each.get(name, "none") for each in settings)
        if mine != theirs:
            yield f"{name} = {mine} against {theirs}"
    for name in (each.name for each in fields(Protocol) if each.name not in NO_NUMBERS | {"options"}):
        if getattr(one, name) != getattr(other, name):
            yield f"{name} {getattr(one, name)!r} against {getattr(other, name)!r}"


def _all_measures(rows: Sequence[Scored]) -> str:
    return " | ".join(", ".join(row.measures) or "none" for row in rows)
