"""Texts into sentences, by punctuation alone: no model, no word lists, any script."""

from __future__ import annotations

import re

__all__ = ["split_lines", "split_sentences"]

_CLOSING = "\"'»”’)\\]」』）】》"
# Full stops of scripts that write spaces end a sentence where a space follows; the others anywhere.
_END = re.compile(rf"(?:[.!?…؟।॥։።܀]+[{_CLOSING}]*(?=\s)|[。！？｡]+[{_CLOSING}]*)")
_NO_END = re.compile(r"(?:^|[\s(])(?:\w|\d+|(?:\w\.)+\w)\.$")  # "J.", "3.", "z.B.", "i.e." may go on


def split_lines(text: str) -> list[str]:
    """The lines of a text that hold something, without white space around them."""
    return [line for line in map(str.strip, text.splitlines()) if line]


def split_sentences(text: str) -> list[str]:
    """The sentences of each line of a text.

    A sentence ends at closing punctuation, in scripts with spaces only before a space and not before a small letter;
    an initial, a number or letters with dots between ("J.", "3.", "z.B.") end none.
    """
    return [sentence for line in split_lines(text) for sentence in _sentences(line)]


def _sentences(line: str) -> list[str]:
    found, start = [], 0
    for match in _END.finditer(line):
        rest = line[match.end() :].lstrip()
        if not rest or rest[0].islower() or _NO_END.search(line[start : match.end()]):
            continue
        found.append(line[start : match.end()].strip())
        start = match.end()
    found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]
