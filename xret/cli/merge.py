"""`xret merge`: the shards of a mining run, joined."""

from __future__ import annotations

from pathlib import Path

import click

from xret.cli.engine_options import engine_options
from xret.cli.options import threads_option, verbose_option
from xret.cli.scale_options import memory_option, recorded_mining
from xret.errors import InputError

__all__ = ["merge"]

MERGE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret mine news.de.txt news.en.txt --shard 1/2 --work de-en.work
  xret mine news.de.txt news.en.txt --shard 2/2 --work de-en.work
  xret merge --work de-en.work -o pairs.tsv
"""


@click.command(epilog=MERGE)
@click.argument("folders", nargs=-1, type=click.Path(), metavar="[DIR]...")
@click.option(
    "--work", required=True, type=click.Path(), metavar="DIR", help="Work folder of a shard; results are kept here."
)
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT", help="File to write; - is stdout.")
@memory_option
@engine_options
@threads_option
@verbose_option
def merge(folders: tuple[str, ...], work: str, output: str, **given: object) -> None:
    """Join the shards of 'xret mine --shard I/N' and write the pairs.

    The same bytes as from one run. Inputs and options are those that the shards were made with. Shards may lie in the
    work folder, where all machines share it, and in others (DIR), copied from the machines. All must be of the same
    vectors: encode once, and give the machines copies of that work folder, or --src-vectors and --tgt-vectors.
    """
    from xret.cli.mine import mine

    recorded = recorded_mining(Path(work))
    for folder in folders:
        if not Path(folder).is_dir():
            raise InputError(f"{folder}: no such folder; give work folders with shards")
    shards = tuple(dict.fromkeys((work, *folders)))
    click.get_current_context().invoke(mine, **recorded, **given, output=output, work=work, shards=shards)
