"""A run cut into blocks of queries, which an engine's workers score; each loads the model once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest, file_hash
from xret.engines import Engine, State
from xret.mapped import map_table
from xret.stages.searching import keep_table

if TYPE_CHECKING:
    from xret.engines.calls import Place
    from xret.stages.rerank import Rerank

__all__ = ["open_scorer", "score_unit", "spread_scores"]

Floats = npt.NDArray[np.float64]
PAIRS = 2000  # of a block, or one query's
REMEDY = "rerank again"


def spread_scores(
    stage: Rerank, run: pa.Table, queries: pa.Table, corpus: pa.Table, *, engine: Engine, work: Path
) -> Floats:
    """(rows,) scores of a run whose rows stand query by query.

    Args:
        stage: how.
        run: `qid, docid`.
        queries: `id, text`, and `lang` where known.
        corpus: likewise.
        engine: who works.
        work: a folder that all workers can open.

    Raises:
        EngineError: a block could not be scored.
    """
    folder = Path(work).absolute() / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "run": run.select(["qid", "docid"]), "queries": _needed(queries, run["qid"]),
        "corpus": _needed(corpus, run["docid"]),
    }  # fmt: skip
    files = {name: keep_table(table, folder / f"{name}.arrow") for name, table in tables.items()}
    recipe = digest("rerank", stage.key(), {name: file_hash(Path(path)) for name, path in files.items()})
    ends = _ends(run["qid"])
    items = [
        {"unit": f"rows-{start}", "start": start, "stop": stop}
        for start, stop in zip([0, *ends[:-1]], ends, strict=True)
    ]
    scores = np.empty(run.num_rows)
    for number, answer, _ in engine.run(
        score_unit, items, folder=folder, recipe=recipe, state=State(open_scorer, {"options": stage.options()} | files),
        cpus=stage.threads, gpus=float(stage.device == "cuda"),
    ):  # fmt: skip
        found = map_table(folder / answer["files"][0], remedy=REMEDY)
        scores[items[number]["start"] : items[number]["stop"]] = found["score"].to_numpy()
    return scores


@dataclass(frozen=True)
class _Scorer:
    """What a worker keeps open."""

    stage: Rerank
    model: Any  # None where its name leaves a language open
    tables: Mapping[str, pa.Table]


def open_scorer(recipe: Mapping[str, Any], cpus: int) -> _Scorer:
    """A worker's state: the model, and the texts, mapped."""
    from xret.encoders.composing.languages import is_open
    from xret.stages.rerank import Rerank

    stage = replace(Rerank(**recipe["options"]), threads=cpus, progress=False)
    tables = {name: map_table(Path(recipe[name]), remedy=REMEDY) for name in ("run", "queries", "corpus")}
    return _Scorer(stage, None if is_open(stage.model) else stage.loaded(), tables)


def score_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Score a block."""
    own, tables = place.state, place.state.tables
    run = tables["run"].slice(item["start"], item["stop"] - item["start"])
    scores = own.stage.scores(run, tables["queries"], tables["corpus"], model=own.model)
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(pa.table({"score": scores}), path)
    return {"files": [path.name]}


def _needed(texts: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    names = [name for name in ("id", "text", "lang") if name in texts.column_names]
    return texts.select(names).filter(pc.is_in(texts["id"], value_set=ids.unique()))


def _ends(ids: pa.ChunkedArray) -> list[int]:
    """Ends of blocks of whole queries, by the run alone."""
    codes = ids.combine_chunks().dictionary_encode().indices.to_numpy()
    ends = [0]
    for border in (np.flatnonzero(np.diff(codes)) + 1).tolist():
        if border - ends[-1] >= PAIRS:
            ends.append(border)
    return [*ends[1:], len(codes)]
