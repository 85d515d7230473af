"""A run cut into parts, which an engine's workers score; each loads the model once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import digest, file_hash
from xret.engines import Engine, State
from xret.mapped import keep_table, map_table
from xret.stages.maxsim import CHARACTERS
from xret.stages.pairscores import Part, Texts, by_model, part_scores
from xret.stages.runtexts import RunTexts

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.encoders.recipe import Role
    from xret.engines.calls import Place
    from xret.stages.rerank import Rerank

__all__ = ["open_scorer", "score_unit", "spread_scores"]

Floats = npt.NDArray[np.float64]
PAIRS = 2048  # of a part, where a model reads pairs
MOST = 256  # parts
REMEDY = "rerank again"
_NOTHING = RunTexts([], None, np.empty(0, np.int64))


def spread_scores(
    stage: Rerank, run: pa.Table, queries: pa.Table, corpus: pa.Table, *, engine: Engine, work: Path
) -> Floats:
    """(rows,) scores of a run, those of `Rerank.scores`.

    Args:
        stage: how.
        run: `qid, docid`.
        queries: `id, text`, and `lang` where known.
        corpus: likewise.
        engine: who works.
        work: a folder that all workers can open.

    Raises:
        EngineError: a part could not be scored.
        DeviceError: as `Rerank.loaded`.
    """
    from xret.encoders.load import fitting_device
    from xret.encoders.names import split_precision

    folder = Path(work).absolute() / "blocks"
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "run": run.select(["qid", "docid"]), "queries": _needed(queries, run["qid"]),
        "corpus": _needed(corpus, run["docid"]),
    }  # fmt: skip
    files = {name: keep_table(table, folder / f"{name}.arrow") for name, table in tables.items()}
    models, name = by_model(stage, *tables.values()), stage.encoder if stage.late else stage.model
    device = fitting_device(name, split_precision(name)[1], stage.device)  # see `encoder_here`
    options = stage.options() | {"device": device}
    items = [
        {"unit": f"scores-{model}-{number}-of-{parts}", "model": model, "part": [number, parts]}
        for model, (_, rows) in enumerate(models)
        for parts in [_parts(stage, len(rows), tables["corpus"])]
        for number in range(parts)
    ]
    recipe = digest("rerank", stage.key(), {name: file_hash(Path(path)) for name, path in files.items()})
    scores = np.empty(run.num_rows)
    for _, answer, _ in engine.run(
        score_unit, items, folder=folder, recipe=recipe, state=State(open_scorer, {"options": options} | files),
        cpus=stage.threads, gpus=float(device == "cuda"),
    ):  # fmt: skip
        found = map_table(folder / answer["files"][0], remedy=REMEDY)
        scores[found["row"].to_numpy()] = found["score"].to_numpy()
    return scores


class _Scorer:
    """What a worker keeps: the texts, mapped, and the model that it used last."""

    def __init__(self, stage: Rerank, tables: Mapping[str, pa.Table]) -> None:
        self._tables = tables
        self._stages = by_model(stage, *tables.values())
        self._last: int | None = None
        self._model: Any = None
        self._texts = Texts(_NOTHING, _NOTHING)

    def scores(self, number: int, part: Part) -> pa.Table:
        """`row: int64, score: float64` of a part of the rows of one of the models."""
        stage, rows = self._stages[number]
        if number != self._last:
            self._model, run = stage.loaded(), self._tables["run"].take(pa.array(rows))
            self._texts = Texts.of(stage, self._model, run, self._tables["queries"], self._tables["corpus"])
            self._last, self._model = number, _Remembering(self._model) if stage.late else self._model
        own, scores = part_scores(stage, self._model, self._texts, part)
        return pa.table({"row": rows[own], "score": scores})


class _Remembering:
    """An encoder (sentences and tokens) that keeps what it made of the queries: every part asks for all of them."""

    def __init__(self, encoder: Encoder) -> None:
        self._encoder, self._made = encoder, dict[str, Any]()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._encoder, name)

    def encode(self, texts: Sequence[str], *, role: Role | None = None, **options: Any) -> Any:
        return self._once("encode", texts, role, options)

    def encode_tokens(self, texts: Sequence[str], *, role: Role | None = None, **options: Any) -> Any:
        return self._once("encode_tokens", texts, role, options)

    def _once(self, verb: str, texts: Sequence[str], role: Role | None, options: dict[str, Any]) -> Any:
        if role != "query":
            return getattr(self._encoder, verb)(texts, role=role, **options)
        if verb not in self._made:
            self._made[verb] = getattr(self._encoder, verb)(texts, role=role, **options)
        return self._made[verb]


def open_scorer(recipe: Mapping[str, Any], cpus: int) -> _Scorer:
    """A worker's state."""
    from xret.stages.rerank import Rerank

    stage = replace(Rerank(**recipe["options"]), threads=cpus, progress=False)
    return _Scorer(stage, {name: map_table(Path(recipe[name]), remedy=REMEDY) for name in ("run", "queries", "corpus")})


def score_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Score a part."""
    path = Path(item["manifest"]).with_suffix(".arrow")
    keep_table(place.state.scores(item["model"], Part(*item["part"])), path)
    return {"files": [path.name]}


def _parts(stage: Rerank, pairs: int, corpus: pa.Table) -> int:
    """By the size of the job alone: so many texts as are encoded together, or so many pairs."""
    size = pairs / PAIRS
    if stage.late:
        size = int(pc.sum(pc.utf8_length(corpus["text"])).as_py() or 0) / CHARACTERS
    return max(1, min(MOST, round(size)))


def _needed(texts: pa.Table, ids: pa.ChunkedArray) -> pa.Table:
    names = [name for name in ("id", "text", "lang") if name in texts.column_names]
    return texts.select(names).filter(pc.is_in(texts["id"], value_set=ids.unique()))
