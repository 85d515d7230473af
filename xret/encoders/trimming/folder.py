"""Writes a trimmed model's folder: tokeniser, settings and weights anew, everything else as it was."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.made_from import copy_file, write_json
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.stated import STATED_FILE
from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.reading.romanising import Romaniser
from xret.encoders.reading.scripts import UNSEEN, words_for
from xret.encoders.trimming.renumbering import SETTINGS, renumbered_file
from xret.encoders.trimming.subwords import Subwords
from xret.encoders.trimming.tables import token_axes, write_tensors
from xret.errors import ModelError

__all__ = ["checked_weights", "write_folder"]

_WEIGHTS = re.compile(
    r"(model|pytorch_model|tf_model|flax_model|rust_model)[-.\w]*\.(safetensors|bin|h5|msgpack|ot)(\.index\.json)?"
    r"|.*\.(onnx|onnx_data|gguf|tflite)|openvino_.*|.*\.part"
)
_VOCABULARY = re.compile(r"vocab\.(txt|json)|merges\.txt|.*\.(model|vocab|spm)|tokenizer\.json|dict\.txt|bpe\.codes")
_OTHER_FORMS = ("onnx", "openvino", "coreml", "gguf")  # folders
_MEASURED = "quality.json"  # of the whole model


def checked_weights(checkpoint: Checkpoint) -> Weights:
    """The tensors of the model, some of which have a row for each token.

    Raises:
        ModelError: the weights are damaged, or have no rows for tokens.
    """
    weights = Weights(weight_files(checkpoint.inner))
    if not token_axes(weights, checkpoint.config):
        raise ModelError(
            f"{weights.source}: no tensor has a row for each of the {checkpoint.config['vocab_size']:,} tokens of "
            "config.json; they belong to different models"
        )
    return weights


def write_folder(
    checkpoint: Checkpoint, folder: Path, weights: Weights, subwords: Subwords, order: NDArray[np.int64]
) -> list[str]:
    """Fill a folder with the trimmed model.

    Args:
        checkpoint: the model.
        folder: where to; empty.
        weights: its tensors.
        subwords: its tokeniser's.
        order: (new tokens,) the old id of each new one.

    Returns:
        The files that are not there any more, as they hold the old vocabulary or what was measured with it.

    Raises:
        ModelError: a settings file is broken, or the tokeniser cannot be trimmed.
    """
    axes, new = token_axes(weights, checkpoint.config), {int(old): place for place, old in enumerate(order)}
    size, inner = int(checkpoint.config["vocab_size"]), folder / checkpoint.inner.relative_to(checkpoint.folder)
    left_out = _copy(checkpoint, folder)
    for place in {folder, inner}:
        for name in SETTINGS:
            if (place / name).is_file():
                text = renumbered_file(place / name, new, size=size)
                (place / name).write_text(text, encoding="utf-8")
        if checkpoint.recipe.romanise:
            _name_scripts(place, checkpoint.recipe.romanise)
    inner.mkdir(parents=True, exist_ok=True)
    (inner / "tokenizer.json").write_text(subwords.trimmed(order), encoding="utf-8")
    if subwords.kind == "WordPiece" and (checkpoint.inner / "vocab.txt").is_file():
        (inner / "vocab.txt").write_text(subwords.listed(order), encoding="utf-8")
    write_tensors(inner / "model.safetensors", weights, axes, order)
    for path in _adapter_files(checkpoint):
        adapter = Weights([path])
        write_tensors(
            folder / path.relative_to(checkpoint.folder), adapter, token_axes(adapter, checkpoint.config), order
        )
    return [name for name in left_out if not (folder / name).exists()]


def _adapter_files(checkpoint: Checkpoint) -> list[Path]:
    own = {*checkpoint.weights()}
    tasks = {task for _, task in checkpoint.recipe.tasks}
    return sorted({path for task in tasks for path in checkpoint.weights(task)} - own)


def _copy(checkpoint: Checkpoint, folder: Path) -> list[str]:
    """Copy what does not change; the paths of what was not copied."""
    left_out: list[str] = []
    inner = checkpoint.inner
    needed = {path for layer in checkpoint.recipe.layers for path in checkpoint.layer_files(layer)} - {
        *checkpoint.weights()
    }
    for path in _walk(checkpoint.folder):
        place = path.relative_to(checkpoint.folder)
        old = path.parent == inner and (_WEIGHTS.fullmatch(path.name) or _VOCABULARY.fullmatch(path.name))
        form = path.relative_to(inner).parts[0] if path.is_relative_to(inner) else ""
        if (old or form in _OTHER_FORMS or path.name == _MEASURED) and path not in needed:
            left_out.append(place.as_posix())
            continue
        copy_file(path, folder / place)
    return sorted(left_out)


def _name_scripts(folder: Path, romaniser: Romaniser) -> None:
    """Where settings romanise what the tokeniser has not seen, name it: of the trimmed one that would be more."""
    for name in ("config.json", STATED_FILE):
        settings = read_json(folder / name, missing={})
        stated = settings.get("romanise") or ()
        if UNSEEN in ([stated] if isinstance(stated, str) else stated):
            write_json(folder / name, {**settings, "romanise": words_for(romaniser)})


def _walk(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir() and path.name != ".git":
            yield from _walk(path)
        elif path.is_file():
            yield path
