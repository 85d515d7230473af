"""Options of searches that are large: approximate neighbours, a bound on memory, shards on several machines."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from xret.errors import InputError, UsageError

if TYPE_CHECKING:
    from xret.pipeline import Step
    from xret.stages.mine import Mine

__all__ = ["RECORD", "check_scale", "neighbours_step", "record_mining", "recorded_mining", "scale_options"]

Command = TypeVar("Command", bound=Callable[..., Any])
RECORD = "mining.json"
"""What was asked for, in the work folder of shards."""
_PLACE = "folder"  # from where the inputs are named
_INPUTS = ("src", "tgt", "src_vectors", "tgt_vectors", "src_sample", "tgt_means", "gold", "calibration")
_DECIDE = (
    "src", "tgt", "src_lang", "tgt_lang", "on_error", "encoder", "src_vectors", "tgt_vectors", "dim", "k",
    "keep_copies", "search",
)  # what neighbours depend on  # fmt: skip
_APART = (
    "output", "work", "shard", "shards", "memory", "threads", "device", "engine", "workers",
)  # of the machine, not of the result  # fmt: skip


def memory_option(command: Command) -> Command:
    """``--memory``."""
    return click.option(
        "--memory",
        metavar="SIZE",
        help="What the search for neighbours may take, as 8G or 512M, pages of mapped files aside. [default: no limit]",
    )(command)


def scale_options(command: Command) -> Command:
    """``--search``, ``--memory`` and ``--shard``."""
    search = click.option(
        "--search",
        default="exact",
        show_default=True,
        metavar="exact|auto|FACTORY",
        help="How neighbours are found: all of them; or approximately, by a FAISS index such as IVF4096,Flat, "
        "IVF4096,PQ48 or IVF4096,RaBitQ (auto chooses one by size), with exact scores and the recall measured.",
    )
    shard = click.option(
        "--shard",
        metavar="I/N",
        help="Search for the neighbours of only the I-th of N parts of SRC, into --work; then 'xret merge'.",
    )
    return search(memory_option(shard(command)))


def check_scale(given: dict[str, Any]) -> None:
    """Refuse, before anything is read, what does not go together.

    Raises:
        UsageError: a size, shard or factory in no known form; a shard without a work folder or with an output; an
            output missing where there is no shard.
    """
    from xret.indexes.choice import parse_bytes
    from xret.indexes.twoway.approximate.factories import check_search
    from xret.indexes.twoway.shards import parse_shard

    if given["memory"] is not None:
        parse_bytes(given["memory"])
    check_search(given["search"])
    if given["shard"] is None:
        if given["output"] is None:
            raise UsageError("no output; give -o OUT (only --shard goes without)")
        return
    parse_shard(given["shard"])
    if given["search"] != "exact":
        raise UsageError(f"--search {given['search']}: only exact searches are divided into shards; leave one out")
    if given["work"] is None:
        raise UsageError("--shard leaves its share in a work folder; give --work DIR")
    if given["output"] is not None:
        raise UsageError(
            "--shard gives no pairs yet; leave -o out, and give it to 'xret merge' when all shards are there"
        )


def neighbours_step(given: dict[str, Any], mine: Mine) -> Step:
    """The step that searches for neighbours as the options say, for a stage that mines with them."""
    from xret.pipeline import Step
    from xret.stages.neighbours import Neighbours

    names = ("k", "keep_copies", "search", "shard", "memory", "device", "threads")
    options = {name: given[name] for name in names} | {"shards": tuple(given.get("shards", ()))}
    return Step(Neighbours(retrieval=mine.retrieval if mine.limit() is None else None, best=mine.best, **options))


def record_mining(src: str, tgt: str, given: dict[str, Any]) -> None:
    """Keep in the work folder what `xret merge` will need to know: the inputs and the options.

    Of options that the neighbours do not depend on, those of the shard that was begun last count.

    Raises:
        UsageError: it holds shards of other inputs, or of an option that decides neighbours.
    """
    from xret.artifact import atomic_file

    fields = {"src": src, "tgt": tgt} | {name: value for name, value in given.items() if name not in _APART}
    folder = Path(given["work"])
    folder.mkdir(parents=True, exist_ok=True)
    text = json.dumps(fields | {_PLACE: os.getcwd()}, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    path = folder / RECORD
    if path.is_file():
        _compare(path, _recorded(path), json.loads(text))
    with atomic_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def _compare(path: Path, before: dict[str, Any], wanted: dict[str, Any]) -> None:
    """Refuse other neighbours; say which options of what comes after them change."""
    changed = [n for n in sorted(set(before) | set(wanted)) if n != _PLACE and before.get(n) != wanted.get(n)]
    for name in changed:
        if name in _DECIDE:
            raise UsageError(
                f"{path.parent}: holds shards of another mining run, whose '{name}' is {before.get(name)!r}, not "
                f"{wanted.get(name)!r}; give another --work folder, or remove '{path}'"
            )
    if changed:
        named = ", ".join(f"'{name}' {wanted.get(name)!r} instead of {before.get(name)!r}" for name in changed)
        click.echo(f"{path}: {named}: 'xret merge' will take what the last shard says", err=True)


def recorded_mining(folder: Path) -> dict[str, Any]:
    """What `record_mining` kept, as arguments of the command.

    Inputs that are not here, but where the shards were searched, are taken from there.

    Raises:
        InputError: there is nothing, or it is broken; or an input is in neither place.
    """
    path = folder / RECORD
    if not path.is_file():
        raise InputError(f"{folder}: has no {RECORD}; give the --work folder of 'xret mine … --shard I/N'")
    fields = _recorded(path)
    place = fields.pop(_PLACE, None) or "."
    for name in _INPUTS:
        if fields.get(name) is not None:
            fields[name] = _found(str(fields[name]), place, path)
    return {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}


def _recorded(path: Path) -> dict[str, Any]:
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, UnicodeDecodeError) as error:
        raise InputError(f"{path}: broken JSON ({error}); run a shard again after removing it") from error
    if not isinstance(fields, dict) or not all(isinstance(fields.get(name), str) for name in ("src", "tgt")):
        raise InputError(f"{path}: names no source and target; run a shard again after removing it")
    return fields


def _found(name: str, place: str, path: Path) -> str:
    """An input by its name, which is of this folder or of `place`."""
    there = Path(place, name)
    if Path(name).exists():
        return name
    if not there.exists():
        raise InputError(f"{name}: no such file, here or in '{place}', from where '{path}' has it; bring it back")
    return str(there)
