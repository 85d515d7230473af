"""What is noted of a collection, as properties of its own."""

from __future__ import annotations

from typing import Any

from xret.stores.milvus.client import Connection
from xret.stores.place import Place

__all__ = ["LANGUAGE", "LOADING", "MAKING", "RECIPE", "described", "properties"]

# One for each tag, and for each load that goes on, so that two writers lose none.
RECIPE, LANGUAGE, LOADING = "xret.recipe", "xret.lang.", "xret.load."
MAKING = "xret.making"  # until there is a recipe: fields, indexes and loading are calls of their own


def described(call: Connection, place: Place) -> dict[str, Any]:
    """What the server says of a collection, or of what an alias leads to."""
    found: dict[str, Any] = call("describe_collection", place.name)
    return found


def properties(call: Connection, place: Place) -> dict[str, str]:
    """Of a collection, or of what an alias leads to."""
    return dict(described(call, place).get("properties") or {})
