"""`xret eval xsim`: errors of margin-based retrieval between parallel files."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    json_option,
    threads_option,
    verbose_option,
)
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

if TYPE_CHECKING:
    from xret.eval.protocols import Protocol
    from xret.eval.xsim import XsimScores
    from xret.eval.xsimplus import HardNegatives, XsimPlusScores

__all__ = ["command", "parallel_texts"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval xsim aligned.de.txt aligned.en.txt
  xret eval xsim aligned.de.txt aligned.en.txt --margin absolute --json
  xret eval xsim aligned.de.txt aligned.en.txt --tgt-lang en --negatives made
"""


@click.command("xsim", epilog=EXAMPLE)
@click.argument("src", type=click.Path())
@click.argument("tgt", type=click.Path())
@encoder_option
@click.option(
    "--margin",
    type=click.Choice(["ratio", "distance", "absolute"]),
    default="ratio",
    show_default=True,
    help="Score of a pair against its neighbourhood.",
)
@click.option("--k", type=click.IntRange(min=1), default=4, show_default=True, help="Neighbours for the margin.")
@click.option("--src-lang", metavar="L", callback=checked_lang, help="Language of SRC (BCP 47), where it does not say.")
@click.option("--tgt-lang", metavar="L", callback=checked_lang, help="Language of TGT.")
@click.option("--by-line", is_flag=True, help="Choosing the same text from another line is an error too.")
@click.option(
    "--negatives",
    metavar="FILE|made",
    help="xsim++: wrong translations among the targets. JSON or JSONL (text, src, errtype), lines of text with "
    "--negative-types, or made here from TGT.",
)
@click.option("--negative-types", type=click.Path(), metavar="JSON", help="How each line of --negatives was made.")
@device_option
@threads_option
@protocol_option("xsim", "xsim++")
@save_option
@json_option
@verbose_option
def command(src: str, tgt: str, as_json: bool, **given: Any) -> None:
    """Error rate (xsim, as in LASER) from SRC to TGT: two files of which line i translates line i.

    Of the k targets nearest to a source sentence the one with the best margin is chosen; it should be its translation.

    With --negatives, xsim++: wrong translations join the targets, and errors are counted by their kind. LASER's files
    for FLORES fit (eng_Latn_augmented.devtest with --negative-types eng_Latn_errtype.devtest.json). "made" changes
    numbers, names and negations of TGT by rules of our own: to compare encoders, not to set beside published numbers.
    """
    from xret.encoders import load_encoder
    from xret.eval.protocols.rows import xsim_row
    from xret.eval.xsim import text_codes, xsim
    from xret.eval.xsimplus import xsim_plus

    _check(given)
    check_save(given["save"], src, tgt)
    texts, langs = parallel_texts(src, tgt, given["src_lang"], given["tgt_lang"])
    negatives = _negatives(texts[1], langs[1], given) if given["negatives"] else None
    model = load_encoder(given["encoder"], device=given["device"], threads=given["threads"])
    more = list(negatives.texts) if negatives else []
    x = model.encode(texts[0], lang=langs[0], progress=True)
    y = model.encode([*texts[1], *more], lang=[*langs[1], *[langs[1][0]] * len(more)], progress=True)
    options = {"margin": given["margin"], "k": given["k"]}
    scores: XsimScores | XsimPlusScores
    if negatives:
        plus = xsim_plus(x, y, texts[1], negatives, **options)
        scores, types = plus, dict(plus.types)
    else:
        scores, types = xsim(x, y, same=None if given["by_line"] else text_codes(texts[1]), **options), {}
    row = {"encoder": model.name, **asdict(scores), "error": scores.error}
    row.pop("wrong")
    used = _protocol(given)
    named = {"system": model.name, "benchmark": f"{Path(src).name} {Path(tgt).name}", "lang": langs[0][0]}
    save_row(given["save"], lambda: xsim_row(used, scores, texts[0], [*texts[1], *more], **named))
    if as_json:
        print_json({"protocol": about(used), **row})
        return
    row.pop("types", None)
    print_table([row], list(row))
    if types:
        click.echo()
        print_table(
            [{"errors by kind": kind, "count": count} for kind, count in types.items()], ["errors by kind", "count"]
        )


def parallel_texts(
    src: str, tgt: str, src_lang: str | None, tgt_lang: str | None
) -> tuple[tuple[list[str], list[str]], tuple[list[str], list[str]]]:
    """The texts, and the languages of the texts, of two files of which line i translates line i.

    Raises:
        MismatchError: one has more lines than the other.
    """
    from xret.corpus import open_corpus
    from xret.errors import MismatchError

    one, other = open_corpus(src, lang=src_lang), open_corpus(tgt, lang=tgt_lang)
    if one.num_rows != other.num_rows:
        raise MismatchError(
            f"{src} has {one.num_rows} sentences, {tgt} has {other.num_rows}; wanted line i to translate line i"
        )
    return (one["text"].to_pylist(), other["text"].to_pylist()), (one["lang"].to_pylist(), other["lang"].to_pylist())


def _check(given: dict[str, Any]) -> None:
    from xret.errors import UsageError

    if given["negative_types"] and given["negatives"] in (None, "made"):
        raise UsageError("--negative-types is for the lines of a --negatives file; leave it out")
    if given["negatives"] and given["by_line"]:
        raise UsageError("--by-line: xsim++ compares texts; leave out --by-line or --negatives")


def _protocol(given: dict[str, Any]) -> Protocol:
    from xret.eval.protocols import protocol

    options = {"margin": given["margin"], "k": given["k"]}
    if given["negatives"]:
        return protocol("xsim++").varied(negatives="made" if given["negatives"] == "made" else "file", **options)
    return protocol("xsim").varied(same="line" if given["by_line"] else "text", **options)


def _negatives(texts: list[str], langs: list[str], given: dict[str, Any]) -> HardNegatives:
    from xret.bitext.negatives import make_negatives
    from xret.errors import EvalError
    from xret.eval.xsimplus import HardNegatives, read_negatives

    if given["negatives"] != "made":
        return read_negatives(given["negatives"], given["negative_types"])
    made = make_negatives(texts, langs[0])
    if not made.texts:
        raise EvalError(
            "no negatives could be made of TGT: no numbers, names or negations that are known; see --tgt-lang"
        )
    return HardNegatives(made.texts, made.edits, [texts[row] for row in made.rows.tolist()])
