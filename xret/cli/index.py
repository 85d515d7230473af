"""`xret index`: build, extend, shrink, describe and check search indexes."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.index_options import FOLDER, analyzer_option, corpus_options, kind_options, refuse_ignored
from xret.cli.index_verbs import add_kind, build_kind, describe, refuse_foreign, report, report_check
from xret.cli.options import (
    encoder_option,
    json_option,
    verbose_option,
)

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["index"]

DENSE_MEMORY = 8 << 30

BUILD = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret encode docs.jsonl -o vectors
Examples:
  xret index build docs.jsonl -o my.index
  xret index build docs.jsonl -o exact.index --factory Flat --no-text -v
  xret index build vectors -o from-vectors.index
  xret index build docs.jsonl --vectors vectors -o with-texts.index
  xret index build docs.jsonl -o tokens.index --kind multivector
  xret index build docs.jsonl -o words.index --kind lexical
"""
ADD = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret index build news.en.txt --lang en -o grown.index
  xret index add grown.index docs.jsonl
  xret index build docs.jsonl --kind multivector -o renewed.index
  xret index add renewed.index docs.jsonl --replace
"""
DELETE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret index build news.en.txt --lang en -o smaller.index
  xret index delete smaller.index 1 2
"""
INFO = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
Examples:
  xret index info docs.index
  xret index info docs.index --json
"""
CHECK = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
Examples:
  xret index check docs.index
"""
COMPACT = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret index build news.en.txt --lang en --kind multivector -o small.index
  xret index delete small.index 1 2
  xret index compact small.index
"""
ALL = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret index build docs.jsonl -o new.index
  xret index info new.index
"""


@click.group(epilog=ALL)
def index() -> None:
    """Build, extend and look at search indexes."""


@index.command(epilog=BUILD)
@click.argument("source", metavar="CORPUS|VECTORS")
@click.option("-o", "--output", required=True, metavar="INDEX", type=FOLDER, help="Folder to make.")
@encoder_option
@kind_options
@click.option("--no-text", is_flag=True, help="Leave the texts out: hits then show ids only, and cannot be reranked.")
@corpus_options
@engine_options
@json_option
@verbose_option
def build(source: str, output: Path, kind: str, **options: Any) -> None:
    """Build an index from a corpus, or from vectors made by xret encode.

    A dense index keeps one vector for each text, a multivector index one for each token (scored by MaxSim, as ColBERT
    is), a lexical index its words (BM25).

    CORPUS is a .txt, .tsv, .jsonl, .parquet or .arrow file (also .gz, .zst), a folder of them, or - for stdin; it is
    encoded first, unless --vectors names its vectors. VECTORS is a folder with the manifest of xret encode; with it
    alone there are no texts and no languages to filter by; for --kind multivector, an .arrow file with a column tokens
    (list of vectors for each id) holds vectors too. Up to 200,000 rows, --factory auto takes an exact index; above, one
    with inverted lists, as precise as fits into --memory. A multivector index that was interrupted goes on when the
    same command is given again.
    """
    from xret.indexes.choice import parse_bytes

    refuse_foreign(kind, options)
    engine = chosen_engine(options.pop("engine"), options.pop("workers"))
    options["memory"] = parse_bytes(options["memory"]) if options["memory"] else None
    _refuse_existing(output)
    if kind == "dense":
        refuse_ignored(source)
        with engine:
            _build_dense(source, output, options)
    else:
        with engine:
            made = build_kind(kind, source, output, options)
        report(made, as_json=options["as_json"])


def _build_dense(source: str, output: Path, options: dict[str, Any]) -> None:
    from xret.cli.encoding import encoded, given_vectors
    from xret.engines import current_engine
    from xret.indexes import build_index
    from xret.indexes.factory import check_factory

    factory, threads = options["factory"] or "auto", options["threads"]

    def before(corpus: Any, model: Encoder) -> None:
        check_factory(factory, rows=corpus.num_rows, dim=model.dim)

    given = options["vectors"]
    made_of = given_vectors(source, given, options, beside=output) if given is not None else None
    with made_of or encoded(source, beside=output, before=before, **_encoding(options)) as (corpus, vectors):
        made = build_index(
            output,
            vectors,
            corpus=corpus,
            factory=factory,
            memory=options["memory"] or DENSE_MEMORY,
            text=not options["no_text"],
            threads=threads,
            progress=True,
            engine=current_engine(),
        )
    _report(output, options["as_json"])
    if factory == "auto" and not options["as_json"]:
        click.echo(f"factory {made.factory}: {made.reason}", err=True)


@index.command(epilog=ADD)
@click.argument("index", metavar="INDEX", type=FOLDER)
@click.argument("source", metavar="CORPUS|VECTORS")
@click.option("--encoder", metavar="E", help="The index's own encoder, where its name is not its place any more.")
@analyzer_option
@click.option("--replace", is_flag=True, help="Rows with ids that are there take the places of those.")
@corpus_options
@json_option
@verbose_option
def add(index: Path, source: str, encoder: str | None, **options: Any) -> None:
    """Add a corpus to an index; searches find it at once.

    Unless --replace is given, the ids must be new. Interrupted, the index stays as it was.
    """
    from xret.errors import UsageError
    from xret.indexes.kinds import index_kind

    options["encoder"] = encoder
    if (kind := index_kind(index)) != "dense":
        refuse_foreign(kind, {"analyzers": options["analyzers"]})
        report(add_kind(kind, index, source, options), as_json=options["as_json"])
        return
    refuse_foreign(kind, {"analyzers": options["analyzers"]})
    if options["replace"]:
        raise UsageError("--replace is for multivector and lexical indexes; delete those rows first, then add them")
    _add_dense(index, source, options)


def _add_dense(index: Path, source: str, options: dict[str, Any]) -> None:
    from xret.cli.encoding import encoded, index_encoder
    from xret.indexes import add_to_index, open_index

    refuse_ignored(source)
    opened = open_index(index)
    opened.refuse_centred()  # before anything is encoded
    options["encoder"] = index_encoder(index, opened.manifest, options["encoder"])

    def before(corpus: Any, model: Encoder) -> None:
        opened.refuse_other_encoder(model.name, model.hash)
        opened.refuse_ids(corpus["id"])

    width = opened.manifest.dim
    with encoded(source, beside=index, before=before, dim=width, **_encoding(options)) as (corpus, vectors):
        add_to_index(index, vectors, corpus=corpus, threads=options["threads"], progress=True)
    _report(index, options["as_json"])


@index.command(epilog=DELETE)
@click.argument("index", metavar="INDEX", type=FOLDER)
@click.argument("ids", metavar="IDS...", nargs=-1, required=True)
@json_option
@verbose_option
def delete(index: Path, ids: tuple[str, ...], as_json: bool) -> None:
    """Delete rows by id.

    A single - reads ids from stdin, one a line. If one of them is not there, none is deleted.
    """
    from xret.indexes.kinds import verbs_of

    kind = verbs_of(index)
    report(kind.delete(index, _ids(ids)), as_json=as_json)


@index.command(epilog=COMPACT)
@click.argument("index", metavar="INDEX", type=FOLDER)
@json_option
@verbose_option
def compact(index: Path, as_json: bool) -> None:
    """Free the space of deleted rows, and join small parts of an index.

    What searches find stays the same. Dense indexes are built again instead.
    """
    from xret.indexes.kinds import verbs_of

    report(verbs_of(index).compact(index), as_json=as_json)


@index.command(epilog=INFO)
@click.argument("index", metavar="INDEX", type=FOLDER)
@json_option
@verbose_option
def info(index: Path, as_json: bool) -> None:
    """Say what an index holds and how it was made."""
    describe(index, as_json=as_json)


@index.command(epilog=CHECK)
@click.argument("index", metavar="INDEX", type=FOLDER)
@json_option
@verbose_option
def check(index: Path, as_json: bool) -> None:
    """Look for damage; exit code 1 if there is any.

    Checksums, row counts, ids, languages and vectors are compared with the manifest, and a sample of rows must find
    themselves.
    """
    from xret.indexes.kinds import verbs_of

    report_check(index, verbs_of(index).check(index), as_json=as_json)


def _ids(arguments: tuple[str, ...]) -> list[str]:
    from xret.cli.encoding import encodable
    from xret.errors import InputError
    from xret.packed import stdin_bytes

    if arguments != ("-",):
        for place, id in enumerate(arguments, start=1):
            if not encodable(id):
                raise InputError(f"id {place} is not UTF-8, so no index holds it; nothing was deleted")
        return list(arguments)
    ids = []
    for number, line in enumerate(stdin_bytes().read().split(b"\n"), start=1):
        try:
            ids.append(line.removesuffix(b"\r").decode())
        except UnicodeDecodeError as error:
            raise InputError(f"<stdin>:{number}: is not UTF-8; write ids as such, nothing was deleted") from error
    return [id for id in ids if id]


def _encoding(options: dict[str, Any]) -> dict[str, Any]:
    return {name: options[name] for name in ("encoder", "lang", "work", "on_error", "device", "threads")}


def _refuse_existing(output: Path) -> None:
    from xret.cli.overwrite import refuse_stdout
    from xret.errors import InputError

    refuse_stdout(output)
    if not output.parent.is_dir():  # before hours of encoding
        raise InputError(f"{output}: there is no folder {output.parent}; make it, or choose another place")
    if output.exists():
        raise InputError(f"{output}: exists already; remove it or choose another name")


def _report(folder: Path, as_json: bool) -> None:
    from xret.indexes.kinds import verbs

    report(verbs("dense").fields(folder), as_json=as_json)
