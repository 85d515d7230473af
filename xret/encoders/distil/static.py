"""The static student: a table of subword vectors, learned token weights, and a projection into the teacher's space."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from xret.encoders.checkpoints.made_from import write_json
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.folders import write_tensors
from xret.encoders.distil.row_adam import RowAdam
from xret.encoders.distil.starts import TableStart
from xret.encoders.distil.token_table import TokenTable, quantised
from xret.errors import UsageError

__all__ = ["StaticStudent"]


class StaticStudent:
    """sentence = L2(P · Σ_i d_i w_t(i) e_t(i)) over places i, with tokens t(i) and d_i = 1 / (1 + i / position_decay).

    Only the rows of tokens that a batch holds take part in a step, so its cost does not grow with the vocabulary.

    Attributes:
        words: (V, H) token vectors e and (V, 1) log weights.
        projection: (D, H) float32 P.
    """

    mask_id: int | None = None

    def __init__(self, start: TableStart, *, position_decay: int, learning_rate: float, device: torch.device) -> None:
        """Begin with `start`."""
        self.device, self.position_decay, self._rate = device, position_decay, learning_rate
        self.words = TokenTable(start.table, start.log_weight, device)
        self.projection = start.projection.to(device).requires_grad_()
        self._adam = RowAdam(self.projection.detach())
        self.vocab_size, self.dim = len(start.table), len(start.projection)

    def encode(self, ids: np.ndarray, lengths: np.ndarray, *, exact: bool = False) -> torch.Tensor:
        """See `Student`; always in float32."""
        taken = self.words.take(ids)
        starts = np.cumsum(lengths) - lengths
        decay = None
        if self.position_decay:
            position = np.arange(len(ids)) - np.repeat(starts, lengths)
            decay = torch.from_numpy((1 / (1 + position / self.position_decay)).astype(np.float32)).to(self.device)
        bags = (taken.places, taken.rows * taken.weights.exp(), torch.from_numpy(starts).to(self.device))
        pooled = functional.embedding_bag(*bags, mode="sum", per_sample_weights=decay)
        return functional.normalize(pooled @ self.projection.T, dim=1, eps=1e-6)

    def masked_loss(self, ids: np.ndarray, lengths: np.ndarray, places: np.ndarray, hidden: np.ndarray) -> torch.Tensor:
        """A static student has no context to guess from.

        Raises:
            UsageError: always.
        """
        raise UsageError("masked_weight: a static student sees no context; take student = hybrid or transformer")

    def update(self, share: float, step: int) -> None:
        """See `Student`. Every text goes through the projection: at a slower rate it keeps the space still."""
        rate, projection = self._rate * share, self.projection
        self.words.update(rate, step)
        assert projection.grad is not None
        everything = torch.arange(len(projection), device=self.device)
        values = projection.detach().clone()
        self._adam.step(projection.data, everything, values, projection.grad, rate=rate * 0.1, steps=step)
        projection.grad = None

    def tensors(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        return {**self.words.tensors(), "projection": self.projection.detach()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        self.words.load(tensors)
        self.projection = tensors["projection"].clone().to(self.device).requires_grad_()

    def moments(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        own = {"first.projection": self._adam.first, "second.projection": self._adam.second}
        return {**self.words.moments(), **own}

    def load_moments(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        self.words.load_moments(tensors)
        self._adam.first = tensors["first.projection"].to(self.device)
        self._adam.second = tensors["second.projection"].to(self.device)

    def save(self, folder: Path, config: DistilConfig, *, tokenizer: Path) -> None:
        """Write int8 rows, one float32 scale each (token weight folded in) and a float32 projection."""
        rows, steps = quantised(self.words.table)
        tensors = {
            "embedding.weight": rows,
            "embedding.scale": (steps * self.words.log_weight.exp())[:, 0].contiguous(),
            "projection.weight": self.projection.detach().contiguous(),
        }
        write_tensors(folder / "model.safetensors", tensors)
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        settings = {
            "model_type": "xret-static", "name": config.name, "version": config.version, "license": config.licence,
            "vocab_size": self.vocab_size, "hidden_size": self.words.table.shape[1], "output_size": self.dim,
            "pad_token_id": 0, "position_decay": self.position_decay, "max_length": config.max_length,
        }  # fmt: skip
        write_json(folder / "config.json", settings)
