"""Encoding by an engine: each worker loads the encoder once, and encodes one shard after the other.

The files have the bytes that one process writes, since a shard's vectors depend on its texts alone; they are recorded
in the corpus' order, so that what is there after a kill is a beginning, as ever. Those that are done before their turn
wait among the units.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from xret.artifact import atomic_file, digest, file_hash
from xret.encoders.corpora.shards import encode_rows, facts
from xret.encoders.corpora.store import UNITS
from xret.encoders.encoder import Encoder
from xret.encoders.load import fitting_device, identify, load_encoder
from xret.encoders.names import split_precision
from xret.encoders.recipe import Role
from xret.errors import ModelError
from xret.mapped import write_batches
from xret.vectors import VectorsWriter
from xret.vectors.shard import shard_name, write_shard
from xret.vectors.writer import checked

if TYPE_CHECKING:
    from xret.engines import Engine
    from xret.engines.calls import Place

__all__ = ["encode_unit", "encoder_here", "fill_by_engine", "open_encoder"]

_FIELDS = ("id", "text", "lang")


def fill_by_engine(
    writer: VectorsWriter,
    corpus: pa.Table,
    *,
    engine: Engine,
    encoder: Encoder,
    role: Role | None,
    dim: int | None,
    shard_rows: int,
    threads: int | None,
    advance: Callable[[int], object],
) -> set[int]:
    """Write all shards that `writer` does not have yet.

    Args:
        writer: gets them, in order.
        corpus: `id`, `text` and perhaps `lang`.
        engine: who works.
        encoder: its name is what every worker loads; its own graphs are closed meanwhile.
        role: as in `encode_corpus`.
        dim: as in `encode_corpus`.
        shard_rows: rows per shard.
        threads: CPU threads of each worker; None shares the cores out.
        advance: called with the number of texts done.

    Returns:
        The numbers of shards that an earlier run had made.

    Raises:
        EngineError: a shard could not be encoded.
        XretError: a worker cannot load the encoder.
    """
    from xret.engines import State

    encoder.release()
    total = -(-corpus.num_rows // shard_rows)
    numbers = [number for number in range(writer.shards, total) if number not in writer.spare]
    folder = writer.partial.absolute() / UNITS
    folder.mkdir(exist_ok=True)
    recipe = digest("encode", {**writer.fields, "encoder": None})
    texts = _texts(corpus, folder / f"texts-{recipe[:12]}.arrow", shard_rows)
    items = [
        {
            "unit": shard_name(number).removesuffix(".arrow"), "texts": str(texts), "batch": number, "role": role,
            "dim": dim, "dtype": writer.dtype, "out": str(writer.out),
            "size": min(shard_rows, corpus.num_rows - number * shard_rows),
        }
        for number in numbers
    ]  # fmt: skip
    state = State(open_encoder, {"name": encoder.name, "hash": encoder.hash, "device": encoder.device})
    before: set[int] = set()
    units = engine.run(
        encode_unit, items, folder=folder, recipe=recipe, state=state, cpus=threads,
        gpus=float(encoder.device == "cuda"), advance=advance,
    )  # fmt: skip
    waiting: dict[int, dict[str, Any]] = {}
    for place, result, new in units:
        waiting[numbers[place]] = {**result, "new": new}
        while (found := waiting.pop(writer.shards, None)) is not None:
            (name,) = found.pop("files")
            if not found.pop("new"):
                before.add(writer.shards)
            writer.adopt(folder / name, **found)
    return before


def _texts(corpus: pa.Table, path: Path, shard_rows: int) -> Path:
    """The corpus as a file that all workers can open, a batch per shard; what an earlier run left may be damaged."""
    names = [name for name in _FIELDS if name in corpus.column_names]
    schema = pa.schema([(name, pa.large_string()) for name in names])  # a shard may pass 2 GiB
    parts = (corpus.slice(start, shard_rows).select(names) for start in range(0, corpus.num_rows, shard_rows))
    with atomic_file(path) as temporary:
        write_batches(temporary, (part.cast(schema).combine_chunks().to_batches()[0] for part in parts), schema)
    return path


def encoder_here(name: str, device: str) -> dict[str, str]:
    """`name, hash, device` of an encoder, as `open_encoder` takes it, on the device that it would have here.

    ``auto`` is settled by whoever shares the work out: a cluster shows a GPU only to workers that ask for one.

    Raises:
        ModelError, DeviceError: as `load_encoder`.
    """
    return {
        "name": name, "hash": identify(name), "device": fitting_device(name, split_precision(name)[1], device),
    }  # fmt: skip


def open_encoder(recipe: Mapping[str, Any], cpus: int) -> Encoder:
    """A worker's state: the encoder `name` with the hash `hash`.

    Raises:
        ModelError: it is another one here.
    """
    encoder = load_encoder(recipe["name"], device=recipe["device"], threads=cpus)
    if encoder.hash != recipe["hash"]:
        raise ModelError(
            f"{recipe['name']}: was changed, or is another model on this machine, since the run began; start again"
        )
    return encoder


def encode_unit(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Encode one shard, and describe its file."""
    folder = Path(item["manifest"]).parent
    rows = pa.Table.from_batches([_batch(Path(item["texts"]), item["batch"])])
    vectors, losses = encode_rows(
        place.state, rows, role=item["role"], dim=item["dim"], dtype=item["dtype"], advance=place.advance
    )
    ids = rows["id"].combine_chunks()
    values = checked(ids, vectors, dim=vectors.shape[1], dtype=item["dtype"], where=item["out"])
    path = folder / f"{item['unit']}.arrow"
    with atomic_file(path) as temporary:
        write_shard(temporary, ids, values)
    return {"files": [path.name], "rows": len(ids), "sha256": file_hash(path), **facts(losses)}


def _batch(path: Path, number: int) -> pa.RecordBatch:
    with pa.memory_map(str(path)) as source:
        return pa.ipc.open_file(source).get_batch(number)
