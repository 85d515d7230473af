"""Writes an encoder as plain files for other programs: the fused ONNX graph, the tokeniser and what has to be known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from xret.artifact import atomic_folder
from xret.encoders.checkpoint import open_checkpoint
from xret.encoders.heads import SENTENCE
from xret.encoders.load import build_graph, encoder_hash, graph_outputs
from xret.encoders.locate import locate

__all__ = ["RECIPE_FILE", "export_model"]

RECIPE_FILE = "recipe.json"


def export_model(name: str | Path, out: Path) -> Path:
    """Write ``model.onnx``, ``tokenizer.json`` and ``recipe.json`` into a new folder.

    The graph takes int64 ``input_ids`` and ``attention_mask`` (batch, tokens), padded on the right, and gives float32
    ``sentence_embedding`` (batch, dim) and ``token_embeddings`` (batch, tokens, token_dim), all rows of length 1. A
    static model's token vectors are a graph of their own, ``tokens/model.onnx``.

    Args:
        name: as for `load_encoder`.
        out: the folder to make.

    Raises:
        ModelError: not found or not supported.
        InputError: `out` exists.
    """
    checkpoint = open_checkpoint(locate(name))
    fields = {"name": str(name), "hash": encoder_hash(checkpoint), "recipe": checkpoint.recipe.fields()}
    with atomic_folder(out) as folder:
        for outputs in graph_outputs(checkpoint):
            place = folder if SENTENCE in outputs else folder / "tokens"
            place.mkdir(exist_ok=True)
            build_graph(checkpoint, outputs).save(place)
        shutil.copyfile(checkpoint.inner / "tokenizer.json", folder / "tokenizer.json")
        text = json.dumps(fields, indent=1, sort_keys=True, ensure_ascii=False)
        (folder / RECIPE_FILE).write_text(text + "\n", encoding="utf-8")
    return Path(out)
