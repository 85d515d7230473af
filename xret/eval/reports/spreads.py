"""Scores by language of the document, of relevant documents and of others."""

from __future__ import annotations

import numpy as np

from xret.eval.reports.retrieved import Retrieved
from xret.reports import Spread, Spreads

__all__ = ["score_spreads"]

LEAST = 5  # scores from which a spread can be told
_LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)


def score_spreads(name: str, found: Retrieved) -> Spreads | None:
    """Spreads of one system; None where nothing was retrieved."""
    if not len(found.score):
        return None
    series = tuple(
        Spread(what, *_quantiles(found, mask))
        for what, mask in (("relevant", found.relevant), ("other", ~found.relevant))
    )
    return Spreads(
        title=f"Scores of {name} by language of the document",
        description="Of what was retrieved. Where the same kind of documents has other scores in one language than in "
        "another, one of them is ahead for its scores alone.",
        reading="Thin lines: from the 5th to the 95th of a hundred; thick lines: the middle half; marks: the median.",
        labels=found.languages,
        series=series,
        label_axis="language",
        axis="score",
    )


Five = tuple[float, float, float, float, float]


def _quantiles(
    found: Retrieved, mask: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[tuple[Five | None, ...], tuple[int, ...]]:
    parts = [found.score[mask & (found.language == place)] for place in range(len(found.languages))]
    levels: list[Five | None] = []
    for part in parts:
        a, b, c, d, e = np.quantile(part, _LEVELS).tolist() if len(part) >= LEAST else (0.0,) * 5
        levels.append((a, b, c, d, e) if len(part) >= LEAST else None)
    return tuple(levels), tuple(map(len, parts))
