"""Encoders in the shapes that other libraries call. Importing this loads none of them."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.encoders.adapters.mteb import MTEBEncoder
    from xret.encoders.adapters.sentence import SentenceEncoder

__all__ = ["MTEBEncoder", "SentenceEncoder"]

_HOMES = {"MTEBEncoder": "mteb", "SentenceEncoder": "sentence"}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"xret.encoders.adapters.{_HOMES[name]}"), name)
