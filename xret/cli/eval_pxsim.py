"""`xret eval pxsim`: retrieval errors of two encoders together."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.eval_xsim import parallel_texts
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    json_option,
    threads_option,
    verbose_option,
)
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

__all__ = ["command"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval pxsim aligned.de.txt aligned.en.txt --aux-encoder xret-mini --alpha 0.1
"""


@click.command("pxsim", epilog=EXAMPLE)
@click.argument("src", type=click.Path())
@click.argument("tgt", type=click.Path())
@encoder_option
@click.option("--aux-encoder", required=True, metavar="E", help="The encoder that chooses among the candidates.")
@click.option(
    "--alpha", type=click.FloatRange(0, 1), default=0.1, show_default=True, help="Share of the margin in a score."
)
@click.option(
    "--margin",
    type=click.Choice(["ratio", "distance", "absolute"]),
    default="ratio",
    show_default=True,
    help="Score of a pair against its neighbourhood, by --encoder.",
)
@click.option("--k", type=click.IntRange(min=1), default=16, show_default=True, help="Candidates per sentence.")
@click.option("--src-lang", metavar="L", callback=checked_lang, help="Language of SRC (BCP 47), where it does not say.")
@click.option("--tgt-lang", metavar="L", callback=checked_lang, help="Language of TGT.")
@device_option
@threads_option
@protocol_option("pxsim")
@save_option
@json_option
@verbose_option
def command(src: str, tgt: str, as_json: bool, **given: Any) -> None:
    """Error rate (P-xSIM, as in LASER) from SRC to TGT: two files of which line i translates line i.

    --encoder finds the k nearest targets of a source sentence, and their margins; of these the one with the highest
    alpha * margin + (1 - alpha) * cosine by --aux-encoder is chosen, and should be the translation. By line: choosing
    the same text from another line is an error.
    """
    from xret.encoders import load_encoder
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import xsim_row
    from xret.eval.pxsim import pxsim

    check_save(given["save"], src, tgt)
    texts, langs = parallel_texts(src, tgt, given["src_lang"], given["tgt_lang"])
    vectors, names = [], []
    for name in (given["encoder"], given["aux_encoder"]):
        model = load_encoder(name, device=given["device"], threads=given["threads"])
        names.append(model.name)
        vectors += [model.encode(side, lang=lang, progress=True) for side, lang in zip(texts, langs, strict=True)]
    scores = pxsim(*vectors, alpha=given["alpha"], margin=given["margin"], k=given["k"])
    row = {"encoder": names[0], "aux_encoder": names[1], **asdict(scores), "error": scores.error}
    row.pop("wrong")
    settings = {"margin": given["margin"], "k": given["k"], "alpha": given["alpha"]}
    used = protocol("pxsim").varied(aux_encoder=names[1], **settings)
    named = {"system": names[0], "benchmark": f"{Path(src).name} {Path(tgt).name}", "lang": langs[0][0]}
    save_row(given["save"], lambda: xsim_row(used, scores, *texts, **named))
    if as_json:
        print_json({"protocol": about(used), **row})
    else:
        print_table([row], list(row))
