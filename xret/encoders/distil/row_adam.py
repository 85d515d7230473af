"""Adam for tables of which a step touches few rows."""

from __future__ import annotations

import torch

__all__ = ["RowAdam"]


class RowAdam:
    """Adam (Kingma & Ba 2015) for tables: touches only given rows, with one second moment per row.

    Rows that a step does not touch keep their moments. A scalar second moment (as in row-wise AdaGrad) keeps the
    direction of a row's gradient and a third of the memory traffic.
    """

    def __init__(self, table: torch.Tensor, *, betas: tuple[float, float] = (0.9, 0.99), eps: float = 1e-8) -> None:
        """Begin with zero moments for a (rows, width) table."""
        self.first, self.second = torch.zeros_like(table), torch.zeros(len(table), device=table.device)
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
