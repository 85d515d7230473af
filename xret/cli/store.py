"""`xret store`: vectors into a store past one process, and what is done with it there."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from xret.cli.options import json_option, verbose_option
from xret.cli.store_text import ALL, DELETE, DROP, INFO, LINK, LOAD, SWAP

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.stores.loading import Loaded, Weigh
    from xret.vectors import Vectors

__all__ = ["store"]

FOLDER = click.Path(path_type=Path)


@click.group(epilog=ALL)
def store() -> None:
    """Keep vectors in a store past one process: a Milvus server, or a folder.

    A STORE is milvus://HOST:PORT/COLLECTION (milvus+https:// with TLS), milvus:FILE.db/COLLECTION for a file of Milvus
    Lite, or a folder. XRET_MILVUS_TOKEN holds the key of a server that wants one. xret search and xret serve take a
    STORE in the place of an index; so do pipelines, by a folder that leads to it.
    """


@store.command(epilog=LOAD)
@click.argument("source", metavar="VECTORS|INDEX")
@click.option("--to", "target", required=True, metavar="STORE", help="The store; made where there is none.")
@click.option("--corpus", metavar="CORPUS", help="What was encoded: brings languages and texts.")
@click.option("--lang", metavar="L", help="Language of a CORPUS that does not say it.")
@click.option("--index", metavar="FACTORY", help="What a new store is made of: Flat, IVF1024,Flat, HNSW32, DISKANN ….")
@click.option("--no-text", is_flag=True, help="Leave the texts out.")
@click.option("--words", is_flag=True, help="Have the store count words, for xret search --hybrid.")
@click.option(
    "--analyzer",
    default="standard",
    show_default=True,
    metavar="A",
    help="How words are cut: a server's tokenizer; for a folder und=words,sw=grams:4.",
)
@click.option("--sparse", is_flag=True, help="Keep the encoder's token weights too (BGE-M3), for --hybrid.")
@click.option("--alias", metavar="NAME", help="Let NAME lead to the store when all is loaded and verified.")
@click.option("-o", "--output", metavar="INDEX", type=FOLDER, help="Also make an index folder that leads there.")
@click.option("--batch", default=4096, show_default=True, type=click.IntRange(min=1), help="Rows of one call.")
@click.option("--work", metavar="DIR", type=FOLDER, help="Where to note how far it came.  [default: beside VECTORS]")
@json_option
@verbose_option
def load(source: str, target: str, **options: Any) -> None:
    """Put all rows of VECTORS, or of a dense index, into a STORE; rows with ids that are there are replaced.

    A load that was killed goes on where it was when the same command is given again.
    """
    from xret.stores import load as load_rows
    from xret.stores import parse_place, swap
    from xret.stores.verifying import refuse_store_name

    place = parse_place(target)
    alias = None if options["alias"] is None else place.beside(options["alias"])
    _refuse_output(options["output"])
    if alias is not None:
        refuse_store_name(alias, place)
    corpus, vectors = _given(source, options)
    done = load_rows(
        place, vectors, corpus=corpus, index=options["index"], text=not options["no_text"], words=options["words"],
        analyzer=options["analyzer"], sparse=_weights_of(vectors) if options["sparse"] else None,
        batch=options["batch"], work=options["work"], progress=True,
    )  # fmt: skip
    if alias is not None:
        swap(alias, place)
    if options["output"] is not None:
        _link(str(alias or place), options["output"])
    _report_load(done, None if alias is None else str(alias), as_json=options["as_json"])


@store.command(epilog=LINK)
@click.argument("name", metavar="STORE")
@click.option("-o", "--output", required=True, metavar="INDEX", type=FOLDER, help="Folder to make.")
@verbose_option
def link(name: str, output: Path) -> None:
    """Make an index folder that leads to a STORE, for pipelines."""
    _refuse_output(output)
    _link(name, output)
    click.echo(f"{output}: leads to {name}", err=True)


@store.command(epilog=INFO)
@click.argument("name", metavar="STORE")
@json_option
@verbose_option
def info(name: str, as_json: bool) -> None:
    """Say what a STORE holds and how it was made."""
    from xret.cli.table import render
    from xret.stores import verbs

    if as_json:
        click.echo(json.dumps(verbs.fields(Path(name)), ensure_ascii=False))
    else:
        click.echo(
            "\n".join(render([(key, value) for key, value in verbs.info(Path(name))], ("", "")).splitlines()[2:])
        )


@store.command(epilog=SWAP)
@click.argument("alias", metavar="ALIAS")
@click.argument("target", metavar="NAME")
@click.option("--rows", type=click.IntRange(min=1), metavar="N", help="How many it must hold.")
@click.option("--other-encoder", is_flag=True, help="Allow another encoder than the one before.")
@json_option
@verbose_option
def swap(alias: str, target: str, rows: int | None, other_encoder: bool, as_json: bool) -> None:
    """Let ALIAS lead to the store NAME beside it, once that is verified.

    Rows are counted, and a sample of them must find themselves. Searches that run see the old store or the new one,
    never both. ALIAS is a whole place, NAME a name on the same server or in the same folder.
    """
    from xret.stores import swap as swap_alias

    done = swap_alias(alias, target, rows=rows, other_encoder=other_encoder)
    if as_json:
        click.echo(json.dumps({"alias": done.alias, "before": done.before, "now": done.now,
                               "rows": done.verified.rows, "found_themselves": done.verified.found}))  # fmt: skip
    else:
        before = "" if done.before is None else f", before to {done.before}"
        click.echo(f"{done.alias}: leads to {done.now} ({done.verified.rows:,} rows){before}", err=True)


@store.command(epilog=DELETE)
@click.argument("name", metavar="STORE")
@click.argument("ids", metavar="IDS...", nargs=-1, required=True)
@json_option
@verbose_option
def delete(name: str, ids: tuple[str, ...], as_json: bool) -> None:
    """Delete rows of a STORE by id; ids that are not there are counted.

    A single - reads ids from stdin, one a line.
    """
    from xret.cli.search_options import ids_in
    from xret.stores import open_store
    from xret.stores.link import place_of

    names = ids_in("-") if ids == ("-",) else list(ids)
    opened = open_store(place_of(name))
    gone = opened.delete(names or [])
    rows, wanted = opened.count(), len(set(names or []))
    opened.close()
    if as_json:
        click.echo(json.dumps({"store": name, "deleted": gone, "missing": wanted - gone, "rows": rows}))
    else:
        click.echo(f"{name}: {gone:,} of {wanted:,} ids deleted, {rows:,} rows left", err=True)


@store.command(epilog=DROP)
@click.argument("name", metavar="STORE")
@verbose_option
def drop(name: str) -> None:
    """Remove a STORE with all its rows; refused while an alias leads to it."""
    from xret.stores import drop_store, parse_place

    drop_store(parse_place(name))
    click.echo(f"{name}: dropped", err=True)


def _given(source: str, options: dict[str, Any]) -> tuple[pa.Table | None, Vectors]:
    """The corpus, where there is one, and the vectors of a folder, or those of a dense index with its texts."""
    from xret.artifact import MANIFEST
    from xret.corpus import open_corpus
    from xret.stores.copying import index_rows
    from xret.vectors import Vectors

    corpus = None if options["corpus"] is None else open_corpus(options["corpus"], lang=options["lang"])
    manifest = Path(source, MANIFEST)
    if manifest.is_file() and json.loads(manifest.read_text(encoding="utf-8")).get("kind") == "index":
        return index_rows(Path(source), corpus)
    return corpus, Vectors.open(Path(source))


def _weights_of(vectors: Vectors) -> Weigh:
    """What gives the token weights of texts, by the encoder that made the vectors."""
    from xret.encoders import load_encoder
    from xret.errors import InputError, MismatchError

    if vectors.encoder_name is None:
        raise InputError(f"{vectors.source}: does not say which encoder made it, which is to give the token weights")
    encoder = load_encoder(vectors.encoder_name)
    if vectors.encoder_hash and encoder.hash != vectors.encoder_hash:
        raise MismatchError(
            f"{vectors.source}: comes from '{vectors.encoder_name}' ({vectors.encoder_hash[:12]}), which is another "
            f"one now ({encoder.hash[:12]}); encode the corpus again"
        )
    encoder.encode_sparse(["one"], role="document")  # whether it can, before a store is made
    return lambda texts, langs: encoder.encode_sparse(texts, role="document", lang=langs)


def _link(name: str, output: Path) -> None:
    from xret.stores import open_store
    from xret.stores.link import write_link

    opened = open_store(name)
    try:
        write_link(output, opened, rows=opened.count())
    finally:
        opened.close()


def _refuse_output(output: Path | None) -> None:
    from xret.errors import InputError

    if output is not None and output.exists():
        raise InputError(f"{output}: exists already; remove it or choose another name")


def _report_load(done: Loaded, alias: str | None, *, as_json: bool) -> None:
    verified = done.verified
    if as_json:
        click.echo(json.dumps({"store": done.store, "written": done.rows, "skipped": done.skipped, "alias": alias,
                               "rows": verified.rows, "found_themselves": verified.found}))  # fmt: skip
        return
    before = f", {done.skipped:,} were there from before" if done.skipped else ""
    leads = f"; {alias} leads there" if alias else ""
    click.echo(
        f"{done.store}: {done.rows:,} rows written{before}, {verified.rows:,} in all, {verified.found:.0%} of a sample "
        f"of {verified.sampled} find themselves{leads}",
        err=True,
    )
