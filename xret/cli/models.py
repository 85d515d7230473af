"""`xret models`: which encoders are here, what they are, and how to take them elsewhere."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.models_pull import recipe_options
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.encoders.card import ModelCard

__all__ = ["models"]

# command -> (module:attribute, one-line help) of those that live elsewhere and are imported only when called.
ELSEWHERE = {
    "pull": ("xret.cli.models_pull:pull", "Fetch an encoder and build its graph, ready without a network."),
    "trim": ("xret.cli.models_trim:trim", "Cut a model's vocabulary down to the tokens that your texts use."),
    "distil": ("xret.cli.models_distil:distil", "Train a small encoder from a teacher and parallel text."),
    "token-head": ("xret.cli.models_token_head:token_head", "Give a hybrid model token vectors for MaxSim."),
    "experts": ("xret.cli.models_experts:experts", "Put encoders of one space together, one for each language."),
    "adapt": ("xret.cli.models_adapt:adapt", "Fit a map to a model's vectors: rotate, centre, whiten."),
}

EXAMPLE = """
\b
Examples:
  xret models list
  xret models info xret-mini
  xret models pull xret-mini
"""


class _Group(click.Group):
    """Commands of this file, and those of `ELSEWHERE`."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*self.commands, *ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in ELSEWHERE:
            return super().get_command(ctx, cmd_name)
        module, attribute = ELSEWHERE[cmd_name][0].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        rows = [(name, command.get_short_help_str(80)) for name, command in self.commands.items()]
        with formatter.section("Commands"):
            formatter.write_dl([*rows, *((name, text) for name, (_, text) in ELSEWHERE.items())])


@click.group(cls=_Group, epilog=EXAMPLE)
def models() -> None:
    """List, inspect, build and train encoders."""


@models.command("list", epilog="\n\b\nExamples:\n  xret models list\n  xret models list --json\n")
@json_option
@verbose_option
def list_models(as_json: bool) -> None:
    """List the bundled encoders, and those used before."""
    from xret.cli.model_text import size_text
    from xret.cli.table import render
    from xret.encoders.card import read_card
    from xret.encoders.locate import bundled_models

    rows = [_row(read_card(name), name, "bundled") for name in bundled_models()]
    rows += _used({row["hash"] for row in rows})
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    if not rows:
        click.echo("no encoder is bundled, and none has been used yet", err=True)
        return
    cells = [(row["name"], row["family"], row["dim"], size_text(row["bytes"]), row["where"]) for row in rows]
    click.echo(render(cells, ("name", "family", "dim", "size", "where"), right=(2, 3)))


@models.command(epilog="\n\b\nExamples:\n  xret models info xret-mini\n  xret models info xret-mini --json\n")
@click.argument("name")
@json_option
@verbose_option
def info(name: str, as_json: bool) -> None:
    """Tell what a model is and how it makes vectors.

    NAME is a bundled model, a folder, or a hub id on disk. In brackets stands who says so: a file of the model, what is
    known of it (preset), what was given to 'xret models pull', or nobody (assumed). Of a folder of experts, each is
    told of too: its languages, hash, licence, romanisation and measured quality.
    """
    from xret.cli.model_text import model_lines
    from xret.encoders.card import read_card

    card = read_card(name)
    if as_json:
        click.echo(json.dumps(card.fields(), ensure_ascii=False, indent=1))
        return
    for key, value in model_lines(card).items():
        click.echo(f"{key:<11} {value}")


@models.command(epilog="\n\b\nExamples:\n  xret models export xret-mini -o mini-onnx\n  xret models info mini-onnx\n")
@click.argument("name")
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Folder to make."
)
@recipe_options
@click.option(
    "--torch", is_flag=True, help="Export by PyTorch: for families that xret has no builder for; slower graphs."
)
@verbose_option
def export(name: str, output: Path, torch: bool, **options: str | int | None) -> None:
    """Write a model as a ready folder, for xret elsewhere and for other programs.

    The folder gets model.onnx (token ids in, text vectors out), the tokeniser and recipe.json. It is itself an encoder
    that any xret command takes, without the model's weights. With :int8 or :fp16 behind NAME, the graph is of that
    precision.
    """
    from xret.cli.model_text import stated_from
    from xret.encoders.checkpoints.export import export_model

    export_model(name, output, stated=stated_from(options), torch=torch)
    click.echo(f"{output}: {', '.join(sorted(path.name for path in output.iterdir()))}", err=True)


def _used(listed: set[str]) -> list[dict[str, Any]]:
    """The encoders used before that are still where they were, and the same; a folder once."""
    from xret.encoders.cache import cached_graphs
    from xret.encoders.card import read_card
    from xret.errors import XretError

    rows: dict[str, dict[str, Any]] = {}
    for graph in cached_graphs():
        folder = graph["folder"]
        if folder in rows or graph["hash"] in listed or not Path(folder).is_dir():
            continue
        try:
            card = read_card(folder)
        except (XretError, OSError):  # what lies there now is no model
            continue
        if card.hash == graph["hash"]:
            rows[folder] = _row(card, graph["name"], folder)
    return list(rows.values())


def _row(card: ModelCard, name: str, where: str) -> dict[str, Any]:
    """What `models list` tells of a model; bytes are those of `models info`."""
    recipe = card.recipe
    return {
        **{"name": name, "where": where, "folder": card.folder, "family": recipe.family, "dim": recipe.dim},
        **{"hash": card.hash, "bytes": card.size},
    }
