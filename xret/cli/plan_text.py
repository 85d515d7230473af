"""What `xret plan` prints."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from xret.planning import Figure, Rates
    from xret.planning.checked import Checked

__all__ = ["rates_json", "show_checks", "show_figures", "show_rates"]


def show_figures(figures: list[Figure], rates: Rates, *, as_json: bool) -> None:
    """Figures by section, each with its formula, and the rates that they use."""
    from xret.cli.table import render

    used = list(dict.fromkeys(name for figure in figures for name in figure.rates))
    if as_json:
        rows = [{**vars(each), "value": [each.value.low, each.value.high]} for each in figures]
        fields = {"figures": rows, "rates": rates_json(rates, used)}
        click.echo(json.dumps(fields, ensure_ascii=False, indent=1))
        return
    numbers = {name: f"[{place}]" for place, name in enumerate(used, start=1)}
    for part in dict.fromkeys(each.part for each in figures):
        own = [each for each in figures if each.part == part]
        table = [(each.name, each, f"{each.formula} {''.join(numbers[n] for n in each.rates)}") for each in own]
        click.echo(render(table, (part, "estimate", "formula, and rates"), right=(1,)) + "\n")
    show_rates(rates, used)


def show_rates(rates: Rates, names: list[str]) -> None:
    """A table of rates, numbered."""
    from xret.cli.table import render

    rows = []
    for place, name in enumerate(names, start=1):
        rate = rates.rate(name)
        low, high = f"{rate.value.low:g}", f"{rate.value.high:g}"
        rows.append((f"[{place}]", name, low if low == high else f"{low}-{high}", rate.unit, rate.source))
    click.echo(render(rows, ("", "rate", "value", "unit", "source"), right=(2,)))


def rates_json(rates: Rates, names: list[str]) -> dict[str, Any]:
    """Rates by name, as plain values."""
    found = {name: rates.rate(name) for name in names}
    return {
        name: {"value": [rate.value.low, rate.value.high], "unit": rate.unit, "source": rate.source}
        for name, rate in found.items()
    }


def show_checks(found: list[Checked]) -> None:
    """Estimates beside what was measured."""
    from xret.cli.table import render

    rows, sources = [], list(dict.fromkeys(each.run.source for each in found))
    for each in found:
        run = each.run
        how = f"IVF{run.lists}, {run.probes} lists" if run.lists else "exact"
        values = f"{each.low:,.0f}", f"{run.core_seconds:,.0f}", f"{each.ratio:.2f}"
        place = f"[{sources.index(run.source) + 1}]"
        rows.append((f"{run.rows:,} x {run.rows:,} x {run.dim}", how, *values, place))
    click.echo(render(rows, ("k-NN", "how", "estimate, core-s", "measured, core-s", "ratio", ""), right=(2, 3, 4)))
    click.echo("\n" + "\n".join(f"[{place}] {source}" for place, source in enumerate(sources, start=1)))
