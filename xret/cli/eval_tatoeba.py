"""`xret eval tatoeba`: accuracy of the nearest neighbour, per language."""

from __future__ import annotations

from pathlib import Path

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

__all__ = ["command"]

MAIN = "xret-mini's main languages"
EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval tatoeba tatoeba
  xret eval tatoeba tatoeba --langs de --json
"""


@click.command("tatoeba", epilog=EXAMPLE)
@click.argument("data", type=click.Path())
@encoder_option
@click.option("--langs", metavar="L,L", help="These languages only, as in de,fr or deu,fra.")
@device_option
@threads_option
@protocol_option("tatoeba-laser")
@save_option
@json_option
@verbose_option
def command(
    data: str,
    encoder: str,
    langs: str | None,
    device: str,
    threads: int | None,
    save: str | None,
    as_json: bool,
) -> None:
    """Tatoeba accuracy by LASER's protocol: is the nearest sentence by cosine the translation?

    DATA is a Parquet file with columns lang, line, eng, text, or LASER's folder of tatoeba.XXX-eng.XXX and .eng files.
    Languages have different English sides, so they cannot be compared with one another.

    Data: https://github.com/facebookresearch/LASER (data/tatoeba/v1); licence: https://tatoeba.org/eng/terms_of_use
    """
    from xret.encoders import load_encoder
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import Hits, tatoeba_row
    from xret.eval.tatoeba import read_tatoeba, score_tatoeba

    check_save(save, data)
    sentences = read_tatoeba(data, langs=[lang for lang in (langs or "").split(",") if lang])
    model = load_encoder(encoder, device=device, threads=threads)
    hits: dict[str, Hits] = {}
    scores = score_tatoeba(sentences, model, progress=True, hits=hits)
    rows = scores.to_pylist()
    definition = protocol("tatoeba-laser")
    named = {"system": model.name, "benchmark": Path(data).name}
    save_row(save, lambda: tatoeba_row(definition, sentences, scores, hits, **named))
    main_languages = _main_languages()
    chosen = {"all": rows, MAIN: [row for row in rows if row["lang"] in main_languages]}
    means = {name: _mean(name, some) for name, some in chosen.items() if some}
    if as_json:
        main = means.get(MAIN)
        print_json(
            {"encoder": model.name, "protocol": about(definition), "languages": rows, "all": means["all"], "main": main}
        )
        return
    columns = ["lang", "file_lang", "lines", "to_en", "from_en", "mean"]
    print_table(rows, columns)
    click.echo()
    print_table(means.values(), ["over", "languages", "to_en", "from_en", "mean"])


def _main_languages() -> tuple[str, ...]:
    """Those of the bundled encoder, whichever is scored, so that means compare; none where it is not installed."""
    from xret.encoders.card import read_card
    from xret.errors import ModelError

    try:
        return read_card("xret-mini").languages
    except ModelError:
        return ()


def _mean(name: str, rows: list[dict[str, float]]) -> dict[str, object]:
    means = {column: sum(row[column] for row in rows) / len(rows) for column in ("to_en", "from_en", "mean")}
    return {"over": name, "languages": len(rows), **means}
