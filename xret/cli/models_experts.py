"""`xret models experts`: several encoders of one space in a folder, a text's language choosing among them."""

from __future__ import annotations

from pathlib import Path

import click

from xret.cli.options import verbose_option

__all__ = ["experts"]

EPILOG = """
\b
Examples:
  xret models experts -o family --general xret-mini --expert chr=xret-mini
  xret models experts -o family --add --expert jv,su=xret-mini
  xret models info family
"""


@click.command(epilog=EPILOG)
@click.option(
    "-o", "--out", required=True, metavar="FOLDER", type=click.Path(path_type=Path), help="Folder of experts."
)
@click.option("--general", metavar="MODEL", help="The model of all languages without an expert.")
@click.option(
    "--expert", "given", multiple=True, required=True, metavar="LANGS=MODEL",
    help="Model of a language or several, as in chr=FOLDER or jv,su=FOLDER. May be repeated.",
)  # fmt: skip
@click.option("--add", is_flag=True, help="Add to a folder that is there; its vectors stay as they are.")
@click.option("--reroute", is_flag=True, help="With --add, also take over languages that the folder has a model for.")
@verbose_option
def experts(out: Path, general: str | None, given: tuple[str, ...], add: bool, reroute: bool) -> None:
    """Put encoders of one vector space into a folder, which is itself an encoder.

    Students of one teacher share its space: train one for each language or family ('xret models distil'), put them
    together here, and every text goes to the expert of its language. Models are copied as they are, so that adding a
    language leaves all other vectors as they were, to the byte.
    """
    from xret.encoders.checkpoints.expert_making import add_experts, make_experts
    from xret.errors import UsageError

    chosen: list[tuple[list[str], str]] = []
    for text in given:
        before, _, model = text.partition("=")
        langs = [lang.strip() for lang in before.split(",")]
        if not model or not all(langs):
            raise UsageError(f"--expert {text}: wanted LANGUAGES=MODEL, as in jv,su=FOLDER")
        chosen.append((langs, model))
    if add == (general is not None):
        raise UsageError("give --general MODEL for a new folder, or --add for one that is there")
    if reroute and not add:
        raise UsageError("--reroute goes with --add; in a new folder, experts always come before the general model")
    if general is not None:
        served = make_experts(out, general=general, experts=chosen)
    else:
        served = add_experts(out, experts=chosen, reroute=reroute)
    click.echo(f"{out}: {len(set(served.values()))} models for {len(served)} languages", err=True)
