"""The report of `xret eval run`."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.cli.report_options import file_hashes, save_eval_report

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.eval.evaluation import Evaluation
    from xret.eval.statistics import Comparison

__all__ = ["short_names", "write_run_report"]


def write_run_report(path: str, result: Evaluation, qrels: str, runs: Sequence[str], options: dict[str, Any]) -> None:
    """Write it; runs are read again, one at a time, for what hangs on the languages of documents.

    Args:
        path: of the report.
        result: what was printed.
        qrels: file.
        runs: files.
        options: of the command: `queries`, `corpus`, `relevant_from`, `seed`, `by_topic`.
    """
    from xret.eval.reports import System, evaluation_report, provenance, today
    from xret.eval.topics import topics_of
    from xret.runs import read_run

    files = list(dict.fromkeys(runs))
    names = short_names(files)
    judgements = _judgements(qrels, options["relevant_from"])
    systems = [
        System(name=names[file], scores=result.scores[file], run=functools.partial(read_run, file)) for file in files
    ]
    queries = _table(options["queries"])
    known = file_hashes({"qrels": qrels, **{f"run {names[file]}": file for file in files},
                         "queries": options["queries"], "corpus": options["corpus"]})  # fmt: skip
    report = evaluation_report(
        systems,
        title=f"Evaluation of {', '.join(names.values()) if len(names) < 4 else f'{len(names)} runs'}",
        date=today(),
        provenance=provenance(known),
        notes=result.notes,
        languages=next(iter(result.languages.values())),
        qrels=judgements,
        documents=_documents(options["corpus"]),
        topics=topics_of(judgements, queries) if options["by_topic"] else None,
        comparison=_renamed(result.comparison, names),
        seed=options["seed"],
    )
    save_eval_report(report, path)


def short_names(files: Sequence[str]) -> dict[str, str]:
    """File -> its name without folder and suffix, where that tells all apart; else as given."""
    stems = {
        file: Path(file).name.removesuffix(".gz").removesuffix(".zst").rpartition(".")[0] or file for file in files
    }
    return stems if len(set(stems.values())) == len(stems) else {file: file for file in files}


def _renamed(comparison: Comparison | None, names: Mapping[str, str]) -> Comparison | None:
    """The comparison that was printed, with the names of the report."""
    if comparison is None:
        return None
    tables = {}
    for part, columns in (("intervals", ("system",)), ("differences", ("system", "baseline"))):
        table = getattr(comparison, part)
        for column in columns:
            called = [names[name] for name in table[column].to_pylist()]
            table = table.set_column(table.column_names.index(column), column, [called])
        tables[part] = table
    return replace(comparison, **tables)


def _judgements(path: str, level: int) -> pa.Table:
    """The judgements, those below the level made 0."""
    import pyarrow as pa
    import pyarrow.compute as pc

    from xret.runs import read_qrels

    table = read_qrels(path)
    if level <= 1:
        return table
    kept = pc.if_else(pc.greater_equal(table["relevance"], level), table["relevance"], pa.scalar(0, pa.int32()))
    return table.set_column(table.column_names.index("relevance"), "relevance", kept)


def _table(path: str | None) -> pa.Table | None:
    from xret.corpus import open_corpus

    return None if path is None else open_corpus(path)


def _documents(corpus: str | None) -> pa.Table | None:
    """`docid, lang` by the corpus; None without one."""
    import pyarrow as pa

    table = _table(corpus)
    if table is None:
        return None
    return pa.table({"docid": table["id"].cast(pa.string()), "lang": table["lang"].cast(pa.string())})
