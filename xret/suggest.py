"""The end of an error message about an unknown name: the nearest known one, and the list of all."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """E.g. ``"did you mean 'margin'? known: k, margin, retrieval"``; the question is left out when nothing is near."""
    names = list(known)
    near = difflib.get_close_matches(name.lower(), [each.lower() for each in names], n=1, cutoff=0.6)
    nearest = next((each for each in names if near and each.lower() == near[0]), None)
    question = f"did you mean '{nearest}'? " if nearest else ""
    return f"{question}known: {', '.join(names) or 'none'}"
