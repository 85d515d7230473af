"""What a token head is asked for: the right one among the texts of a batch, both ways."""

from __future__ import annotations

import torch
from torch.nn import functional

from xret.encoders.distil.token_head.head import Sets
from xret.encoders.distil.token_head.maxsim import scores

__all__ = ["head_loss"]

_BACK = 0.5  # weight of telling queries by their document
_NEVER = -1e4  # a score that no softmax gives anything


def head_loss(
    left: Sets, right: Sets, same: torch.Tensor, scale: torch.Tensor, *, translations: bool, fade: float, bfloat16: bool
) -> torch.Tensor:
    """In-batch softmax cross-entropy over MaxSim.

    Args:
        left: documents, or sentences.
        right: a query of each, or a translation.
        same: (n, n) bool, true where left i and right j (i != j) are no negatives.
        scale: what scores are multiplied by; 1 / temperature.
        translations: whether each side is the other's query; else the right one is.
        fade: see `xret.fading.faded`.
        bfloat16: compute products in bfloat16.
    """
    asked = _contrast(scores(right, left, fade=fade, bfloat16=bfloat16) * scale, same.T, back=_BACK)
    if not translations:
        return asked
    other = _contrast(scores(left, right, fade=fade, bfloat16=bfloat16) * scale, same, back=0.0)
    return (asked + other) / 2


def _contrast(logits: torch.Tensor, same: torch.Tensor, *, back: float) -> torch.Tensor:
    """Rows against columns, and by the weight `back` columns against rows."""
    logits = logits.masked_fill(same, _NEVER)
    right = torch.arange(len(logits), device=logits.device)
    loss = functional.cross_entropy(logits, right)
    return torch.as_tensor(loss + back * functional.cross_entropy(logits.T, right) if back else loss)
