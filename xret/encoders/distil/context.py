"""The layers of a hybrid student that let tokens see one another, over texts packed without padding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional

__all__ = ["Context"]

_BUCKET = 8192  # tokens of a bucket, filling included


@dataclass(frozen=True)
class _Bucket:
    """Texts of about one length as a rectangle.

    Attributes:
        index: (texts * longest,) places of their tokens in the packed order, filled up with any.
        shape: (texts, longest).
        mask: (texts, 1, 1, longest) bool, true at tokens; None where all are.
        back: places of the tokens in the rectangle, read by rows.
    """

    index: torch.Tensor
    shape: tuple[int, int]
    mask: torch.Tensor | None
    back: torch.Tensor


@dataclass(frozen=True)
class _Packed:
    order: torch.Tensor  # from the order of the texts to one sorted by length
    inverse: torch.Tensor
    position: torch.Tensor  # of each token in its text, sorted order
    buckets: list[_Bucket]


class Context(nn.Module):  # type: ignore[misc]  # torch is untyped here
    """Pre-norm transformer layers with rotary positions (Su et al. 2021), and what tokens take from them.

    For token vectors e: a correction delta = W_d h that is added to e, and a gate g = W_g h + b that is added to the
    logarithm of the token's weight. Both are 0 at the beginning.
    """

    def __init__(
        self, *, hidden: int, layers: int, heads: int, intermediate: int, theta: float, epsilon: float
    ) -> None:
        """`layers` layers of `heads` heads; `intermediate` values inside the feed-forward part."""
        super().__init__()
        self.norm = nn.LayerNorm(hidden, eps=epsilon)
        self.layers = nn.ModuleList(_Layer(hidden, heads, intermediate, epsilon) for _ in range(layers))
        self.final_norm = nn.LayerNorm(hidden, eps=epsilon)
        self.delta = nn.Linear(hidden, hidden, bias=False)
        self.gate = nn.Linear(hidden, 1)
        for tensor in (self.delta.weight, self.gate.weight, self.gate.bias):
            nn.init.zeros_(tensor)
        half = hidden // heads // 2
        self.register_buffer("frequencies", 1 / theta ** (torch.arange(half) / half), persistent=False)

    def forward(self, rows: torch.Tensor, lengths: np.ndarray, *, bfloat16: bool) -> torch.Tensor:
        """(tokens, hidden) states of texts whose token vectors `rows` lie end to end."""
        packed = _packed(lengths, rows.device)
        angles = packed.position[:, None] * self.frequencies[None]
        cos, sin = angles.cos()[:, None], angles.sin()[:, None]
        with torch.autocast(rows.device.type, torch.bfloat16, enabled=bfloat16):
            states = self.norm(rows.index_select(0, packed.order))
            if bfloat16:
                states, cos, sin = states.bfloat16(), cos.bfloat16(), sin.bfloat16()
            for layer in self.layers:
                states = layer(states, packed.buckets, cos, sin)
            states = self.final_norm(states.float())
        return states.float().index_select(0, packed.inverse)

    def read(self, states: torch.Tensor, *, bfloat16: bool) -> tuple[torch.Tensor, torch.Tensor]:
        """(delta (tokens, hidden), gate (tokens, 1)) of states."""
        with torch.autocast(states.device.type, torch.bfloat16, enabled=bfloat16):
            delta, gate = self.delta(states), self.gate(states)
        return delta.float(), gate.float()


class _Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, hidden: int, heads: int, intermediate: int, epsilon: float) -> None:
        super().__init__()
        self.heads = heads
        self.norm1 = nn.LayerNorm(hidden, eps=epsilon)
        self.qkv = nn.Linear(hidden, 3 * hidden)
        self.out = nn.Linear(hidden, hidden)
        self.norm2 = nn.LayerNorm(hidden, eps=epsilon)
        self.up = nn.Linear(hidden, intermediate)
        self.down = nn.Linear(intermediate, hidden)

    def forward(self, x: torch.Tensor, buckets: list[_Bucket], cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
        tokens, hidden = x.shape
        width = hidden // self.heads
        queries, keys, values = self.qkv(self.norm1(x)).view(tokens, 3, self.heads, width).unbind(1)
        queries, keys = _rotated(queries, cos, sin) * width**-0.5, _rotated(keys, cos, sin)
        # Texts are sorted by bucket, so that the buckets' tokens one after the other are in the packed order.
        seen = torch.cat([_attend(queries, keys, values, bucket) for bucket in buckets]) if buckets else x
        x = x + self.out(seen)
        return torch.as_tensor(x + self.down(functional.gelu(self.up(self.norm2(x)))))


def _attend(queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, bucket: _Bucket) -> torch.Tensor:
    texts, longest = bucket.shape
    heads, width = queries.shape[1:]
    q, k, v = (
        part.index_select(0, bucket.index).view(texts, longest, heads, width).transpose(1, 2)
        for part in (queries, keys, values)
    )
    scores = torch.matmul(q, k.transpose(2, 3))
    if bucket.mask is not None:
        scores = scores.masked_fill(~bucket.mask, -1e4)
    found = torch.matmul(scores.softmax(-1), v)
    return found.transpose(1, 2).reshape(texts * longest, heads * width).index_select(0, bucket.back)


def _rotated(x: torch.Tensor, cos: torch.Tensor, sin: torch.Tensor) -> torch.Tensor:
    left, right = x.chunk(2, -1)
    return torch.cat([left * cos - right * sin, left * sin + right * cos], -1)


def _packed(lengths: np.ndarray, device: torch.device) -> _Packed:
    def on_device(values: Any) -> torch.Tensor:
        return torch.from_numpy(np.ascontiguousarray(values)).to(device)

    order = np.argsort(lengths, kind="stable")
    sizes = lengths[order]
    starts = np.cumsum(sizes) - sizes
    position = np.arange(sizes.sum()) - np.repeat(starts, sizes)
    flat = np.repeat((np.cumsum(lengths) - lengths)[order], sizes) + position
    inverse = np.empty_like(flat)
    inverse[flat] = np.arange(len(flat))
    buckets = []
    first = int(np.searchsorted(sizes, 1))  # texts without tokens have no part in this
    while first < len(sizes):
        last = int(np.searchsorted(sizes, int(sizes[first] * 1.25 + 4), side="right"))
        last = min(last, first + max(1, _BUCKET // int(sizes[last - 1])))
        own, places = sizes[first:last], np.arange(sizes[last - 1])[None]
        ok = places < own[:, None]
        index = np.where(ok, starts[first:last, None] + places, starts[first:last, None])
        mask = None if ok.all() else on_device(ok)[:, None, None, :]
        shape = (int(ok.shape[0]), int(ok.shape[1]))
        buckets.append(_Bucket(on_device(index.ravel()), shape, mask, on_device(np.flatnonzero(ok.ravel()))))
        first = last
    return _Packed(on_device(flat), on_device(inverse), on_device(position), buckets)
