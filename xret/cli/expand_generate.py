"""`xret expand generate`: queries for passages, by a model that writes."""

from __future__ import annotations

import json
import shutil
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from xret.cli.counting import counted
from xret.cli.options import checked_lang, device_option, json_option, on_error_option, threads_option, verbose_option

__all__ = ["generate"]

EXAMPLE = """
With a model on disk (--model), such as ielabgroup/xor-tydi-docTquery-mt5-base, the queries go to -o queries.jsonl,
which xret expand mix takes. --show prints what a model would be asked, and needs none.

\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret expand generate docs.jsonl --to de,ja --show 3
  xret expand generate docs.jsonl --prompt '{text}' --show 1
"""


@click.command(epilog=EXAMPLE)
@click.argument("corpus", metavar="CORPUS")
@click.option("--model", metavar="M", help="A model folder (T5, mT5, umT5), or a hub id on disk; :int8 behind it.")
@click.option("-o", "--output", metavar="QUERIES", help="A .jsonl, .tsv (also .gz, .zst), .parquet or .arrow file.")
@click.option("--to", metavar="L,L…", default="", help="Languages wanted: de,ja, or with their name: de=German.")
@click.option(
    "--prompt", metavar="TEXT",
    help="With {language}, {lang}, {title}, {text}.  [default: Generate a {language} question for this passage: "
    "{title} {text}]",
)  # fmt: skip
@click.option("--own-language", is_flag=True, help="Also ask for queries in the passage's own language.")
@click.option(
    "--samples", type=click.IntRange(min=1), metavar="N", help="Queries per passage and language.  [default: 5]"
)
@click.option("--greedy", is_flag=True, help="The likeliest query, one, instead of sampled ones.")
@click.option(
    "--top-k", type=click.IntRange(min=1), default=10, show_default=True, metavar="K", help="Tokens to sample from."
)
@click.option("--temperature", type=float, default=1.0, show_default=True, metavar="T", help="Of sampling.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of sampling.")
@click.option(
    "--max-tokens", type=click.IntRange(min=1), default=64, show_default=True, metavar="N", help="Of a query."
)
@click.option(
    "--max-source", type=click.IntRange(min=2), default=512, show_default=True, metavar="N",
    help="Tokens of a prompt that are read.",
)  # fmt: skip
@click.option(
    "--shard-rows", type=click.IntRange(min=1), default=256, show_default=True, metavar="N",
    help="Passages that are generated for before the queries are kept.",
)  # fmt: skip
@click.option("--resume", is_flag=True, help="Go on with an interrupted run; same bytes as an uninterrupted one.")
@click.option("--show", type=click.IntRange(min=1), metavar="N", help="Print the first N prompts, and do no more.")
@click.option(
    "--lang", metavar="L", callback=checked_lang, help="Language of the corpus (BCP 47), where it does not say."
)
@on_error_option
@device_option
@threads_option
@json_option
@verbose_option
def generate(
    corpus: str, model: str | None, output: str | None, to: str, samples: int | None, greedy: bool, resume: bool,
    show: int | None, lang: str | None, on_error: Any, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Generate queries for the passages of CORPUS, in other languages.

    For every passage and every language of --to, but for the passage's own, the model M reads the filled --prompt and
    writes --samples queries: columns id, docid, lang, text. Graphs are built from the checkpoint itself; no PyTorch.
    A run that is killed leaves QUERIES.partial; --resume goes on from it.
    """
    from xret.corpus import open_corpus
    from xret.corpus.write import write_corpus
    from xret.stages.generate import Generate

    _check(corpus, model, output, show)
    _refuse_sampling(greedy)
    words = tuple(word.strip() for word in to.split(",") if word.strip())
    samples = samples or (1 if greedy else 5)
    stage = Generate(model=model or "", to=words, samples=samples, greedy=greedy, **options)
    table = open_corpus(corpus, lang=lang, on_error=on_error)
    if show is not None:
        _show(stage.plan().prompt.ask(table.slice(0, show).to_pylist())[:show], as_json)
        return
    started, told = time.perf_counter(), list[Any]()
    work = Path(f"{output}.partial")
    queries = stage.write(table, work, resume=resume, progress=True, tell=told.append)
    write_corpus(queries, str(output))
    shutil.rmtree(work, ignore_errors=True)
    seconds, (done,) = time.perf_counter() - started, told
    if as_json:
        click.echo(json.dumps({"queries_file": output, "model": model, "seconds": round(seconds, 3), **asdict(done)}))
        return
    click.echo(f"{output}: {counted(done.queries, 'query')} for {counted(done.passages, 'passage')}, {seconds:.1f} s",
               err=True)  # fmt: skip


def _check(corpus: str, model: str | None, output: str | None, show: int | None) -> None:
    from xret.cli.overwrite import refuse_overwriting
    from xret.corpus.write import check_target
    from xret.errors import InputError, UsageError

    if show is not None:
        if output is not None:
            raise UsageError("--show prints prompts and writes nothing; leave -o out")
        return
    if model is None or output is None:
        raise UsageError("give --model and -o to generate queries, or --show N to look at the prompts")
    if output == "-":
        raise UsageError("-o -: a run that can be resumed wants the name of a file")
    refuse_overwriting(output, corpus)
    check_target(output)
    if Path(output).exists():
        raise InputError(f"{output}: exists already; remove it or choose another name")


def _refuse_sampling(greedy: bool) -> None:
    from xret.errors import UsageError

    source = click.get_current_context().get_parameter_source
    for name in ("top_k", "temperature", "seed"):
        if greedy and source(name) is ParameterSource.COMMANDLINE:
            option = f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} is for sampling, and --greedy draws nothing; leave one of the two out")


def _show(asked: list[Any], as_json: bool) -> None:
    for each in asked:
        if as_json:
            click.echo(json.dumps(asdict(each), ensure_ascii=False))
        else:
            click.echo(f"{each.docid}\t{each.lang}\t{each.text}")
