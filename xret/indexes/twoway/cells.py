"""A search cut into cells, a run of rows by a run of columns each, that an engine spreads over its workers.

Cells are compared independently; then each run of rows merges what it has found among all columns, and each run of
columns what it has found among all rows. Cosines are exact and ties go by id, so the lists are those of one search,
whatever the cells were.
"""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xret.artifact import digest, file_hash
from xret.errors import XretError
from xret.indexes.twoway.lists import read_lists, write_lists
from xret.indexes.twoway.rows import READ, Rows, Selection, row_lengths, select
from xret.indexes.twoway.search import Search, plan_search
from xret.indexes.twoway.sides import Side
from xret.indexes.twoway.topk import NOBODY, TopK
from xret.mapped import map_array, write_array
from xret.vectors import Vectors, write_vectors

if TYPE_CHECKING:
    from xret.engines import Engine
    from xret.engines.calls import Place

__all__ = [
    "compare_unit", "keep_cell", "merge_unit", "merging", "open_sides", "part_of", "side_files", "spread_lists",
    "spread_merge",
]  # fmt: skip

Span = tuple[int, int]
PARTS, LEAST, MOST = 16, 8192, 1 << 20  # cells a side, and rows of one


def spread_lists(
    search: Search,
    rows: Span,
    *,
    engine: Engine,
    work: Path,
    threads: int | None = None,
    device: str = "cpu",
    memory: int | None = None,
) -> tuple[TopK, TopK]:
    """As `Search.lists`: the lists of a span of the rows kept of x, and of all kept of y over these rows.

    Args:
        search: opened.
        rows: first row, and the row behind the last.
        engine: who works.
        work: a folder that all workers can open; keeps cells that are done, to go on from.
        threads: of each worker.
        device: as for `two_way_knn`, for each worker.
        memory: likewise.

    Raises:
        EngineError: a cell could not be compared.
    """
    from xret.engines import State

    key = digest("cells", search.key, rows, PARTS, LEAST, MOST)
    folder = work.absolute() / key[:12]
    folder.mkdir(parents=True, exist_ok=True)
    sides = {"x": side_files(search.x.rows, folder, "x"), "y": side_files(search.y.rows, folder, "y")}
    across, down = _spans(*rows), _spans(0, search.y.rows.rows)
    items = [
        {
            "unit": f"cell-{i}-{j}", "rows": a, "columns": b, "k": search.k, "device": device, "memory": memory,
            "size": (a[1] - a[0]) * (b[1] - b[0]),
        }
        for i, a in enumerate(across) for j, b in enumerate(down)
    ]  # fmt: skip
    with search.bar((rows[1] - rows[0]) * search.y.rows.rows) as bar:
        cells = engine.run(
            compare_unit, items, folder=folder, recipe=key, state=State(open_sides, sides), cpus=threads,
            gpus=float(device == "cuda"), advance=bar.update,
        )  # fmt: skip
        for _ in cells:
            pass
    forward, backward = search.empty(rows[1] - rows[0], search.y.rows.rows)
    merges = [merging("forward", i, a, forward, len(down)) for i, a in enumerate(across)]
    merges += [merging("backward", j, b, backward, len(across)) for j, b in enumerate(down)]
    for number, answer, _ in engine.run(merge_unit, merges, folder=folder, recipe=key, cpus=1):
        into, first = (forward, rows[0]) if number < len(across) else (backward, 0)
        found, start = read_lists(folder / answer["files"][0]), merges[number]["start"] - first
        into.ids[start : start + len(found.ids)], into.values[start : start + len(found.ids)] = found.ids, found.cosines
    return forward, backward


def spread_merge(lists: TopK, parts: list[Path], *, engine: Engine, work: Path) -> None:
    """Fill `lists` with the best of several files of lists for the same rows.

    Args:
        lists: empty ones.
        parts: the files.
        engine: who works.
        work: a folder that all workers can open.

    Raises:
        EngineError: a run of rows could not be merged.
    """
    spans = _spans(0, len(lists.ids))
    folder, names = work.absolute() / "merged", [str(path.absolute()) for path in parts]
    items = [
        {"unit": f"rows-{start}", "rows": stop - start, "span": [start, stop], "k": lists.ids.shape[1], "parts": names}
        for start, stop in spans
    ]
    recipe = digest("merge", [file_hash(path) for path in parts], PARTS, LEAST, MOST)
    for number, answer, _ in engine.run(merge_unit, items, folder=folder, recipe=recipe, cpus=1):
        found, (start, stop) = read_lists(folder / answer["files"][0]), spans[number]
        lists.ids[start:stop], lists.values[start:stop] = found.ids, found.cosines


def open_sides(recipe: Mapping[str, Any], cpus: int) -> tuple[Rows, Rows]:
    """A worker's state: both sets of vectors, as files."""
    x, y = (_opened(recipe[name]) for name in ("x", "y"))
    return x, y


def compare_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Compare the rows of a cell with its columns; ids in the lists are those of the whole."""
    folder, unit = Path(item["manifest"]).parent, item["unit"]
    (start, stop), (first, last) = item["rows"], item["columns"]
    x, y = place.state
    search = plan_search(
        part_of(x, np.arange(start, stop)), part_of(y, np.arange(first, last)), k=item["k"], threads=place.cpus,
        device=item["device"],
        memory=item["memory"],
    )  # fmt: skip
    found = search.lists(0, stop - start)
    place.advance(item["size"])
    return keep_cell(folder, unit, found, (np.arange(start, stop), np.arange(first, last)))


def keep_cell(
    folder: Path, unit: str, found: tuple[TopK, TopK], numbers: tuple[NDArray[np.int64], NDArray[np.int64]]
) -> dict[str, Any]:
    """Write the lists of a cell, and describe its files.

    Args:
        folder: for them.
        unit: its name.
        found: the lists of its rows and of its columns, which it counts from 0.
        numbers: of its rows and of its columns in the whole.
    """
    files = [f"{unit}.forward.arrow", f"{unit}.backward.arrow"]
    for name, lists, own in zip(files, found, numbers[::-1], strict=True):
        real = np.isfinite(lists.values)
        write_lists(folder / name, np.where(real, own[np.where(real, lists.ids, 0)], NOBODY), lists.values)
    return {"files": files}


def merge_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The best of what some rows have found in several cells."""
    folder = Path(item["manifest"]).parent
    best = TopK(item["rows"], item["k"])
    for name in item["parts"]:
        found = read_lists(folder / name, *item.get("span", ()))
        row, at = np.nonzero(np.isfinite(found.cosines))
        best.fold(row, found.ids[row, at], found.cosines[row, at])
    name = f"{item['unit']}.arrow"
    write_lists(folder / name, best.ids, best.values)
    return {"files": [name]}


def merging(way: str, number: int, span: Span, lists: TopK, others: int) -> dict[str, Any]:
    """An item for `merge_unit`: a run of rows (``forward``) or of columns (``backward``) among all of the others."""
    cells = [(number, other) if way == "forward" else (other, number) for other in range(others)]
    return {
        "unit": f"{way}-{number}", "rows": span[1] - span[0], "start": span[0], "k": lists.values.shape[1],
        "parts": [f"cell-{i}-{j}.{way}.arrow" for i, j in cells],
    }  # fmt: skip


def _spans(start: int, stop: int) -> list[Span]:
    """Cut by the size alone, so that another number of workers goes on with the same cells."""
    size = max(LEAST, min(MOST, -(-(stop - start) // PARTS)))
    return [(at, min(at + size, stop)) for at in range(start, stop, size)]


def side_files(rows: Rows, folder: Path, name: str) -> dict[str, str | None]:
    """For `open_sides`: where the vectors of a side lie, and which of them count; those in memory are written first."""
    numbers: NDArray[np.int64] | None = None
    while isinstance(rows, Selection):
        numbers = rows.chosen if numbers is None else rows.chosen[numbers]
        rows = rows.source
    place = Path(rows.source).absolute() if isinstance(rows, Vectors) and rows.manifest else None
    if place is None:
        place = folder / f"{name}.vectors"
        if not _sound(place):
            _write(rows, place)
    if numbers is None:
        return {"vectors": str(place), "numbers": None}
    path = folder / f"{name}.npy"
    write_array(path, numbers)
    return {"vectors": str(place), "numbers": str(path)}


def _sound(place: Path) -> bool:
    """Whether an earlier run's copy is there and as it was written: cells that are done are, and all must agree."""
    if not place.exists():
        return False
    try:
        Vectors.open(place, check=True)
    except XretError:
        shutil.rmtree(place)
        return False
    return True


def _write(rows: Rows, place: Path) -> None:
    starts = range(0, rows.rows, LEAST)
    stops = [min(start + LEAST, rows.rows) for start in starts]
    blocks = ((map(str, range(a, b)), rows.block(a, b)) for a, b in zip(starts, stops, strict=True))
    partial = place.with_name(place.name + ".partial")
    if partial.exists():  # an interrupted copy
        shutil.rmtree(partial)
    write_vectors(place, blocks, dim=rows.dim, dtype="float32", fields={"normalized": False})


def _opened(side: Mapping[str, str | None]) -> Rows:
    from xret.engines.units import here

    vectors = Vectors.open(here(str(side["vectors"])))
    if side["numbers"] is None:
        return vectors
    return select(vectors, map_array(side["numbers"]))


def part_of(rows: Rows, numbers: NDArray[np.int64]) -> Side:
    """Some of the rows of a side, which has been surveyed: none of them repeats another too often.

    Args:
        rows: of the side.
        numbers: ascending.
    """
    chosen = rows.chosen[numbers] if isinstance(rows, Selection) else numbers
    part = Selection(rows.source if isinstance(rows, Selection) else rows, chosen)
    own = np.arange(len(numbers))
    lengths = [row_lengths(part.block(at, min(at + READ, part.rows))) for at in range(0, part.rows, READ)]
    return Side(part, np.concatenate(lengths), own, own, "")
