"""`xret eval fairness`: how runs treat the languages of documents and of queries."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.eval.fairness import Study

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.parquet
Examples:
  xret eval fairness qrels.txt run.parquet --corpus docs.jsonl --queries queries.tsv
  xret eval fairness qrels.txt run.parquet --corpus docs.jsonl --at 10 --languages --json
"""


@click.command("fairness", epilog=EXAMPLE)
@click.argument("qrels", type=click.Path())
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path())
@click.option("--corpus", metavar="C", help="The documents, for their languages: also of those no run retrieved.")
@click.option("--queries", metavar="Q", help="The queries, for their languages, and topics (column topic or doc_id).")
@click.option(
    "--at", default=20, show_default=True, metavar="K", type=click.IntRange(1, 10**9),
    help="Ranks for PEER, AWRF, alpha-nDCG and MRC.",
)  # fmt: skip
@click.option(
    "--recall", default=100, show_default=True, metavar="K", type=click.IntRange(1, 10**9), help="Of worst R."
)
@click.option("--languages", is_flag=True, help="Also what every language of documents and of queries gets.")
@json_option
@verbose_option
def command(qrels: str, runs: tuple[str, ...], as_json: bool, **options: Any) -> None:
    """Measure how RUNs treat languages, by QRELS over documents in several languages.

    A measure that means nothing for these data is undefined (null in JSON): PEER where every language has one relevant
    document, since its statistic does not depend on the ranks then; LPR and own-first without documents in the query's
    language; MRC where no topic is asked in two languages. Topics are read from a column of the queries; without one,
    queries that share a relevant document are one topic. MRC ranks the first K documents of two lists; what only one of
    them has shares the mean of the places behind the other's last.
    """
    from xret.corpus import open_corpus
    from xret.eval.fairness import study
    from xret.eval.scores import query_languages
    from xret.eval.topics import topics_of
    from xret.runs import read_qrels, read_run
    from xret.stages.merging.compare import document_languages

    judgements = read_qrels(qrels)
    corpus, queries = (None if options[name] is None else open_corpus(options[name]) for name in ("corpus", "queries"))
    tables = {name: read_run(name) for name in dict.fromkeys(runs)}
    known, topics = document_languages(tables.values(), corpus), topics_of(judgements, queries)
    found = {
        name: study(
            run, judgements, known, query_languages=query_languages(run, queries), topics=topics, cutoff=options["at"],
            recall=options["recall"],
        )
        for name, run in tables.items()
    }  # fmt: skip
    if as_json:
        print_json({"runs": [{"run": name, **one.to_json()} for name, one in found.items()]})
    else:
        _print(found, options)


def _print(found: dict[str, Study], options: dict[str, Any]) -> None:
    from xret.eval.fairness import meanings

    rows = []
    for name, (fair, what) in meanings(options["at"], options["recall"]).items():
        values = {run: _said(one.measures[name], one.defined[name]) for run, one in found.items()}
        rows.append({"measure": name, "fair": fair, **values, "": what})
    print_table(rows, ["measure", "fair", *found, ""])
    click.echo(f"topics, for MRC: {next(iter(found.values())).topics}")
    click.echo("\nthe first document (share of queries with relevant documents in their own and another language)")
    names = list(next(iter(found.values())).first)
    shares = [{"run": run, **{name: _said(one.first[name]) for name in names}} for run, one in found.items()]
    print_table(shares, ["run", *names])
    for run, one in found.items():
        if options["languages"]:
            click.echo(f"\n{run}, by language of the document")
            print_table(one.languages.to_pylist(), one.languages.column_names)
            if one.query_languages.num_rows:
                click.echo(f"\n{run}, by language of the query; topics: {one.topics}")
                print_table(one.query_languages.to_pylist(), one.query_languages.column_names)


def _said(value: float, count: int | None = None) -> str:
    """A value with the number of queries for which it is defined."""
    if math.isnan(value):
        return "undefined"
    return f"{value:.4f}" if count is None else f"{value:.4f} ({count:,})"
