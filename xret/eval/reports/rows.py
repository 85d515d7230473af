"""The report of scored rows: those of one protocol on the same data together, others never in one table."""

from __future__ import annotations

from collections.abc import Sequence

from xret.errors import UsageError
from xret.eval.protocols import Protocol, Scored
from xret.eval.reports.beside import published
from xret.eval.reports.evaluation import check_systems, sections_of
from xret.eval.reports.summary import summary
from xret.eval.reports.systems import System, of_row, query_languages_of, topics_of_rows
from xret.reports import Note, Report, Section, Table
from xret.reports.tables import Cell

__all__ = ["rows_report"]

DATA = ("corpus", "queries", "qrels", "answers")


def rows_report(
    rows: Sequence[Scored], *, title: str = "Evaluation", date: str = "", provenance: tuple[tuple[str, str], ...] = (),
    notes: Sequence[str] = (), seed: int = 0,
) -> Report:  # fmt: skip
    """Report on scored rows.

    Args:
        rows: one or more.
        title, date, provenance: of the report; versions and hashes of the rows are added.
        notes: warnings, shown first.
        seed: of intervals and tests.

    Raises:
        UsageError: no rows, or two of one system on one benchmark.
    """
    if not rows:
        raise UsageError("no rows to report on; give files that --save wrote, or the folder of a suite")
    groups: dict[tuple[str, ...], list[Scored]] = {}
    for row in rows:
        data = (row.hashes.get(part, "") for part in DATA)
        groups.setdefault((row.protocol_identity, row.benchmark, *data), []).append(row)
    sections: list[Section] = []
    for group in groups.values():
        parts = _of_group(group, seed)
        if len(groups) == 1:
            sections = parts
        else:
            name = f"{group[0].benchmark} ({group[0].protocol.name})"
            sections.append(Section(name, tuple(block for part in parts for block in part.blocks)))
    if notes:
        sections.insert(0, Section("Warnings", tuple(Note(note, warning=True) for note in notes)))
    return Report(title=title, date=date, provenance=(*provenance, *_known(rows)), sections=tuple(sections))


def _of_group(group: Sequence[Scored], seed: int) -> list[Section]:
    systems = [of_row(row) for row in group]
    check_systems(systems, alike=False)
    protocol = (group[0].protocol, group[0].benchmark)
    told = _definition(group[0].protocol)
    if _alike(systems):
        spoken = {qid: lang for row in group for qid, lang in query_languages_of(row).items()}
        found = sections_of(systems, spoken, topics_of_rows(group), None, protocol, seed)
    else:
        languages = [table] if (table := _by_language(group)) is not None else []
        macro = group[0].protocol.macro and len(set(group[0].by_language["lang"].to_pylist())) > 1
        means = summary(systems, None, title="Means over the languages" if macro else "Means over the queries")
        found = [Section("Results", (means, *published(systems, *protocol), *languages))]
    return [*found, Section("Protocol", (told,))]


def _alike(systems: Sequence[System]) -> bool:
    """Whether all have values of the same queries, by the same measures."""
    queries = {tuple(system.scores.qids.to_pylist()) for system in systems}
    measures = {tuple(map(str, system.scores.measures)) for system in systems}
    return len(queries) == len(measures) == 1 and () not in queries | measures


def _by_language(group: Sequence[Scored]) -> Table | None:
    """What the rows know of languages; None where they know nothing, or not the same."""
    columns = group[0].by_language.column_names
    if not group[0].by_language.num_rows or any(row.by_language.column_names != columns for row in group):
        return None
    rows: list[tuple[Cell, ...]] = [
        (row.system, *line.values()) for row in group for line in row.by_language.to_pylist()
    ]
    return Table(title="By language", columns=("system", *columns), rows=tuple(rows), heads=2)


def _definition(protocol: Protocol) -> Table:
    """What the protocol fixes, part by part."""
    first, *lines = protocol.definition().splitlines()
    parts: list[list[str]] = []
    for line in lines:
        name, text = line[:13].strip(), line[13:].strip()
        if name:
            parts.append([name, text])
        else:
            parts[-1][1] += f" {text}"
    return Table(title=first, columns=("part", "what it is"), rows=tuple((name, text) for name, text in parts))


def _known(rows: Sequence[Scored]) -> tuple[tuple[str, str], ...]:
    """Versions, once where all rows agree; hashes of data by benchmark, and of models and indexes by system."""
    known: dict[str, str] = {}
    for name in dict.fromkeys(name for row in rows for name in row.versions):
        values = {row.versions.get(name, "") for row in rows}
        for row in rows:
            key = name if len(values) == 1 else f"{name} of {row.system} on {row.benchmark}"
            known |= {key: row.versions[name]} if name in row.versions else {}
    for data in (True, False):
        for row in rows:
            for part in [part for part in row.hashes if (part in DATA) == data]:
                first, other = (row.benchmark, f"with {row.system}") if data else (row.system, f"on {row.benchmark}")
                key = f"hash of {part} of {first}"
                both = known.get(key, row.hashes[part]) == row.hashes[part]
                known[key if both else f"{key} {other}"] = row.hashes[part]
    return tuple(known.items())
