"""`xret eval belebele`: the passage that a question is about, within, across and over all languages."""

from __future__ import annotations

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

__all__ = ["command"]

EXAMPLE = """
\b
Examples:
  xret eval belebele --protocol
"""


@click.command("belebele", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|FILE...", type=click.Path())
@encoder_option
@click.option("--langs", metavar="L,L", help="These languages only, as in deu_Latn,eng_Latn or de,en.")
@device_option
@threads_option
@protocol_option("belebele")
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
    """Belebele as retrieval: files named LANG_Script.jsonl, as in Belebele.zip.

    \b
    nDCG@10 of questions in a language over
    mono         its own passages
    cross_from   those of each other language, and the mean of these; cross_to: the other way round
    all          the passages of all languages at once, where the right one is relevant in each of them

    Data: https://github.com/facebookresearch/belebele, CC BY-SA 4.0
    """
    from xret.encoders import load_encoder
    from xret.eval.belebele import score_belebele
    from xret.eval.belebele_files import read_belebele
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import belebele_row

    check_save(save, *sources)
    data = read_belebele(sources, langs=[lang for lang in (langs or "").split(",") if lang])
    model = load_encoder(encoder, device=device, threads=threads)
    scores = score_belebele(data, model, progress=True)
    definition = protocol("belebele")
    named = {"system": model.name, "benchmark": f"belebele/{','.join(data.names)}"}
    save_row(save, lambda: belebele_row(definition, scores, data, **named))
    means = scores.means()
    if as_json:
        head = {"encoder": model.name, "protocol": about(definition), "measures": means}
        pairs = scores.pairs[:, :, 0].tolist()
        square = {src: dict(zip(scores.langs, row, strict=True)) for src, row in zip(scores.langs, pairs, strict=True)}
        print_json({**head, "languages": scores.table().to_pylist(), "pairs": square})
        return
    print_table(scores.table().to_pylist(), scores.table().column_names)
    click.echo()
    rows = [{"pool": pool} | {n.split()[1]: v for n, v in means.items() if n.startswith(pool)} for pool in POOLS]
    print_table(rows, list(rows[0]))
    click.echo(
        f"\n{len(data.about)} questions, {len(data.passages[0])} passages, {len(data.langs)} languages, {model.name}"
    )


POOLS = ("mono", "cross", "all")
