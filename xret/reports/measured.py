"""Texts from outside as they go into a report: on one line, without what would reorder or overwrite it."""

from __future__ import annotations

import unicodedata

__all__ = ["clean", "wide"]

TURNS = frozenset(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))  # embeddings, overrides, isolates


def clean(text: str) -> str:
    """`text` on one line, without control characters, lone surrogates and orders to write backwards."""
    shown = "".join(
        " " if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp") else one for one in text if one not in TURNS
    )
    return " ".join(shown.split())


def wide(text: str) -> int:
    """Columns that `text` takes on a terminal: East Asian wide characters two, combining marks none."""
    return sum(_columns(one) for one in text)


def _columns(one: str) -> int:
    if unicodedata.category(one) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(one) in ("W", "F") else 1
