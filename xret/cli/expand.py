"""`xret expand`: queries for passages, and passages' vectors with queries mixed in."""

from __future__ import annotations

import click

from xret.cli.expand_generate import generate
from xret.cli.expand_mix import mix

__all__ = ["expand"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret encode docs.jsonl --as document -o docs.vectors
Examples:
  xret expand mix docs.vectors docs.jsonl --alpha 0.1 -o mixed.vectors
  xret index build mixed.vectors -o mixed.index
"""


@click.group(epilog=EXAMPLE)
def expand() -> None:
    """Expand passages by queries in other languages, generated or from a file.

    A passage's vector that holds a share of the queries one could ask for it, in the languages of the people who will,
    is found more easily by these (Zhuang, Shou & Zuccon 2023). It costs nothing when searching.
    """


expand.add_command(generate)
expand.add_command(mix)
