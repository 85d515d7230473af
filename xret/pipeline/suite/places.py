"""On which line of a TOML file something stands, for messages."""

from __future__ import annotations

import re
from bisect import bisect_right

__all__ = ["Places"]


class Places:
    """Lines of tables and keys. What is written in a way that this does not see has no line, and no message needs one.

    Args:
        text: of the file.
    """

    def __init__(self, text: str) -> None:
        """Note where tables begin."""
        self._lines = text.splitlines()
        heads = (re.match(r"\s*\[\[?\s*([\w.-]+)\s*\]\]?\s*(#.*)?$", line) for line in self._lines)
        self._heads = [(number, head[1]) for number, head in enumerate(heads, start=1) if head]

    def table(self, name: str, number: int) -> int | None:
        """The line of the head of the table ``[[name]]`` that is the `number`-th (from 0) of that name."""
        found = [line for line, head in self._heads if head == name]
        return found[number] if number < len(found) else None

    def key(self, key: str, table: int | None = None) -> int | None:
        """The line of ``key = …`` in the table with its head on that line, or before all tables."""
        starts = [line for line, _ in self._heads]
        after = bisect_right(starts, table or 0)
        stop = starts[after] if after < len(starts) else len(self._lines) + 1
        for number in range((table or 0) + 1, stop):
            if re.match(rf"\s*[\"']?{re.escape(key)}[\"']?\s*[.=]", self._lines[number - 1]):
                return number
        return table
