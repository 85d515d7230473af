"""MaxSim of all queries with all documents of a batch, as an encoder with a token head has it; and its gradient."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch

from xret.encoders.distil.token_head.head import Sets
from xret.fading import faded

__all__ = ["scores"]


def scores(queries: Sets, documents: Sets, *, fade: float, bfloat16: bool) -> torch.Tensor:
    """(queries, documents) mean over a query's rows, by weight, of the largest faded cosine with any of a document's.

    Args:
        queries: their weights count.
        documents: their places count.
        fade: see `xret.fading.faded`.
        bfloat16: compute the products in bfloat16.
    """
    device = documents.vectors.device
    places = np.arange(documents.lengths.sum()) - np.repeat(
        np.cumsum(documents.lengths) - documents.lengths, documents.lengths
    )
    rows = documents.vectors * torch.from_numpy(faded(places, fade)).to(device)[:, None]
    best = _Largest.apply(queries.vectors, rows, documents.lengths.tolist(), bfloat16)
    owner = torch.from_numpy(np.repeat(np.arange(len(queries.lengths)), queries.lengths)).to(device)
    sums = best.new_zeros(len(queries.lengths), best.shape[1]).index_add(0, owner, best * queries.weights[:, None])
    weights = best.new_zeros(len(queries.lengths)).index_add(0, owner, queries.weights)
    return torch.as_tensor(sums / weights[:, None].clamp_min(1e-6))


class _Largest(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """Of each row of `queries`, the largest product with any row of each document.

    Written out, as kept products of all rows with all would take gigabytes: only the winner's place is kept.
    """

    @staticmethod
    def forward(
        ctx: Any, queries: torch.Tensor, rows: torch.Tensor, lengths: list[int], bfloat16: bool
    ) -> torch.Tensor:
        left, right = (queries.bfloat16(), rows.bfloat16()) if bfloat16 else (queries, rows)
        best, places = [], []
        for document in right.split(lengths):
            value, place = (left @ document.T).max(dim=1)
            best.append(value)
            places.append(place)
        ctx.lengths = lengths
        ctx.save_for_backward(left, right, torch.stack(places))
        return torch.stack(best, dim=1).float()

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        left, right, places = ctx.saved_tensors
        gradients = grads[0].T.to(left.dtype)[:, :, None]  # (documents, query rows, 1)
        queries, rows = torch.zeros(left.shape, device=left.device), []
        for document, place, gradient in zip(right.split(ctx.lengths), places, gradients, strict=True):
            spread = torch.zeros(len(left), len(document), dtype=left.dtype, device=left.device)
            spread.scatter_(1, place[:, None], gradient)
            queries += (spread @ document).float()
            rows.append((spread.T @ left).float())
        return queries, torch.cat(rows), None, None
