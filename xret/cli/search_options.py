"""Options of `xret search`: filters, and those of one kind of index."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.cli.options import checked_lang

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["filter_options", "ids_in", "kind_search_options", "refuse_foreign_search", "run_in", "search_options"]

Command = TypeVar("Command", bound=Callable[..., Any])
CALLED = {"documents": "maxp"}  # options of searches that have another name here


def filter_options(command: Command) -> Command:
    """``--ids`` and ``--candidates``."""
    command = click.option(
        "--candidates",
        metavar="RUN",
        help="multivector, lexical: score only these, per query: a run by whatever means.",
    )(command)
    return click.option("--ids", metavar="FILE", help="Only documents with these ids, one a line; - for stdin.")(
        command
    )


def kind_search_options(command: Command) -> Command:
    """What searches of one kind of index know; each option is None where it was not given."""
    options = (
        click.option(
            "--nprobe",
            type=click.IntRange(min=1),
            metavar="N",
            help="dense, store: lists to look into.  [default: as measured]",
        ),
        click.option(
            "--hybrid",
            type=click.Choice(["rrf", "weighted"]),
            help="store: merge with a search by words, by ranks or by scores.",
        ),
        click.option(
            "--exact", is_flag=True, default=None, help="multivector: score all documents, not the likely ones."
        ),
        click.option(
            "--probe",
            type=click.IntRange(min=1),
            metavar="N",
            help="multivector: centroids that each token of a query looks into.  [default: by -k]",
        ),
        click.option(
            "--depth",
            type=click.IntRange(min=1),
            metavar="N",
            help="multivector: documents that are scored exactly.  [default: by -k]",
        ),
        click.option(
            "--maxp",
            is_flag=True,
            default=None,
            help="multivector: rows are passages, their doc_id the documents: rank documents by their best passage.",
        ),
        click.option("--k1", type=click.FloatRange(min=0), metavar="X", help="lexical: how soon repeated words tire."),
        click.option("--b", type=click.FloatRange(0, 1), metavar="X", help="lexical: how much long documents pay."),
        click.option(
            "--lexicon",
            multiple=True,
            metavar="FILE",
            callback=lambda _context, _parameter, value: value or None,
            help="lexical: translate the queries with what xret lexicon made; repeatable.",
        ),
        click.option(
            "--pivot",
            metavar="L",
            callback=checked_lang,
            help="lexical: language to go through where no --lexicon is direct.  [default: en]",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


def refuse_foreign_search(kind: str, options: Mapping[str, Any]) -> None:
    """Refuse options that were given and are another kind's.

    Raises:
        UsageError: naming the kinds that have it, or two that do not go together.
    """
    from xret.errors import UsageError
    from xret.indexes.kinds import SEARCH_OPTIONS, foreign_option

    name = foreign_option(SEARCH_OPTIONS, kind, {name: options[CALLED.get(name, name)] for name in SEARCH_OPTIONS})
    if name is not None:
        kinds = " or ".join(SEARCH_OPTIONS[name])
        raise UsageError(f"--{CALLED.get(name, name)} is for indexes of kind {kinds}, this one is {kind}; leave it out")
    if options["maxp"] and options["rerank"]:
        raise UsageError(
            "--rerank scores passages, and --maxp leaves none; search without --maxp, then use xret rerank"
        )


def search_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    """The options of a kind, by the names of its functions."""
    from xret.indexes.kinds import SEARCH_OPTIONS

    return {
        name: options[CALLED.get(name, name)]
        for name, kinds in SEARCH_OPTIONS.items()
        if kind in kinds and name != "candidates"
    }


def ids_in(source: str | None) -> list[str] | None:
    """The lines of a file of ids.

    Raises:
        InputError: no such file, not UTF-8, or no ids in it.
    """
    from xret.errors import InputError
    from xret.packed import label_of, read_bytes

    if source is None:
        return None
    try:
        ids = [line for line in read_bytes(source, what="ids, one a line").decode().splitlines() if line]
    except UnicodeDecodeError as error:
        raise InputError(f"{label_of(source)}: is not UTF-8 ({error.reason}); write ids as such") from error
    if not ids:
        raise InputError(f"{label_of(source)}: holds no ids; write one a line")
    return ids


def run_in(source: str | None) -> pa.Table | None:
    """The run of ``--candidates``."""
    from xret.runs import read_run

    return None if source is None else read_run(source)
