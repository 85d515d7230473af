"""`xret eval protocols`: the list, the definitions, and like rows side by side."""

from __future__ import annotations

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option

__all__ = ["command"]

EXAMPLE = """
\b
Examples:
  xret eval protocols
  xret eval protocols miracl
"""


@click.command("protocols", epilog=EXAMPLE)
@click.argument("names", nargs=-1, metavar="[NAME... | compare ROW.json...]")
@json_option
@verbose_option
def command(names: tuple[str, ...], as_json: bool) -> None:
    """List the protocols, print the definitions of some, or set scored rows side by side.

    A definition says what is fixed: measures, depth, ties, pool, labels, queries without results, averages; where the
    data is and under which licence. Its identity changes with all that changes numbers.

    "compare" reads rows that --save wrote, and refuses unlike ones: other protocols, settings, corpora, queries or
    judgements.
    """
    if names and names[0] == "compare":
        _compare(names[1:], as_json)
    elif names:
        _show(names, as_json)
    else:
        _list(as_json)


def _list(as_json: bool) -> None:
    from xret.eval.protocols import PROTOCOLS

    if as_json:
        print_json([each.fields() for each in PROTOCOLS.values()])
        return
    rows = [
        {"protocol": each.name, "kind": each.kind, "measures": ", ".join(each.measures), "title": each.title}
        for each in PROTOCOLS.values()
    ]
    print_table(rows, ["protocol", "kind", "measures", "title"])


def _show(names: tuple[str, ...], as_json: bool) -> None:
    from xret.eval.protocols import protocol

    chosen = [protocol(name) for name in names]
    if as_json:
        print_json(chosen[0].fields() if len(chosen) == 1 else [each.fields() for each in chosen])
        return
    click.echo("\n\n".join(each.definition() for each in chosen))


def _compare(files: tuple[str, ...], as_json: bool) -> None:
    from xret.eval.protocols import compare, read_scored

    rows = [read_scored(file) for file in files]
    table = compare(rows, files)
    first = rows[0]
    if as_json:
        protocol = {"name": first.protocol.name, "identity": first.protocol_identity}
        print_json({"protocol": protocol, "benchmark": first.benchmark, "rows": table.to_pylist()})
        return
    print_table(table.to_pylist(), table.column_names)
    click.echo(f"\n{first.protocol.name} ({first.protocol_identity}) on {first.benchmark}")
