"""`xret eval bitext`: mined pairs against gold."""

from __future__ import annotations

from dataclasses import asdict

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret mine news.de.txt news.en.txt -o pairs.tsv
Examples:
  xret eval bitext gold.tsv pairs.tsv
  xret eval bitext gold.tsv pairs.tsv --threshold 1.05 --json
"""


@click.command("bitext", epilog=EXAMPLE)
@click.argument("gold", type=click.Path())
@click.argument("pairs", type=click.Path())
@click.option(
    "--threshold", type=float, metavar="X", help="Take pairs with a score of at least X.  [default: all pairs]"
)
@json_option
@verbose_option
def command(gold: str, pairs: str, threshold: float | None, as_json: bool) -> None:
    """Score mined PAIRS (bitext TSV, JSONL or Parquet) against GOLD (src_id, tgt_id).

    Prints precision, recall and F1 of all pairs (or those that reach --threshold), and at the threshold with the
    best F1 (BUCC protocol: tuned on this same gold, so an upper bound). No pairs at all score 0, and have no best.
    """
    from xret.bitext import read_gold, read_pairs
    from xret.eval.bitext import best_threshold, bitext_scores

    table, wanted = read_pairs(pairs), read_gold(gold)
    given = asdict(bitext_scores(table, wanted, threshold=threshold))
    best = asdict(best_threshold(table, wanted)) if table.num_rows else None
    if as_json:
        print_json({"given": given, "best": best})
        return
    rows = [{"pairs": "all pairs" if threshold is None else "given threshold", **given}]
    rows += [{"pairs": "best threshold", **best}] if best else []
    print_table(rows, ["pairs", "threshold", "precision", "recall", "f1", "correct", "extracted", "gold"])
