"""`xret eval xsim`: errors of margin-based retrieval between parallel files."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

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

__all__ = ["command"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval xsim aligned.de.txt aligned.en.txt
  xret eval xsim aligned.de.txt aligned.en.txt --margin absolute --json
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
@device_option
@threads_option
@json_option
@verbose_option
def command(
    src: str,
    tgt: str,
    encoder: str,
    margin: Any,
    k: int,
    src_lang: str | None,
    tgt_lang: str | None,
    by_line: bool,
    device: str,
    threads: int | None,
    as_json: bool,
) -> None:
    """Error rate (xsim, as in LASER) from SRC to TGT: two files of which line i translates line i.

    Of the k targets nearest to a source sentence the one with the best margin is chosen; it should be its translation.
    """
    from xret.corpus import open_corpus
    from xret.encoders import load_encoder
    from xret.errors import MismatchError
    from xret.eval.xsim import text_codes, xsim

    corpora = [open_corpus(path, lang=lang) for path, lang in ((src, src_lang), (tgt, tgt_lang))]
    texts = [corpus["text"].to_pylist() for corpus in corpora]
    if len(texts[0]) != len(texts[1]):
        raise MismatchError(
            f"{src} has {len(texts[0])} sentences, {tgt} has {len(texts[1])}; wanted line i to translate line i"
        )
    model = load_encoder(encoder, device=device, threads=threads)
    langs = [corpus["lang"].to_pylist() for corpus in corpora]
    x, y = (model.encode(side, lang=lang, progress=True) for side, lang in zip(texts, langs, strict=True))
    scores = xsim(x, y, margin=margin, k=k, same=None if by_line else text_codes(texts[1]))
    row = {"encoder": model.name, **asdict(scores), "error": scores.error}
    if as_json:
        print_json(row)
    else:
        print_table([row], list(row))
