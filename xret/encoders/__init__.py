"""Encoders: a recipe (data) apart from a runtime (an ONNX session). Importing this loads no runtime."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.encoders.corpora.store import encode_corpus
    from xret.encoders.crossencoders.reranker import Reranker, load_reranker
    from xret.encoders.encoder import Encoder
    from xret.encoders.load import load_encoder
    from xret.encoders.recipe import Recipe

__all__ = ["Encoder", "Recipe", "Reranker", "encode_corpus", "load_encoder", "load_reranker"]

_HOMES = {
    "Encoder": "encoder", "Recipe": "recipe", "Reranker": "crossencoders.reranker", "encode_corpus": "corpora.store",
    "load_encoder": "load", "load_reranker": "crossencoders.reranker",
}  # fmt: skip


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"xret.encoders.{_HOMES[name]}"), name)
