"""`xret eval run`: one or several runs against judgements, side by side."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.eval_compare import compare_options, compared, print_comparison, refuse_idle
from xret.cli.options import json_option, verbose_option
from xret.cli.report_options import check_eval_report, eval_report_option

if TYPE_CHECKING:
    from xret.eval.evaluation import Evaluation
    from xret.eval.matrix import LanguageMatrix

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --model maxsim -o run2.trec
Examples:
  xret eval run qrels.txt run.trec run2.trec --compare
  xret eval run qrels.txt run.trec -m nDCG@10 -m nDCG:judged@10 -m RBP:p=0.8 --queries queries.tsv
  xret eval run qrels.txt run.trec --corpus docs.jsonl --queries queries.tsv --matrix -m nDCG@10
  xret eval run qrels.txt run.trec --per-query scores.tsv --json
  xret eval run qrels.txt run.trec run2.trec --queries queries.tsv --corpus docs.jsonl --report report.md
"""


@click.command("run", epilog=EXAMPLE)
@click.argument("qrels", type=click.Path())
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path())
@click.option(
    "-m",
    "--measure",
    "measures",
    multiple=True,
    metavar="M",
    help="nDCG[@k], AP[@k], R@k, RR[@k], P@k, Success@k, Judged@k, Rprec, bpref, RBP:p=P[@k], alpha-nDCG[@k]; "
    "nDCG:judged@k and so on: unjudged documents taken out (nDCG'); AP:rel=2: relevant from 2; may be repeated.  "
    "[default: nDCG@20 R@100 RR@10 AP Judged@20]",
)
@click.option(
    "-l", "--relevant-from", default=1, show_default=True, metavar="N", type=click.IntRange(min=1),
    help="Least label that counts as relevant, for measures without gains (trec_eval's -l).",
)  # fmt: skip
@click.option(
    "--queries", type=click.Path(), metavar="FILE", help="Queries with their language: adds means per language."
)
@click.option(
    "--corpus", type=click.Path(), metavar="C",
    help="The documents, for their languages: for --matrix and alpha-nDCG (languages as subtopics).",
)  # fmt: skip
@click.option("--matrix", is_flag=True, help="By language of query and document; needs --corpus.")
@click.option("--whole-lists", is_flag=True, help="For --matrix: leave documents of other languages in the lists.")
@click.option(
    "--subtopics", type=click.Path(), metavar="FILE",
    help="TREC diversity judgements (qid subtopic docid relevance), for alpha-nDCG instead of languages.",
)  # fmt: skip
@compare_options
@click.option(
    "--per-query", type=click.Path(), metavar="OUT", help="Write every query's values (.tsv, .jsonl or .parquet)."
)
@eval_report_option
@json_option
@verbose_option
def command(
    qrels: str, runs: tuple[str, ...], measures: tuple[str, ...], per_query: str | None, as_json: bool, **options: Any
) -> None:
    """Score RUNs against QRELS (TREC text, JSONL or Parquet; also .gz, .zst).

    As trec_eval does with -c: means over every query of QRELS, equal scores in descending order of docid, linear gain.
    Scores alone make the order; ranks in a file that contradict them are told of.

    --compare adds bootstrap intervals, and differences between every two RUNs (or of all to BASELINE, one of them) with
    the p-values of a paired randomisation test, corrected for the number of comparisons.
    """
    refuse_idle(options, runs)
    _refuse_idle(measures, options)
    check_eval_report(options["report"], qrels, *runs, options["queries"], options["corpus"])
    result = _evaluated(qrels, runs, measures, options)
    if per_query is not None:
        from xret.eval.tables import write_table

        write_table(result.per_query(), Path(per_query))
    if options["report"] is not None:
        from xret.cli.run_report import write_run_report

        write_run_report(options["report"], result, qrels, runs, options)
    if as_json:
        print_json(result.to_json())
    else:
        _print(result)


def _refuse_idle(measures: tuple[str, ...], options: dict[str, Any]) -> None:
    """Refuse options that nothing would come of, and measures that lack an option."""
    from xret.errors import UsageError

    if options["matrix"] and not options["corpus"]:
        raise UsageError("--matrix needs the languages of documents; add --corpus")
    if options["whole_lists"] and not options["matrix"]:
        raise UsageError("--whole-lists is for --matrix, which is not given; add it, or leave --whole-lists out")
    if not (options["corpus"] or options["subtopics"]) and any(name.startswith("alpha-nDCG") for name in measures):
        raise UsageError("alpha-nDCG needs to know what documents are about; add --corpus (languages) or --subtopics")


def _evaluated(qrels: str, runs: tuple[str, ...], measures: tuple[str, ...], options: dict[str, Any]) -> Evaluation:
    """All that is printed, and all that a report is made of."""
    from xret.corpus import open_corpus
    from xret.eval.evaluation import evaluate
    from xret.eval.measures import parse_measure
    from xret.eval.scores import DEFAULT_MEASURES
    from xret.eval.subtopics import read_subtopics
    from xret.runs import read_qrels

    wanted = [parse_measure(measure) for measure in dict.fromkeys(measures or DEFAULT_MEASURES)]
    judgements = read_qrels(qrels)
    queries = None if options["queries"] is None else _queries(options["queries"], judgements)
    corpus = None if options["corpus"] is None else open_corpus(options["corpus"])
    subtopics = None if options["subtopics"] is None else read_subtopics(options["subtopics"])[1]
    result = evaluate(
        judgements, _read(runs), wanted, relevant_from=options["relevant_from"], queries=queries, corpus=corpus,
        subtopics=subtopics, matrix=options["matrix"], whole_lists=options["whole_lists"], label=qrels,
    )  # fmt: skip
    return replace(result, comparison=compared(result, judgements, queries, options))


def _read(runs: tuple[str, ...]) -> Iterator[tuple[str, Any]]:
    from xret.runs import read_run

    for name in dict.fromkeys(runs):
        yield name, read_run(name)


def _queries(path: str, judgements: Any) -> Any:
    from xret.corpus import open_corpus
    from xret.errors import EvalError

    table = open_corpus(path)
    if not set(table["id"].to_pylist()) & set(judgements["qid"].to_pylist()):
        raise EvalError(
            f"{path}: has none of the queries of the qrels (such as '{judgements['qid'][0]}'); wanted their ids"
        )
    return table


def _print(result: Evaluation) -> None:
    means = {name: score.means() for name, score in result.scores.items()}
    measures = list(next(iter(means.values())))
    print_table([{"run": name, **values} for name, values in means.items()], ["run", *measures])
    for name, score in result.scores.items():
        if result.languages[name]:
            click.echo(f"\n{name}, by language of the query")
            print_table(score.by_language(result.languages[name]).to_pylist(), ["lang", "queries", *measures])
    for name, matrix in result.matrices.items():
        _print_matrix(name, matrix)
    if result.comparison is not None:
        print_comparison(result.comparison)


def _print_matrix(name: str, matrix: LanguageMatrix) -> None:
    click.echo(f"\n{name}: {matrix.definition()}")
    for measure in matrix.measures:
        click.echo(f"\n{name}, {measure}")
        print_table(matrix.table(measure).to_pylist(), ["qlang", *matrix.found, "mean"])
    rows = [{"": measure, **matrix.means(measure)} for measure in matrix.measures]
    click.echo(f"\n{name}, means of cells (macro), of queries (micro), of equal and of different languages")
    print_table(rows, ["", "macro", "micro", "mono", "cross"])
