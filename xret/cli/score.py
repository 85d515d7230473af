"""`xret score`: margin scores for given sentence pairs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.bitext_output import (
    announce,
    both_encoded,
    check_langs,
    check_output,
    format_option,
    margin_option,
    scratch,
    where_written,
    work_option,
    write_output,
)
from xret.cli.calibrating import calibrated, calibration_option, check_columns, open_calibration
from xret.cli.options import checked_lang, device_option, encoder_option, threads_option, verbose_option
from xret.cli.overwrite import refuse_overwriting

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.bitext import Langs

__all__ = ["score"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret mine news.de.txt news.en.txt -o pairs.tsv
Examples:
  xret score pairs.tsv -o scored.tsv
  xret score pairs.tsv -o scored.jsonl --margin distance
"""


@click.command(epilog=EXAMPLE)
@click.argument("pairs", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT", help="File to write; - is stdout.")
@click.option(
    "--src-lang", default="und", metavar="L", callback=checked_lang, help="Language of the source side (BCP 47)."
)
@click.option(
    "--tgt-lang", default="und", metavar="L", callback=checked_lang, help="Language of the target side (BCP 47)."
)
@encoder_option
@margin_option
@calibration_option
@format_option
@work_option
@device_option
@threads_option
@verbose_option
def score(pairs: str, output: str, **given: Any) -> None:
    """Give margin scores to the sentence pairs of PAIRS.

    PAIRS is a bitext (score, src_id, tgt_id, src_text, tgt_text), TSV with only src_text and tgt_text, JSONL, Parquet
    or TMX; - is TSV on stdin. Neighbours are looked for among all distinct sentences of the file. Every pair comes
    back, in its order, with its new score; what PAIRS says of another one (margin, tokens, probability) is left out.
    """
    file = given["calibration"]
    refuse_overwriting(output, pairs, file)
    check_output(output, given["format"])
    mined = {name: given[name] for name in ("encoder", "k")}
    calibration = (
        None if file is None else open_calibration(file, output, given["format"], given["margin"], mined=mined)
    )
    langs = (given["src_lang"], given["tgt_lang"])
    check_langs(output, given["format"], langs, pairs)
    from xret.bitext import read_pairs

    table = read_pairs(pairs, scored=False)
    if calibration is not None:
        check_columns(calibration, _columns(table), file)
    if table.num_rows:
        with scratch(output, given["work"]) as folder:
            table = calibrated(_scored(table, langs, folder, given), calibration)
    write_output(table, output, given["format"], langs=langs)
    announce(f"{pairs}: {table.num_rows:,} pairs scored{where_written(output, given['format'], langs)}")


def _columns(table: pa.Table) -> list[str]:
    """Of the pairs when they are scored."""
    from xret.stages.score import COMPUTED, OUTDATED

    return [*(name for name in table.column_names if name not in (*COMPUTED, *OUTDATED)), *COMPUTED]


def _scored(table: pa.Table, langs: Langs, folder: Path | None, given: dict[str, Any]) -> pa.Table:
    from xret.pipeline import Pipeline, Step
    from xret.stages.score import Score, side_corpus

    src, tgt = side_corpus(table, "src", lang=langs[0]), side_corpus(table, "tgt", lang=langs[1])
    stage = Score(k=given["k"], margin=given["margin"], threads=given["threads"])
    steps = Pipeline((*both_encoded(given), Step(stage)))
    work = Path(given["work"]) if given["work"] else None
    return steps({"pairs": table, "src_corpus": src, "tgt_corpus": tgt}, work=work, scratch=folder)["pairs"]
