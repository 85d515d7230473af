"""What the training loop asks of a student, whatever it is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np
import torch

from xret.encoders.distil.config import DistilConfig

__all__ = ["Student", "encode_rows"]


class Student(Protocol):
    """A model in training.

    Attributes:
        dim: width of its vectors.
        vocab_size: token ids that it knows.
        mask_id: the id that stands for a hidden token; None where it has no context to guess one from.
        device: where its parameters are.
    """

    dim: int
    vocab_size: int
    mask_id: int | None
    device: torch.device

    def encode(self, ids: np.ndarray, lengths: np.ndarray, *, exact: bool = False) -> torch.Tensor:
        """(texts, dim) float32 unit rows of texts whose token `ids`, end to end, have these `lengths`.

        With `exact`, as the finished float32 model has them: no dropout, no bfloat16.
        """

    def masked_loss(self, ids: np.ndarray, lengths: np.ndarray, places: np.ndarray, hidden: np.ndarray) -> torch.Tensor:
        """Cross-entropy of guessing the tokens `hidden` that were at `places` among `ids`."""

    def update(self, share: float, step: int) -> None:
        """Take one optimiser step at `share` of the peak rates from the gradients there are; `step` counts from 1."""

    def tensors(self) -> dict[str, torch.Tensor]:
        """The parameters by name."""

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take parameters that `tensors` gave."""

    def moments(self) -> dict[str, torch.Tensor]:
        """The optimiser's state by name."""

    def load_moments(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the optimiser's state that `moments` gave."""

    def save(self, folder: Path, config: DistilConfig, *, tokenizer: Path) -> None:
        """Write weights, configuration and tokeniser into a model folder."""


class _Texts(Protocol):
    def gather(self, rows: np.ndarray, *, limit: int) -> tuple[np.ndarray, np.ndarray]: ...


def encode_rows(student: Student, tokens: _Texts, rows: np.ndarray, *, limit: int, block: int = 2048) -> np.ndarray:
    """(len(rows), dim) float32 unit vectors of tokenised texts, as the finished model has them."""
    vectors = [np.empty((0, student.dim), np.float32)]
    for start in range(0, len(rows), block):
        ids, lengths = tokens.gather(rows[start : start + block], limit=limit)
        with torch.no_grad():
            vectors.append(student.encode(ids, lengths, exact=True).float().cpu().numpy())
    return np.concatenate(vectors)
