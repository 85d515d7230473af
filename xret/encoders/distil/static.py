"""The static student: a table of subword vectors, learned token weights, and a projection into the teacher's space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from xret.artifact import atomic_file
from xret.encoders.distil.tokens import Tokens

__all__ = ["RowAdam", "StaticStudent"]


class StaticStudent:
    """sentence = L2(P · Σ_i d_i w_t(i) e_t(i)) over places i, with tokens t(i) and d_i = 1 / (1 + i / position_decay).

    Only the rows of tokens that a batch holds take part in a step, so its cost does not grow with the vocabulary.

    Attributes:
        table: (V, H) float32 token vectors e.
        log_weight: (V, 1) float32, log w.
        projection: (D, H) float32 P.
    """

    def __init__(
        self, frequencies: np.ndarray, *, hidden_size: int, output_size: int, seed: int, position_decay: int = 0
    ) -> None:
        """Begin with random vectors, and weights after the tokens' `frequencies` (V,), shares of the training text."""
        self.position_decay = position_decay
        generator = torch.Generator().manual_seed(seed)
        self.table = torch.randn(len(frequencies), hidden_size, generator=generator) / hidden_size**0.5
        # Smooth inverse frequency (Arora et al. 2017) as the start of the learned weights.
        self.log_weight = torch.from_numpy(np.log(1e-4 / (1e-4 + frequencies)).astype(np.float32))[:, None].clone()
        projection = torch.empty(output_size, hidden_size)
        torch.nn.init.orthogonal_(projection, generator=generator)
        self.projection = projection.requires_grad_()

    def tensors(self) -> dict[str, torch.Tensor]:
        """The parameters by name."""
        return {"table": self.table, "log_weight": self.log_weight, "projection": self.projection.detach()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the parameters from a checkpoint."""
        self.table, self.log_weight = tensors["table"], tensors["log_weight"]
        self.projection = tensors["projection"].clone().requires_grad_()

    def encode(
        self, rows: torch.Tensor, weights: torch.Tensor, places: np.ndarray, lengths: np.ndarray
    ) -> torch.Tensor:
        """(texts, D) unit vectors of texts of given `lengths`, whose tokens, end to end, are ``rows[places]``."""
        starts = np.cumsum(lengths) - lengths
        decay = None
        if self.position_decay:
            position = np.arange(len(places)) - np.repeat(starts, lengths)
            decay = torch.from_numpy((1 / (1 + position / self.position_decay)).astype(np.float32))
        bags = (torch.from_numpy(places), rows * weights.exp(), torch.from_numpy(starts))
        pooled = functional.embedding_bag(*bags, mode="sum", per_sample_weights=decay)
        return functional.normalize(pooled @ self.projection.T, dim=1, eps=1e-6)

    def encode_rows(self, tokens: Tokens, rows: np.ndarray, *, limit: int) -> np.ndarray:
        """(len(rows), D) float32 unit vectors of tokenised texts, without gradients."""
        vectors = []
        for start in range(0, len(rows), 4096):
            ids, lengths = tokens.gather(rows[start : start + 4096], limit=limit)
            unique, places = np.unique(ids, return_inverse=True)
            index = torch.from_numpy(unique)
            with torch.no_grad():
                found = self.encode(self.table[index], self.log_weight[index], places, lengths)
            vectors.append(found.numpy())
        return np.concatenate(vectors)

    def save(self, folder: Path) -> None:
        """Write `model.safetensors`: int8 rows, one float32 scale each (token weight folded in), float32 projection."""
        from safetensors.torch import save_file

        largest = self.table.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
        tensors = {
            "embedding.weight": (self.table / largest * 127).round().to(torch.int8),
            "embedding.scale": (largest / 127 * self.log_weight.exp())[:, 0].contiguous(),
            "projection.weight": self.projection.detach().contiguous(),
        }
        with atomic_file(folder / "model.safetensors") as temporary:
            save_file(tensors, str(temporary))


class RowAdam:
    """Adam (Kingma & Ba 2015) for tables: touches only given rows, with one second moment per row.

    Rows that a step does not touch keep their moments. A scalar second moment (as in row-wise AdaGrad) keeps the
    direction of a row's gradient and a third of the memory traffic.
    """

    def __init__(self, table: torch.Tensor, *, betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-8) -> None:
        """Begin with zero moments for a (rows, width) table."""
        self.first, self.second = torch.zeros_like(table), torch.zeros(len(table))
        self.betas, self.eps = betas, eps

    def step(
        self,
        table: torch.Tensor,
        index: torch.Tensor,
        rows: torch.Tensor,
        gradient: torch.Tensor,
        *,
        rate: float,
        steps: int,
    ) -> None:
        """Update ``table[index]``, which is `rows`; `steps` counts from 1 and corrects the moments' bias."""
        low, high = self.betas
        with torch.no_grad():
            first = self.first[index].lerp_(gradient, 1 - low)
            second = self.second[index].lerp_(gradient.square().mean(1), 1 - high)
            self.first.index_copy_(0, index, first)
            self.second.index_copy_(0, index, second)
            scale = rate * (1 - high**steps) ** 0.5 / (1 - low**steps)
            table.index_copy_(0, index, torch.addcmul(rows, first, (-scale / (second.sqrt_() + self.eps))[:, None]))
