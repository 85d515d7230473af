"""Writes an encoder as a ready folder, for xret on another machine and for other programs."""

from __future__ import annotations

import json
import logging
import shutil
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, get_args

from xret.artifact import atomic_folder, file_hash
from xret.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.checkpoints.expert_models import find_expert_models
from xret.encoders.checkpoints.ready import FORMAT, RECIPE_FILE, Ready, ReadyGraph, seal
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.composing.composed import open_named
from xret.encoders.composing.names import split_modules
from xret.encoders.graphs.graph import MODEL_FILE, Precision
from xret.encoders.graphs.heads import SENTENCE
from xret.encoders.laser.layout import find_laser
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.encoders.runtime.sessions import build_graph, graph_outputs
from xret.errors import ModelError

__all__ = ["RECIPE_FILE", "export_model"]

_MADE_WITH = ("xret", "onnx", "onnxruntime", "tokenizers")
logger = logging.getLogger("xret")


def export_model(name: str | Path, out: Path, *, stated: Stated | None = None, torch: bool = False) -> Path:
    """Write ``model.onnx``, the tokeniser's files and ``recipe.json`` into a new folder, which `load_encoder` takes.

    The graph takes int64 ``input_ids`` and ``attention_mask`` (batch, tokens), padded on the right, and gives float32
    ``sentence_embedding`` (batch, dim), rows of length 1, and ``token_embeddings`` (batch, tokens, token_dim), rows of
    length 1, or, from a model with a `token_head`, (batch, 1 + tokens, token_dim): the text's own vector first, rows
    as long as the root of their weight. A static model's token vectors are a graph of their own,
    ``tokens/model.onnx``.

    Args:
        name: as for `load_encoder`; with a precision behind it, the graphs are of that (else fp32).
        out: the folder to make.
        stated: what is said of the model besides, see `open_checkpoint`.
        torch: have PyTorch export the encoder, for families without a builder (see `graphs.torch_export`).

    Raises:
        ModelError: not found or not supported.
        InputError: `out` exists.
    """
    base, named = split_precision(name)
    plain, source = stated is None and not torch, locate(split_modules(base)[0])
    if split_modules(base)[1]:
        if not plain:
            raise ModelError(f"{base}: modules are put on a model as it is; leave the options out")
    elif find_expert_models(source):
        raise ModelError(f"{base}: holds several encoders, a ready folder has one; copy the folder as it is")
    if not plain and find_laser(source):
        raise ModelError(f"{base}: is a LASER model, which says all of itself; leave the options out")
    checkpoint = open_named(base) if plain else open_checkpoint(source, stated, torch=torch)
    if isinstance(checkpoint, Ready):
        raise ModelError(f"{base}: is a ready folder already; copy it")
    precision = named or "fp32"
    if precision not in get_args(Precision):
        raise ModelError(f"{name}: {precision} has no graph of its own; leave the suffix out here, and load with it")
    with atomic_folder(out) as folder:
        graphs = _graphs(checkpoint, folder, precision)
        for place, path in checkpoint.reader_files().items():
            (folder / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, folder / place)
        fields = {
            "kind": "encoder", "format": FORMAT, "name": str(base), "precision": precision, "torch": torch,
            "hash": checkpoint.identity(precision), "recipe": checkpoint.recipe.fields(), "config": checkpoint.config,
            "sources": checkpoint.sources, "told": checkpoint.told, "graphs": [vars(graph) for graph in graphs],
            "files": {
                path.relative_to(folder).as_posix(): file_hash(path)
                for path in sorted(folder.rglob("*")) if path.is_file()
            },
            "checkpoint": {place: file_hash(path) for place, path in checkpoint.files().items()},
            "versions": {package: _version(package) for package in _MADE_WITH},
        }  # fmt: skip
        fields = json.loads(json.dumps(fields))
        text = json.dumps({**fields, "seal": seal(fields)}, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / RECIPE_FILE).write_text(text + "\n", encoding="utf-8")
    return Path(out)


def _graphs(checkpoint: Checkpoint, folder: Path, precision: Any) -> list[ReadyGraph]:
    """Build and save every graph: one per set of outputs and per task."""
    made: list[ReadyGraph] = []
    tasks: list[str | None] = [*dict.fromkeys(task for _, task in checkpoint.recipe.tasks)] or [None]
    for outputs in graph_outputs(checkpoint):
        for task in tasks:
            parts = ["tokens"] if made and SENTENCE not in outputs else []
            place = Path(*parts, *([str(task)] if task and made else []))
            (folder / place).mkdir(parents=True, exist_ok=True)
            build_graph(checkpoint, outputs, precision=precision, task=task).save(folder / place)
            made.append(ReadyGraph(file=(place / MODEL_FILE).as_posix(), outputs=outputs, task=task))
    return made


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
