"""`xret encode`: a corpus to vectors."""

from __future__ import annotations

import dataclasses
import json
import time
from pathlib import Path
from typing import Any

import click

from xret.cli.engine_options import chosen_engine, engine_options
from xret.cli.options import (
    checked_lang,
    device_option,
    encoder_option,
    json_option,
    on_error_option,
    threads_option,
    verbose_option,
)

__all__ = ["encode"]

_OTHERS = (".arrow", ".csv", ".feather", ".gz", ".h5", ".jsonl", ".json", ".npz", ".pt", ".tsv", ".txt", ".zst")
EXAMPLE = """
\b
Examples (in the sample, which 'xret demo --export sample' writes):
  xret encode docs.jsonl -o docs.vectors
  xret encode news.de.txt --lang de --as query --dtype float32 -o de.vectors
  xret encode docs.jsonl -o docs.vectors --resume
  xret encode docs.jsonl -o docs.parquet --workers 2
"""


@click.command(epilog=EXAMPLE)
@click.argument("corpus")
@click.option(
    "-o",
    "--output",
    required=True,
    metavar="VECTORS",
    type=click.Path(path_type=Path),
    help="Folder to make, or a .parquet or .npy file.",
)
@encoder_option
@click.option(
    "--as", "role", type=click.Choice(["query", "document"]), help="Use the encoder's prompt for these, if any."
)
@click.option(
    "--dtype", type=click.Choice(["float16", "float32"]), default="float16", show_default=True, help="On disk."
)
@click.option("--dim", type=click.IntRange(min=1), metavar="D", help="Keep the first D values.  [default: all]")
@click.option("--resume", is_flag=True, help="Go on with an interrupted run; same bytes as an uninterrupted one.")
@click.option(
    "--shard-rows", type=click.IntRange(min=1), default=16384, show_default=True, metavar="N", help="Rows per file."
)
@click.option(
    "--lang", metavar="L", callback=checked_lang, help="Language of the corpus (BCP 47), where it does not say."
)
@engine_options
@on_error_option
@device_option
@threads_option
@json_option
@verbose_option
def encode(
    corpus: str,
    output: Path,
    encoder: str,
    device: str,
    threads: int | None,
    engine: str | None,
    workers: int | None,
    lang: str | None,
    on_error: Any,
    as_json: bool,
    **options: Any,
) -> None:
    """Turn CORPUS into a folder of vectors.

    CORPUS is a .txt, .tsv, .jsonl, .parquet or .arrow file (also .gz, .zst), or - for stdin. Vectors have length 1 and
    are stored in Arrow shards with a manifest, or in one file. A run that is killed leaves VECTORS.partial (of a file,
    VECTORS.vectors.partial); --resume goes on from it.
    """
    from xret.atomic import temporary_folder
    from xret.cli.overwrite import refuse_stdout
    from xret.corpus import open_corpus
    from xret.encoders import encode_corpus, load_encoder
    from xret.encoders.corpora.flat import FLAT, encode_to_file
    from xret.errors import UsageError
    from xret.vectors.writer import check_new

    refuse_stdout(output)
    if output.suffix.lower() in _OTHERS or (output.suffix not in FLAT and output.suffix.lower() in FLAT):
        raise UsageError(f"-o {output}: vectors are kept as a folder (any other name), or as {' or '.join(FLAT)}")
    to_file = output.suffix in FLAT
    if to_file or not options["resume"]:
        check_new(output)
    started = time.perf_counter()
    model = load_encoder(encoder, device=device, threads=threads)
    told: list[Any] = []
    # Not in the system's temporary folder: a corpus may be larger than that, and than memory.
    with temporary_folder(output) as folder, chosen_engine(engine, workers) as chosen:
        table = open_corpus(corpus, lang=lang, on_error=on_error, cache=folder)
        run = encode_to_file if to_file else encode_corpus
        run(table, output, encoder=model, threads=threads, engine=chosen, tell=told.append, **options)
    (done,) = told
    seconds, dim = time.perf_counter() - started, options["dim"] or model.dim
    if as_json:
        fields = {"vectors": str(output), "dim": dim, "dtype": options["dtype"], "encoder": model.name}
        fields |= {"hash": model.hash, "precision": model.precision, "device": model.device}
        click.echo(json.dumps({**fields, "seconds": round(seconds, 3), **dataclasses.asdict(done)}))
        return
    speed = f", {done.tokens_per_second:,.0f} tokens/s" if done.tokens_per_second else ""
    click.echo(
        f"{output}: {done.rows:,} rows x {dim} {options['dtype']} by {model.name}, {seconds:.1f} s{speed}", err=True
    )
