"""`xret index`: build, extend, shrink, describe and check search indexes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.index_options import FOLDER, checked_factory, corpus_options, refuse_ignored
from xret.cli.options import (
    encoder_option,
    json_option,
    verbose_option,
)

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.indexes import Manifest

__all__ = ["index"]

BUILD = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret encode docs.jsonl -o vectors
Examples:
  xret index build docs.jsonl -o my.index
  xret index build docs.jsonl -o exact.index --factory Flat --no-text -v
  xret index build vectors -o from-vectors.index
"""
ADD = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret index build news.en.txt --lang en -o grown.index
  xret index add grown.index docs.jsonl
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
@click.option("--kind", type=click.Choice(["dense"]), default="dense", show_default=True, help="Kind of index.")
@click.option(
    "--factory",
    default="auto",
    show_default=True,
    metavar="F",
    callback=checked_factory,
    help="auto, or a FAISS factory, e.g. IVF4096,PQ64x4fs.",
)
@click.option("--memory", default="8G", show_default=True, metavar="SIZE", help="What the index may take, for auto.")
@click.option("--no-text", is_flag=True, help="Leave the texts out: hits then show ids only, and cannot be reranked.")
@corpus_options
@json_option
@verbose_option
def build(source: str, output: Path, kind: str, factory: str, memory: str, no_text: bool, **options: Any) -> None:
    """Build an index from a corpus, or from vectors made by xret encode.

    CORPUS is a .txt, .tsv, .jsonl, .parquet or .arrow file (also .gz, .zst), a folder of them, or - for stdin; it is
    encoded first. VECTORS is a folder with the manifest of xret encode; with it there are no texts and no languages to
    filter by. Up to 200,000 rows, --factory auto takes an exact index; above, one with inverted lists, as precise as
    fits into --memory.
    """
    from xret.cli.encoding import encoded
    from xret.indexes import build_index
    from xret.indexes.choice import parse_bytes
    from xret.indexes.factory import check_factory

    size = parse_bytes(memory)
    _refuse_existing(output)
    refuse_ignored(source)
    threads = options["threads"]

    def before(corpus: Any, model: Encoder) -> None:
        check_factory(factory, rows=corpus.num_rows, dim=model.dim)

    with encoded(source, beside=output, before=before, **_encoding(options)) as (corpus, vectors):
        made = build_index(
            output,
            vectors,
            corpus=corpus,
            factory=factory,
            memory=size,
            text=not no_text,
            threads=threads,
            progress=True,
        )
    _report(output, made, options["as_json"])
    if factory == "auto" and not options["as_json"]:
        click.echo(f"factory {made.factory}: {made.reason}", err=True)


@index.command(epilog=ADD)
@click.argument("index", metavar="INDEX", type=FOLDER)
@click.argument("source", metavar="CORPUS|VECTORS")
@click.option("--encoder", metavar="E", help="The index's own encoder, where its name is not its place any more.")
@corpus_options
@json_option
@verbose_option
def add(index: Path, source: str, encoder: str | None, **options: Any) -> None:
    """Add a corpus to an index; searches find it at once.

    The ids must be new. Interrupted, the index stays as it was.
    """
    from xret.cli.encoding import encoded, index_encoder
    from xret.indexes import add_to_index, open_index

    refuse_ignored(source)
    opened = open_index(index)
    options["encoder"] = index_encoder(index, opened.manifest, encoder)

    def before(corpus: Any, model: Encoder) -> None:
        opened.refuse_other_encoder(model.name, model.hash)
        opened.refuse_ids(corpus["id"])

    width = opened.manifest.dim
    with encoded(source, beside=index, before=before, dim=width, **_encoding(options)) as (corpus, vectors):
        made = add_to_index(index, vectors, corpus=corpus, threads=options["threads"], progress=True)
    _report(index, made, options["as_json"])


@index.command(epilog=DELETE)
@click.argument("index", metavar="INDEX", type=FOLDER)
@click.argument("ids", metavar="IDS...", nargs=-1, required=True)
@json_option
@verbose_option
def delete(index: Path, ids: tuple[str, ...], as_json: bool) -> None:
    """Delete rows by id.

    A single - reads ids from stdin, one a line. If one of them is not there, none is deleted.
    """
    from xret.indexes import delete_from_index

    _report(index, delete_from_index(index, _ids(ids)), as_json)


@index.command(epilog=INFO)
@click.argument("index", metavar="INDEX", type=FOLDER)
@json_option
@verbose_option
def info(index: Path, as_json: bool) -> None:
    """Say what an index holds and how it was made."""
    from xret.cli.table import render
    from xret.indexes.choice import readable_bytes
    from xret.indexes.dense.layout import read_steadily

    made = read_steadily(index, lambda _, made: made)
    if as_json:
        click.echo(json.dumps(_fields(index, made), ensure_ascii=False))
        return
    languages = ", ".join(f"{tag} {rows:,}" for tag, rows in made.languages.items())
    rows = [
        ("index", index),
        ("rows", f"{made.rows:,}"),
        ("languages", f"{len(made.languages)}: {languages}"),
        ("encoder", f"{made.encoder or 'unknown'} ({(made.encoder_hash or '-')[:12]}), {made.dim} dimensions"),
        ("factory", f"{made.factory}; {made.reason}"),
        *([("probes", f"{made.probes} lists per query")] if made.probes else []),
        ("texts", "kept" if made.text else "left out"),
        ("size", f"{readable_bytes(made.bytes)} in {len(made.files)} files"),
        ("made by", ", ".join(f"{name} {version}" for name, version in made.versions.items())),
    ]
    click.echo("\n".join(render(rows, ("", "")).splitlines()[2:]))


@index.command(epilog=CHECK)
@click.argument("index", metavar="INDEX", type=FOLDER)
@json_option
@verbose_option
def check(index: Path, as_json: bool) -> None:
    """Look for damage; exit code 1 if there is any.

    Checksums, row counts, ids, languages and vectors are compared with the manifest, and a sample of rows must find
    themselves.
    """
    from dataclasses import asdict

    from xret.indexes import check_index

    checked = check_index(index)
    if as_json:
        click.echo(json.dumps({"index": str(index), "ok": True, **asdict(checked)}))
        return
    share = "" if checked.found_themselves is None else f", {checked.found_themselves:.0%} of a sample find themselves"
    click.echo(f"{index}: ok: {checked.rows:,} rows, {checked.files} files{share}")


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


def _report(folder: Path, made: Manifest, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps(_fields(folder, made), ensure_ascii=False))
    else:
        click.echo(f"{folder}: {made.rows:,} rows, {len(made.languages)} languages, {made.factory}", err=True)


def _fields(folder: Path, made: Manifest) -> dict[str, Any]:
    names = (
        "rows",
        "languages",
        "factory",
        "reason",
        "encoder",
        "encoder_hash",
        "dim",
        "probes",
        "text",
        "bytes",
        "versions",
    )
    return {"index": str(folder), **{name: getattr(made, name) for name in names}}
