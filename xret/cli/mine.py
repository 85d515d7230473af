"""`xret mine`: from two texts to sentence pairs."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.bitext_output import (
    announce,
    both_encoded,
    check_output,
    format_option,
    margin_option,
    scratch,
    work_option,
    write_output,
)
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    on_error_option,
    threads_option,
    verbose_option,
)
from xret.cli.overwrite import refuse_overwriting, same_file
from xret.cli.score import score
from xret.errors import UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["mine", "score"]

MINE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret mine news.de.txt news.en.txt -o pairs.tsv
  xret mine news.de.txt news.en.txt -o pairs.jsonl --threshold auto --gold gold.tsv
  xret mine news.de.txt news.en.txt -o - --retrieval intersect --threshold 1.1 --work de-en.work
"""


def _threshold(ctx: click.Context, param: click.Parameter, value: str | None) -> float | str | None:
    if value is None or value == "auto":
        return value
    try:
        number = float(value)
    except ValueError:
        number = math.nan
    if math.isnan(number):
        raise click.BadParameter(f"'{value}' is neither a number nor 'auto'.", ctx, param)
    return number


@click.command(epilog=MINE)
@click.argument("src", type=click.Path())
@click.argument("tgt", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT", help="File to write; - is stdout.")
@click.option(
    "--src-lang", metavar="L", callback=checked_lang, help="Language of SRC (BCP 47) where the file does not tell."
)
@click.option(
    "--tgt-lang", metavar="L", callback=checked_lang, help="Language of TGT (BCP 47) where the file does not tell."
)
@encoder_option
@margin_option
@click.option(
    "--retrieval",
    type=click.Choice(["max", "intersect", "forward", "backward", "union", "all"]),
    default="max",
    show_default=True,
    help="Which pairs: one-to-one by falling score; best for both; best for SRC; for TGT; for either; every neighbour.",
)
@click.option(
    "--threshold",
    callback=_threshold,
    metavar="FLOAT|auto",
    help="Keep pairs with at least this score; auto: best F1 on --gold, or 1.13 for ratio, 0.09 for distance, 0.63 for "
    "absolute.  [default: keep all]",
)
@click.option("--gold", type=click.Path(), metavar="GOLD.tsv", help="True pairs (src_id, tgt_id): print P, R and F1.")
@click.option("--keep-copies", is_flag=True, help="Pair a sentence with its untranslated copy, too.")
@click.option("--index", default="exact", show_default=True, metavar="I", help="How neighbours are found: exact.")
@format_option
@work_option
@device_option
@threads_option
@on_error_option
@verbose_option
def mine(src: str, tgt: str, output: str, gold: str | None, **given: Any) -> None:
    """Find sentences of SRC and TGT that are translations of each other.

    Both are corpora (.txt, .tsv, .jsonl, .parquet, .arrow; - is stdin) of distinct languages. OUT gets score, src_id,
    tgt_id, src_text and tgt_text, best first. Lines that repeat within a file are mined once and come back with all
    their ids. With --work, a run that was stopped goes on where it was.
    """
    _check_mine(src, tgt, output, {**given, "gold": gold})
    check_output(output, given["format"])
    from xret.bitext import read_gold
    from xret.eval.bitext import check_gold

    wanted = read_gold(gold) if gold else None
    with scratch(output, given["work"]) as folder:
        corpora = _corpora(src, tgt, folder or Path(given["work"]), given)
        if wanted is not None:
            check_gold(wanted, corpora[0]["id"], corpora[1]["id"])
        pairs = _mined(corpora, folder, given, keep_all=wanted is not None)
    if wanted is not None:
        pairs = _judged(pairs, wanted, given["threshold"])
    elif given["threshold"] == "auto":
        from xret.stages.margin import DEFAULT_THRESHOLDS

        announce(f"threshold {DEFAULT_THRESHOLDS[given['margin']]}: usual for {given['margin']}; --gold tunes it")
    write_output(pairs, output, given["format"])
    sizes = " x ".join(
        f"{name} ({corpus.num_rows:,} sentences)" for name, corpus in zip((src, tgt), corpora, strict=True)
    )
    announce(f"{sizes}: {pairs.num_rows:,} pairs{'' if output == '-' else f' in {output}'}")


def _check_mine(src: str, tgt: str, output: str, given: dict[str, Any]) -> None:
    if given["index"] != "exact":
        raise UsageError(f"--index {given['index']}: only exact is available in this version; leave the option out")
    if given["src_lang"] == given["tgt_lang"] not in (None, "und"):
        raise UsageError(f"--src-lang and --tgt-lang are both '{given['src_lang']}'; give texts of two languages")
    if same_file(src, tgt):
        raise UsageError(f"SRC and TGT are both '{src}', whose every sentence would match itself; give two files")
    refuse_overwriting(output, src, tgt, given["gold"])


def _corpora(src: str, tgt: str, folder: Path, given: dict[str, Any]) -> tuple[pa.Table, pa.Table]:
    from xret.corpus import open_corpus

    cache = folder / "inputs"
    first = open_corpus(src, lang=given["src_lang"], on_error=given["on_error"], cache=cache)
    second = open_corpus(tgt, lang=given["tgt_lang"], on_error=given["on_error"], cache=cache)
    if first["text"].equals(second["text"]):
        raise UsageError(f"'{src}' and '{tgt}' hold the same sentences in the same order; give files of two languages")
    return first, second


def _mined(
    corpora: tuple[pa.Table, pa.Table], folder: Path | None, given: dict[str, Any], *, keep_all: bool
) -> pa.Table:
    from xret.pipeline import Pipeline, Step
    from xret.stages.mine import Mine

    stage = Mine(
        k=given["k"],
        margin=given["margin"],
        retrieval=given["retrieval"],
        threshold=None if keep_all else given["threshold"],
        keep_copies=given["keep_copies"],
        threads=given["threads"],
    )
    steps = Pipeline((*both_encoded(given), Step(stage)))
    work = Path(given["work"]) if given["work"] else None
    return steps({"src_corpus": corpora[0], "tgt_corpus": corpora[1]}, work=work, scratch=folder)["pairs"]


def _judged(pairs: pa.Table, gold: pa.Table, threshold: float | str | None) -> pa.Table:
    """The pairs that reach the threshold, after printing what they are worth."""
    from xret.eval.bitext import best_threshold, bitext_scores

    best = best_threshold(pairs, gold) if pairs.num_rows else None
    limit = threshold if isinstance(threshold, float) else None
    if threshold == "auto" and best:
        limit = best.threshold
    scores = [("", bitext_scores(pairs, gold, threshold=limit))]
    if best and best.threshold != limit:
        scores.append((", the best", best))
    for note, each in scores:
        which = "all pairs" if each.threshold is None else f"threshold {each.threshold:.6g}{note}"
        which += ", tuned on this gold" if threshold == "auto" else ""
        announce(
            f"{which}: precision {each.precision:.4f}, recall {each.recall:.4f}, F1 {each.f1:.4f} "
            f"({each.correct:,} right of {each.extracted:,}, {each.gold:,} in gold)"
        )
    return pairs if limit is None else pairs.filter(pairs["score"].to_numpy() >= limit)
