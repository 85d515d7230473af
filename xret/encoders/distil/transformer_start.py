"""What a transformer student begins with: a new BERT, or a checkpoint with its pooling and dense layers."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.distil.config import DistilConfig
from xret.encoders.recipe import Dense
from xret.errors import ModelError, UsageError, require

__all__ = ["TransformerStart", "fresh_transformer", "hushed", "loaded_transformer"]

log = logging.getLogger("xret")
_POOLINGS = ("mean", "cls")


@dataclass(frozen=True)
class TransformerStart:
    """A model to train.

    Attributes:
        model: of transformers; gives hidden states.
        pooling: ``mean`` or ``cls``.
        layers: what follows pooling, with its description.
        max_length: tokens that the finished model reads, special ones included.
        inner: the folder that has the tokeniser's settings; None for a new model.
    """

    model: Any
    pooling: str
    layers: tuple[tuple[Dense, nn.Linear], ...]
    max_length: int
    inner: Path | None = None


def fresh_transformer(config: DistilConfig, *, vocab_size: int, specials: int) -> TransformerStart:
    """A random BERT that reads as many tokens as training does: positions beyond would be random for ever.

    Raises:
        UsageError: the heads do not divide the width.
    """
    transformers = require("transformers", extra="train", purpose="training a transformer")
    if config.hidden_size % config.heads:
        raise UsageError(f"heads = {config.heads}: hidden_size {config.hidden_size} must be a multiple of it")
    length = min(config.max_length, config.max_tokens + specials)
    torch.manual_seed(config.seed)
    shape = transformers.BertConfig(
        vocab_size=vocab_size, hidden_size=config.hidden_size, num_hidden_layers=config.layers,
        num_attention_heads=config.heads, intermediate_size=config.intermediate_size or 4 * config.hidden_size,
        max_position_embeddings=length, pad_token_id=0, hidden_dropout_prob=config.dropout,
        attention_probs_dropout_prob=config.dropout,
    )  # fmt: skip
    return TransformerStart(transformers.BertModel(shape, add_pooling_layer=False), "mean", (), length)


def loaded_transformer(folder: Path) -> TransformerStart:
    """A checkpoint as xret reads it; its prompts are left out, since one student reads both sides alike.

    Raises:
        ModelError: not a checkpoint, of a family that transformers has no code for, pooled otherwise than by mean or
            first token, or without safetensors.
    """
    transformers = require("transformers", extra="train", purpose="training a transformer")
    checkpoint = open_checkpoint(folder)
    recipe = checkpoint.recipe
    if recipe.pooling not in [(mode,) for mode in _POOLINGS]:
        raise ModelError(f"{folder}: pooled by {', '.join(recipe.pooling)}; a student is pooled by mean or cls")
    if recipe.prompts or recipe.default_prompt:
        log.warning("%s: its prompts are left out, the student reads texts as they are", folder)
    dense = [head for head in recipe.heads if isinstance(head, Dense)]
    if any(head.residual or not head.folder for head in dense):
        raise ModelError(f"{folder}: its dense layers are not those of a sentence-transformers folder")
    try:
        with hushed():
            model = transformers.AutoModel.from_pretrained(
                checkpoint.inner, use_safetensors=True, trust_remote_code=False, dtype=torch.float32
            )
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise ModelError(f"{folder}: transformers cannot load it as safetensors ({reason})") from error
    if getattr(model, "pooler", None) is not None:
        model.pooler = None  # after hidden states; nothing here trains it
    layers = tuple((head, _linear(folder / head.folder, head)) for head in dense)
    return TransformerStart(model, recipe.pooling[0], layers, recipe.max_length, inner=checkpoint.inner)


def _linear(folder: Path, head: Dense) -> nn.Linear:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    path = folder / "model.safetensors"
    if not path.is_file():
        raise ModelError(f"{path}: is missing; a student's dense layers are read from safetensors only")
    linear = nn.Linear(head.in_features, head.out_features, bias=head.bias)
    try:
        tensors = load_file(str(path))
        linear.load_state_dict({name.rpartition(".")[2]: tensor.float() for name, tensor in tensors.items()})
    except (OSError, SafetensorError, RuntimeError) as error:
        raise ModelError(f"{path}: cannot be read ({str(error).splitlines()[0]}); fetch it again") from error
    return linear


@contextmanager
def hushed() -> Iterator[None]:
    """Run without the bars and notes of the library: what matters of them is said here."""
    from transformers.utils import logging as notes

    level, bars = notes.get_verbosity(), notes.is_progress_bar_enabled()
    notes.set_verbosity_error()
    notes.disable_progress_bar()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        notes.set_verbosity(level)
        if bars:
            notes.enable_progress_bar()
