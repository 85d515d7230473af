"""`xret tune`: a threshold and probabilities for mined pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.bitext_output import announce, margin_option, work_option
from xret.cli.options import checked_lang, device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.overwrite import refuse_overwriting
from xret.cli.tune_from import on_gold, said_on_the_line, without_gold
from xret.cli.tune_text import print_blind, print_tuned
from xret.errors import UsageError

__all__ = ["tune"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret mine news.de.txt news.en.txt -o pairs.jsonl
Examples:
  xret tune pairs.jsonl --gold gold.tsv -o de-en.json
  xret tune pairs.jsonl --gold gold.tsv --method logistic --columns score,cosine --json
  xret tune pairs.jsonl --src news.de.txt --tgt news.en.txt --src-lang de --tgt-lang en
"""
# Options that are for one of the two ways alone: given with the other one they would change nothing.
WITH_GOLD = ("test", "test_gold", "dev_share", "columns", "repeated", "rescore")
WITHOUT_GOLD = (
    "encoder",
    "k",
    "retrieval",
    "src_lang",
    "tgt_lang",
    "near_misses",
    "work",
    "device",
    "threads",
)


def _names(ctx: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...]:
    """Names between commas; none where the option is not given."""
    if value is None:
        return ()
    names = tuple(name.strip() for name in value.split(","))
    if not all(names) or len(set(names)) < len(names):
        raise UsageError(f"--columns '{value}': wanted different names with commas between them")
    return names


@click.command(epilog=EXAMPLE)
@click.argument("pairs", type=click.Path())
@click.option("--gold", type=click.Path(), metavar="GOLD.tsv", help="True pairs (src_id, tgt_id) to tune on.")
@click.option("--test", type=click.Path(), metavar="PAIRS", help="Report on these pairs; with --test-gold.")
@click.option("--test-gold", type=click.Path(), metavar="GOLD.tsv", help="True pairs of --test.")
@click.option(
    "--dev-share",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    default=0.5,
    show_default=True,
    help="Without --test: tune on this share of the source sentences, and report on the others.",
)
@click.option(
    "--repeated",
    type=click.Choice(["keep", "drop"]),
    default="keep",
    show_default=True,
    help="Sentences that stand several times in --src or --tgt: told apart by id, or dropped as LASER does.",
)
@click.option(
    "--method",
    type=click.Choice(["auto", "isotonic", "logistic"]),
    default="auto",
    show_default=True,
    help="Map to P(parallel). auto: logistic; isotonic where there is gold, no cosine and 1,000 pairs.",
)
@click.option(
    "--columns", metavar="A,B", callback=_names, help="What the map reads.  [default: score,cosine; of TSV score]"
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of what is parted or changed at random.")
@click.option("--src", type=click.Path(), metavar="SRC", help="The source corpus.  [default: the texts in PAIRS]")
@click.option("--tgt", type=click.Path(), metavar="TGT", help="The target corpus.  [default: the texts in PAIRS]")
@click.option("--src-lang", metavar="L", callback=checked_lang, help="Language of the source (BCP 47).")
@click.option("--tgt-lang", metavar="L", callback=checked_lang, help="Language of the target (BCP 47).")
@encoder_option
@margin_option
@click.option(
    "--rescore",
    type=click.Choice(["tokens"]),
    help="PAIRS were scored again by tokens; JSONL and Parquet tell this, and the margin, themselves.",
)
@click.option(
    "--retrieval",
    type=click.Choice(["max", "intersect", "forward", "backward", "union", "all"]),
    default="max",
    show_default=True,
    help="How the pairs were chosen.",
)
@click.option(
    "--near-misses",
    type=click.FloatRange(0, 1),
    metavar="SHARE",
    help="Raise the threshold until at most this share of changed translations (numbers, names, negation) reaches it.",
)
@click.option("-o", "--output", type=click.Path(), metavar="FILE", help="Keep threshold and map here, as JSON.")
@work_option
@device_option
@threads_option
@json_option
@verbose_option
def tune(pairs: str, gold: str | None, output: str | None, as_json: bool, **given: Any) -> None:
    """Find a threshold, and a map from scores to P(parallel), for mined PAIRS.

    With --gold, by the protocol of BUCC: both are fitted on one part and judged on another. Without, the corpora are
    mined again with some sentences taken away: what is then found for the sentences left alone shows how wrong pairs
    score. Sentences changed in a number, a name or by a negation show how many near misses would pass.

    PAIRS should hold all that was mined, without a threshold. 'xret mine --calibration FILE' uses what -o writes.
    """
    _check(gold, given)
    inputs = (pairs, gold, *(given[name] for name in ("test", "test_gold", "src", "tgt")))
    refuse_overwriting(output, *inputs)
    if output:
        _check_place(output)
    from xret.bitext import read_pairs

    table = read_pairs(pairs)
    about = {"file": Path(pairs).name}
    if gold:
        tuned = on_gold(table, gold, given, about)
        calibration = tuned.calibration
    else:
        blind = without_gold(table, given, about)
        calibration = blind.calibration
    if output:
        calibration.save(output)
        announce(f"{output}: threshold and {calibration.probability.kind} map")
    if gold:
        print_tuned(tuned, as_json=as_json)
    else:
        print_blind(blind, as_json=as_json)


def _check(gold: str | None, given: dict[str, Any]) -> None:
    for name in WITHOUT_GOLD if gold else WITH_GOLD:
        if said_on_the_line(name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} is for tuning {'without' if gold else 'with'} --gold; leave one of the two out")
    for name in ("dev_share", "seed") if given["test"] else ():
        if said_on_the_line(name):
            flag = f"--{name.replace('_', '-')}"
            raise UsageError(f"{flag} says how PAIRS are parted where there is no --test; leave one of the two out")
    if (given["test"] is None) != (given["test_gold"] is None):
        raise UsageError("--test and --test-gold go together; give both, or neither")
    if (given["src"] is None) != (given["tgt"] is None):
        raise UsageError("--src and --tgt go together; give both, or neither")
    if gold and given["repeated"] == "drop" and given["src"] is None:
        raise UsageError("--repeated drop needs --src and --tgt, to see which sentences stand several times")
    if gold and given["repeated"] == "keep" and given["src"] is not None:
        raise UsageError("with --gold, --src and --tgt are for --repeated drop alone; leave them out")


def _check_place(output: str) -> None:
    from xret.cli.bitext_output import check_output

    if output == "-":
        raise UsageError("-o -: stdout holds the report; give the name of a file")
    check_output(output, "jsonl")
