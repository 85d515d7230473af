"""`xret eval benchmark`: published evaluation sets from local files: look, convert, score runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.benchmark_runs import print_scores, runs_by_language, score_runs, write_numbers
from xret.cli.benchmark_text import about_name, described, summary
from xret.cli.eval import print_json
from xret.cli.options import json_option, verbose_option
from xret.cli.protocol_options import check_save, save_option
from xret.cli.report_options import check_eval_report, eval_report_option
from xret.cli.rows_report import write_rows_report

if TYPE_CHECKING:
    from xret.eval.benchmarks import Benchmark

__all__ = ["command"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
Examples:
  xret eval benchmark miracl
  xret eval benchmark xret . --export same
  xret eval benchmark xret . run.trec --save row.json --report report.md
"""


@click.command("benchmark", epilog=EXAMPLE)
@click.argument("name")
@click.argument("data", required=False, type=click.Path())
@click.argument("runs", nargs=-1, metavar="[[LANG=]RUN]...")
@click.option("--lang", metavar="L", help="The language, where DATA has several; of generic sets: of all their texts.")
@click.option("--split", metavar="S", help="Such as dev or test.  [default: the one usually reported]")
@click.option("--fields", metavar="F,F", help="What of a topic makes the query: title,description,narrative.")
@click.option(
    "--source",
    type=click.Choice(["original", "human", "machine"]),
    default="original",
    show_default=True,
    help="Whose words of a topic: its own, or a translation's (HC4, NeuCLIR).",
)
@click.option("--encoding", default="utf-8", show_default=True, metavar="E", help="Of SGML files: latin-1 for CLEF's.")
@click.option("--corpus", multiple=True, type=click.Path(), metavar="FILE", help="The documents, if not found in DATA.")
@click.option("--queries", type=click.Path(), metavar="FILE", help="The topics, if not found in DATA.")
@click.option("--qrels", type=click.Path(), metavar="FILE", help="The judgements, if not found in DATA.")
@click.option("--partial", is_flag=True, help="The documents are but a part of those judged: warn, do not refuse.")
@click.option("--export", type=click.Path(), metavar="FOLDER", help="Write docs.parquet, queries.tsv and qrels.txt.")
@click.option("-m", "--measure", "measures", multiple=True, metavar="M", help="A measure beside the protocol's.")
@click.option("--system", metavar="NAME", help="What the run (or LANG=RUN all together) is called.  [default: RUN]")
@click.option("--numbers", type=click.Path(), metavar="OUT", help="Write means, one number a row: .csv .tsv .parquet …")
@click.option(
    "--per-query", type=click.Path(), metavar="OUT", help="Write values per query: .csv .tsv .parquet .jsonl."
)
@save_option
@eval_report_option
@json_option
@verbose_option
def command(name: str, data: str | None, runs: tuple[str, ...], as_json: bool, **given: Any) -> None:
    """Read the benchmark NAME from the folder DATA, and score RUNs by its protocol.

    Names: mrtydi miracl mmarco mrobust04 ciral hc4 neuclir neuclir-mlir clef03 clef03-mlir xor-retrieve mkqa afriqa, as
    published; beir mteb trec xret for folders and files of that kind; ir-datasets. NAME alone tells which files are
    wanted, where they come from and under what licence. Nothing is fetched.

    DATA is a folder, searched with all below it, or ir_datasets:ID. Without a RUN it is read and checked, and what it
    holds is told. With LANG=RUN a language, all are scored, and the means taken over languages.
    """
    if data is None:
        _tell(name, as_json)
        return
    _check_targets(runs, given)
    files = {
        role: list(each) if role == "corpus" else each
        for role in ("corpus", "queries", "qrels")
        if (each := given[role])
    }
    source = data if not files else {"folder": data, **files}
    options = {name: given[name] for name in ("lang", "split", "source", "encoding", "partial")}
    if given["fields"]:
        options["fields"] = tuple(given["fields"].replace(" ", "").split(","))
    if runs:
        loaded, scored = score_runs(name, source, runs, options, given["measures"], given["system"])
        print_scores(scored, as_json)
        write_numbers(scored, given)
        if given["report"]:
            write_rows_report(given["report"], scored, title=f"{name}: {', '.join(row.system for row in scored)}")
    else:
        loaded = _loaded(name, source, options, one=given["export"] is not None)
        if as_json:
            print_json([summary(each) for each in loaded])
        else:
            click.echo("\n\n".join([*map(described, loaded), loaded[0].protocol.definition()]))
    if given["export"]:
        _export(loaded, given["export"])


def _tell(name: str, as_json: bool) -> None:
    told = about_name(name)
    if as_json:
        print_json(told)
    else:
        files = f"files (each also .gz or .zst), splits {', '.join(told['splits'])}:"
        click.echo(f"{told['definition']}\n\n{files}\n{told['layout']}")


def _check_targets(runs: tuple[str, ...], given: dict[str, Any]) -> None:
    """Before anything is read, which may take long."""
    from xret.cli.overwrite import refuse_overwriting
    from xret.errors import InputError, UsageError

    check_save(given["save"], *(run.partition("=")[2] or run for run in runs))
    check_eval_report(given["report"], *(run.partition("=")[2] or run for run in runs))
    if not runs and (asked := [name for name in ("report", "save", "numbers", "per_query", "system") if given[name]]):
        option = f"--{asked[0].replace('_', '-')}"
        raise UsageError(f"{option} is of runs, and there is none; add one, or leave {option} out")
    if len(set(runs)) > 1 and not runs_by_language(runs):
        for option, does in (("save", "writes one row"), ("system", "names one system")):
            if given[option]:
                raise UsageError(f"--{option} {does}, and there are {len(set(runs))} runs; score them one by one")
    if given["export"] and Path(given["export"]).exists():
        raise InputError(f"{given['export']}: exists already; remove it or choose another name")
    for option in ("numbers", "per_query"):
        refuse_overwriting(given[option], *runs, option=f"--{option.replace('_', '-')}")


def _loaded(name: str, source: Any, options: dict[str, Any], *, one: bool) -> list[Benchmark]:
    from xret.eval.benchmarks import load_benchmark, load_benchmarks

    if one or options["lang"] is not None:
        return [load_benchmark(name, source, **options)]
    others = {key: value for key, value in options.items() if key != "lang"}
    return list(load_benchmarks(name, source, **others).values())


def _export(loaded: list[Benchmark], folder: str) -> None:
    from xret.errors import UsageError
    from xret.eval.benchmarks.export import export

    if len(loaded) > 1:
        raise UsageError("--export writes one collection; give one language")
    names = export(loaded[0], folder)
    click.echo(f"wrote {', '.join(names)} to {folder}", err=True)
