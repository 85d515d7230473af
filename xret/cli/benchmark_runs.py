"""The runs of `xret eval benchmark`: scored, printed, written."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.protocol_options import about, save_row

if TYPE_CHECKING:
    from xret.eval.benchmarks import Benchmark
    from xret.eval.protocols import Scored

__all__ = ["print_scores", "runs_by_language", "score_runs", "write_numbers"]


def score_runs(
    name: str, source: Any, runs: tuple[str, ...], options: dict[str, Any], measures: tuple[str, ...],
    system: str | None = None,
) -> tuple[list[Benchmark], list[Scored]]:  # fmt: skip
    """What was loaded, and the row of each run; one row for runs of several languages. `system` names a single row."""
    from xret.eval.benchmarks import load_benchmark
    from xret.eval.benchmarks.scoring import score, together
    from xret.runs import read_run

    named = runs_by_language(runs)
    if not named:
        benchmark = load_benchmark(name, source, **options)
        return [benchmark], [
            score(benchmark, read_run(run), system=system or run, measures=measures) for run in dict.fromkeys(runs)
        ]
    loaded = {lang: load_benchmark(name, source, **{**options, "lang": lang}) for lang in named}
    rows = {lang: score(loaded[lang], read_run(run), system=run, measures=measures) for lang, run in named.items()}
    return list(loaded.values()), [together(rows, system=system or " ".join(runs))]


def runs_by_language(runs: tuple[str, ...]) -> dict[str, str]:
    """Language -> run of ``LANG=RUN``; empty for plain runs. A name that is there is a file's, also with a ``=``."""
    from xret.corpus.languages import is_lang
    from xret.errors import UsageError

    pairs = [run.partition("=") for run in runs if not Path(run).exists() and "=" in run]
    named = {lang: path for lang, _, path in pairs if is_lang(lang)}
    if named and len(named) < len(runs):
        raise UsageError("give every run as LANG=RUN, each language once, or none of them")
    return named


def print_scores(rows: list[Scored], as_json: bool) -> None:
    """Means, and a table by language of each run where there are several."""
    if as_json:
        print_json(
            {
                "benchmark": rows[0].benchmark,
                "protocol": about(rows[0].protocol),
                "hashes": dict(rows[0].hashes),
                "runs": [
                    {"run": row.system, "measures": dict(row.measures), "languages": row.by_language.to_pylist()}
                    for row in rows
                ],
            }
        )
        return
    first = rows[0]
    click.echo(f"{first.benchmark}, protocol {first.protocol.name} {first.protocol_identity}: {first.protocol.average}")
    print_table([{"run": row.system, **row.measures} for row in rows], ["run", *first.measures])
    for row in rows:
        if row.by_language.num_rows > 3:  # more than one language, macro and micro
            click.echo(f"\n{row.system}, by language")
            print_table(row.by_language.to_pylist(), ["lang", "queries", *row.measures])


def write_numbers(rows: list[Scored], given: dict[str, Any]) -> None:
    """The files of ``--numbers``, ``--per-query`` and ``--save``."""
    if given["numbers"] or given["per_query"]:
        from xret.eval.frames import long_table, per_query_table
        from xret.eval.tables import write_table

        for option, table in (("numbers", long_table), ("per_query", per_query_table)):
            if given[option]:
                write_table(table(rows), Path(given[option]))
    save_row(given["save"], lambda: rows[0])
