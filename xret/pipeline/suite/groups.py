"""Sets with a collection for each language: beside their rows one of all together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from xret.eval.benchmarks.scoring import together
from xret.eval.protocols.scored import Scored
from xret.pipeline.suite.plan import Cell

__all__ = ["with_groups"]

Groups = Mapping[str, Mapping[str, str]]


def with_groups(rows: Sequence[tuple[Cell, Scored]], groups: Groups) -> list[Scored]:
    """The rows of cells, and after the last of a set's collections one for the set, where a system has all of them."""
    made: list[Scored] = []
    known = {(cell.system, cell.benchmark): row for cell, row in rows}
    for cell, row in rows:
        made.append(row)
        made += _joint(cell, known, groups)
    return made


def _joint(cell: Cell, known: Mapping[tuple[str, str], Scored], groups: Groups) -> Iterator[Scored]:
    for name, parts in groups.items():
        mine = {lang: known[cell.system, part] for lang, part in parts.items() if (cell.system, part) in known}
        if cell.benchmark == list(parts.values())[-1] and len(mine) == len(parts):
            whole = together(mine, system=cell.system)
            label = _label(name, cell, row := known[cell.system, cell.benchmark])
            yield replace(whole, benchmark=label, hashes={**whole.hashes, **_same(list(mine.values()), row)})


def _same(rows: Sequence[Scored], first: Scored) -> dict[str, str]:
    """Hashes that all rows have alike, such as that of the model."""
    return {name: value for name, value in first.hashes.items() if all(row.hashes.get(name) == value for row in rows)}


def _label(name: str, cell: Cell, row: Scored) -> str:
    """The set's name, with what was restricted: a collection's label is its name and that."""
    return name + row.benchmark.removeprefix(cell.benchmark)
