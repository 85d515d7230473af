"""What may ask for a known item: a title, or a sentence taken out of a text."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

import pyarrow as pa

__all__ = ["Query", "QueryKind", "candidates", "unique"]

QueryKind = Literal["title", "sentence"]
SENTENCE = re.compile(r"(?<=[.!?؟।])\s+|(?<=[。！？])|\n+")


class Query(NamedTuple):
    """A text that asks for a document."""

    row: int  # of the corpus
    id: str
    text: str
    lang: str
    doc_id: str
    rest: str | None  # of the text, without the sentence that is the query


def candidates(table: pa.Table, queries: QueryKind, langs: set[str]) -> Iterator[Query]:
    """What may become a query: of the first row of each document and language."""
    seen = set()
    source = "title" if queries == "title" else "text"
    columns = (table[name].to_pylist() for name in ("id", source, "lang", "doc_id"))
    for row, (each, text, lang, doc_id) in enumerate(zip(*columns, strict=True)):
        if lang in langs and (doc_id, lang) not in seen:
            seen.add((doc_id, lang))
            asked, rest = (" ".join((text or "").split()), None) if queries == "title" else _sentence(each, text)
            yield Query(row, each, asked, lang, doc_id, rest)


def _sentence(name: str, text: str) -> tuple[str, str]:
    """One of the longer half of the sentences (which, hangs on the name alone) and the rest; empty if there is none."""
    sentences = [" ".join(each.split()) for each in SENTENCE.split(text) if each.strip()]
    if len(set(sentences)) < 2:
        return "", text
    longer = sorted(set(sentences), key=lambda each: (-len(each), each))[: (len(set(sentences)) + 1) // 2]
    chosen = longer[int.from_bytes(hashlib.blake2b(name.encode(), digest_size=8).digest(), "big") % len(longer)]
    return chosen, " ".join(each for each in sentences if each != chosen)


def unique(rows: Iterable[Query], least: int) -> tuple[list[Query], dict[str, int]]:
    """Those that tell their document from the others of its language, and why the rest do not -> how many."""
    found = list(rows)
    times = Counter((row.lang, row.text) for row in found)
    reasons = [
        "empty" if not row.text
        else "short" if len(row.text) < least
        else "ambiguous" if times[row.lang, row.text] > 1
        else ""
        for row in found
    ]  # fmt: skip
    left_out = Counter(reason for reason in reasons if reason)
    return [row for row, reason in zip(found, reasons, strict=True) if not reason], dict(sorted(left_out.items()))
