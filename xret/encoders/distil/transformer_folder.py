"""A transformer student as a sentence-transformers folder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path

from torch import nn

from xret.encoders.checkpoints.made_from import write_json
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.folders import saving, write_tensors
from xret.encoders.distil.framing import SETTINGS
from xret.encoders.distil.transformer_start import TransformerStart, hushed
from xret.encoders.recipe import Dense

__all__ = ["write_transformer"]

_MODULES = "sentence_transformers.models"
_ACTIVATIONS = {
    "identity": "torch.nn.modules.linear.Identity", "tanh": "torch.nn.modules.activation.Tanh",
    "relu": "torch.nn.modules.activation.ReLU", "sigmoid": "torch.nn.modules.activation.Sigmoid",
    "gelu": "torch.nn.modules.activation.GELU",
}  # fmt: skip
_TOKENISER = ("tokenizer_config.json", "special_tokens_map.json")


def write_transformer(
    start: TransformerStart, layers: Sequence[tuple[Dense, nn.Linear]], config: DistilConfig, *, tokenizer: Path,
    folder: Path,
) -> None:  # fmt: skip
    """Write weights, tokeniser and modules into `folder`.

    Args:
        start: the trained model and how it is pooled.
        layers: what follows pooling.
        config: the options; name, version and licence go into config.json.
        tokenizer: its tokenizer.json.
        folder: to write into.
    """
    with hushed(), saving(folder):
        start.model.save_pretrained(folder)
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    told = {"name": config.name, "version": config.version, "license": config.licence}
    write_json(folder / "config.json", {**settings, **told})
    _write_tokeniser(start, tokenizer, folder)
    write_json(folder / "sentence_bert_config.json", {"max_seq_length": start.max_length, "do_lower_case": False})
    width = int(start.model.config.hidden_size)
    modules = [("Transformer", ""), ("Pooling", "1_Pooling")]
    (folder / "1_Pooling").mkdir()
    pooling = {f"pooling_mode_{name}": start.pooling == kind for name, kind in _POOLINGS.items()}
    write_json(folder / "1_Pooling" / "config.json", {"word_embedding_dimension": width, **pooling})
    for place, (head, linear) in enumerate(layers, start=2):
        modules.append(("Dense", f"{place}_Dense"))
        _write_dense(head, linear, folder / f"{place}_Dense")
    modules.append(("Normalize", f"{len(modules)}_Normalize"))
    (folder / modules[-1][1]).mkdir()
    entries = [
        {"idx": place, "name": str(place), "path": path, "type": f"{_MODULES}.{kind}"}
        for place, (kind, path) in enumerate(modules)
    ]
    write_json(folder / "modules.json", entries)


_POOLINGS = {"cls_token": "cls", "mean_tokens": "mean"}


def _write_tokeniser(start: TransformerStart, tokenizer: Path, folder: Path) -> None:
    shutil.copyfile(tokenizer, folder / "tokenizer.json")
    if start.inner is None:
        write_json(folder / _TOKENISER[0], {**SETTINGS, "model_max_length": start.max_length})
        return
    for name in _TOKENISER:
        if (start.inner / name).is_file():
            write_json(folder / name, read_json(start.inner / name))


def _write_dense(head: Dense, linear: nn.Linear, folder: Path) -> None:
    folder.mkdir()
    settings = {
        "in_features": head.in_features, "out_features": head.out_features, "bias": head.bias,
        "activation_function": _ACTIVATIONS[head.activation],
    }  # fmt: skip
    write_json(folder / "config.json", settings)
    tensors = {f"linear.{name}": value.detach() for name, value in linear.named_parameters()}
    write_tensors(folder / "model.safetensors", tensors)
