"""`xret filter`: drop sentence pairs for reasons that are counted."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.bitext_output import (
    announce,
    check_langs,
    check_output,
    format_option,
    where_written,
    write_output,
)
from xret.cli.bitext_report import check_report_option, report_option, save_report
from xret.cli.filter_options import announce_filtered, filter_options, filter_stage
from xret.cli.options import checked_lang, json_option, verbose_option
from xret.cli.overwrite import same_file
from xret.errors import UsageError

if TYPE_CHECKING:
    from xret.bitext.filters import Filtered

__all__ = ["filter_pairs"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret mine news.de.txt news.en.txt -o pairs.jsonl
Examples:
  xret filter pairs.jsonl -o clean.jsonl --clean
  xret filter pairs.jsonl -o clean.tmx --length-ratio auto --max-repeats 1 --src-lang de --tgt-lang en
  xret filter pairs.jsonl -o good.tsv --threshold 1.1 --clean --report report.html --dropped bad.jsonl
"""


@click.command("filter", epilog=EXAMPLE)
@click.argument("pairs", type=click.Path())
@click.option("-o", "--output", required=True, type=click.Path(), metavar="OUT", help="File to write; - is stdout.")
@click.option("--threshold", type=float, metavar="FLOAT", help="Keep pairs with at least this score.")
@filter_options
@click.option("--dropped", type=click.Path(), metavar="FILE", help="Write what is dropped, too, with dropped_by.")
@report_option
@click.option(
    "--src-lang", default="und", metavar="L", callback=checked_lang, help="Language of the source side (BCP 47)."
)
@click.option(
    "--tgt-lang", default="und", metavar="L", callback=checked_lang, help="Language of the target side (BCP 47)."
)
@format_option
@json_option
@verbose_option
def filter_pairs(pairs: str, output: str, **given: Any) -> None:
    """Drop the pairs of PAIRS that the options name; the rest stays as it is, in its order.

    PAIRS is a bitext (score, src_id, tgt_id, src_text, tgt_text), TSV with only src_text and tgt_text, JSONL, Parquet
    or TMX; - is TSV on stdin. Each pair is counted under the first reason against it. Options are applied in the order
    in which they stand here; each sees what those before it left.
    """
    langs = (given["src_lang"], given["tgt_lang"])
    _check(pairs, output, langs, given)
    from xret.bitext import read_pairs

    stage = filter_stage(given, langs, threshold=given["threshold"])
    table = read_pairs(pairs, scored=False)
    filtered = stage.chain()(table)
    write_output(filtered.kept, output, given["format"], langs=langs)
    if given["dropped"]:
        write_output(filtered.dropped, given["dropped"], None, langs=langs)
    facts = [("pairs", pairs), ("written to", output)]
    save_report(filtered, given["report"], langs=langs, threshold=given["threshold"], facts=facts)
    announce_filtered(filtered)
    if given["as_json"]:
        click.echo(json.dumps(_record(filtered), ensure_ascii=False))
    where = where_written(output, given["format"], langs)
    announce(f"{pairs}: {filtered.kept.num_rows:,} of {table.num_rows:,} pairs left{where}")


def _check(pairs: str, output: str, langs: tuple[str, str], given: dict[str, Any]) -> None:
    """Refuse what cannot be written, before anything is read."""
    from xret.bitext import format_of

    if given["as_json"] and output == "-":
        raise UsageError("--json and -o - both want stdout; write the pairs to a file")
    files = {"PAIRS": pairs, "-o": output, "--dropped": given["dropped"], "--report": given["report"]}
    _apart({option: name for option, name in files.items() if name not in (None, "-")})
    check_output(output, given["format"])
    check_langs(output, given["format"], langs, pairs)
    if given["dropped"]:
        if format_of(Path(given["dropped"])) == "tsv":
            raise UsageError(
                f"--dropped {given['dropped']}: TSV has no place for the reasons; name it .jsonl or .parquet"
            )
        check_output(given["dropped"], None)
        check_langs(given["dropped"], None, langs)
    check_report_option(given["report"])


def _apart(files: dict[str, str]) -> None:
    """Refuse two of the files, by option, that are one; devices and pipes are let pass."""
    names = [(option, name) for option, name in files.items() if not Path(name).exists() or Path(name).is_file()]
    for (one, name), (other, again) in itertools.combinations(names, 2):
        if same_file(name, again):
            raise UsageError(f"{one} and {other} are both '{name}'; give each a name of its own")


def _record(filtered: Filtered) -> dict[str, Any]:
    counts = [count.record() for count in filtered.counts]
    total = filtered.kept.num_rows + filtered.dropped.num_rows
    return {"pairs": total, "kept": filtered.kept.num_rows, "filters": counts, "doubts": list(filtered.doubts)}
