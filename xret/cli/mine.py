"""`xret mine`: from two texts to sentence pairs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.bitext_output import (
    announce,
    check_langs,
    check_output,
    format_option,
    langs_of,
    margin_option,
    scratch,
    where_written,
    work_option,
    write_output,
)
from xret.cli.bitext_report import check_report_option, report_option, save_report
from xret.cli.calibrating import calibration_option, open_calibration
from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.filter_options import announce_filtered, filter_options, filter_stage
from xret.cli.mine_options import check_options, choice_options, means_options, vectors_options
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    on_error_option,
    threads_option,
    verbose_option,
)
from xret.cli.scale_options import check_scale, record_mining, scale_options
from xret.errors import UsageError

__all__ = ["mine"]

MINE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret mine news.de.txt news.en.txt -o pairs.tsv
  xret mine news.de.txt news.en.txt -o pairs.jsonl --threshold auto --gold gold.tsv
  xret mine news.de.txt news.en.txt -o - --retrieval intersect --threshold 1.1 --work de-en.work
  xret mine news.de.txt news.en.txt -o pairs.tmx --rescore tokens --threshold auto --clean --report report.html
  xret mine news.en.txt news.en.txt -o alike.tsv
English encoded once, for any number of languages:
  xret encode news.en.txt -o en.vectors
  xret mine news.de.txt news.en.txt --tgt-vectors en.vectors -o pairs.tsv
"""


@click.command(epilog=MINE)
@click.argument("src", type=click.Path())
@click.argument("tgt", type=click.Path())
@click.option(
    "-o", "--output", type=click.Path(), metavar="OUT", help="File to write; - is stdout.  [required but for --shard]"
)
@click.option(
    "--src-lang", metavar="L", callback=checked_lang, help="Language of SRC (BCP 47) where the file does not tell."
)
@click.option(
    "--tgt-lang", metavar="L", callback=checked_lang, help="Language of TGT (BCP 47) where the file does not tell."
)
@encoder_option
@vectors_options
@margin_option
@means_options
@choice_options
@calibration_option
@click.option("--gold", type=click.Path(), metavar="GOLD.tsv", help="True pairs (src_id, tgt_id): print P, R and F1.")
@click.option("--keep-copies", is_flag=True, help="Pair a sentence with its untranslated copy, too.")
@filter_options
@scale_options
@report_option
@format_option
@work_option
@engine_options
@device_option
@threads_option
@on_error_option
@verbose_option
def mine(src: str, tgt: str, output: str | None, **given: Any) -> None:
    """Find sentences of SRC and TGT that are translations of each other.

    Both are corpora (.txt, .tsv, .jsonl, .parquet, .arrow, the text ones also .gz or .zst; a folder of such files; - is
    stdin). OUT gets score, src_id, tgt_id, src_text and tgt_text, best first; JSONL, Parquet and TMX also get what else
    is known of a pair. Lines that repeat within a file are mined once and come back with all their ids. Where SRC is
    TGT, sentences that say the same are found, each pair once.

    Filters see the pairs that reach the threshold, in the order in which they stand here, and say what they drop. With
    --work, a run that was stopped goes on where it was.
    """
    check_scale({**given, "output": output})
    check_options(src, tgt, output, given)
    check_report_option(given["report"])
    if output is None:
        _search_shard(src, tgt, given)
    else:
        check_output(output, given["format"])
        _mine(src, tgt, output, given)


def _search_shard(src: str, tgt: str, given: dict[str, Any]) -> None:
    from xret.cli.mine_run import Run

    if "-" in (src, tgt):
        raise UsageError("--shard: 'xret merge' could not read stdin again; give files")
    run = Run.prepared(src, tgt, given, None)
    search = run.search(run.corpora(Path(given["work"])))
    record_mining(src, tgt, given)  # what cannot be read blocks no work folder
    with chosen_engine(given["engine"], given["workers"]):
        search()
    announce(f"shard {given['shard']}: neighbours found; 'xret merge --work {given['work']} -o OUT' joins all shards")


def _mine(src: str, tgt: str, output: str, given: dict[str, Any]) -> None:
    from xret.cli.mine_judge import cut, judge_filtered
    from xret.cli.mine_run import Run, described

    fixed = given["threshold"] if isinstance(given["threshold"], float) else None
    run = Run.prepared(src, tgt, given, _calibration(output, given))
    with scratch(output, given["work"]) as folder:
        corpora = run.corpora(folder or Path(given["work"]))
        langs = langs_of(*corpora)
        check_langs(output, given["format"], langs, src, tgt)
        filter_stage(given, langs, threshold=fixed)  # refuses, before hours of work, what could not be done after them
        with chosen_engine(given["engine"], given["workers"]):
            pairs = run.mined(corpora, folder)
    run = run.turned(corpora)
    pairs, limit = cut(pairs, run)
    filtered = filter_stage(given, langs, threshold=limit if run.all_mined else None).chain()(pairs)
    announce_filtered(filtered)
    judge_filtered(filtered, run)
    write_output(filtered.kept, output, given["format"], langs=langs)
    save_report(filtered, given["report"], langs=langs, threshold=limit, facts=described(run, corpora))
    where = where_written(output, given["format"], langs)
    announce(f"{run.sizes(corpora)}: {filtered.kept.num_rows:,} pairs{where}")


def _calibration(output: str, given: dict[str, Any]) -> Any:
    if given["calibration"] is None:
        return None
    cuts = given["threshold"] == "auto" and given["gold"] is None
    margin = given["margin"] + ("+tokens" if given["rescore"] else "")
    columns = ["score", "cosine", "src_mean", "tgt_mean", "src_rank", "tgt_rank"]
    columns += ["margin", "tokens"] if given["rescore"] else []
    mined = {name: given[name] for name in ("k", "retrieval")}
    if not given["src_vectors"] and not given["tgt_vectors"]:
        mined["encoder"] = given["encoder"]
    return open_calibration(
        given["calibration"], output, given["format"], margin, cuts=cuts, columns=columns, mined=mined
    )
