"""A search that survives being killed: what is done is on disk after every span of rows."""

from __future__ import annotations

import json
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from xret.artifact import atomic_file, canonical
from xret.errors import InputError
from xret.indexes.twoway.lists import read_lists, write_lists
from xret.indexes.twoway.topk import TopK

__all__ = ["Checkpoint"]

logger = logging.getLogger("xret")


@dataclass(frozen=True)
class Checkpoint:
    """The folder of a search.

    In it: ``search.json``; ``forward-<start>-<stop>.arrow`` for every span of rows that is done; and
    ``backward-<stop>.arrow``, the lists of all columns over the rows before `stop`, written after the span's own lists
    and before its predecessor is removed: whatever the moment of a kill, one of them tells the rows that are done.
    """

    folder: Path

    def begin(self, search: str, start: int, backward: TopK) -> int:
        """The row to go on from, with `backward` as it was then; what belongs to another search is removed.

        Args:
            search: what is searched, as a hash.
            start: the first row of all.
            backward: empty lists.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        name = self.folder / "search.json"
        fields = {"search": search, "start": start}
        with suppress(OSError, ValueError):
            if json.loads(name.read_text(encoding="utf-8")) == fields:
                return self._resume(start, backward)
        self.clear()
        with atomic_file(name) as temporary:
            temporary.write_text(canonical(fields) + "\n", encoding="utf-8")
        return start

    def save(self, start: int, stop: int, forward: TopK, backward: TopK) -> None:
        """Rows `start` to `stop` are done."""
        write_lists(self.folder / f"forward-{start}-{stop}.arrow", forward.ids, forward.values)
        write_lists(self.folder / f"backward-{stop}.arrow", backward.ids, backward.values)
        for old in self.folder.glob("backward-*.arrow"):
            if _numbers(old) != [stop]:
                old.unlink()

    def forward(self, start: int, stop: int, lists: TopK) -> None:
        """Fill in the lists of rows `start` to `stop`."""
        for first, last in self._spans(start, stop):
            found = read_lists(self.folder / f"forward-{first}-{last}.arrow")
            at = slice(first - start, last - start)
            lists.ids[at], lists.values[at] = found.ids, found.cosines

    def clear(self) -> None:
        """Remove all."""
        for path in (*self.folder.glob("forward-*.arrow"), *self.folder.glob("backward-*.arrow")):
            path.unlink()
        (self.folder / "search.json").unlink(missing_ok=True)

    def _resume(self, start: int, backward: TopK) -> int:
        for path in sorted(self.folder.glob("backward-*.arrow"), key=_numbers, reverse=True):
            stop = _numbers(path)[0]
            try:
                self._spans(start, stop)
                found = read_lists(path)
            except InputError as error:
                logger.warning("%s; going on from an earlier row", error)
                continue
            if found.ids.shape == backward.ids.shape:
                backward.ids[:], backward.values[:] = found.ids, found.cosines
                logger.info("k-NN: going on from row %s", f"{stop:,}")
                self._drop_after(stop)
                return stop
        self._drop_after(start)
        return start

    def _drop_after(self, stop: int) -> None:
        """Lists of spans that no backward lists know of: their borders may be others this time."""
        for path in self.folder.glob("forward-*.arrow"):
            if _numbers(path)[0] >= stop:
                path.unlink()

    def _spans(self, start: int, stop: int) -> list[tuple[int, int]]:
        """The spans from `start` to `stop`, without a gap."""
        found = sorted((first, last) for first, last in map(_numbers, self.folder.glob("forward-*.arrow")))
        spans = [(first, last) for first, last in found if start <= first < stop]
        borders = [start, *(last for _, last in spans)]
        if [first for first, _ in spans] != borders[:-1] or borders[-1] != stop:
            raise InputError(f"{self.folder}: lacks the lists of some rows from {start:,} to {stop:,}")
        return spans


def _numbers(path: Path) -> list[int]:
    return [int(number) for number in path.stem.split("-")[1:]]
