"""`xret run`: a pipeline file from the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.pipeline import PipelineFile, StepReport

__all__ = ["run"]

EPILOG = """
Three pipeline files with comments, one for each job, come with the package: 'xret demo --export FOLDER' writes them and
their data to a folder of yours.

\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret run mine.toml
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
@engine_options
@json_option
@verbose_option
def run(
    pipeline: Path,
    work: Path | None,
    resume: bool,
    overrides: tuple[str, ...],
    engine: str | None,
    workers: int | None,
    as_json: bool,
) -> None:
    """Run a pipeline file: named inputs, stages one after the other, named outputs.

    Each stage's result is kept in the work folder under a hash of its options and of what its inputs contain: a run
    that was interrupted goes on where it stopped, and after a change only what depends on it is computed again.
    """
    from xret.pipeline import read_pipeline

    plan = read_pipeline(pipeline, overrides=overrides)
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
