"""`xret demo`: the three jobs on the bundled sample, and what to do next."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option

if TYPE_CHECKING:
    from xret.pipeline import PipelineFile

__all__ = ["demo"]

EPILOG = """
\b
Examples:
  xret demo
  xret demo --json
  xret demo --export my-sample
"""


@click.command(epilog=EPILOG)
@click.option(
    "--export",
    metavar="FOLDER",
    type=click.Path(path_type=Path, file_okay=False),
    help="Write the sample and its three pipeline files to a new folder instead.",
)
@encoder_option
@device_option
@threads_option
@json_option
@verbose_option
def demo(export: Path | None, encoder: str, device: str, threads: int | None, as_json: bool) -> None:
    """Mine, search and evaluate a bundled sample in sixteen languages, in seconds and without a network.

    It runs mine.toml, search.toml and eval.toml of the sample, which --export writes to a folder of yours.
    """
    if export is not None:
        _export(export)
        return
    from xret.atomic import temporary_folder
    from xret.cli.demo_text import narrate

    start = time.perf_counter()
    with temporary_folder() as folder:
        results = {name: _run(name, folder, encoder, device, threads) for name in ("mine", "search", "eval")}
    if as_json:
        click.echo(json.dumps(_facts(results), ensure_ascii=False, indent=1))
        return
    click.echo(narrate(results, encoder=encoder, seconds=time.perf_counter() - start))


def _export(folder: Path) -> None:
    from xret.sample import export_sample

    for path in export_sample(folder):
        click.echo(path)
    click.echo(f"next: cd {folder} && xret run mine.toml", err=True)


def _run(name: str, folder: Path, encoder: str, device: str, threads: int | None) -> dict[str, Any]:
    """The values that a pipeline of the sample gives; its outputs are not written, and its folders are temporary."""
    from xret.pipeline import read_pipeline
    from xret.sample import sample_path

    given = [f"encoder={json.dumps(encoder)}", f"device={device}"]
    overrides = [*given, *([f"threads={threads}"] if threads else [])]
    plan: PipelineFile = read_pipeline(sample_path(f"{name}.toml"), overrides=overrides)
    scratch = folder / name
    scratch.mkdir()
    return plan.pipeline(plan.inputs, scratch=scratch)


def _facts(results: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return {
        "mining": {
            "report": results["mine"]["report"].to_pylist(),
            "pairs": results["mine"]["pairs"].slice(0, 10).to_pylist(),
        },
        "search": results["search"]["run"].to_pylist(),
        "evaluation": results["eval"]["report"].to_pylist(),
    }
