"""Topics in TREC's SGML, whose elements need no end tags, and in CLEF's two layouts."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Literal

__all__ = ["CLEF", "MARKED", "Layout", "marked_topics"]

Layout = Literal["trec", "clef"]
MARKED: Layout = "trec"
CLEF: Layout = "clef"

# a topic also ends where the next begins: published files lack an end tag here and there
TOPIC = re.compile(r"<top(?:ic)?\b([^>]*)>(.*?)(?=</top(?:ic)?\s*>|<top(?:ic)?\b|\Z)", re.DOTALL | re.IGNORECASE)
NAMES = {
    "num": "num", "identifier": "num", "title": "title", "desc": "description", "description": "description",
    "narr": "narrative", "narrative": "narrative",
}  # fmt: skip
LABELS = re.compile(r"^\s*(number|topic|description|narrative)\s*:\s*", re.IGNORECASE)


def marked_topics(text: str, layout: Layout) -> Iterator[dict[str, str]]:
    """Topics as ``num``, ``title``, ``description`` and ``narrative``, of those they have.

    Args:
        text: TREC's ``<top> <num> Number: 301 <title> … <desc> Description: …``; or CLEF's ``<top> <num> C141 </num>
            <EN-title> … </EN-title>`` and ``<topic lang="en"> <identifier>10.2452/451-AH</identifier> <title> …``.
        layout: which of them. A CLEF number loses its ``C``, as in the judgements.
    """
    for match in TOPIC.finditer(text):
        topic = _elements(match[2])
        number = re.search(r'\b(?:number|num|id)="([^"]+)"', match[1])
        if "num" not in topic and number:
            topic["num"] = number[1]
        if layout == CLEF and "num" in topic:
            topic["num"] = re.sub(r"^C(?=\d)", "", topic["num"])
        yield topic


def _elements(inner: str) -> dict[str, str]:
    """Each element reaches to its end tag, or to the next known element."""
    found: dict[str, str] = {}
    starts = list(re.finditer(r"<(?:[A-Za-z]{2}-)?(" + "|".join(NAMES) + r")\b[^>]*>", inner, re.IGNORECASE))
    for start, after in zip(starts, [*starts[1:], None], strict=True):
        stop = after.start() if after else len(inner)
        value = re.sub(r"</?[A-Za-z][^>]*>.*", "", inner[start.end() : stop], flags=re.DOTALL)
        name = NAMES[start[1].lower()]
        if name not in found:
            found[name] = " ".join(html.unescape(LABELS.sub("", value)).split())
    return found
