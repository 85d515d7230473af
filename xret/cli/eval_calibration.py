"""`xret eval calibration`: ways to one list over many languages, side by side."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal, cast

import click
from click.core import ParameterSource

from xret.cli.calibration_options import prior_option
from xret.cli.counting import counted
from xret.cli.eval import print_json, print_table
from xret.cli.options import json_option, verbose_option
from xret.cli.report_options import check_eval_report, eval_report_option, file_hashes, save_eval_report

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.stages.merging import Calibration
    from xret.stages.merging.compare import Compared

    Method = Calibration | Literal["logistic-pooled"]

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.parquet
Examples:
  xret eval calibration qrels.txt run.parquet --corpus docs.jsonl
  xret eval calibration qrels.txt run.parquet --corpus docs.jsonl --method raw --method zscore --languages
"""
METHODS = ("raw", "zscore", "minmax", "rrf", "round-robin", "quota", "logistic", "logistic-pooled")


@click.command("calibration", epilog=EXAMPLE)
@click.argument("qrels", type=click.Path())
@click.argument("runs", nargs=-1, required=True, metavar="RUN...", type=click.Path())
@click.option("--corpus", metavar="C", help="The documents, for their languages: also of those no run retrieved.")
@click.option("--queries", metavar="Q", help="The queries, for their languages, where the runs do not have them.")
@click.option(
    "--method", "methods", multiple=True, type=click.Choice(METHODS), help="May be repeated.  [default: all of them]"
)
@click.option(
    "-m", "--measure", "measures", multiple=True, metavar="M", help="Of effectiveness.  [default: nDCG@20 R@100]"
)
@click.option(
    "--at", default=20, show_default=True, metavar="K", type=click.IntRange(1, 10**9), help="Ranks for PEER and AWRF."
)
@click.option("--depth", metavar="N", type=click.IntRange(1, 10**9), help="Documents per query kept.  [default: all]")
@click.option(
    "--folds", default=5, show_default=True, metavar="N", type=click.IntRange(2, 10**6), help="For logistic: of topics."
)
@prior_option
@click.option("--languages", is_flag=True, help="Also what every language of the documents gets, method by method.")
@click.option(
    "--save", metavar="FILE", type=click.Path(), help="Fit logistic on all queries and write it, for --calibrate."
)
@click.option("--vectors", metavar="DIR", help="Of the corpus ('xret encode'): adds a run over centred vectors.")
@click.option("--query-vectors", metavar="DIR", help="Of the queries, for --vectors.")
@click.option("--parallel", metavar="P", help="Corpus with doc_id, equal for translations: adds SHIFT, with --vectors.")
@click.option("--parallel-vectors", metavar="DIR", help="Of --parallel.")
@click.option("--source", default="en", show_default=True, metavar="L", help="Language to which SHIFT moves all.")
@click.option("--pooled", is_flag=True, help="For --save: one map for all languages.")
@eval_report_option
@json_option
@verbose_option
def command(qrels: str, runs: tuple[str, ...], save: str | None, as_json: bool, **options: Any) -> None:
    """Compare calibrations of RUNs over documents in many languages, by QRELS.

    Effectiveness first, then fairness to languages. PEER: are relevant documents of all languages expected at the same
    rank (1 is fair; undefined where no query has two in one language)? AWRF: does each language get its share of
    attention (1)? W: do queries agree on an order of languages (0 is fair)? own-first: how often the document in the
    query's language stands before its translations (0.5). distance: ranks between the first and the last translation
    (0). worst R: recall in the language that has the least. least share: attention over what is due, of the language
    that comes off worst (1).

    logistic is cross-fitted: every query is ranked by weights fitted on the queries of other topics; so are the shares
    of quota, without --prior. With weights for every language, one in which little is relevant sinks for that;
    logistic-pooled has the same for all. Calibrate deep runs: the deeper, the better a language's scores are known.
    """
    from xret.cli.overwrite import refuse_overwriting
    from xret.eval.scores import query_languages
    from xret.runs import read_qrels, read_run
    from xret.stages.merging import fit_relevance, with_languages
    from xret.stages.merging.compare import compare, document_languages
    from xret.stages.merging.languages import check_spoken, with_document_languages, with_query_languages

    _refuse_idle(save, options)
    refuse_overwriting(save, qrels, *runs, options["corpus"], options["queries"], option="--save")
    check_eval_report(options["report"], qrels, *runs, options["corpus"], options["queries"])
    judgements, corpus, queries = read_qrels(qrels), _corpus(options["corpus"]), _corpus(options["queries"])
    _refuse_vectors(options)
    tables = {name: read_run(name) for name in dict.fromkeys(runs)}
    tables = {name: with_languages(table, corpus) if corpus is not None else with_document_languages(table)
              for name, table in tables.items()}  # fmt: skip
    known = document_languages(tables.values(), corpus)
    found, fitted = {}, None
    for name, table in tables.items():
        spoken = query_languages(table, queries)
        run = with_query_languages(table, spoken)
        check_spoken(run, options["prior"])
        found[name] = compare(
            run, judgements, known, _methods(options["methods"]), measures=options["measures"] or ("nDCG@20", "R@100"),
            prior=options["prior"], folds=options["folds"], depth=options["depth"], cutoff=options["at"],
            query_languages=spoken,
        )  # fmt: skip
        fitted = fitted or (fit_relevance(run, judgements, by_language=not options["pooled"]) if save else None)
    if options["vectors"]:
        found[options["vectors"]] = _recentred(options, next(iter(tables.values())), judgements, corpus, queries)
    if options["report"]:
        _report(options["report"], found, {"qrels": qrels, "corpus": options["corpus"], "queries": options["queries"]})
    (_as_json if as_json else _as_tables)(found, options["languages"])
    if save and fitted:
        fitted.save(save)
        click.echo(f"{save}: fitted on {counted(fitted.made['queries'], 'query')} of {runs[0]}", err=True)


def _report(path: str, found: dict[str, list[Compared]], files: dict[str, str | None]) -> None:
    from xret.eval.reports import calibrations_report, provenance, today

    known = file_hashes(files | {f"run {name}": name for name in found})
    save_eval_report(calibrations_report(found, date=today(), provenance=provenance(known)), path)


def _refuse_idle(save: str | None, options: dict[str, Any]) -> None:
    """Refuse options that nothing would come of."""
    from xret.errors import UsageError

    if options["pooled"] and not save:
        raise UsageError("--pooled is for --save, which is not given; to compare, take --method logistic-pooled")
    if options["prior"] is not None and "quota" not in _methods(options["methods"]):
        raise UsageError("--prior is for --method quota, which is not among those given; add it, or leave --prior out")
    source = click.get_current_context().get_parameter_source("source")
    if source is ParameterSource.COMMANDLINE and not options["parallel"]:
        raise UsageError("--source is for SHIFT, with --parallel, which is not given; add that, or leave --source out")


def _refuse_vectors(options: dict[str, Any]) -> None:
    from xret.errors import UsageError

    given = {name for name in ("vectors", "query_vectors", "parallel", "parallel_vectors") if options[name]}
    if given and not (options["corpus"] and options["queries"] and {"vectors", "query_vectors"} <= given):
        raise UsageError("for centred vectors give --vectors, --query-vectors, --corpus and --queries, all four")
    if len(given & {"parallel", "parallel_vectors"}) == 1:
        raise UsageError("for SHIFT give --parallel and --parallel-vectors, both")


def _recentred(options: dict[str, Any], run: pa.Table, qrels: pa.Table, corpus: Any, queries: Any) -> list[Compared]:
    """The vectors searched as they are moved, as deep as the first run."""
    from pathlib import Path
    from tempfile import TemporaryDirectory

    import pyarrow.compute as pc

    from xret.eval.scores import query_languages
    from xret.stages.merging.compare import document_languages, measured
    from xret.stages.merging.recentred import recentred_run

    known, found = document_languages([], corpus), []
    spoken, k = query_languages(run, queries), pc.max(run["rank"]).as_py()
    parallel = (_corpus(options["parallel"]), Path(options["parallel_vectors"])) if options["parallel"] else None
    methods: tuple[Literal["mean", "shift"], ...] = ("mean", "shift") if parallel else ("mean",)
    for method in methods:
        with TemporaryDirectory(prefix="xret-centre-") as work:
            ranked = recentred_run(
                corpus, Path(options["vectors"]), queries, Path(options["query_vectors"]), work=Path(work),
                method=method, parallel=parallel, source=options["source"], k=k,
            )  # fmt: skip
        if options["depth"]:
            ranked = ranked.filter(pc.less_equal(ranked["rank"], options["depth"]))
        name = {"mean": "centred", "shift": "SHIFT"}[method]
        measures = options["measures"] or ("nDCG@20", "R@100")
        found.append(measured(name, ranked, qrels, known, measures, cutoff=options["at"], query_languages=spoken))
    return found


def _methods(names: tuple[str, ...]) -> tuple[Method, ...]:
    return cast("tuple[Method, ...]", tuple(dict.fromkeys(names)) or METHODS)


def _corpus(path: str | None) -> pa.Table | None:
    from xret.corpus import open_corpus

    return None if path is None else open_corpus(path)


def _rows(found: list[Compared]) -> tuple[list[dict[str, Any]], list[str]]:
    """One row a method, and the columns."""
    fair = list(found[0].fair.measures)
    columns = ["method", *found[0].measures, *fair]
    return [
        {"method": one.method, **one.measures, **{name: one.fair.measures[name] for name in fair}} for one in found
    ], columns


def _as_tables(found: dict[str, list[Compared]], languages: bool) -> None:
    for place, (name, compared) in enumerate(found.items()):
        if len(found) > 1:
            click.echo(("\n" if place else "") + name)
        rows, columns = _rows(compared)
        print_table([{key: _cell(value) for key, value in row.items()} for row in rows], columns)
        for one in compared if languages else ():
            click.echo(f"\n{one.method}, by language of the documents")
            print_table(one.fair.languages.to_pylist(), one.fair.languages.column_names)


def _cell(value: Any) -> Any:
    return "undefined" if isinstance(value, float) and math.isnan(value) else value


def _as_json(found: dict[str, list[Compared]], _: bool) -> None:
    print_json(
        {
            "runs": [
                {
                    "run": name,
                    "methods": [
                        {
                            "method": one.method,
                            "measures": dict(one.measures),
                            "fairness": dict(one.fair.measures),
                            "defined": dict(one.fair.defined),
                            "languages": one.fair.languages.to_pylist(),
                        }
                        for one in compared
                    ],
                }
                for name, compared in found.items()
            ]
        }
    )
