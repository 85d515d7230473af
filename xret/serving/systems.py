"""What a system says of itself."""

from __future__ import annotations

from typing import Any

from xret.serving.generation import Generation
from xret.serving.matches import can_match

__all__ = ["described"]


def described(system: Generation) -> dict[str, Any]:
    """See `xret.serving.schema.System`."""
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
        "encoder": encoder.name if encoder is not None else None,
        "matches": system.texts and can_match(encoder),
        "rerank": can,
        "version": system.version,
    }
