"""What a student is asked for: the teacher's vector, and the right translation among a batch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch.nn import functional

__all__ = ["contrast", "nested_contrast", "regression"]


def regression(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """Mean of 1 - cosine between (n, d) unit rows: the student's shall be the teacher's (Reimers & Gurevych 2020)."""
    return 1 - (student * teacher).sum(1).mean()


def contrast(
    queries: torch.Tensor,
    targets: torch.Tensor,
    same: torch.Tensor,
    *,
    temperature: float,
    bfloat16: bool,
    both: bool,
    margin: float = 0.0,
) -> torch.Tensor:
    """In-batch softmax cross-entropy: row i of `queries` against all `targets`, of which i is the right one.

    Args:
        queries: (n, d) unit rows.
        targets: (n, d) unit rows.
        same: (n, n) bool, true off the diagonal where two pairs share a side and so are no negatives; left out.
        temperature: divides the cosines; at least 0.02, so that the exponentials fit float32.
        bfloat16: compute the products in bfloat16 (matrix units), the softmax in float32.
        both: also targets against queries, averaged with the first.
        margin: taken off the cosine of the right one (additive margin softmax, Yang et al. 2019, equation 3).
    """
    loss: torch.Tensor = _Contrast.apply(queries, targets, same, temperature, bfloat16, both, margin)
    return loss


def nested_contrast(
    queries: torch.Tensor, targets: torch.Tensor, same: torch.Tensor, *, dims: Sequence[int], **options: Any
) -> torch.Tensor:
    """Mean of `contrast` over whole vectors and their first d values made unit vectors again, for d of `dims`.

    Kusupati et al. 2022, equation 1, all widths weighing alike. Without `dims` it is `contrast`.
    """
    width = queries.shape[1]
    losses = [contrast(queries, targets, same, **options)]
    for dim in sorted({dim for dim in dims if dim < width}, reverse=True):
        left, right = (functional.normalize(side[:, :dim], dim=1, eps=1e-6) for side in (queries, targets))
        losses.append(contrast(left, right, same, **options))
    return losses[0] if len(losses) == 1 else torch.stack(losses).mean()


class _Contrast(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """Written out because the (n, n) matrix dominates a step: one exponential serves both directions and the gradient.

    No maximum is taken off before exp: cosines are at most 1 and margins not negative, so exp(1 / temperature)
    bounds every term.
    """

    @staticmethod
    def forward(
        ctx: Any,
        queries: torch.Tensor,
        targets: torch.Tensor,
        same: torch.Tensor,
        temperature: float,
        bfloat16: bool,
        both: bool,
        margin: float,
    ) -> torch.Tensor:
        left, right = (queries.bfloat16(), targets.bfloat16()) if bfloat16 else (queries, targets)
        logits = (left @ right.T).float().div_(temperature)
        logits.diagonal().sub_(margin / temperature)
        right_ones = logits.diagonal().clone()
        powers = logits.exp_().masked_fill_(same, 0.0)
        rows = powers.sum(1)
        loss = rows.log().sub_(right_ones).mean()
        gradient = powers / rows[:, None]
        if both:
            columns = powers.sum(0)
            loss = (loss + columns.log().sub_(right_ones).mean()) / 2
            gradient.add_(powers.div_(columns)).mul_(0.5)
        gradient.diagonal().sub_(1.0)
        gradient.div_(temperature * len(rows))
        ctx.save_for_backward(left, right, gradient.to(left.dtype))
        return loss

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        left, right, gradient = ctx.saved_tensors
        scale = grads[0]
        queries = (gradient @ right).float() * scale if ctx.needs_input_grad[0] else None
        targets = (gradient.T @ left).float() * scale if ctx.needs_input_grad[1] else None
        return queries, targets, None, None, None, None, None
