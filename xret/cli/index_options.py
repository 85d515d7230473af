"""Options of `xret index`: those its commands share, and how they are checked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
from click.core import ParameterSource

from xret.cli.options import checked_lang, device_option, on_error_option, threads_option

__all__ = ["FOLDER", "analyzer_option", "checked_factory", "corpus_options", "kind_options", "refuse_ignored"]

Command = TypeVar("Command", bound=Callable[..., Any])
FOLDER = click.Path(path_type=Path)
CODECS = ("4bit", "2bit", "1bit", "small", "exact")  # as in `xret.indexes.multivector.codec`, which loads NumPy


def corpus_options(command: Command) -> Command:
    """What `build` and `add` ask about the corpus and its encoding."""
    command = on_error_option(device_option(threads_option(command)))
    command = click.option(
        "--work",
        type=FOLDER,
        metavar="DIR",
        help="Keep here what is made on the way, for dense the vectors: a run that was killed goes on from them.",
    )(command)
    return click.option(
        "--lang", metavar="L", callback=checked_lang, help="Language of the corpus (BCP 47), where it does not say."
    )(command)


def kind_options(command: Command) -> Command:
    """What `build` asks about the index itself; each option is None where it was not given."""
    from xret.indexes.kinds import KINDS

    options = (
        click.option(
            "--kind", type=click.Choice(list(KINDS)), default="dense", show_default=True, help="Kind of index."
        ),
        click.option(
            "--factory",
            metavar="F",
            callback=checked_factory,
            help="dense: auto, or a FAISS factory, e.g. IVF4096,PQ64x4fs.  [default: auto]",
        ),
        click.option(
            "--vectors",
            metavar="V",
            help="dense: vectors of CORPUS made before (xret encode, xret expand): it is not encoded again.",
        ),
        click.option(
            "--memory",
            metavar="SIZE",
            help="dense: what the index may take, for auto; multivector: what building may take.  [default: 8G; 1G]",
        ),
        click.option(
            "--codec",
            type=click.Choice(CODECS),
            help="multivector: bits per dimension; small: 2, better and slower; exact: 8.  [default: 4bit]",
        ),
        click.option(
            "--pool",
            type=click.IntRange(min=1),
            metavar="N",
            help="multivector: so many alike tokens of a document become one.  [default: 1]",
        ),
        click.option(
            "--queries", metavar="FILE", help="multivector: queries to measure with what the codes lose (see info)."
        ),
        click.option(
            "--backend",
            type=click.Choice(["xret", "lucene"]),
            help="lexical: who keeps the index; lucene takes a Lucene index for CORPUS too.  [default: xret]",
        ),
        analyzer_option,
    )
    for option in reversed(options):
        command = option(command)
    return command


def analyzer_option(command: Command) -> Command:
    """``--analyzer LANG=ANALYZER``, any number of times."""
    return click.option(
        "--analyzer",
        "analyzers",
        multiple=True,
        metavar="L=A",
        callback=lambda _context, _parameter, value: value or None,
        help="lexical: how texts of a language become terms, e.g. sw=grams:4, und=words, nds=de; repeatable.",
    )(command)


def refuse_ignored(source: str, *, lang: bool = True) -> None:
    """Refuse options for encoding that were given, not left as they are, with vectors, which are encoded already.

    Args:
        source: what is indexed.
        lang: refuse a language too: there is no corpus beside the vectors.

    Raises:
        UsageError: ``--lang`` was given, or an ``--encoder`` that did not make the vectors.
    """
    from xret.cli.encoding import holds_vectors
    from xret.errors import UsageError
    from xret.vectors import Vectors

    if not holds_vectors(source):
        return
    context = click.get_current_context()
    given = [n for n in ("encoder", "lang") if context.get_parameter_source(n) is ParameterSource.COMMANDLINE]
    maker = Vectors.open(source).encoder_name
    if lang and "lang" in given:
        raise UsageError(f"--lang: '{source}' holds vectors, which have no languages; leave it out, or give the corpus")
    if "encoder" in given and context.params["encoder"] != maker:
        made = f"made by encoder '{maker}'" if maker else "which do not say what encoder made them"
        raise UsageError(f"--encoder: '{source}' holds vectors, {made}; leave it out, or give the corpus")


def checked_factory(_: click.Context, __: click.Parameter, value: str | None) -> str | None:
    """Callback of ``--factory``: ``auto``, or in the grammar of factories.

    Raises:
        UsageError: it is not.
    """
    from xret.errors import InputError, UsageError
    from xret.indexes.factory import parse_factory

    if value is None or value == "auto":
        return value
    try:
        parse_factory(value, dim=0)  # its spelling alone: 0 dimensions can be cut into any number of parts
    except InputError as error:
        raise UsageError(f"--factory: {error}") from error
    return value
