"""`xret eval bitext`: mined pairs against gold."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option
from xret.cli.pairs_report import write_pairs_report
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row
from xret.cli.report_options import check_eval_report, eval_report_option

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.eval.bucc import BuccScores
    from xret.eval.protocols import Protocol

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
@click.option(
    "--dev-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    metavar="P",
    help="Tune on the pairs of this share of the source sentences, and report on the others.",
)
@protocol_option("bucc")
@save_option
@eval_report_option
@json_option
@verbose_option
def command(gold: str, pairs: str, as_json: bool, **given: Any) -> None:
    """Score mined PAIRS (bitext TSV, JSONL or Parquet) against GOLD (src_id, tgt_id).

    Prints precision, recall and F1 of all pairs (or those that reach --threshold), and at the threshold with the
    best F1 (BUCC variant b: tuned on this same gold, so an upper bound). No pairs at all score 0, and have no best.

    With --dev-gold and --dev-pairs the threshold is the best one there (BUCC variant a, as in the shared task), and F1
    comes with a 95 % interval: the protocol "bucc". Where there is one gold only, --dev-share 0.5 parts it in two.

    Data of BUCC: https://comparable.limsi.fr/bucc2018/bucc2018-task.html; its page has the terms
    """
    from xret.bitext import read_gold, read_pairs
    from xret.errors import UsageError
    from xret.eval.bitext import best_threshold, bitext_scores
    from xret.eval.bucc import bucc
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import bucc_row

    check_save(given["save"], gold, pairs, given["dev_gold"], given["dev_pairs"])
    check_eval_report(given["report"], gold, pairs, given["dev_gold"], given["dev_pairs"])
    if (given["dev_gold"] is None) != (given["dev_pairs"] is None):
        raise UsageError("--dev-gold and --dev-pairs go together; give both, or neither")
    if given["dev_gold"] and given["threshold"] is not None:
        raise UsageError("--threshold and --dev-gold both say where to cut; give one of them")
    if given["dev_share"] and (given["dev_gold"] or given["threshold"] is not None):
        raise UsageError("--dev-share tunes on a part of GOLD; leave it out, or --dev-gold and --threshold")
    table, wanted = read_pairs(pairs), read_gold(gold)
    system, benchmark = Path(pairs).name, Path(gold).name
    if given["dev_gold"] or given["dev_share"]:
        (dev_pairs, dev_gold), (table, wanted) = _parts(table, wanted, given)
        tried = bucc(dev_pairs, dev_gold, table, wanted)
        share = given["dev_share"]
        followed = protocol("bucc").varied(variant=f"a, dev share {share}" if share else "a")
        more: Any = {"system": system, "benchmark": benchmark, "interval": (tried.low, tried.high)}
        save_row(given["save"], lambda: bucc_row(followed, tried.test, [dev_gold, wanted], **more))
        if given["report"]:
            write_pairs_report(given["report"], table, wanted, tried.test.threshold, {"gold": gold, "pairs": pairs})
        _print_dev_and_test(tried, followed, as_json)
        return
    threshold = given["threshold"]
    scores = bitext_scores(table, wanted, threshold=threshold)
    tuned = best_threshold(table, wanted) if table.num_rows else None
    variant = "b" if threshold is None else f"threshold {threshold}"
    used = protocol("bucc").varied(variant=variant)
    chosen = tuned if tuned and threshold is None else scores
    save_row(given["save"], lambda: bucc_row(used, chosen, [wanted], system=system, benchmark=benchmark))
    if given["report"]:
        write_pairs_report(given["report"], table, wanted, threshold, {"gold": gold, "pairs": pairs})
    found, best = asdict(scores), asdict(tuned) if tuned else None
    if as_json:
        print_json({"protocol": about(used), "given": found, "best": best})
        return
    rows = [{"pairs": "all pairs" if threshold is None else "given threshold", **found}]
    rows += [{"pairs": "best threshold", **best}] if best else []
    print_table(rows, ["pairs", *COLUMNS])


def _parts(pairs: pa.Table, gold: pa.Table, given: dict[str, Any]) -> tuple[tuple[pa.Table, pa.Table], ...]:
    """Pairs and gold of dev, and of test."""
    import pyarrow as pa

    from xret.bitext import read_gold, read_pairs
    from xret.eval.bucc import dev_part

    if given["dev_gold"]:
        return (read_pairs(given["dev_pairs"]), read_gold(given["dev_gold"])), (pairs, gold)
    inside = [dev_part(each["src_id"], share=given["dev_share"]) for each in (pairs, gold)]
    parts = (
        [each.filter(pa.array(part == dev)) for each, part in zip((pairs, gold), inside, strict=True)]
        for dev in (True, False)
    )
    return tuple((found, wanted) for found, wanted in parts)


def _print_dev_and_test(scores: BuccScores, used: Protocol, as_json: bool) -> None:
    from xret.eval.bucc import VARIANTS

    interval = {"low": scores.low, "high": scores.high}
    if as_json:
        dev, test = {"variant": "b", **asdict(scores.dev)}, {"variant": "a", **asdict(scores.test)}
        print_json({"protocol": about(used), "dev": dev, "test": {**test, "f1_interval": interval}})
        return
    rows = [{"pairs": "dev (b)", **asdict(scores.dev), "low": None, "high": None}]
    rows += [{"pairs": "test (a)", **asdict(scores.test), **interval}]
    print_table(rows, ["pairs", *COLUMNS, "low", "high"])
    click.echo("\n" + "\n".join(VARIANTS[name] for name in ("a", "b")))
