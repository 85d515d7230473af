"""`xret serve`: indexes behind an HTTP API and a search page."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from xret.cli.options import device_option, threads_option, verbose_option

__all__ = ["serve"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret index build docs.jsonl -o docs.index
  xret index build docs.jsonl -o words.index --kind lexical
Then, without --dry-run, until Ctrl-C; the page is at http://127.0.0.1:8080, and so is the API:
  curl -H 'Content-Type: application/json' -d '{"query": "rain"}' http://127.0.0.1:8080/search
Examples:
  xret serve docs.index words.index --dry-run
  xret serve news=docs.index --port 9000 --watch 10 --dry-run
"""
LIMITS = (
    ("body", int, "Bytes of a request."),
    ("text", int, "Characters of a query or text."),
    ("k", int, "Hits per query."),
    ("depth", int, "Hits per query that are reranked, calibrated, fused or counted."),
    ("texts", int, "Queries, texts or pairs of a request."),
    ("concurrency", int, "Requests at a time."),
    ("connections", int, "Connections at a time."),
    ("idle", float, "Seconds that a connection may take to ask, or to read an answer."),
    ("timeout", float, "Seconds of a request."),
    ("batch", int, "Queries answered by one call of the encoder."),
    ("wait", float, "Milliseconds that a query waits for others on their way."),
    ("grace", float, "Seconds that requests get to end after SIGTERM."),
)


def _limit_options(command: Any) -> Any:
    from dataclasses import fields

    from xret.serving.limits import Limits

    usual = {field.name: field.default for field in fields(Limits)}
    for name, kind, text in reversed(LIMITS):
        flag = "batch-size" if name == "batch" else "batch-wait" if name == "wait" else f"max-{name}"
        flag = name if name in ("idle", "timeout", "grace") else flag
        option = click.option(
            f"--{flag}", name, type=kind, default=usual[name], show_default=True, metavar="N", help=text
        )
        command = option(command)
    return command


def _size(given: str) -> int:
    from xret.indexes.choice import parse_bytes

    return 0 if given == "0" else parse_bytes(given)


@click.command(epilog=EXAMPLE)
@click.argument("indexes", metavar="[NAME=]INDEX...", nargs=-1, required=True)
@click.option("--host", default="127.0.0.1", show_default=True, metavar="H", help="Address to listen at.")
@click.option(
    "--port", default=8080, show_default=True, metavar="P", type=click.IntRange(0, 65535), help="0 for a free one."
)
@click.option(
    "--api-key-file", metavar="FILE", type=click.Path(path_type=Path),
    help="Its first line is the key that every request must have.  [default: XRET_API_KEY, if set]",
)  # fmt: skip
@click.option("--insecure-no-key", is_flag=True, help="Serve other machines without a key.")
@click.option("--allow-host", "hosts", metavar="NAME", multiple=True, help="A further name that the server goes by.")
@click.option("--encoder", metavar="E", help="For the queries, and for reranking lexical indexes.")
@click.option("--reranker", metavar="R", help="A cross-encoder, for requests that want to be reranked by 'cross'.")
@click.option(
    "--watch", default=0.0, metavar="SECONDS", type=click.FloatRange(min=0.0),
    help="Look so often whether an index has changed, and swap it in.  [default: on SIGHUP and POST /admin/swap]",
)  # fmt: skip
@click.option("--dry-run", is_flag=True, help="Open and verify the indexes as for serving, and end.")
@click.option("--no-check", is_flag=True, help="Do not read all of a new index before it is swapped in.")
@click.option(
    "--workers", default=2, show_default=True, metavar="N", type=click.IntRange(min=1), help="Threads that answer."
)
@click.option(
    "--remember", default="256MB", show_default=True, metavar="SIZE",
    help="Memory for vectors of documents that were lately reranked or explained; 0 for none.",
)  # fmt: skip
@_limit_options
@device_option
@threads_option
@verbose_option
def serve(indexes: tuple[str, ...], host: str, port: int, **options: Any) -> None:
    """Serve INDEXes over HTTP, with a search page at /.

    An INDEX may also be a store, as milvus://HOST:PORT/COLLECTION (see xret store).

    Each is a system that requests can name; without NAME=, it is called as its folder, the first is asked by default.
    Only this machine is served unless --host says otherwise, which wants a key. An index that was changed or exchanged
    (a link that points elsewhere) is opened again on SIGHUP, POST /admin/swap or by --watch: verified first, then put
    in the place of the old one, and no request fails for it. SIGTERM: what was taken on is answered, then it ends.
    """
    from xret.serving.generation import place_of
    from xret.serving.keys import refuse_open, wanted_key
    from xret.serving.limits import Limits
    from xret.serving.server import Settings, verify
    from xret.serving.server import serve as run

    key = wanted_key(options["api_key_file"])
    refuse_open(host, key, insecure=options["insecure_no_key"])
    settings = Settings(
        host=host, port=port, key=key, hosts=options["hosts"], workers=options["workers"], threads=options["threads"],
        reranker=options["reranker"], device=options["device"], check=not options["no_check"],
        remember=_size(options["remember"]), watch=options["watch"],
        limits=Limits(**{name: options[name] for name, _, _ in LIMITS}),
    )  # fmt: skip
    places = [place_of(each, options["encoder"]) for each in indexes]
    if options["dry_run"]:
        for one in verify(places, settings):
            click.echo(f"{one['name']}: {one['kind']} index, {one['rows']:,} documents, version {one['version']}")
        return
    run(places, settings, told=lambda url: click.echo(f"serving {', '.join(one.name for one in places)} at {url}"))
