"""A table of token vectors with a learned weight each, of which a step reads and changes only the rows it meets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from xret.encoders.distil.row_adam import RowAdam

__all__ = ["Taken", "TokenTable", "quantised"]


@dataclass(frozen=True)
class Taken:
    """The rows of a batch's distinct tokens, as leaves of the gradient's graph.

    Attributes:
        index: (u,) int64, their places in the table.
        rows: (u, H) token vectors.
        weights: (u, 1) logarithms of the tokens' weights.
        places: (tokens,) int64, which of them each token of the batch is.
    """

    index: torch.Tensor
    rows: torch.Tensor
    weights: torch.Tensor
    places: torch.Tensor


class TokenTable:
    """Token vectors (V, H) and log weights (V, 1), both float32, with their optimisers."""

    def __init__(self, table: torch.Tensor, log_weight: torch.Tensor, device: torch.device) -> None:
        """Hold both on `device`; they are changed in place."""
        self.device = device
        self.load({"table": table, "log_weight": log_weight})
        self._adams = {"table": RowAdam(self.table), "log_weight": RowAdam(self.log_weight)}
        self._taken: list[Taken] = []

    def take(self, ids: np.ndarray) -> Taken:
        """The rows of the tokens `ids`; remembered for `update` while gradients are recorded."""
        unique, places = np.unique(ids, return_inverse=True)
        index = torch.from_numpy(unique).to(self.device)
        track = torch.is_grad_enabled()
        rows, weights = (part[index].requires_grad_(track) for part in (self.table, self.log_weight))
        taken = Taken(index, rows, weights, torch.from_numpy(places).to(self.device))
        if track:
            self._taken.append(taken)
        return taken

    def update(self, rate: float, step: int) -> None:
        """One step of `RowAdam` on every row taken since the last; token vectors at a quarter of the rate."""
        for name, kind, share in (("table", "rows", 0.25), ("log_weight", "weights", 1.0)):
            found = [
                (taken.index, leaf.grad) for taken in self._taken if (leaf := getattr(taken, kind)).grad is not None
            ]
            if found:
                index, gradient = found[0] if len(found) == 1 else _summed(found)
                table = getattr(self, name)
                self._adams[name].step(table, index, table[index], gradient, rate=rate * share, steps=step)
        self._taken.clear()

    def tensors(self) -> dict[str, torch.Tensor]:
        """The parameters by name."""
        return {"table": self.table, "log_weight": self.log_weight}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the parameters from a checkpoint."""
        self.table = tensors["table"].to(self.device)
        self.log_weight = tensors["log_weight"].reshape(-1, 1).to(self.device)

    def moments(self) -> dict[str, torch.Tensor]:
        """The optimisers' state by name."""
        return {f"{part}.{name}": getattr(adam, part) for name, adam in self._adams.items() for part in _PARTS}

    def load_moments(self, tensors: dict[str, torch.Tensor]) -> None:
        """Take the optimisers' state from a checkpoint."""
        for name, adam in self._adams.items():
            for part in _PARTS:
                setattr(adam, part, tensors[f"{part}.{name}"].to(self.device))


_PARTS = ("first", "second")


def _summed(found: list[tuple[torch.Tensor, torch.Tensor]]) -> tuple[torch.Tensor, torch.Tensor]:
    """Gradients of rows that were taken several times in a step."""
    index, places = torch.unique(torch.cat([index for index, _ in found]), return_inverse=True)
    gradients = torch.cat([gradient for _, gradient in found])
    total = torch.zeros(len(index), gradients.shape[1], device=gradients.device)
    return index, total.index_add_(0, places, gradients)


def quantised(table: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(int8 rows, (V, 1) float32 steps) of a float32 table, each row by its own largest value."""
    largest = table.abs().amax(dim=1, keepdim=True).clamp_min(1e-12)
    return (table / largest * 127).round().to(torch.int8), largest / 127
