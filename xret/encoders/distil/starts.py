"""What a static or hybrid student begins with: random rows, those of a model there is, or some of both."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from xret.encoders.distil.kept import open_tokeniser
from xret.errors import ModelError

__all__ = ["TableStart", "fresh_start", "regrown", "start_from"]

_KINDS = ("xret-static", "xret-hybrid")


@dataclass(frozen=True)
class TableStart:
    """Parameters to begin with; float32.

    Attributes:
        table: (V, H) token vectors.
        log_weight: (V, 1).
        projection: (D, H).
        context: the tensors of a hybrid's layers by name, without ``context.``; {} for new ones.
        config: config.json of the model they are of; {} for none.
    """

    table: torch.Tensor
    log_weight: torch.Tensor
    projection: torch.Tensor
    context: dict[str, torch.Tensor]
    config: dict[str, Any]


def fresh_start(frequencies: np.ndarray, *, hidden_size: int, output_size: int, seed: int) -> TableStart:
    """Random vectors, and weights after the tokens' `frequencies` (V,), shares of the training text."""
    generator = torch.Generator().manual_seed(seed)
    table = torch.randn(len(frequencies), hidden_size, generator=generator) / hidden_size**0.5
    # Smooth inverse frequency (Arora et al. 2017) as the start of the learned weights.
    log_weight = torch.from_numpy(np.log(1e-4 / (1e-4 + frequencies)).astype(np.float32))[:, None].clone()
    projection = torch.empty(output_size, hidden_size)
    torch.nn.init.orthogonal_(projection, generator=generator)
    return TableStart(table, log_weight, projection, {}, {})


def start_from(folder: Path) -> TableStart:
    """The parameters of a static or hybrid model.

    A static model's file holds the product of vector and weight: rows are made of length 1, the rest is weight.

    Raises:
        ModelError: another family, or a broken file.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from xret.encoders.checkpoints.modules import read_json

    config = read_json(folder / "config.json", missing={})
    if config.get("model_type") not in _KINDS:
        raise ModelError(
            f"{folder}: init of a static or hybrid student is a model of those kinds, "
            f"not '{config.get('model_type')}'; take student = transformer to adapt this one"
        )
    try:
        tensors = load_file(str(folder / "model.safetensors"))
        rows, projection = tensors["embedding.weight"].float(), tensors["projection.weight"].float()
        if "embedding.scale" in tensors:
            rows = rows * tensors["embedding.scale"][:, None]
        if (log_weight := tensors.get("embedding.log_weight")) is None:
            length = rows.norm(dim=1)
            log_weight = torch.where(length > 0, length, torch.ones(())).log()
            rows = rows / log_weight.exp()[:, None]
    except (OSError, KeyError, SafetensorError) as error:
        raise ModelError(f"{folder}: model.safetensors cannot be read ({error}); make or fetch it again") from error
    context = {name[8:]: tensor.float() for name, tensor in tensors.items() if name.startswith("context.")}
    return TableStart(rows, log_weight.reshape(-1, 1).clone(), projection.clone(), context, config)


def regrown(start: TableStart, fresh: TableStart, *, old: Path, new: Path) -> TableStart:
    """`start` for another tokeniser: each of its pieces is the sum of what the old tokeniser cuts it into.

    Pieces that the old one does not know at all (a new script) begin as in `fresh`.

    Args:
        start: of the model there is.
        fresh: random rows, as many as the new tokeniser has pieces.
        old: tokenizer.json of `start`.
        new: tokenizer.json of the student.

    Raises:
        ModelError: one of them is missing or broken.
    """
    before, after = open_tokeniser(old), open_tokeniser(new)
    known, unknown = before.get_vocab(), unknown_id(before)
    table, log_weight = fresh.table.clone(), fresh.log_weight.clone()
    for piece, place in after.get_vocab().items():
        parts = [known[piece]] if piece in known else _parts(before, piece, unknown)
        if parts and place < len(table):
            weights = start.log_weight[parts].exp()
            mean = weights.mean()
            table[place] = (start.table[parts] * weights).sum(0) / mean
            log_weight[place] = mean.log()
    return TableStart(table, log_weight, start.projection, start.context, start.config)


def unknown_id(tokenizer: Any) -> int | None:
    """The id of pieces that a tokeniser does not know; None where it knows all (bytes)."""
    import json

    model = json.loads(tokenizer.to_str())["model"]
    token = model.get("unk_token")
    found = tokenizer.token_to_id(token) if token else model.get("unk_id")
    return None if found is None else int(found)


def _parts(tokenizer: Any, piece: str, unknown: int | None) -> list[int]:
    ids: list[int] = tokenizer.encode(piece.replace("▁", " ").strip(), add_special_tokens=False).ids
    return [] if unknown in ids else ids
