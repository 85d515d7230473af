"""Documents encoded and coded by an engine, a run of blocks in each unit; parts are put together from them here."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xret.artifact import atomic_file, digest, file_hash, read_manifest
from xret.indexes.multivector.layout import Manifest
from xret.indexes.multivector.segments import Coded
from xret.indexes.multivector.tokens import EncodedTokens
from xret.mapped import map_array, map_table, write_array, write_batches

if TYPE_CHECKING:
    from xret.engines import Engine, State
    from xret.engines.calls import Place
    from xret.indexes.multivector.growing import Growth

__all__ = ["Sharing", "code_unit", "spread_blocks"]

BLOCKS = 16  # in a unit, of 256 documents at most
FIELDS = ("counts", "cells", "codes")
REMEDY = "build the index again"


@dataclass(frozen=True, kw_only=True)
class Sharing:
    """How the documents of a build are shared out.

    Attributes:
        engine: who works.
        encoder: the encoder of the documents, as a worker's state.
        gpus: of each worker.
        work: a folder that all workers can open; keeps units that are done, to go on from.
        threads: of each worker; None: the engine's choice.
    """

    engine: Engine
    encoder: State
    gpus: float
    work: Path
    threads: int | None = None


def spread_blocks(
    folder: Path, sharing: Sharing, growth: Growth, numbers: list[npt.NDArray[np.int64]], pool: int
) -> Iterator[Coded]:
    """The coded tokens of successive blocks of documents, in their order.

    Args:
        folder: of the index, with what codes its tokens.
        sharing: how.
        growth: the documents.
        numbers: successive rows of each block.
        pool: see `build_index`.

    Raises:
        EngineError: some could not be encoded.
    """
    work = sharing.work.absolute()
    work.mkdir(parents=True, exist_ok=True)
    table = growth.source.table.select(["id", "text", "lang"])
    with atomic_file(work / "texts.arrow") as temporary:
        write_batches(temporary, table.to_batches(), table.schema)
    spans = [[int(own[0]), int(own[-1]) + 1] for own in numbers]
    runs = [spans[at : at + BLOCKS] for at in range(0, len(spans), BLOCKS)]
    items = [
        {
            "unit": f"rows-{run[0][0]}-{run[-1][1]}", "blocks": run, "folder": str(Path(folder).absolute()),
            "pool": pool, "size": run[-1][1] - run[0][0],
        }
        for run in runs
    ]  # fmt: skip
    stamp = read_manifest(folder, kind="index").get("stamp")
    recipe = digest("coded", stamp, file_hash(work / "texts.arrow"), growth.source.encoder_hash)
    waiting: dict[int, dict[str, Any]] = {}
    turn = 0
    for number, answer, _ in sharing.engine.run(
        code_unit, items, folder=work, recipe=recipe, state=sharing.encoder, cpus=sharing.threads, gpus=sharing.gpus
    ):
        waiting[number] = answer
        while (found := waiting.pop(turn, None)) is not None:
            yield from _read(work, found)
            turn += 1


def code_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Encode and code a run of blocks."""
    from xret.indexes.multivector.growing import block_coder, coder_of, workers

    folder, manifest = Path(item["folder"]), Path(item["manifest"])
    made = Manifest.of(folder, read_manifest(folder, kind="index"))
    source = EncodedTokens(map_table(manifest.with_name("texts.arrow"), remedy=REMEDY), place.state)
    with workers(place.cpus) as pool:
        code = block_coder(source, coder_of(folder, made), item["pool"], pool)
        coded = []
        for start, stop in item["blocks"]:
            coded.append(code(np.arange(start, stop)))
            place.advance(stop - start)
    files = [f"{manifest.stem}.{name}.npy" for name in FIELDS]
    joined = Coded.joined(coded)
    for name, field in zip(files, FIELDS, strict=True):
        write_array(manifest.with_name(name), getattr(joined, field))
    return {
        "files": files, "documents": [len(each.counts) for each in coded],
        "tokens": [len(each.cells) for each in coded], "residuals": [each.residual for each in coded],
    }  # fmt: skip


def _read(work: Path, answer: Mapping[str, Any]) -> Iterator[Coded]:
    counts, cells, codes = (map_array(work / name) for name in answer["files"])
    row = token = 0
    for documents, tokens, residual in zip(answer["documents"], answer["tokens"], answer["residuals"], strict=True):
        rows, own = slice(row, row + documents), slice(token, token + tokens)
        yield Coded(np.array(counts[rows]), np.array(cells[own]), np.array(codes[own]), residual)
        row, token = row + documents, token + tokens
