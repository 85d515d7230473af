"""Expressions that select rows of a collection."""

from __future__ import annotations

import json
from collections.abc import Sequence

__all__ = ["all_of", "one_of", "slices"]

MOST = 4096  # values of one expression, which the server parses


def one_of(field: str, values: Sequence[str]) -> str:
    """Rows whose field is one of some strings.

    The client's own ``ids=`` puts no backslash before quotes, and templates are unknown to Milvus Lite; JSON's escapes
    are those of Milvus (ids hold no control characters, see `xret.stores.rows`).
    """
    return f"{field} in {json.dumps(list(values), ensure_ascii=False)}"


def all_of(*expressions: str | None) -> str:
    """Rows that fit every expression that there is."""
    return " and ".join(f"({each})" for each in expressions if each)


def slices(values: Sequence[str]) -> list[list[str]]:
    """Different values in lists short enough for one expression."""
    each = list(dict.fromkeys(values))
    return [each[start : start + MOST] for start in range(0, len(each), MOST)]
