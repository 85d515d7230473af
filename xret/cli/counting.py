"""How many of what, in words."""

from __future__ import annotations

__all__ = ["counted"]


def counted(number: int, what: str) -> str:
    """E.g. ``1 query``, ``2,000 queries``.

    Args:
        number: how many.
        what: in the singular.
    """
    if number == 1:
        return f"1 {what}"
    return f"{number:,} {what[:-1] + 'ies' if what.endswith('y') else what + 's'}"
