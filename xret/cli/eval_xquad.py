"""`xret eval xquad-r`: LAReQA's mAP over one pool of many languages."""

from __future__ import annotations

import math

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

__all__ = ["command"]

EXAMPLE = """
\b
Examples:
  xret eval xquad-r --help
"""


@click.command("xquad-r", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|FILE...", type=click.Path())
@encoder_option
@click.option("--langs", metavar="L,L", help="These languages only: both their questions and their sentences.")
@device_option
@threads_option
@protocol_option("xquad-r")
@save_option
@json_option
@verbose_option
def command(
    sources: tuple[str, ...],
    encoder: str,
    langs: str | None,
    device: str,
    threads: int | None,
    save: str | None,
    as_json: bool,
) -> None:
    """Language-agnostic retrieval (LAReQA) on XQuAD-R, files named LANG.json.

    \b
    Pool: every sentence of every paragraph in every language, encoded without its paragraph.
    map          AP of a question over the whole pool; its answer sentence in each language is relevant
    mono         over the sentences of the question's own language alone
    cross_from   mean over the other languages, each as a pool of its own; cross_to: the other way round

    Data: https://github.com/google-research-datasets/lareqa (folder xquad-r), CC BY-SA 4.0
    """
    from xret.encoders import load_encoder
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import xquad_row
    from xret.eval.xquad import read_xquad, score_xquad

    check_save(save, *sources)
    pool = read_xquad(sources, langs=[lang for lang in (langs or "").split(",") if lang])
    model = load_encoder(encoder, device=device, threads=threads)
    scores = score_xquad(pool, model, progress=True)
    definition = protocol("xquad-r")
    named = {"system": model.name, "benchmark": f"xquad-r/{','.join(pool.langs)}"}
    save_row(save, lambda: xquad_row(definition, scores, pool, **named))
    if as_json:
        pairs = {
            a: dict(zip(scores.langs, row.tolist(), strict=True))
            for a, row in zip(scores.langs, scores.pairs, strict=True)
        }
        summary = {"map": scores.map, "mono": scores.mono, "cross": None if math.isnan(scores.cross) else scores.cross}
        head = {"encoder": model.name, "protocol": about(definition)}
        print_json({**head, **summary, "languages": scores.table().to_pylist()[:-1], "pairs": pairs})
        return
    print_table(scores.table().to_pylist(), scores.table().column_names)
    click.echo(
        f"\n{len(pool.questions)} questions, {len(pool.sentences)} sentences, {len(pool.langs)} languages, {model.name}"
    )
