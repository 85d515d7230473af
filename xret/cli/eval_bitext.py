"""`xret eval bitext`: mined pairs against gold."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["command"]

COLUMNS = ("threshold", "precision", "recall", "f1", "correct", "extracted", "gold")

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
@click.option("--dev-gold", type=click.Path(), metavar="GOLD", help="Tune the threshold on these true pairs instead.")
@click.option("--dev-pairs", type=click.Path(), metavar="PAIRS", help="The pairs mined where --dev-gold is true.")
@json_option
@verbose_option
def command(gold: str, pairs: str, as_json: bool, **given: Any) -> None:
    """Score mined PAIRS (bitext TSV, JSONL or Parquet) against GOLD (src_id, tgt_id).

    Prints precision, recall and F1 of all pairs (or those that reach --threshold), and at the threshold with the
    best F1 (BUCC variant b: tuned on this same gold, so an upper bound). No pairs at all score 0, and have no best.

    With --dev-gold and --dev-pairs the threshold is the best one there (BUCC variant a, as in the shared task), and F1
    comes with a 95 % interval.
    """
    from xret.bitext import read_gold, read_pairs
    from xret.errors import UsageError
    from xret.eval.bitext import best_threshold, bitext_scores

    if (given["dev_gold"] is None) != (given["dev_pairs"] is None):
        raise UsageError("--dev-gold and --dev-pairs go together; give both, or neither")
    if given["dev_gold"] and given["threshold"] is not None:
        raise UsageError("--threshold and --dev-gold both say where to cut; give one of them")
    table, wanted = read_pairs(pairs), read_gold(gold)
    if given["dev_gold"]:
        _dev_and_test(read_pairs(given["dev_pairs"]), read_gold(given["dev_gold"]), table, wanted, as_json)
        return
    threshold = given["threshold"]
    found = asdict(bitext_scores(table, wanted, threshold=threshold))
    best = asdict(best_threshold(table, wanted)) if table.num_rows else None
    if as_json:
        print_json({"given": found, "best": best})
        return
    rows = [{"pairs": "all pairs" if threshold is None else "given threshold", **found}]
    rows += [{"pairs": "best threshold", **best}] if best else []
    print_table(rows, ["pairs", *COLUMNS])


def _dev_and_test(
    dev_pairs: pa.Table, dev_gold: pa.Table, test_pairs: pa.Table, test_gold: pa.Table, as_json: bool
) -> None:
    from xret.eval.bucc import VARIANTS, bucc

    scores = bucc(dev_pairs, dev_gold, test_pairs, test_gold)
    interval = {"low": scores.low, "high": scores.high}
    if as_json:
        dev, test = {"variant": "b", **asdict(scores.dev)}, {"variant": "a", **asdict(scores.test)}
        print_json({"dev": dev, "test": {**test, "f1_interval": interval}})
        return
    rows = [{"pairs": "dev (b)", **asdict(scores.dev), "low": None, "high": None}]
    rows += [{"pairs": "test (a)", **asdict(scores.test), **interval}]
    print_table(rows, ["pairs", *COLUMNS, "low", "high"])
    click.echo("\n" + "\n".join(VARIANTS[name] for name in ("a", "b")))
