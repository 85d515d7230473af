"""Neighbours as a folder: of a whole search, or of a share of its rows, which others are joined to."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from xret.artifact import atomic_folder, file_hash, read_manifest, write_manifest
from xret.errors import InputError, UsageError
from xret.indexes.twoway.lists import read_lists, write_lists
from xret.indexes.twoway.search import Search
from xret.indexes.twoway.sides import Neighbours, TwoWay
from xret.indexes.twoway.topk import TopK

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["find_shards", "merged_shards", "open_neighbours", "parse_shard", "save_neighbours", "shard_rows"]

_MOST = 100_000
_SLICE = 65_536  # lists merged at a time


def parse_shard(text: str) -> tuple[int, int]:
    """``2/8`` as (2, 8).

    Raises:
        UsageError: no such form, or not from 1 to the number of shards.
    """
    found = re.fullmatch(r"(\d{1,6})/(\d{1,6})", text)
    number, shards = (int(found[1]), int(found[2])) if found else (0, 0)
    if not 1 <= number <= shards <= _MOST:
        raise UsageError(f"shard '{text}': write I/N, the I-th of N, as in 2/8")
    return number, shards


def shard_rows(rows: int, shard: tuple[int, int]) -> tuple[int, int]:
    """First row and the row behind the last of a shard; shards differ by one row at most."""
    number, shards = shard
    return rows * (number - 1) // shards, rows * number // shards


def save_neighbours(
    out: Path, forward: Neighbours | TopK, backward: Neighbours | TopK, fields: Mapping[str, Any]
) -> None:
    """Make the folder `out`: ``forward.arrow``, ``backward.arrow`` and a manifest with `fields`.

    Raises:
        InputError: it exists, or cannot be written.
    """
    with atomic_folder(out) as folder:
        hashes = {}
        for name, lists in (("forward", forward), ("backward", backward)):
            path = folder / f"{name}.arrow"
            write_lists(path, lists.ids, lists.cosines if isinstance(lists, Neighbours) else lists.values)
            hashes[path.name] = file_hash(path)
        write_manifest(folder, {**fields, "kind": "neighbours", "rows": len(forward.ids), "sha256": hashes})


def open_neighbours(folder: Path) -> TwoWay:
    """The neighbours in a folder.

    Raises:
        InputError: no such folder, another kind of artifact, damaged, or the lists of one shard only.
    """
    fields = read_manifest(folder, kind="neighbours")
    if fields.get("shard"):
        raise InputError(f"{folder}: is shard {fields['shard']} of a search; join all of them with 'xret merge'")
    return TwoWay(*_both(folder, fields))


def _both(folder: Path, fields: Mapping[str, Any]) -> tuple[Neighbours, Neighbours]:
    for name, wanted in fields["sha256"].items():
        path = folder / Path(name).name
        if not path.is_file() or file_hash(path) != wanted:
            raise InputError(f"{path}: is missing or has been changed; delete '{folder}' and search again")
    return read_lists(folder / "forward.arrow"), read_lists(folder / "backward.arrow")


def find_shards(places: Iterable[Path], key: str) -> list[Path]:
    """The shards of a search below several folders, in order.

    Args:
        places: work folders.
        key: of the search (see `Search.key`).

    Raises:
        InputError: there are none, or some are missing; the message names them.
    """
    places = list(places)
    sets: dict[int, dict[int, Path]] = {}
    others = 0
    for manifest in sorted(
        path for place in places for path in place.glob("neighbours-*/work/neighbours/manifest.json")
    ):
        fields = read_manifest(manifest.parent, kind="neighbours")
        if not fields.get("shard"):
            continue
        if fields.get("key") != key:
            others += 1
            continue
        number, shards = parse_shard(str(fields["shard"]))
        sets.setdefault(shards, {})[number] = manifest.parent
    where = ", ".join(map(str, places))
    if not sets:
        hint = f"; {_others(others)}" if others else ""
        raise InputError(f"{where}: no shards of this mining run{hint}")
    shards, found = max(sets.items(), key=lambda each: (len(each[1]) / each[0], -each[0]))
    missing = [number for number in range(1, shards + 1) if number not in found]
    if missing:
        some = ", ".join(f"{number}/{shards}" for number in missing[:8]) + (" …" if len(missing) > 8 else "")
        more = f"; {_others(others)}" if others else ""
        raise InputError(f"{where}: shards {some} are missing: run 'xret mine' with --shard for each{more}")
    return [found[number] for number in sorted(found)]


def _others(number: int) -> str:
    are = "one other shard there is" if number == 1 else f"{number} other shards there are"
    return f"{are} of other vectors or another k"


def merged_shards(
    search: Search, folders: Iterable[Path], *, engine: Engine | None = None, work: Path | None = None
) -> TwoWay:
    """One search's neighbours from its shards: the same as if it had not been divided.

    Args:
        search: opened on the same vectors.
        folders: all shards, in order.
        engine: shares out the merging of what the columns have found in each shard.
        work: with an engine, a folder that all workers can open.

    Raises:
        InputError: a shard is damaged, or they do not make up the whole.
    """
    rows, columns = search.x.rows.rows, search.y.rows.rows
    forward, backward = search.empty(rows, columns)
    start, parts = 0, []
    for folder in folders:
        ahead, back = _both(folder, read_manifest(folder, kind="neighbours"))
        stop = start + len(ahead.ids)
        if stop > rows or back.ids.shape != backward.ids.shape:
            raise InputError(f"{folder}: is no shard of this search; search again")
        forward.ids[start:stop], forward.values[start:stop] = ahead.ids, ahead.cosines
        if engine is None:
            _fold(backward, back)
        parts.append(folder / "backward.arrow")
        start = stop
    if start != rows:
        raise InputError(f"the shards hold {start:,} of {rows:,} rows; search the missing ones")
    if engine is not None and work is not None:
        from xret.indexes.twoway.cells import spread_merge

        spread_merge(backward, parts, engine=engine, work=work)
    return search.finished(forward, backward)


def _fold(lists: TopK, others: Neighbours) -> None:
    """The best of both, row by row."""
    for start in range(0, len(others.ids), _SLICE):
        row, place = np.nonzero(np.isfinite(others.cosines[start : start + _SLICE]))
        row += start
        lists.fold(row, others.ids[row, place], others.cosines[row, place])
