"""What a system says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.serving.generation import Generation
from xret.serving.matches import can_match

__all__ = ["described", "public_name"]


def public_name(model: str) -> str:
    """A model's name without the folders that it lies in: clients learn nothing of the server's disk."""
    parts = (Path(part) for part in model.split("+"))
    return "+".join(part.name if part.is_absolute() or str(part)[:1] in (".", "~") else str(part) for part in parts)


def described(system: Generation, *, cross: bool = False) -> dict[str, Any]:
    """See `xret.serving.schema.System`; `cross`: whether the server has a cross-encoder."""
    encoder = system.encoder
    can = []
    if encoder is not None and system.texts and encoder.token_dim:
        can = [*(["light"] if encoder.dim else []), "maxsim"]
    return {
        "name": system.place.name,
        "kind": system.kind,
        "rows": system.rows,
        "languages": dict(system.languages),
        "texts": system.texts,
        "encoder": public_name(encoder.name) if encoder is not None else None,
        "matches": system.texts and can_match(encoder),
        "rerank": [*can, *(["cross"] if cross and system.texts else [])],
        "version": system.version,
    }
