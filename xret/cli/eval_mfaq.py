"""`xret eval mfaq`: answers of a page to its questions."""

from __future__ import annotations

from pathlib import Path

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import checked_lang, device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import about, check_save, protocol_option, save_option, save_row

__all__ = ["command"]

EXAMPLE = """
\b
Examples:
  xret eval mfaq --protocol
"""


@click.command("mfaq", epilog=EXAMPLE)
@click.argument("sources", nargs=-1, required=True, metavar="FOLDER|FILE...", type=click.Path())
@encoder_option
@click.option("--lang", metavar="L", callback=checked_lang, help="Language of all pages, where these do not say.")
@device_option
@threads_option
@protocol_option("mfaq")
@save_option
@json_option
@verbose_option
def command(
    sources: tuple[str, ...],
    encoder: str,
    lang: str | None,
    device: str,
    threads: int | None,
    save: str | None,
    as_json: bool,
) -> None:
    """MFAQ: does a question find its answer among those of its FAQ page?

    Files are JSON lines, a page a line: {"id": 7, "qa_pairs": [{"question": "…", "answer": "…"}, …]}.

    \b
    global_mrr     mean reciprocal rank over all questions
    per_page_mrr   mean over pages of their questions' mean

    Data: https://huggingface.co/datasets/clips/mfaq, whose card has the licence
    """
    from xret.encoders import load_encoder
    from xret.eval.mfaq import read_mfaq, score_mfaq
    from xret.eval.protocols import protocol
    from xret.eval.protocols.rows import mfaq_row

    check_save(save, *sources)
    pages = read_mfaq(sources, lang=lang)
    model = load_encoder(encoder, device=device, threads=threads)
    scores = score_mfaq(pages, model, progress=True)
    definition = protocol("mfaq")
    named = {"system": model.name, "benchmark": f"mfaq/{' '.join(Path(source).name for source in sources)}"}
    save_row(save, lambda: mfaq_row(definition, scores, pages, **named))
    table = scores.table()
    if as_json:
        means = {"global_mrr": scores.global_mrr, "per_page_mrr": scores.per_page_mrr}
        head = {"encoder": model.name, "protocol": about(definition), **means}
        print_json({**head, "languages": table.to_pylist()[:-1]})
        return
    print_table(table.to_pylist(), table.column_names)
