"""Token scores by an engine: the target sentences are encoded in runs, then the pairs of a run of sources are scored.

Runs hold whole numbers of the portions in which one process encodes them, so that scores are the same to the last bit.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.artifact import atomic_file, digest, file_hash
from xret.corpus import gather
from xret.encoders.corpora.workers import open_encoder
from xret.mapped import keep_table, map_array, map_table, write_array
from xret.stages.tokenscores import TEXTS, TokenStore, score_portion, token_portion

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.engines import Engine
    from xret.engines.calls import Place

__all__ = ["encode_targets_unit", "open_tokens", "score_sources_unit", "spread_token_scores"]

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
RUNS, MOST = 64, 32  # runs of a side, and portions of one
REMEDY = "mine again"


def spread_token_scores(
    encoder: Mapping[str, Any], src: pa.Table, tgt: pa.Table, pairs: tuple[Ints, Ints], *, engine: Engine, work: Path,
    threads: int | None,
) -> Floats:  # fmt: skip
    """As `token_scores`.

    Args:
        encoder: `name, hash, device`, as `open_encoder` takes.
        src: corpus `text` and, where known, `lang`.
        tgt: likewise.
        pairs: (n,) rows of `src` and (n,) rows of `tgt`.
        engine: who works.
        work: a folder that all workers can open; for the time being it holds the token vectors of the targets.
        threads: of each worker.

    Raises:
        EngineError: some could not be encoded or scored.
    """
    from xret.engines import State

    folder = Path(work).absolute() / "tokens"
    folder.mkdir(parents=True, exist_ok=True)
    sources, src_at = np.unique(pairs[0], return_inverse=True)
    targets, tgt_at = np.unique(pairs[1], return_inverse=True)
    order = np.argsort(src_at, kind="stable")
    begin = np.searchsorted(src_at[order], np.arange(len(sources) + 1))
    told: dict[str, Any] = {
        "sources": keep_table(_texts(src, sources), folder / "sources.arrow"),
        "targets": keep_table(_texts(tgt, targets), folder / "targets.arrow"),
        "pairs": keep_table(pa.table({"target": tgt_at[order]}), folder / "pairs.arrow"),
    }
    files = [file_hash(Path(path)) for path in told.values()]
    recipe = digest("token scores", encoder["hash"], files, begin.tobytes(), TEXTS)
    options: dict[str, Any] = {"folder": folder, "cpus": threads, "gpus": float(encoder["device"] == "cuda")}
    lengths: dict[int, str] = {}
    runs = _runs("targets", len(targets))
    for number, answer, _ in engine.run(
        encode_targets_unit, runs, recipe=recipe, state=State(open_tokens, {"encoder": encoder, **told}), **options
    ):
        lengths[number] = answer["files"][0]
    stores = [[run["start"], run["stop"], lengths[number]] for number, run in enumerate(runs)]
    told |= {"folder": str(folder), "stores": stores}
    runs = [{**run, "begin": begin[run["start"] : run["stop"] + 1].tolist()} for run in _runs("sources", len(sources))]
    scores = np.empty(len(order), np.float32)
    for number, answer, _ in engine.run(
        score_sources_unit, runs, recipe=recipe, state=State(open_tokens, {"encoder": encoder, **told}), **options
    ):
        first, last = runs[number]["begin"][0], runs[number]["begin"][-1]
        scores[order[first:last]] = map_array(folder / answer["files"][0])
    shutil.rmtree(folder)
    return scores


@dataclass(frozen=True)
class _Tokens:
    """What a worker keeps open."""

    encoder: Encoder
    sources: pa.Table
    targets: pa.Table
    pairs: pa.Table
    store: TokenStore | None


class _Runs(TokenStore):
    """Token vectors of the targets, in a file for each run of them."""

    def __init__(self, folder: Path, stores: list[tuple[int, int, str]], dim: int) -> None:
        self._firsts = np.array([start for start, _, _ in stores])
        lengths = [map_array(folder / name) for _, _, name in stores]
        self.starts = np.concatenate([[0], np.cumsum(np.concatenate(lengths))]).astype(np.int64)
        self._files = [
            _mapped((folder / name).with_suffix(".f16"), int(own.sum()), dim)
            for (_, _, name), own in zip(stores, lengths, strict=True)
        ]

    def of(self, numbers: Ints) -> tuple[Floats, Ints]:
        counts = self.starts[numbers + 1] - self.starts[numbers]
        run = np.searchsorted(self._firsts, numbers, side="right") - 1
        places = self.starts[numbers] - self.starts[self._firsts[run]]
        found = [
            self._files[at][place : place + count]
            for at, place, count in zip(run.tolist(), places.tolist(), counts.tolist(), strict=True)
        ]
        return np.concatenate(found).astype(np.float32), np.concatenate([[0], np.cumsum(counts)])


def open_tokens(recipe: Mapping[str, Any], cpus: int) -> _Tokens:
    """A worker's state: the encoder, the texts, mapped, and, where there are any yet, the targets' token vectors."""
    encoder = open_encoder(recipe["encoder"], cpus)
    sources, targets, pairs = (map_table(Path(recipe[name]), remedy=REMEDY) for name in ("sources", "targets", "pairs"))
    store = _Runs(Path(recipe["folder"]), recipe["stores"], encoder.token_dim) if "stores" in recipe else None
    return _Tokens(encoder, sources, targets, pairs, store)


def encode_targets_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Token vectors of a run of targets, float16, and how many each has."""
    own, path, lengths = place.state, Path(item["manifest"]), list[int]()
    with atomic_file(path.with_suffix(".f16")) as temporary, open(temporary, "wb") as stream:
        for vectors in _portions(own.encoder, own.targets, item):
            stream.writelines(rows.astype(np.float16).tobytes() for rows in vectors)
            lengths += [len(rows) for rows in vectors]
    write_array(path.with_suffix(".npy"), np.array(lengths, np.int64))
    return {"files": [path.with_suffix(suffix).name for suffix in (".npy", ".f16")]}


def score_sources_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Scores of the pairs of a run of sources, in their order."""
    own, begin = place.state, np.array(item["begin"])
    targets = own.pairs["target"].slice(int(begin[0]), int(begin[-1] - begin[0])).to_numpy()
    scores, first = np.empty(len(targets), np.float32), 0
    for vectors in _portions(own.encoder, own.sources, item):
        borders = begin[first : first + len(vectors) + 1] - begin[0]
        score_portion(vectors, own.store, [np.arange(a, b) for a, b in pairwise(borders)], targets, scores)
        first += len(vectors)
    path = Path(item["manifest"]).with_suffix(".npy")
    write_array(path, scores)
    return {"files": [path.name]}


def _portions(encoder: Encoder, texts: pa.Table, item: Mapping[str, Any]) -> Iterator[list[Floats]]:
    told = encoder.recipe.languages is not None and "lang" in texts.column_names
    run = texts.slice(item["start"], item["stop"] - item["start"])
    for start in range(0, run.num_rows, TEXTS):
        yield token_portion(encoder, run["text"], run["lang"] if told else None, start)


def _runs(name: str, total: int) -> list[dict[str, Any]]:
    size = TEXTS * max(1, min(MOST, total // (RUNS * TEXTS)))
    return [
        {"unit": f"{name}-{start}", "start": start, "stop": min(start + size, total)} for start in range(0, total, size)
    ]


def _texts(corpus: pa.Table, rows: Ints) -> pa.Table:
    return pa.table({name: gather(corpus[name], rows) for name in ("text", "lang") if name in corpus.column_names})


def _mapped(path: Path, rows: int, dim: int) -> NDArray[np.float16]:
    return np.memmap(path, np.float16, "r", shape=(rows, dim)) if rows else np.empty((0, dim), np.float16)
