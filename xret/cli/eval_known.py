"""`xret eval known-item`: queries and judgements from one's own parallel documents, and a score on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import device_option, encoder_option, json_option, threads_option, verbose_option
from xret.cli.protocol_options import SAVE_HELP, about, check_save, protocol_option, save_row

if TYPE_CHECKING:
    from xret.eval.known_item import KnownItems
    from xret.eval.protocols import Protocol, Scored

__all__ = ["command"]

EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret eval known-item docs.jsonl --id-separator - --queries sentence -o known
  xret eval known-item docs.jsonl --id-separator - --queries sentence --query-langs de,tr
"""


@click.command("known-item", epilog=EXAMPLE)
@click.argument("corpus", type=click.Path())
@click.option("-o", "--output", metavar="FOLDER", help="Write docs.parquet, queries.tsv and qrels.txt there.")
@click.option(
    "--queries",
    type=click.Choice(["title", "sentence"]),
    default="title",
    show_default=True,
    help="What asks for a document: its title, or a sentence of its text.",
)
@click.option("--query-langs", metavar="L,L", help="Make queries in these languages only.")
@click.option("--id-separator", metavar="S", help="Instead of doc_id: what an id has before its last S, as in page@de.")
@click.option("--least", type=click.IntRange(min=1), default=4, show_default=True, help="Characters of a query.")
@click.option("--run", "run_file", type=click.Path(), metavar="RUN", help="Score this run, instead of an encoder.")
@click.option("--no-score", is_flag=True, help="Only write the set.")
@encoder_option
@device_option
@threads_option
@protocol_option("known-item")
@click.option("--save", metavar="ROW.json", help=SAVE_HELP)
@json_option
@verbose_option
def command(corpus: str, as_json: bool, **given: Any) -> None:
    """Known items: make a set of your own parallel documents, and score an encoder on it.

    CORPUS has the columns id, lang, text, doc_id (equal for translations of a document) and, for title queries, title.
    A query asks for one document; all its translations are relevant. Titles that are short, or stand over several
    documents of a language, make no query; a sentence that does is taken out of its text. The encoder searches all
    texts exactly; titles are not searched.

    The folder of -o is what "xret index build", "xret search" and "xret eval run" take: docs.parquet, queries.tsv,
    qrels.txt.
    """
    from xret.corpus import open_corpus
    from xret.eval.known_item import known_items, write_known_items
    from xret.eval.protocols import protocol

    _check(corpus, given)
    langs = [lang for lang in (given["query_langs"] or "").split(",") if lang]
    options: Any = {"langs": langs, "separator": given["id_separator"], "least": given["least"]}
    items = known_items(open_corpus(corpus), queries=given["queries"], **options)
    used = protocol("known-item").varied(queries=given["queries"], least=given["least"])
    if given["output"]:
        write_known_items(items, Path(given["output"]), used=used)
    if not given["no_score"]:
        row = _scored(items, used, Path(corpus).name, given)
        save_row(given["save"], lambda: row)
        _print(row, items, as_json)


def _check(corpus: str, given: dict[str, Any]) -> None:
    from xret.cli.overwrite import refuse_stdout
    from xret.errors import InputError, UsageError

    check_save(given["save"], corpus, given["run_file"])
    if given["no_score"] and (given["save"] or given["run_file"] or not given["output"]):
        raise UsageError("--no-score writes the set alone: give it -o FOLDER, and neither --run nor --save")
    if given["output"]:
        refuse_stdout(Path(given["output"]))
        if Path(given["output"]).exists():
            raise InputError(f"{given['output']}: exists already; remove it or choose another name")


def _scored(items: KnownItems, used: Protocol, name: str, given: dict[str, Any]) -> Scored:
    from xret.corpus import corpus_hash
    from xret.eval.benchmarks import Benchmark
    from xret.eval.known_item import search_known_items
    from xret.runs import read_run

    benchmark = Benchmark(protocol=used, name=f"known-item/{name}", queries=items.queries, qrels=items.qrels)
    if given["run_file"]:
        row = benchmark.scored(read_run(given["run_file"]), system=Path(given["run_file"]).name)
    else:
        from xret.encoders import load_encoder

        model = load_encoder(given["encoder"], device=given["device"], threads=given["threads"])
        run = search_known_items(items, model, depth=used.depth or 1000, progress=True)
        row = benchmark.scored(run, system=model.name)
    return replace(row, hashes={"corpus": corpus_hash(items.corpus), **row.hashes})


def _print(row: Scored, items: KnownItems, as_json: bool) -> None:
    counts = {"documents": items.corpus.num_rows, "queries": items.queries.num_rows, "left_out": items.left_out}
    if as_json:
        head = {"system": row.system, "protocol": about(row.protocol), **counts, "measures": dict(row.measures)}
        print_json({**head, "languages": row.by_language.to_pylist()})
        return
    print_table(row.by_language.to_pylist(), row.by_language.column_names)
    left_out = ", ".join(f"{count} {reason}" for reason, count in items.left_out.items()) or "none"
    click.echo(f"\n{counts['documents']} documents, {counts['queries']} queries (left out: {left_out}), {row.system}")
