"""The YAML head of a model card (README.md), as far as it is flat. No YAML library is needed."""

from __future__ import annotations

import re

__all__ = ["front_matter", "model_index"]


def front_matter(text: str) -> dict[str, list[str]]:
    """The flat keys: ``key: value``, ``key: [a, b]``, or a list of ``- value`` lines.

    Args:
        text: of the card.
    """
    fields: dict[str, list[str]] = {}
    key = ""
    for line in _head(text):
        if pair := re.match(r"([\w-]+):\s*(.*)", line):
            key = pair.group(1)
            fields[key] = [part.strip(" '\"") for part in pair.group(2).strip("[]").split(",") if part.strip()]
        elif (item := re.match(r"\s*-\s+(?![\w-]+:\s)(.+)$", line)) and key:
            fields[key].append(item.group(1).strip(" '\""))
    return fields


def model_index(text: str) -> list[str]:
    """The names of the models whose results the card's ``model-index`` lists.

    Args:
        text: of the card.
    """
    names, inside, depth = [], False, -1
    for line in _head(text):
        if re.match(r"\S", line) and not line.startswith("-"):
            inside, depth = line.startswith("model-index:"), -1
        elif inside and (item := re.match(r"(\s*)-\s+name:\s*(.+?)\s*$", line)):
            depth = len(item.group(1)) if depth < 0 else depth  # deeper ones are names of tasks and data sets
            names += [item.group(2).strip("'\"")] if len(item.group(1)) == depth else []
    return names


def _head(text: str) -> list[str]:
    found = re.match(r"---\r?\n(.*?)\r?\n---", text, re.DOTALL)
    return found.group(1).splitlines() if found else []
