"""Margins by an engine: a run of sentences with their neighbours is a unit, and needs only the other side's means.

First the means of both sides, then the scores, of which the best of every sentence are kept. What is left to the
process that asks, is to choose among these: one sentence's choice can depend on any other's.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.artifact import digest, file_hash
from xret.indexes.twoway import TwoWay
from xret.indexes.twoway.lists import read_lists, write_lists
from xret.mapped import keep_table, map_array, map_table, write_array
from xret.stages.extract import best_of
from xret.stages.margin import Candidates, Lists, Margin, scored, without_copies
from xret.stages.sides import Sides

if TYPE_CHECKING:
    from xret.engines import Engine
    from xret.engines.calls import Place

__all__ = ["Scoring", "means_unit", "score_unit", "spread_margins"]

Floats = NDArray[np.float64]
SIDES = ("src", "tgt")
PARTS, LEAST = 64, 65_536  # runs of a side, and sentences of one
REMEDY = "mine again"


@dataclass(frozen=True, kw_only=True)
class Scoring:
    """What units are told of how pairs are scored.

    Attributes:
        k: neighbours per sentence.
        margin: see `xret.margins`.
        most: candidates of a sentence that may be chosen; None: all.
        threshold: below it nothing is chosen; None where that is not known yet.
    """

    k: int
    margin: Margin
    most: int | None
    threshold: float | None


def spread_margins(
    found: TwoWay, sides: Sides, scoring: Scoring, *, engine: Engine, work: Path, tgt_means: Floats | None = None
) -> tuple[Candidates, Candidates, Floats, Floats]:
    """As `scored_lists`, but of the candidates only those that may be chosen.

    Args:
        found: the neighbours of both sides.
        sides: of the corpora.
        scoring: how.
        engine: who works.
        work: a folder that all workers can open.
        tgt_means: as for `scored_lists`.

    Raises:
        EngineError: a unit failed.
    """
    from xret.engines import State

    folder = Path(work).absolute() / "margins"
    folder.mkdir(parents=True, exist_ok=True)
    files = {}
    for side, lists, keys in zip(SIDES, (found.forward, found.backward), (sides.src_keys, sides.tgt_keys), strict=True):
        write_lists(folder / f"{side}.lists.arrow", lists.ids, lists.cosines)
        files[f"{side}.lists"] = str(folder / f"{side}.lists.arrow")
        if keys is not None:
            files[f"{side}.keys"] = str(folder / f"{side}.keys.npy")
            write_array(folder / f"{side}.keys.npy", keys)
    options = {"k": scoring.k, "margin": scoring.margin, "most": scoring.most, "threshold": scoring.threshold}
    recipe = digest("margins", options, {name: file_hash(Path(path)) for name, path in files.items()})
    spans = [_spans(side, len(lists.ids)) for side, lists in zip(SIDES, (found.forward, found.backward), strict=True)]
    items = [item for side in spans for item in side]
    means = {
        side: np.empty(sum(item["stop"] - item["start"] for item in own))
        for side, own in zip(SIDES, spans, strict=True)
    }

    def run(unit: Any, job: str, recipe: str) -> Iterator[tuple[dict[str, Any], Path]]:
        named = [{**item, "unit": f"{job}-{item['side']}-{item['start']}"} for item in items]
        state = State(open_lists, {"files": files, **options})
        answers = engine.run(unit, named, folder=folder, recipe=recipe, state=state, cpus=1)
        for number, answer, _ in sorted(answers, key=lambda each: each[0]):
            yield items[number], folder / answer["files"][0]

    for item, path in run(means_unit, "means", recipe):
        means[item["side"]][item["start"] : item["stop"]] = map_array(path)
    if tgt_means is not None:
        means["tgt"] = np.where(np.isnan(tgt_means), means["tgt"], tgt_means)
    for side in SIDES:
        files[f"{side}.means"] = str(folder / f"{side}.means.npy")
        write_array(folder / f"{side}.means.npy", means[side])
    recipe = digest(recipe, [file_hash(Path(files[f"{side}.means"])) for side in SIDES])
    parts: dict[str, list[Candidates]] = {side: [] for side in SIDES}
    for item, path in run(score_unit, "scores", recipe):
        parts[item["side"]].append(_read(path))
    ahead, back = (_joined(parts[side]) for side in SIDES)
    shutil.rmtree(folder)
    return ahead, back, means["src"], means["tgt"]


def open_lists(recipe: Mapping[str, Any], cpus: int) -> Mapping[str, Any]:
    """A worker's state: the names of the files, which units read their part of."""
    return recipe


def means_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """The mean cosine of each sentence to its neighbours."""
    path = Path(item["manifest"]).with_suffix(".npy")
    write_array(path, _lists(item, place.state).means())
    return {"files": [path.name]}


def score_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Each sentence's best candidates."""
    told, side = place.state, item["side"]
    lists = _lists(item, told)
    own, at = np.nonzero(lists.valid)
    src, tgt = own + item["start"], lists.ids[own, at]
    if side == "tgt":
        src, tgt = tgt, src
    src_mean, tgt_mean = (map_array(told["files"][f"{each}.means"]) for each in SIDES)
    found = scored(src, tgt, lists.cosines[own, at], src_mean, tgt_mean, told["margin"])
    if told["threshold"] is not None:
        found = found.take(found.score >= told["threshold"])
    if told["most"] is not None:
        found = best_of(found, getattr(found, side), told["most"])
    table = pa.table({name: getattr(found, name) for name in ("src", "tgt", "cosine", "score")})
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(table, path)
    return {"files": [path.name]}


def _lists(item: Mapping[str, Any], told: Mapping[str, Any]) -> Lists:
    """A run of one side's neighbours, without copies."""
    side, files, span = item["side"], told["files"], (item["start"], item["stop"])
    found = read_lists(Path(files[f"{side}.lists"]), *span)
    if "src.keys" not in files:
        return without_copies(found, told["k"])
    other = SIDES[side == "src"]
    own, others = (map_array(files[f"{each}.keys"]) for each in (side, other))
    return without_copies(found, told["k"], own[slice(*span)], others)


def _spans(side: str, rows: int) -> list[dict[str, Any]]:
    size = max(LEAST, -(-rows // PARTS))
    return [{"side": side, "start": at, "stop": min(at + size, rows)} for at in range(0, rows, size)]


def _read(path: Path) -> Candidates:
    table = map_table(path, remedy=REMEDY)
    return Candidates(*(table[name].to_numpy() for name in ("src", "tgt", "cosine", "score")))


def _joined(parts: list[Candidates]) -> Candidates:
    names = ("src", "tgt", "cosine", "score")
    return Candidates(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))
