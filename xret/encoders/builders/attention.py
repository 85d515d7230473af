"""Self-attention over padded texts as one fused operator with kernels for CPU and CUDA."""

from __future__ import annotations

from typing import Any

from xret.encoders.graphs.graph import MICROSOFT, Graph

__all__ = ["attention"]


def attention(
    graph: Graph, query: str, key: str, value: str, *, heads: int, bias: str = "", scale: float | None = None
) -> str:
    """Softmax(query @ key.T * scale + bias) @ value over the tokens that the attention mask shows, head by head.

    Args:
        graph: where to; its ``attention_mask`` shows the first tokens of each text.
        query: (batch, tokens, heads * d), biases added.
        key: as `query`.
        value: as `query`.
        heads: attention heads.
        bias: (1 or batch, 1 or heads, tokens, tokens) value added to the scores (relative positions, ALiBi, windows).
        scale: of the scores; 1 / sqrt(d) if not given.

    Returns:
        (batch, tokens, heads * d).
    """
    options: dict[str, Any] = {} if scale is None else {"scale": scale}
    inputs = [query, key, value, "", graph.lengths, *([bias] if bias else [])]
    return graph.node("MultiHeadAttention", inputs, domain=MICROSOFT, num_heads=heads, **options)
