"""The report of an evaluation: what there is data for, in one order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pyarrow as pa

from xret.errors import UsageError
from xret.eval.fairness import study
from xret.eval.matrix import language_matrix
from xret.eval.protocols import Protocol
from xret.eval.reports.beside import published
from xret.eval.reports.by_language import language_bars
from xret.eval.reports.chances import chances, distance_table
from xret.eval.reports.fair import attention_bars, fairness_meanings, fairness_table
from xret.eval.reports.grid import significance
from xret.eval.reports.matrix import language_heat
from xret.eval.reports.retrieved import retrieved
from xret.eval.reports.spreads import score_spreads
from xret.eval.reports.summary import summary
from xret.eval.reports.systems import System, Topics, shown
from xret.eval.statistics import Comparison, compare_runs
from xret.reports import Note, Report, Section
from xret.reports.report import Block

__all__ = ["check_systems", "evaluation_report", "sections_of"]


def evaluation_report(
    systems: Sequence[System],
    *,
    title: str = "Evaluation",
    date: str = "",
    provenance: tuple[tuple[str, str], ...] = (),
    notes: Sequence[str] = (),
    languages: Mapping[str, str] | None = None,
    qrels: pa.Table | None = None,
    documents: pa.Table | None = None,
    topics: Topics = None,
    comparison: Comparison | None = None,
    protocol: tuple[Protocol, str] | None = None,
    cutoff: int = 100,
    seed: int = 0,
) -> Report:
    """Report on systems that were scored on the same queries.

    Args:
        systems: one or more; the first measure of the first is the headline.
        title: of the report.
        date: ISO 8601; empty: none.
        provenance: see `xret.eval.reports.provenance`.
        notes: warnings, shown first.
        languages: query id -> language.
        qrels: `qid, docid, relevance`: with `documents` and runs, what hangs on the language of documents.
        documents: `docid, lang`.
        topics: query id -> topic, and how that is known: see `compare_runs`.
        comparison: of these systems, where it was made already.
        protocol: by which they were scored, and on which benchmark: for published numbers.
        cutoff: of the recall by both languages.
        seed: of the bootstrap and the tests.

    Raises:
        UsageError: no systems, two of one name, or scores of different queries or measures.
        EvalError: the language of a relevant document is not known.
    """
    check_systems(systems)
    sections = sections_of(systems, languages or {}, topics, comparison, protocol, seed)
    if qrels is not None and documents is not None:
        sections += _of_documents(systems, qrels, documents, dict(languages or {}), topics, cutoff)
    warned = tuple(Note(note, warning=True) for note in notes)
    sections[0] = Section(sections[0].title, (*warned, *sections[0].blocks))
    return Report(title=title, date=date, provenance=provenance, sections=tuple(sections))


def sections_of(
    systems: Sequence[System], languages: Mapping[str, str], topics: Topics,
    comparison: Comparison | None, protocol: tuple[Protocol, str] | None, seed: int,
) -> list[Section]:  # fmt: skip
    """What values per query tell: means, languages of the queries, significance; arguments as `evaluation_report`."""
    headline = str(systems[0].scores.measures[0])
    macro = protocol is not None and protocol[0].macro and len(set(languages.values())) > 1
    comparison = comparison or compare_runs(
        {system.name: system.only(headline) for system in systems}, topics=topics, seed=seed,
        macro=languages if macro else None,
    )  # fmt: skip
    title = "Means over the languages" if macro else "Means over the queries"
    first: list[Block] = [summary(systems, comparison, title=title)]
    if protocol is not None:
        first += published(systems, *protocol)
    sections = [Section("Results", tuple(first))]
    bars = language_bars(systems, languages, headline, topics=topics, seed=seed) if languages else None
    if bars is not None:
        sections.append(Section("Languages of the queries", (bars,)))
    names = [system.name for system in shown(systems, headline)]
    if (told := significance(comparison, headline, names)) is not None:
        sections.append(Section("Significance", told))
    return sections


def _of_documents(
    systems: Sequence[System], qrels: pa.Table, documents: pa.Table, languages: dict[str, str], topics: Topics,
    cutoff: int,
) -> list[Section]:  # fmt: skip
    """What hangs on the languages of documents."""
    some = [system for system in shown(systems, str(systems[0].scores.measures[0])) if system.run is not None]
    if not some:
        return []
    heats, scores, shares, fair = [], [], {}, {}
    for system in some:
        run = system.retrieved()
        measure = f"R@{cutoff}"
        matrix = language_matrix(run, qrels, documents, languages, [measure], restricted=False)
        heats.append(language_heat(system.name, matrix, measure))
        found = retrieved(run, qrels, documents)
        scores.append(score_spreads(system.name, found))
        if (told := chances(system.name, found)) is not None:
            shares[system.name] = told
        fair[system.name] = study(run, qrels, documents, query_languages=languages or None, topics=topics)
    names = [name for name in next(iter(fair.values())).measures]
    blocks: dict[str, list[Block]] = {
        "Both languages": [heat for heat in heats if heat is not None],
        "Scores": [plot for plot in scores if plot is not None],
        "Calibration": [plot for plot, _ in shares.values()],
        "Fairness": [
            fairness_table(fair),
            *([bars] if (bars := attention_bars(fair)) else []),
            fairness_meanings(names),
        ],
    }
    if any(len(distances) > 1 for _, distances in shares.values()):
        blocks["Calibration"].append(distance_table({name: distances for name, (_, distances) in shares.items()}))
    return [Section(title, tuple(parts)) for title, parts in blocks.items() if parts]


def check_systems(systems: Sequence[System], *, alike: bool = True) -> None:
    """Refuse what cannot be told apart, or has nothing to tell.

    Raises:
        UsageError: no systems, two of one name, or (`alike`: all are measured in the same way) no measures.
    """
    if not systems:
        raise UsageError("no systems to report on; wanted at least one")
    names = [system.name for system in systems]
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UsageError(f"two systems are called '{twice}'; give them names of their own")
    if alike and not systems[0].scores.measures:
        raise UsageError(f"{systems[0].name}: has no measures; wanted at least one")
