"""`xret eval suite`: systems x benchmarks x measures from one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, json_option, threads_option, verbose_option
from xret.cli.report_options import check_eval_report, eval_report_option, save_eval_report
from xret.cli.rows_report import failures

if TYPE_CHECKING:
    from xret.eval.protocols.scored import Scored
    from xret.pipeline.suite import Planned, SuiteResults

__all__ = ["command"]

WIDTH = 80  # of the names of benchmarks, side by side

EXAMPLE = """
A suite file with comments comes with the sample, which 'xret demo --export sample' writes.

\b
Examples:
  xret eval suite suite.toml --dry-run
  xret eval suite suite.toml --report suite.md
  xret eval suite suite.toml --only "bm25/*" --sample 10 -o quick --json
"""


@click.command("suite", epilog=EXAMPLE)
@click.argument("suite", metavar="SUITE.toml", type=click.Path(path_type=Path))
@click.option(
    "--work",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keeps the result of every unit of work.  [default: SUITE.work beside the file]",
)
@click.option(
    "-o",
    "--output",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="For results.json, results.parquet and steps.json.  [default: SUITE.results beside the file]",
)
@click.option(
    "--only",
    multiple=True,
    metavar="SYSTEM/BENCHMARK",
    help="Compute only this, and show only its benchmarks; also SYSTEM alone, */BENCHMARK and other wildcards. May be "
    "repeated.",
)
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    metavar="N",
    help="So many queries of each benchmark, drawn at random, whatever the file says.",
)
@click.option("--seed", type=click.IntRange(min=0), metavar="N", help="Of the sample, whatever the file says.")
@click.option("--resume/--no-resume", default=True, show_default=True, help="Use what the work folder holds already.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and what of it is there already; compute nothing.")
@eval_report_option
@device_option
@threads_option
@json_option
@verbose_option
def command(
    suite: Path,
    work: Path | None,
    output: Path | None,
    only: tuple[str, ...],
    sample: int | None,
    seed: int | None,
    resume: bool,
    dry_run: bool,
    report: str | None,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Evaluate systems on benchmarks: encode, index, search, rerank, fuse, calibrate and score, as SUITE.toml says.

    Benchmarks are files (corpus, queries, qrels) or published sets by their protocols. Systems are lexical (BM25),
    dense, multivector, rerank, fuse or calibrate of others, or run (made elsewhere). Each of them is a table in the
    file; keys are the options of the stages, under the same names.

    Every unit of work is kept under a hash of its options and of the contents of what it reads: a suite that was
    interrupted goes on where it stopped, and after a change only what depends on it is computed again. A unit that
    fails takes along only what needs it; the command then ends with exit code 1.
    """
    from xret.pipeline.suite import Progress, open_suite, read_suite, save_results

    check_eval_report(report, str(suite))
    plan = read_suite(suite, sample=sample, seed=seed)
    opened = open_suite(plan, work=work, only=only, resume=resume, device=device, threads=threads)
    if dry_run:
        _show_plan(opened.plan(), as_json=as_json)
        return

    def told(progress: Progress) -> None:
        click.echo(str(progress), err=True)

    results = opened.run(told)
    folder = plan.results if output is None else output
    save_results(results, folder)
    if report is not None and results.rows:
        _write_report(results, report, folder)
    if as_json:
        _as_json(results)
    else:
        _as_tables(results)
    _tell_skipped(results)
    click.echo(f"{folder}: {len(results.rows)} rows, hash {results.hash[:12]}", err=True)
    if results.failed:
        for each in results.failed:
            click.echo(f"failed: {each.system}/{each.benchmark}: {each.why}", err=True)
        raise SystemExit(1)


def _tell_skipped(results: SuiteResults) -> None:
    """Why cells are empty, a line for each benchmark and reason."""
    reasons: dict[tuple[str, str], list[str]] = {}
    for each in results.skipped:
        reasons.setdefault((each.benchmark, each.why), []).append(each.system)
    for (benchmark, why), systems in reasons.items():
        click.echo(f"{benchmark}: not for {', '.join(systems)}: {why}", err=True)


def _write_report(results: SuiteResults, report: str, folder: Path) -> None:
    from xret.eval.reports import rows_report, today

    known = ("results", str(folder)), ("hash of all results", results.hash)
    made = rows_report(
        results.rows, title=results.title, date=today(), provenance=known, notes=failures(results.failed)
    )
    save_eval_report(made, report)


def _show_plan(units: list[Planned], *, as_json: bool) -> None:
    if as_json:
        print_json([vars(unit) for unit in units])
        return
    rows = [{"for": unit.cell, "unit": unit.what, "state": "cached" if unit.cached else "to do"} for unit in units]
    if rows:
        print_table(rows, ["for", "unit", "state"])
    missing = sum(not unit.cached for unit in units)
    click.echo(f"\n{len(units)} units, {len(units) - missing} cached, {missing} to do")


def _as_json(results: SuiteResults) -> None:
    rows = [
        {
            "system": row.system, "benchmark": row.benchmark, "protocol": row.protocol.name,
            "identity": row.protocol_identity, "measures": dict(row.measures),
            "languages": row.by_language.to_pylist(), "hashes": dict(row.hashes),
        }
        for row in results.rows
    ]  # fmt: skip
    told = {name: [vars(each) for each in getattr(results, name)] for name in ("skipped", "failed")}
    print_json({"title": results.title, "hash": results.hash, "rows": rows, **told})


def _as_tables(results: SuiteResults) -> None:
    """The headlines side by side, then each benchmark with all its measures."""
    if not results.rows:
        click.echo("no results")
        return
    heads = {row.benchmark: f"{row.benchmark} {row.protocol.headline}" for row in results.rows}
    if len(heads) > 1:
        _headlines(results, heads)
        click.echo()
    for place, name in enumerate(heads):
        _benchmark_table([row for row in results.rows if row.benchmark == name], first=not place)


def _headlines(results: SuiteResults, heads: dict[str, str]) -> None:
    """Systems x benchmarks; long names of benchmarks stand below, by number."""
    by_name: dict[tuple[str, str], Scored] = {(row.system, row.benchmark): row for row in results.rows}
    numbered = sum(map(len, heads.values())) > WIDTH
    columns = [str(number) for number in range(1, len(heads) + 1)] if numbered else list(heads.values())
    rows = []
    for system in results.systems:
        values = [_headline(by_name.get((system, name))) for name in heads]
        rows.append({"system": system, **dict(zip(columns, values, strict=True))})
    print_table(rows, ["system", *columns])
    if numbered:
        click.echo()
        for number, head in zip(columns, heads.values(), strict=True):
            click.echo(f"{number:>3}  {head}")


def _headline(row: Scored | None) -> float:
    return float("nan") if row is None else row.measures.get(row.protocol.headline, float("nan"))


def _benchmark_table(rows: list[Scored], *, first: bool) -> None:
    hashes = rows[0].hashes
    shown = ", ".join(f"{name} {hashes[name][:12]}" for name in ("corpus", "queries", "qrels") if name in hashes)
    click.echo(
        ("" if first else "\n") + f"{rows[0].benchmark}: {rows[0].protocol.name} {rows[0].protocol_identity}; {shown}"
    )
    measures = list(dict.fromkeys(name for row in rows for name in row.measures))
    table: list[dict[str, Any]] = [
        {"system": row.system, **{name: row.measures.get(name, float("nan")) for name in measures}} for row in rows
    ]
    print_table(table, ["system", *measures])
