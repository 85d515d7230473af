"""`xret eval run`: one or several runs against judgements, side by side."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option

if TYPE_CHECKING:
    from xret.eval.scores import RunScores

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret rerank run.trec --queries queries.tsv --corpus docs.jsonl --model maxsim -o run2.trec
Examples:
  xret eval run qrels.txt run.trec run2.trec
  xret eval run qrels.txt run.trec -m nDCG@10 -m R@100 --queries queries.tsv
  xret eval run qrels.txt run.trec --per-query scores.tsv --json
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
    help="nDCG[@k], AP[@k], R@k, RR[@k], P@k, Success@k, Judged@k, Rprec; may be repeated.  "
    "[default: nDCG@20 R@100 RR@10 AP Judged@20]",
)
@click.option(
    "--queries", type=click.Path(), metavar="FILE", help="Queries with their language: adds means per language."
)
@click.option(
    "--per-query", type=click.Path(), metavar="OUT", help="Write every query's values (.tsv, .jsonl or .parquet)."
)
@json_option
@verbose_option
def command(
    qrels: str,
    runs: tuple[str, ...],
    measures: tuple[str, ...],
    queries: str | None,
    per_query: str | None,
    as_json: bool,
) -> None:
    """Score RUNs against QRELS (TREC text, JSONL or Parquet; also .gz, .zst).

    As trec_eval does with -c: means over every query of QRELS, equal scores in descending order of docid, linear gain.
    Ranks in the files are not read.
    """
    from xret.eval.scores import DEFAULT_MEASURES, query_languages
    from xret.runs import read_qrels, read_run

    wanted = _parsed(measures or DEFAULT_MEASURES)
    judgements, scores, languages = read_qrels(qrels), {}, {}
    asked = None if queries is None else _queries(queries, judgements)
    for name in dict.fromkeys(runs):
        run = read_run(name)
        scores[name] = _scored(name, run, judgements, wanted)
        languages[name] = query_languages(run, asked)
    if per_query is not None:
        _write_per_query(scores, Path(per_query))
    (_as_json if as_json else _as_tables)(scores, languages)


def _parsed(measures: tuple[str, ...]) -> list[Any]:
    from xret.eval.measures import parse_measure

    return [parse_measure(measure) for measure in dict.fromkeys(measures)]


def _queries(path: str, judgements: Any) -> Any:
    from xret.corpus import open_corpus
    from xret.errors import EvalError

    table = open_corpus(path)
    if not set(table["id"].to_pylist()) & set(judgements["qid"].to_pylist()):
        raise EvalError(
            f"{path}: has none of the queries of the qrels (such as '{judgements['qid'][0]}'); wanted their ids"
        )
    return table


def _scored(name: str, run: Any, judgements: Any, wanted: list[Any]) -> RunScores:
    from xret.errors import EvalError
    from xret.eval.scores import score_run

    try:
        return score_run(run, judgements, wanted)
    except EvalError as error:
        raise EvalError(f"{name}: {error}") from error


def _as_json(scores: dict[str, RunScores], languages: dict[str, dict[str, str]]) -> None:
    print_json(
        {
            "queries": len(next(iter(scores.values())).qids),
            "runs": [
                {
                    "run": name,
                    "measures": score.means(),
                    "languages": score.by_language(languages[name]).to_pylist() if languages[name] else [],
                }
                for name, score in scores.items()
            ],
        }
    )


def _as_tables(scores: dict[str, RunScores], languages: dict[str, dict[str, str]]) -> None:
    means = {name: score.means() for name, score in scores.items()}
    measures = list(next(iter(means.values())))
    print_table([{"run": name, **values} for name, values in means.items()], ["run", *measures])
    for name, score in scores.items():
        if languages[name]:
            click.echo(f"\n{name}, by language of the query")
            print_table(score.by_language(languages[name]).to_pylist(), ["lang", "queries", *measures])


def _write_per_query(scores: dict[str, RunScores], path: Path) -> None:
    import pyarrow as pa

    from xret.eval.tables import write_table

    tables = [score.per_query() for score in scores.values()]
    names = pa.array(
        [name for name, table in zip(scores, tables, strict=True) for _ in range(table.num_rows)], pa.string()
    )
    write_table(pa.concat_tables(tables).add_column(0, "run", names), path)
