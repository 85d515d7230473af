"""What commands that write sentence pairs share: their options, the check before work begins, the writing."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.errors import InputError

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.bitext import Format, Langs

__all__ = [
    "announce",
    "both_encoded",
    "check_langs",
    "check_output",
    "format_option",
    "langs_of",
    "margin_option",
    "scratch",
    "where_written",
    "work_option",
    "write_output",
]

Command = TypeVar("Command", bound=Callable[..., Any])


def margin_option(command: Command) -> Command:
    """``--margin`` and ``-k``."""
    margin = click.option(
        "--margin",
        type=click.Choice(["ratio", "distance", "absolute"]),
        default="ratio",
        show_default=True,
        help="Score: the pair's cosine over, or less, the mean cosine of its neighbours; or the cosine alone.",
    )
    neighbours = click.option(
        "-k", "--k", type=click.IntRange(min=1), default=4, show_default=True, help="Neighbours per sentence."
    )
    return neighbours(margin(command))


def format_option(command: Command) -> Command:
    """``--format``."""
    return click.option(
        "--format",
        type=click.Choice(["tsv", "jsonl", "parquet", "tmx", "moses"]),
        default=None,
        help="Of OUT; moses: two files of text, OUT.SRC and OUT.TGT.  [default: by its name, else tsv]",
    )(command)


def work_option(command: Command) -> Command:
    """``--work``."""
    return click.option(
        "--work", type=click.Path(), metavar="DIR", help="Keep vectors and results here, and go on from them."
    )(command)


def both_encoded(given: dict[str, Any]) -> tuple[Any, Any]:
    """Both sides encoded alike: neither is the query of the other."""
    from xret.pipeline import Step
    from xret.stages.encode import Encode

    stage = Encode(encoder=given["encoder"], device=given["device"], threads=given["threads"])
    return Step(stage, {"corpus": "src_corpus"}, "src_vectors"), Step(stage, {"corpus": "tgt_corpus"}, "tgt_vectors")


def check_output(output: str, format: str | None) -> None:
    """Refuse, before hours of work, an output that cannot be written.

    Raises:
        InputError: it is a folder, or in none, or in one that may not be written; or Parquet or Moses where they cannot
            be.
    """
    from xret.atomic import real_place
    from xret.bitext import format_of
    from xret.packed import packing

    path = Path(output)
    place = None if output == "-" else real_place(path)
    if output == "-":
        if format == "parquet" and sys.stdout.isatty():
            raise InputError("-: Parquet is not for a terminal; give a file, or pipe it on")
        if format == "moses":
            raise InputError("-: Moses is two files, which stdout cannot take; give a name")
    elif path.is_dir():
        raise InputError(f"{output}: is a folder; give the name of a file to write")
    elif place is not None and not place.parent.is_dir():
        raise InputError(f"{output}: no folder '{place.parent}'; make it first")
    elif not os.access(path if place is None else place.parent, os.W_OK):
        raise InputError(f"{output}: '{path if place is None else place.parent}' may not be written; choose another")
    elif (format or format_of(path)) == "parquet" and packing(path):
        raise InputError(f"{output}: Parquet is compressed inside; leave out '{path.suffix}'")


def langs_of(src_corpus: pa.Table, tgt_corpus: pa.Table) -> Langs:
    """The language that all rows of a corpus have, of either side; ``und`` where they have several."""
    found = [corpus["lang"].unique().to_pylist() for corpus in (src_corpus, tgt_corpus)]
    src, tgt = (langs[0] if len(langs) == 1 else "und" for langs in found)
    return src, tgt


def check_langs(output: str, format: str | None, langs: Langs, *inputs: str | None) -> None:
    """Refuse, once the languages are known, what `write_output` would refuse for them; other formats pass.

    Raises:
        UsageError: TMX or Moses without both languages, or a file of Moses' two that is one of the inputs.
    """
    from xret.bitext import format_of
    from xret.bitext.write_moses import moses_paths
    from xret.cli.overwrite import refuse_overwriting
    from xret.errors import UsageError

    kind = format or format_of(Path(output))
    if kind in ("tmx", "moses") and "und" in langs:
        side = "src" if langs[0] == "und" else "tgt"
        raise UsageError(f"{output}: {kind} names the languages of its texts; give --{side}-lang")
    if kind == "moses":
        for place in moses_paths(Path(output), langs):
            refuse_overwriting(str(place), *inputs)


def write_output(pairs: pa.Table, output: str, format: Format | None, *, langs: Langs = ("und", "und")) -> None:
    """Write pairs to a file, or to stdout for ``-``; `langs` of source and target are for TMX and Moses."""
    from xret.bitext import write_pairs

    if output != "-":
        write_pairs(pairs, output, format=format, langs=langs)
        return
    write_pairs(pairs, sys.stdout.buffer, format=format, langs=langs)
    sys.stdout.buffer.flush()


def where_written(output: str, format: str | None, langs: Langs) -> str:
    """What the last message says of the output: `` in pairs.tsv``, `` in news.de and news.en``; nothing of stdout."""
    from xret.bitext.write_moses import moses_paths

    if output == "-":
        return ""
    files = moses_paths(Path(output), langs) if format == "moses" else (output,)
    return f" in {' and '.join(map(str, files))}"


@contextmanager
def scratch(output: str, work: str | None) -> Iterator[Path | None]:
    """A temporary folder beside the output for what is large and not kept; None with a work folder, which takes it."""
    from xret.atomic import temporary_folder

    if work is not None:
        yield None
        return
    with temporary_folder(None if output == "-" else Path(output)) as folder:
        yield folder


def announce(line: str) -> None:
    """Say something on stderr."""
    click.echo(line, err=True)
