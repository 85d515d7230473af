"""The token head in PyTorch: `xret.encoders.builders.token_head` has the formula, and the layout of its tensors."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from xret.encoders.builders.token_head import LIMIT

__all__ = ["MaxSimHead", "Sets"]

_MATRICES = ("direct", "up", "down", "text", "weight")
_OUT = 0.25  # what `down` is multiplied by: so Adam, whose steps are all alike, takes smaller ones in it
_WHOLE = 3.0  # weight of the text to begin with, in all its tokens'


@dataclass(frozen=True)
class Sets:
    """What MaxSim compares of some texts, end to end: of each the text's own vector, and then its tokens'.

    Attributes:
        vectors: (rows, size) float32 unit rows.
        weights: (rows,) how much each counts in a query.
        lengths: (texts,) int64 rows of each text.
    """

    vectors: torch.Tensor
    weights: torch.Tensor
    lengths: np.ndarray

    def split(self, first: int) -> tuple[Sets, Sets]:
        """The first so many texts, and the others."""
        rows = int(self.lengths[:first].sum())
        return (
            Sets(self.vectors[:rows], self.weights[:rows], self.lengths[:first]),
            Sets(self.vectors[rows:], self.weights[rows:], self.lengths[first:]),
        )


class MaxSimHead(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """A head on the token vectors of a frozen model.

    It begins as the projection of the sentence vectors without its first row, a direction that all texts have in
    common in a turned space; with no words weighing more than they do in the sentence vector.
    """

    def __init__(
        self, projection: torch.Tensor, *, size: int, inner: int, decay: int, temperature: float, seed: int
    ) -> None:
        """Begin.

        Args:
            projection: (D, H) of the model's sentence vectors.
            size: values of a vector, less than D + 1.
            inner: values inside the part that is not linear.
            decay: the model's position_decay.
            temperature: of the softmax, to begin with.
            seed: of `up`, the only random part.
        """
        super().__init__()
        hidden = projection.shape[1]
        projection = projection.detach()
        self.size, self._decay, self._in = size, decay, math.sqrt(hidden)
        self.register_buffer("projection", projection.clone(), persistent=False)
        generator = torch.Generator().manual_seed(seed)
        up = torch.randn(inner, hidden, generator=generator) / math.sqrt(hidden)
        self.direct, self.text = (nn.Parameter(projection[1:size].clone()) for _ in range(2))
        self.up, self.down = nn.Parameter(up.to(projection.device)), nn.Parameter(projection.new_zeros(size - 1, inner))
        self.weight = nn.Parameter(projection.new_zeros(1, hidden))
        self.scalars = nn.Parameter(projection.new_tensor([1.0, 0.0, math.log(_WHOLE)]))
        self.temperature = nn.Parameter(projection.new_tensor(math.log(1 / temperature)))  # of 1 / it, the logarithm

    def forward(self, vectors: torch.Tensor, logs: torch.Tensor, lengths: np.ndarray) -> Sets:
        """Sets of texts.

        Args:
            vectors: (tokens, H) of texts that lie end to end, as `HybridStudent.tokens` gives them.
            logs: (tokens, 1) log weights.
            lengths: (texts,) int64 tokens of each, none of them 0.
        """
        owner = self._on(np.repeat(np.arange(len(lengths)), lengths))
        tokens, weights = self._tokens(vectors), self._weights(vectors, logs)
        texts = self._texts(vectors * logs.exp(), lengths, owner)
        total = weights.new_zeros(len(lengths)).index_add(0, owner, weights) * self.scalars[2].exp()
        first = self._on(np.cumsum(lengths) - lengths + np.arange(len(lengths)))
        others = torch.arange(len(owner), device=owner.device) + owner + 1
        rows = len(owner) + len(lengths)
        return Sets(
            vectors.new_zeros(rows, self.size).index_copy(0, first, texts).index_copy(0, others, tokens),
            vectors.new_zeros(rows).index_copy(0, first, total).index_copy(0, others, weights),
            lengths + 1,
        )

    def _tokens(self, vectors: torch.Tensor) -> torch.Tensor:
        units = functional.normalize(vectors, dim=1, eps=1e-6)
        curved = functional.gelu(units * self._in @ self.up.T) @ self.down.T * _OUT
        return functional.pad(functional.normalize(units @ self.direct.T + curved, dim=1, eps=1e-6), (0, 1))

    def _weights(self, vectors: torch.Tensor, logs: torch.Tensor) -> torch.Tensor:
        shares = (vectors @ self.projection.T).norm(dim=1) * logs[:, 0].exp()
        told = self.scalars[0] * shares.clamp_min(1e-6).log() + (vectors @ self.weight.T)[:, 0] + self.scalars[1]
        return torch.as_tensor(told.clamp(-LIMIT, LIMIT).exp())

    def _texts(self, weighted: torch.Tensor, lengths: np.ndarray, owner: torch.Tensor) -> torch.Tensor:
        if self._decay:
            places = np.arange(len(owner)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
            weighted = weighted * self._on((1 / (1 + places / self._decay)).astype(np.float32))[:, None]
        sums = weighted.new_zeros(len(lengths), weighted.shape[1]).index_add(0, owner, weighted)
        texts = functional.normalize(sums @ self.text.T, dim=1, eps=1e-6)
        return functional.pad(texts, (0, 1), value=1.0) * math.sqrt(0.5)

    def _on(self, values: np.ndarray) -> torch.Tensor:
        return torch.from_numpy(values).to(self.projection.device)

    def tensors(self) -> dict[str, torch.Tensor]:
        """The layout's tensors by name: float16 matrices, float32 scalars."""
        scaled = {"up": self.up * self._in, "down": self.down * _OUT}
        matrices = {name: scaled.get(name, getattr(self, name)).detach().half().cpu() for name in _MATRICES}
        named = {f"token_head.{name}.weight": matrix.contiguous() for name, matrix in matrices.items()}
        return {**named, "token_head.scalars": self.scalars.detach().float().cpu()}

    def load_tensors(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take what `tensors` gave, so with float16's precision."""
        scales = {"up": 1 / self._in, "down": 1 / _OUT}
        for name in _MATRICES:
            getattr(self, name).data.copy_(tensors[f"token_head.{name}.weight"].float() * scales.get(name, 1.0))
        self.scalars.data.copy_(tensors["token_head.scalars"])
