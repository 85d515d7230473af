"""`xret search`: queries in any language against an index."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from xret.cli.calibration_options import calibrate_option, calibrated, prior_option, refuse_calibration
from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.index_verbs import loader
from xret.cli.options import checked_lang, device_option, on_error_option, threads_option, verbose_option
from xret.cli.search_options import (
    filter_options,
    ids_in,
    kind_search_options,
    refuse_foreign_search,
    run_in,
    search_options,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.stages.rerank import Rerank

__all__ = ["search"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
Examples:
  xret search docs.index "a question in any language" -k 3
  xret search docs.index --queries queries.tsv -k 100 -o run.trec
  xret search docs.index "rain and wind" --lang de,fr --rerank maxsim --format jsonl
  xret index build docs.jsonl -o tokens.index --kind multivector
  xret search tokens.index "rain and wind" -k 3 --exact
"""
FORMATS = ("table", "jsonl", "trec", "parquet")
CALIBRATED = 1000  # hits a query, that calibration is fitted on before all but -k are left out


def _languages(context: click.Context, param: click.Parameter, value: str | None) -> tuple[str, ...] | None:
    from xret.errors import UsageError

    if value is None:
        return None
    tags = [checked_lang(context, param, part.strip()) for part in value.split(",") if part.strip()]
    if not tags:
        raise UsageError("--lang names no language; write it like de,fr")
    return tuple(tag for tag in dict.fromkeys(tags) if tag)


@click.command(epilog=EXAMPLE)
@click.argument("index", metavar="INDEX", type=click.Path(path_type=Path))
@click.argument("query", metavar="[QUERY]...", nargs=-1)
@click.option("--queries", metavar="FILE", help="Queries from a .tsv, .jsonl, .txt … file, or - for stdin.")
@click.option("-k", default=10, show_default=True, metavar="K", help="Hits per query.", type=click.IntRange(min=1))
@click.option(
    "--lang", "languages", metavar="L,L", callback=_languages, help="Only documents of these languages, e.g. de,fr."
)
@click.option(
    "--query-lang", metavar="L", callback=checked_lang, help="Language of the queries (BCP 47), where they do not say."
)
@click.option(
    "--rerank", metavar="R", help="Score the first hits again, from the texts: maxsim, light, or a cross-encoder."
)
@click.option(
    "--rerank-depth", default=100, show_default=True, metavar="N", help="So many of them.", type=click.IntRange(min=1)
)
@filter_options
@kind_search_options
@calibrate_option
@prior_option
@click.option("--encoder", metavar="E", help="For the queries.  [default: the one that made the index]")
@click.option("--format", type=click.Choice(FORMATS), help="[default: by the name of OUT; table on screen]")
@click.option("-o", "--output", metavar="OUT", help="File to write, or - for stdout.  [default: stdout]")
@click.option(
    "--text/--no-text", default=None, help="Whether hits come with their texts.  [default: in tables and JSON lines]"
)
@on_error_option
@engine_options
@device_option
@threads_option
@verbose_option
def search(index: Path, query: tuple[str, ...], output: str | None, format: str | None, **options: Any) -> None:
    """Search INDEX with queries in any language.

    Queries are the arguments, or come from --queries, or from stdin (-). Their texts are encoded with the encoder that
    made the index. With --rerank, the best --rerank-depth hits are scored again and -k of them shown.
    """
    from contextlib import ExitStack

    from xret.atomic import temporary_folder
    from xret.cli.hits import kind_of, write_hits
    from xret.cli.overwrite import refuse_overwriting
    from xret.errors import UsageError
    from xret.indexes.kinds import index_kind, verbs

    output = None if output == "-" else output
    _refuse_depth(options)
    refuse_calibration(options["calibrate"], options["prior"])
    refuse_overwriting(output, options["queries"])
    shown, kind = kind_of(output, format), index_kind(index)
    refuse_foreign_search(kind, options)
    if kind == "lexical" and options["encoder"] and not options["rerank"]:
        raise UsageError(
            "--encoder: this index is lexical, and nothing is encoded; leave it out, or add --rerank maxsim"
        )
    opened = verbs(kind).open_index(index)
    queries = _queries(query, options)
    if options["text"] and shown == "trec":
        raise UsageError("--text: TREC's format has no place for texts; leave it out, or write .jsonl or .parquet")
    if options["text"] and not opened.manifest.text:
        raise UsageError(f"--text: {index} was built without texts; leave it out, or build it again without --no-text")
    # A run for evaluation: deep lists of long documents would be a thousand times as large with their texts.
    texts = shown in ("table", "jsonl") if options["text"] is None else options["text"]
    with chosen_engine(options.pop("engine"), options.pop("workers")) as engine, ExitStack() as stack:
        # Workers of a cluster see a folder of ours rather than the system's; the run is mapped from it until written.
        work = stack.enter_context(temporary_folder(Path(output or "search"))) if engine else None
        run = _search(kind, opened, queries, options, text=texts, work=work)
        write_hits(run, queries, output=output, kind=shown)


def _refuse_depth(options: dict[str, Any]) -> None:
    from xret.errors import UsageError

    source = click.get_current_context().get_parameter_source("rerank_depth")
    if not options["rerank"] and source is ParameterSource.COMMANDLINE:
        raise UsageError("--rerank-depth is for --rerank, which is not given; add --rerank maxsim, or leave it out")


def _search(
    kind: str, index: Any, queries: pa.Table, options: dict[str, Any], *, text: bool, work: Path | None
) -> pa.Table:
    import pyarrow as pa

    from xret.errors import InputError

    k, again, calibrate = options["k"], options["rerank"], options["calibrate"]
    languages = options["languages"]
    index.kept(languages)  # an unknown language is told before a model is loaded
    if again and not index.manifest.text:
        raise InputError(f"{index.folder}: was built without texts; build it again without --no-text")
    own = search_options(kind, options)
    name = None if kind == "lexical" else _encoder(index, options["encoder"])
    first = max(k, options["rerank_depth"]) if again else max(k, CALIBRATED) if calibrate else k
    asked = {
        "k": first, "languages": languages, "docids": ids_in(options["ids"]), "text": text and not again, "own": own,
    }  # fmt: skip
    run = _asked(kind, index, queries, options, asked, name=name, work=work)
    run = run.add_column(4, "tag", pa.array(["xret"] * run.num_rows, pa.string()))
    if again:
        run = _reranked(_rerank(options, name), run, queries, index, first if calibrate else k, text, work)
    return calibrated(run, calibrate, prior=options["prior"], depth=k) if calibrate else run


def _asked(
    kind: str,
    index: Any,
    queries: pa.Table,
    options: dict[str, Any],
    asked: dict[str, Any],
    *,
    name: str | None,
    work: Path | None,
) -> pa.Table:
    """The first hits: found here, or by the workers of an engine."""
    from xret.engines import current_engine
    from xret.indexes.kinds import STORE, verbs

    engine, candidates, threads = current_engine(), run_in(options["candidates"]), options["threads"]
    if engine is None or work is None or kind == STORE:  # a store shares the work out by itself
        own = asked.pop("own")
        return verbs(kind).search(
            index, queries, **asked, candidates=candidates, threads=threads,
            encoder=loader(name, options) if name else None, **own,
        )  # fmt: skip
    from xret.stages.searching import Asking, spread_search

    asking = Asking(index=index.folder, kind=kind, encoder=name, device=options["device"], **asked)
    return spread_search(asking, queries, engine=engine, work=work, candidates=candidates, threads=threads)


def _encoder(index: Any, wanted: str | None) -> str:
    from xret.cli.encoding import index_encoder

    return index_encoder(index.folder, index.manifest, wanted)


def _rerank(options: dict[str, Any], name: str | None) -> Rerank:
    from xret.stages.rerank import Rerank

    encoder = name or options["encoder"] or "xret-mini"
    return Rerank(
        model=options["rerank"], encoder=encoder, depth=options["rerank_depth"], device=options["device"],
        threads=options["threads"],
    )  # fmt: skip


def _reranked(
    stage: Rerank, run: pa.Table, queries: pa.Table, index: Any, k: int, text: bool, beside: Path | None
) -> pa.Table:
    """The best `k` after reranking; of the index's texts, only those of the run are read, each once."""
    import pyarrow.compute as pc

    from xret.corpus import gather

    found = index.documents(run["docid"].unique())
    with tempfile.TemporaryDirectory(prefix="xret-search-", dir=beside) as work:
        run = stage.run(run, queries, found, work=Path(work))
    run = run.filter(pc.less_equal(run["rank"], k))
    if not text:
        return run
    place = pc.index_in(run["docid"], value_set=found["id"]).to_numpy().astype("int64")
    return run.append_column("text", gather(found["text"], place))


def _queries(arguments: tuple[str, ...], options: dict[str, Any]) -> pa.Table:
    import pyarrow as pa

    from xret.cli.encoding import encodable
    from xret.corpus import open_corpus
    from xret.errors import InputError, UsageError

    source = options["queries"]
    if arguments == ("-",):
        arguments, source = (), source or "-"
    if bool(arguments) == bool(source):
        raise UsageError(
            "give queries as arguments, or --queries FILE, or - to read them from stdin (one of the three)"
        )
    lang = options["query_lang"]
    if source:
        return open_corpus(source, lang=lang, on_error=options["on_error"])
    for number, text in enumerate(arguments, start=1):
        if not text.strip():
            raise InputError(f"query {number} is empty; give it some words")
        if not encodable(text):
            raise InputError(f"query {number} is not UTF-8; write it as such")
    ids = [str(number) for number in range(1, len(arguments) + 1)]
    return pa.table({"id": ids, "text": list(arguments), "lang": [lang or "und"] * len(arguments)})
