"""`xret expand mix`: vectors of passages with those of queries mixed in."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from xret.cli.counting import counted
from xret.cli.options import checked_lang, device_option, json_option, on_error_option, threads_option, verbose_option

__all__ = ["mix"]

EXAMPLE = """
\b
First, in the sample, which 'xret demo --export sample' writes:
  xret encode docs.jsonl --as document -o docs.vectors
Examples:
  xret expand mix docs.vectors docs.jsonl --alpha 0.1 -o expanded.vectors
  xret expand mix docs.vectors docs.jsonl --alpha 0.3 --combine mean --languages de,fr -o german.vectors
  xret index build expanded.vectors -o expanded.index
"""


@click.command(epilog=EXAMPLE)
@click.argument("vectors", metavar="VECTORS")
@click.argument("queries", metavar="QUERIES")
@click.option(
    "-o", "--output", required=True, metavar="EXPANDED", type=click.Path(path_type=Path), help="Folder to make."
)
@click.option(
    "--alpha", required=True, type=click.FloatRange(0, 1), metavar="A",
    help="The queries' weight: (1 - A) passage + A queries. 0 changes nothing; the paper has 0.01 to 0.02 for 35 each.",
)  # fmt: skip
@click.option(
    "--combine", type=click.Choice(["sum", "mean"]), default="sum", show_default=True,
    help="Add a passage's queries up, as in the paper, or take their mean: A is then their share, however many.",
)  # fmt: skip
@click.option("--languages", metavar="L,L…", help="Use only queries in these languages.")
@click.option(
    "--most", type=click.IntRange(min=1), metavar="N", help="Use the first N queries per passage and language."
)
@click.option("--lang", metavar="L", callback=checked_lang, help="Language of queries that do not say.")
@click.option("--encoder", metavar="E", help="The vectors' own encoder, where its name is not its place any more.")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run; same bytes as an uninterrupted one.")
@on_error_option
@device_option
@threads_option
@json_option
@verbose_option
def mix(
    vectors: str, queries: str, output: Path, alpha: float, languages: str | None, lang: str | None, on_error: Any,
    resume: bool, as_json: bool, **options: Any,
) -> None:  # fmt: skip
    """Mix the vectors of QUERIES into those of their passages.

    VECTORS is a folder made by xret encode. QUERIES has the columns docid (or id) for the passage, text and lang: .tsv,
    .jsonl, .parquet or .arrow, several queries to a passage, from xret expand generate or any other generator. They are
    encoded as queries by the encoder of VECTORS. Passages without queries stay as they are, to the byte. EXPANDED is
    used like VECTORS; in a pipeline file, the stage 'expand' stands between 'encode' and 'index'.

    With --on-error skip, queries of passages that VECTORS lacks are left out too.
    """
    from xret.cli.overwrite import refuse_stdout
    from xret.corpus.passage_queries import open_passage_queries
    from xret.errors import MismatchError
    from xret.stages.expand import Expand
    from xret.vectors.writer import check_new

    refuse_stdout(output)
    check_new(output)
    wanted = None if languages is None else tuple(tag.strip() for tag in languages.split(","))
    stage = Expand(alpha=alpha, languages=wanted, unknown=on_error, **options)
    table = open_passage_queries(queries, lang=lang, on_error=on_error, beside=output)
    told: list[Any] = []
    try:
        stage.write(vectors, table, out=output, resume=resume, progress=True, tell=told.append)
    except MismatchError as error:
        raise MismatchError(f"{queries}: {error}") from error
    (done,) = told
    if as_json:
        click.echo(json.dumps({"vectors": str(output), "alpha": alpha, "combine": stage.combine, **asdict(done)}))
        return
    spoken = ", ".join(f"{tag} {count:,}" for tag, count in list(done.languages.items())[:8])
    more = f" and {len(done.languages) - 8} more" if len(done.languages) > 8 else ""
    click.echo(
        f"{output}: {counted(done.queries, 'query')} ({spoken}{more}) mixed into {done.expanded:,} of "
        f"{done.rows:,} rows, alpha {alpha:g}", err=True,
    )  # fmt: skip
