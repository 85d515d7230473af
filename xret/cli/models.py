"""`xret models`: which encoders are here, what they are, and how to take them elsewhere."""

from __future__ import annotations

import importlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.encoders.card import ModelCard

__all__ = ["models"]

# command -> (module:attribute, one-line help) of those that live elsewhere and are imported only when called.
ELSEWHERE = {"distil": ("xret.cli.distil:distil", "Train a small encoder from a teacher and parallel text.")}

EXAMPLE = """
\b
Examples:
  xret models list
  xret models info xret-mini
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
    cells = [(row["name"], row["family"], row["dim"], _size(row["bytes"]), row["where"]) for row in rows]
    click.echo(render(cells, ("name", "family", "dim", "size", "where"), right=(2, 3)))


@models.command(epilog="\n\b\nExamples:\n  xret models info xret-mini\n  xret models info xret-mini --json\n")
@click.argument("name")
@json_option
@verbose_option
def info(name: str, as_json: bool) -> None:
    """Tell what a model is and how it makes vectors.

    NAME is a bundled model, a folder, or a hub id on disk.
    """
    from xret.encoders.card import read_card

    card = read_card(name)
    if as_json:
        click.echo(json.dumps(card.fields(), ensure_ascii=False, indent=1))
        return
    recipe = card.recipe
    heads = [f"{h['folder']} {h.get('activation', 'L2')}" for h in recipe.fields()["heads"]]
    lines = {
        "name": card.name,
        "folder": card.folder,
        "hash": card.hash,
        "family": recipe.family,
        "vectors": f"{recipe.dim} values (tokens: {recipe.token_dim}), pooling {'+'.join(recipe.pooling)}",
        "heads": ", ".join(heads) or "none",
        "reads": f"{recipe.max_length} tokens of a text",
        "prompts": "; ".join(f"{role}: {text!r}" for role, text in recipe.prompts) or "none",
        "size": _size(card.size),
        "licence": card.licence or "not stated",
        "languages": f"{len(card.languages)}: {' '.join(card.languages)}" if card.languages else "not stated",
        "quality": ", ".join(f"{key} {value}" for key, value in card.quality.items()) or "not stated",
    }
    for key, value in lines.items():
        click.echo(f"{key:<10} {value}")


@models.command(epilog="\n\b\nExamples:\n  xret models export xret-mini -o mini-onnx\n")
@click.argument("name")
@click.option(
    "-o", "--output", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Folder to make."
)
@verbose_option
def export(name: str, output: Path) -> None:
    """Write a model as one ONNX graph for other programs.

    The folder gets model.onnx (token ids in, text vectors out), tokenizer.json and recipe.json.
    """
    from xret.encoders.export import export_model

    export_model(name, output)
    click.echo(f"{output}: model.onnx, tokenizer.json, recipe.json", err=True)


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


def _size(count: int) -> str:
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"
