"""An approximate search by an engine: the work that grows with the rows, in units; what is learnt is given to them.

By lists: runs of rows find the lists near to them; then each run of x meets each run of lists, and what is found is
merged as in an exact search (see `xret.indexes.twoway.cells`). By codes: runs of x search the index of y.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xret.artifact import atomic_file, digest, file_hash
from xret.indexes.dense.training import faiss_module, faiss_threads, read_faiss
from xret.indexes.twoway.approximate.coded import QUERIES, Coded, Settings
from xret.indexes.twoway.approximate.factories import Way
from xret.indexes.twoway.approximate.listmajor import Clusters, ListMajor
from xret.indexes.twoway.cells import keep_cell, merge_unit, merging, open_sides, part_of, side_files
from xret.indexes.twoway.lists import read_lists, write_lists
from xret.indexes.twoway.search import Search, plan_search
from xret.indexes.twoway.topk import TopK
from xret.mapped import map_array, write_array

if TYPE_CHECKING:
    from tqdm import tqdm

    from xret.engines import Engine
    from xret.engines.calls import Place

__all__ = ["Spread", "code_unit", "list_unit", "near_unit", "open_codes", "open_lists"]

Ints = NDArray[np.int64]
SPAN = 1 << 17  # rows of a run; a multiple of those that look for their lists together
COLUMNS = 1 << 20  # rows in a run of lists, about


@dataclass(frozen=True)
class Spread:
    """A search whose work is shared out.

    Attributes:
        search: opened.
        engine: who works.
        work: a folder that all workers can open; keeps units that are done, to go on from.
        settings: of the search.
        threads: of each worker; None: the engine's choice.
    """

    search: Search
    engine: Engine
    work: Path
    settings: Settings
    threads: int | None

    def by_lists(self, clusters: Clusters, probes: int, bar: tqdm[Any]) -> tuple[TopK, TopK]:
        """As `ListMajor.run`, through the `probes` nearest lists of every row of x.

        Raises:
            EngineError: a unit failed.
        """
        folder, told = self._begun("lists", probes)
        told["centres"] = str(folder / "centres.npy")
        write_array(folder / "centres.npy", clusters.index.reconstruct_n(0, clusters.lists))
        recipe = digest("by lists", self.search.key, file_hash(folder / "centres.npy"), probes, SPAN, COLUMNS)
        runs = {"x": _spans(self.search.x.rows.rows), "y": _spans(self.search.y.rows.rows)}
        many = {"x": probes, "y": 1}
        nearest = [(side, span) for side, spans in runs.items() for span in spans]
        items = [
            {"unit": f"near-{side}-{span[0]}", "side": side, "span": span, "probes": many[side]}
            for side, span in nearest
        ]
        home = np.empty(self.search.y.rows.rows, np.int32)
        for number, answer, _ in self._units(near_unit, items, folder, recipe, told):
            side, (start, stop) = nearest[number]
            if side == "y":
                home[start:stop] = map_array(folder / answer["files"][0])[:, 0]
        columns = _columns(home, clusters.lists, folder)
        told |= {"probes": probes, "memory": self.settings.memory}
        cells = [
            {
                "unit": f"cell-{i}-{j}", "span": list(span), "k": self.search.k, "near": f"near-x-{span[0]}.npy",
                "lists": list(lists), "columns": f"columns-{j}.npy", "size": span[1] - span[0] if not j else 0,
            }
            for i, span in enumerate(runs["x"])
            for j, (lists, _) in enumerate(columns)
        ]  # fmt: skip
        for _ in self._units(list_unit, cells, folder, recipe, told, advance=bar.update):
            pass
        forward, backward = self.search.empty(self.search.x.rows.rows, self.search.y.rows.rows)
        merges = [merging("forward", i, span, forward, len(columns)) for i, span in enumerate(runs["x"])]
        merges += [
            merging("backward", j, (0, len(own)), backward, len(runs["x"])) for j, (_, own) in enumerate(columns)
        ]
        into = [(forward, np.arange(*span)) for span in runs["x"]] + [(backward, own) for _, own in columns]
        for number, answer, _ in self.engine.run(merge_unit, merges, folder=folder, recipe=recipe, cpus=1):
            found, (lists, rows) = read_lists(folder / answer["files"][0]), into[number]
            lists.ids[rows], lists.values[rows] = found.ids, found.cosines
        return forward, backward

    def by_codes(self, coded: Coded, way: Way, probes: int, turn: int, bar: tqdm[Any]) -> Iterator[tuple[int, TopK]]:
        """As `Coded.all`, in any order; in the second turn the sides have changed places.

        Raises:
            EngineError: a unit failed.
        """
        folder, told = self._begun("codes", turn, way.name)
        with atomic_file(folder / "codes.faiss") as temporary:
            coded.write(temporary)
        told |= {"codes": str(folder / "codes.faiss"), "way": way.name, "turn": turn, "k": self.search.k}
        told |= {"memory": self.settings.memory}
        recipe = digest("by codes", self.search.key, file_hash(folder / "codes.faiss"), probes, turn, QUERIES)
        rows = (self.search.x, self.search.y)[turn].rows.rows
        spans = [(start, min(start + QUERIES, rows)) for start in range(0, rows, QUERIES)]
        items = [{"unit": f"rows-{span[0]}", "span": span, "probes": probes} for span in spans]
        for number, answer, _ in self._units(code_unit, items, folder, recipe, told, make=open_codes):
            start, stop = spans[number]
            found = read_lists(folder / answer["files"][0])
            lists = TopK(stop - start, found.ids.shape[1])
            lists.ids, lists.values = found.ids, found.cosines
            bar.update(stop - start)
            yield start, lists

    def _begun(self, *names: Any) -> tuple[Path, dict[str, Any]]:
        folder = self.work.absolute() / digest("approximate", self.search.key, self.settings.seed, *names)[:12]
        folder.mkdir(parents=True, exist_ok=True)
        sides = {"x": self.search.x.rows, "y": self.search.y.rows}
        return folder, {"sides": {name: side_files(rows, folder, name) for name, rows in sides.items()}}

    def _units(
        self, unit: Any, items: list[dict[str, Any]], folder: Path, recipe: str, told: dict[str, Any], *,
        make: Any = None, **options: Any,
    ) -> Iterator[tuple[int, dict[str, Any], bool]]:  # fmt: skip
        from xret.engines import State

        state = State(make or open_lists, told)
        return self.engine.run(unit, items, folder=folder, recipe=recipe, state=state, cpus=self.threads, **options)


@dataclass(frozen=True)
class _Listed:
    """What a worker keeps open: both sides, and the lists."""

    sides: Mapping[str, Any]
    clusters: Clusters
    told: Mapping[str, Any]


def open_lists(recipe: Mapping[str, Any], cpus: int) -> _Listed:
    """A worker's state."""
    centres = np.array(map_array(recipe["centres"]))
    index = faiss_module().IndexFlatIP(centres.shape[1])
    index.add(centres)
    x, y = open_sides(recipe["sides"], cpus)
    return _Listed({"x": x, "y": y}, Clusters(index, len(centres)), recipe)


def near_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The lists near to a run of rows."""
    own, path = place.state, Path(item["manifest"]).with_suffix(".npy")
    part = part_of(own.sides[item["side"]], np.arange(*item["span"]))
    with faiss_threads(place.cpus):
        write_array(path, own.clusters.nearest(part, np.arange(part.rows.rows), item["probes"]))
    return {"files": [path.name]}


def list_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Compare a run of x with those of y in a run of lists."""
    own, folder = place.state, Path(item["manifest"]).parent
    first, last = item["lists"]
    near, columns = (map_array(folder / item[name]) for name in ("near", "columns"))
    rows, numbers = np.arange(*item["span"]), np.ascontiguousarray(columns[0])
    search = plan_search(
        part_of(own.sides["x"], rows), part_of(own.sides["y"], numbers), k=item["k"], threads=place.cpus,
        memory=own.told["memory"],
    )  # fmt: skip

    def here(which: Ints) -> NDArray[np.int32]:
        wanted = near[which]
        return np.where((wanted >= first) & (wanted < last), wanted - first, -1).astype(np.int32)

    chunk = Settings(0, own.told["memory"]).rows(12 * search.x.rows.dim + 24 * own.told["probes"])
    found = ListMajor(search, here, (columns[1] - first).astype(np.int32), chunk=chunk, bar=_NoBar()).run()
    place.advance(item["size"])
    return keep_cell(folder, item["unit"], found, (rows, numbers))


def open_codes(recipe: Mapping[str, Any], cpus: int) -> Coded:
    """A worker's state: the index, and both sides, the one that is searched with in front."""
    sides = list(open_sides(recipe["sides"], cpus))
    x, y = (part_of(rows, np.arange(rows.rows)) for rows in (sides[::-1] if recipe["turn"] else sides))
    search = plan_search(x, y, k=recipe["k"], threads=cpus, memory=recipe["memory"])
    return Coded(search, Way.of(recipe["way"], x.rows.dim), read_faiss(Path(recipe["codes"])))


def code_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The lists of a run of rows."""
    path = Path(item["manifest"]).with_suffix(".arrow")
    with faiss_threads(place.cpus):
        found = place.state.find(np.arange(*item["span"]), item["probes"])
    write_lists(path, found.ids, found.values)
    return {"files": [path.name]}


class _NoBar:
    def update(self, count: int) -> None:
        """Nobody watches."""


def _columns(home: NDArray[np.int32], lists: int, folder: Path) -> list[tuple[tuple[int, int], Ints]]:
    """Runs of lists with about `COLUMNS` rows: first list and the one behind the last, and their rows, ascending."""
    ends = np.cumsum(np.bincount(home, minlength=lists))
    made: list[tuple[tuple[int, int], Ints]] = []
    first = done = 0
    while first < lists:
        last = max(first + 1, int(np.searchsorted(ends, done + COLUMNS, side="right")))
        own = np.flatnonzero((home >= first) & (home < last))
        if len(own):
            write_array(folder / f"columns-{len(made)}.npy", np.stack([own, home[own].astype(np.int64)]))
            made.append(((first, last), own))
        first, done = last, int(ends[last - 1])
    return made


def _spans(rows: int) -> list[tuple[int, int]]:
    return [(start, min(start + SPAN, rows)) for start in range(0, rows, SPAN)]
