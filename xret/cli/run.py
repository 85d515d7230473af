"""`xret run`: a pipeline file from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.pipeline import PipelineFile, Preview, StepReport
    from xret.pipeline.file import EngineChoice

__all__ = ["run"]

EPILOG = """
Pipeline files with comments, one for each job, one that chooses an engine and one with a store, come with the package:
'xret demo --export FOLDER' writes them and their data to a folder of yours.

\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret run mine.toml
  xret run mine.toml --dry-run
  xret run mine.toml --workers 2
  xret run mine.toml --set k=2 --set outputs.pairs=k2.tsv
  xret run search.toml --work cache --json
  xret run eval.toml --no-resume -v
"""


@click.command(epilog=EPILOG)
@click.argument("pipeline", metavar="PIPELINE.toml", type=click.Path(path_type=Path))
@click.option(
    "--work",
    metavar="DIR",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keeps the result of each stage.  [default: PIPELINE.work beside the file]",
)
@click.option(
    "--resume/--no-resume", default=True, show_default=True, help="Use results that the work folder holds already."
)
@click.option(
    "--set",
    "overrides",
    multiple=True,
    metavar="KEY=VALUE",
    help="Replace an option in every stage that has it (k=8), in one stage (mine.k=8), or a path (inputs.src=my.txt, "
    "outputs.pairs=my.tsv).",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Read the inputs and print the plan: rows, sizes, and what is there already; run nothing.",
)
@engine_options
@json_option
@verbose_option
def run(
    pipeline: Path,
    work: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
    dry_run: bool,
    engine: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Run a pipeline file: named inputs, stages one after the other, named outputs.

    Each stage's result is kept in the work folder under a hash of its options and of what its inputs contain: a run
    that was interrupted goes on where it stopped, and after a change only what depends on it is computed again.
    """
    from xret.pipeline import preview, read_pipeline

    plan = read_pipeline(pipeline, overrides=overrides)
    if dry_run:
        seen = preview(plan, work=work, resume=resume, engine=_chosen(engine, workers))
        click.echo(_plan_json(seen) if as_json else _plan_table(seen))
        return
    reports: list[StepReport] = []
    with chosen_engine(engine, workers):
        plan.run(work=work, resume=resume, on_step=reports.append)
    click.echo(_as_json(plan, reports) if as_json else _as_table(plan, reports))


def _as_json(plan: PipelineFile, reports: list[StepReport]) -> str:
    stages = [
        {
            "stage": report.stage,
            "writes": report.writes,
            "status": report.status,
            "rows": report.rows,
            "seconds": round(report.seconds, 3),
            "folder": str(report.folder),
        }
        for report in reports
    ]
    outputs = {name: str(path) for name, path in plan.outputs.items()}
    return json.dumps({"stages": stages, "outputs": outputs}, ensure_ascii=False, indent=1)


def _as_table(plan: PipelineFile, reports: list[StepReport]) -> str:
    from xret.cli.table import render

    rows = [
        (each.stage, each.writes, each.status, "" if each.rows is None else f"{each.rows:,}", f"{each.seconds:.2f}")
        for each in reports
    ]
    table = render(rows, ("stage", "writes", "status", "rows", "seconds"), right=(3, 4))
    return "\n".join([table, "", *(f"{name}: {path}" for name, path in plan.outputs.items())])


def _chosen(engine: str | None, workers: int | None) -> EngineChoice | None:
    """The engine that the options choose; None where they choose none (as `chosen_engine` has it)."""
    from xret.pipeline.file import EngineChoice

    return None if engine is None and workers in (None, 1) else EngineChoice(use=engine or "local", workers=workers)


def _plan_json(plan: Preview) -> str:
    fields = {
        "engine": plan.engine,
        "work": {"path": str(plan.work), "needed": plan.needed, "free": plan.free},
        "inputs": [{**vars(each), "path": str(each.path)} for each in plan.inputs],
        "stages": [vars(each) for each in plan.steps],
        "outputs": [{"name": name, "path": str(path), "replaced": there} for name, path, there in plan.outputs],
    }
    return json.dumps(fields, ensure_ascii=False, indent=1)


def _plan_table(plan: Preview) -> str:
    from xret.cli.table import render
    from xret.indexes.choice import readable_bytes

    def size(value: int | None) -> str:
        return "" if value is None else readable_bytes(value)

    inputs = [(each.name, each.path, _count(each.rows), size(each.bytes)) for each in plan.inputs]
    steps = [
        (each.stage, each.writes, each.status, _count(each.rows, each.at_most), size(each.bytes), each.store)
        for each in plan.steps
    ]
    head = ("stage", "writes", "status", "rows", "size", "store")
    shown = len(head) if any(each.store for each in plan.steps) else len(head) - 1
    cached = sum(each.status == "cached" for each in plan.steps)
    return "\n".join([
        render(inputs, ("input", "file", "rows", "size"), right=(2, 3)), "",
        render([row[:shown] for row in steps], head[:shown], right=(3, 4)), "",
        *(f"{name}: {path}{', which is replaced' if there else ''}" for name, path, there in plan.outputs),
        f"engine: {plan.engine}",
        f"work: {plan.work}, {size(plan.free)} free",
        f"{len(steps)} stages, {cached} cached, {len(steps) - cached} to do{_needed(plan)}",
    ])  # fmt: skip


def _needed(plan: Preview) -> str:
    from xret.indexes.choice import readable_bytes

    return f", {readable_bytes(plan.needed)} or more to write" if plan.needed else ""


def _count(rows: int | None, at_most: bool = False) -> str:
    return "" if rows is None else f"{'up to ' if at_most else ''}{rows:,}"
