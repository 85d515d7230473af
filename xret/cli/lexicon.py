"""`xret lexicon`: translation probabilities of words from sentence pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.index_options import analyzer_option
from xret.cli.options import checked_lang, json_option, verbose_option

__all__ = ["lexicon"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret mine news.de.txt news.en.txt -o pairs.tsv
Examples:
  xret lexicon pairs.tsv -o de-en.parquet --src-lang de --tgt-lang en
  xret index build docs.jsonl -o words.index --kind lexical
  xret search words.index "rain and wind" --query-lang en --lexicon de-en.parquet -k 3
"""


@click.command(epilog=EXAMPLE)
@click.argument("pairs", type=click.Path())
@click.option(
    "-o", "--output", required=True, metavar="OUT", type=click.Path(path_type=Path), help="Parquet file to write."
)
@click.option("--src-lang", required=True, metavar="L", callback=checked_lang, help="Language of the source side.")
@click.option("--tgt-lang", required=True, metavar="L", callback=checked_lang, help="Language of the target side.")
@click.option(
    "--rounds",
    default=5,
    show_default=True,
    metavar="N",
    type=click.IntRange(1, 100),
    help="Of estimation (IBM Model 1).",
)
@click.option(
    "--most", default=16, show_default=True, metavar="N", type=click.IntRange(min=1), help="Translations kept per word."
)
@analyzer_option
@json_option
@verbose_option
def lexicon(pairs: str, output: Path, src_lang: str, tgt_lang: str, **options: Any) -> None:
    """Learn from the sentence pairs of PAIRS which words translate which, both ways.

    PAIRS is a bitext as xret mine writes it (TSV, JSONL, Parquet or TMX; - is TSV on stdin). With the lexicon, xret
    search translates queries for a lexical index: each word becomes all its translations, by their probabilities.
    """
    import json

    from xret.bitext import read_pairs
    from xret.cli.overwrite import refuse_overwriting
    from xret.indexes.lexical.lexicons import estimate_lexicon, write_lexicon
    from xret.indexes.lexical.verbs import given_analyzers

    refuse_overwriting(str(output), pairs)
    table = read_pairs(pairs, scored=False)
    made = estimate_lexicon(
        table,
        (src_lang, tgt_lang),
        analyzers=given_analyzers(options["analyzers"]),
        rounds=options["rounds"],
        most=options["most"],
    )
    write_lexicon(output, made)
    words = made.group_by(["src_lang", "tgt_lang"]).aggregate([("src", "count_distinct")])
    counts = {f"{row['src_lang']}-{row['tgt_lang']}": row["src_count_distinct"] for row in words.to_pylist()}
    if options["as_json"]:
        click.echo(json.dumps({"lexicon": str(output), "pairs": table.num_rows, "words": counts}))
    else:
        said = ", ".join(f"{count:,} words {name}" for name, count in counts.items())
        click.echo(f"{output}: {said}, from {table.num_rows:,} pairs", err=True)
