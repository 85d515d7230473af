"""What a score means: how many documents with it are relevant, over all and in each language; and of probabilities."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from xret.eval.reports.retrieved import Retrieved
from xret.reports import Curve, Curves, Table

__all__ = ["chances", "distance_table", "reliability"]

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
BINS, LEAST, APART = 10, 20, 4  # bins; documents that a point needs; languages shown


def chances(name: str, found: Retrieved) -> tuple[Curves, dict[str, float]] | None:
    """Share of relevant documents by score, over all languages and in those furthest from that; None: none relevant.

    Bins have equal numbers of relevant documents, so that it is told best where it matters. With the curves: language
    -> mean distance of its curve from that of all, weighed by its documents; 0 where a score means the same.
    """
    if not found.relevant.any() or found.relevant.all():
        return None
    edges = np.unique(np.quantile(found.score[found.relevant], np.arange(1, BINS) / BINS))
    bins, size = np.searchsorted(edges, found.score, side="right"), len(edges) + 1
    overall = _share(found.relevant, bins, size)
    distances, told = {}, {}
    for place, lang in enumerate(found.languages):
        mine = found.language == place
        number = np.bincount(bins[mine], minlength=size)
        off = _share(found.relevant[mine], bins[mine], size) - overall
        distances[lang] = float(np.nansum(np.abs(off) * number) / max(number.sum(), 1))
        if found.relevant[mine].sum() >= LEAST:
            told[lang] = distances[lang]
    curves = [_curve("all languages", found.score, found.relevant, bins, size, least=1)]
    for lang in sorted(told, key=lambda lang: -told[lang])[:APART] if len(found.languages) > 1 else []:
        mine = found.language == found.languages.index(lang)
        curves.append(_curve(lang, found.score[mine], found.relevant[mine], bins[mine], size, least=LEAST))
    plot = Curves(
        title=f"Share of relevant documents by score of {name}",
        description=f"Over all languages, with its 95 % interval, and in the {APART} languages furthest from that. "
        "Where the curves lie on one another, a score means the same in every language.",
        curves=tuple(curves),
        x_axis="score",
        y_axis="share of relevant",
        unit_y=False,
    )
    return plot, distances


def distance_table(found: Mapping[str, Mapping[str, float]]) -> Table:
    """Language × system: how far a score means something else in the language than over all (see `chances`)."""
    languages = sorted({lang for one in found.values() for lang in one})
    return Table(
        title="How far a score means something else in a language",
        columns=("language", *found),
        rows=tuple((lang, *(one.get(lang) for one in found.values())) for lang in languages),
        note="Mean absolute difference between the shares of relevant documents at equal scores, in the language and "
        "over all. 0: a score means the same. Systems are not to be compared: their shares differ.",
    )


def reliability(title: str, probability: Floats, right: Bools) -> Curves:
    """Share of what is the case by the probability that was given to it, in bins of equal size; ideally equal.

    Args:
        title: a heading.
        probability: (n,) between 0 and 1.
        right: (n,).
    """
    order = np.argsort(probability, kind="stable")
    bins = np.empty(len(order), np.int64)
    groups = np.array_split(order, min(BINS, len(order)))
    for number, group in enumerate(groups):
        bins[group] = number
    return Curves(
        title=title,
        description="A point for each tenth of all, by rising probability: the share that is right, with its 95 % "
        "interval. Ideally both are equal.",
        reading="Dashed: where they are.",
        curves=(_curve("all", probability, right, bins, len(groups), least=1),),
        x_axis="probability",
        y_axis="share that is right",
        diagonal=True,
        unit_x=True,
    )


def _share(right: Bools, bins: npt.NDArray[np.int64], size: int) -> Floats:
    number = np.bincount(bins, minlength=size)
    shares: Floats = np.divide(np.bincount(bins, right, size), number, out=np.full(size, np.nan), where=number > 0)
    return shares


def _curve(name: str, score: Floats, right: Bools, bins: npt.NDArray[np.int64], size: int, *, least: int) -> Curve:
    number = np.bincount(bins, minlength=size)
    kept = np.flatnonzero(number >= least)
    x = np.bincount(bins, score, size)[kept] / number[kept]
    y = np.bincount(bins, right, size)[kept] / number[kept]
    ends = [_wilson(share, count) for share, count in zip(y.tolist(), number[kept].tolist(), strict=True)]
    low, high = tuple(one for one, _ in ends), tuple(one for _, one in ends)
    whole = least == 1
    return Curve(name, tuple(x.tolist()), tuple(y.tolist()), low if whole else (), high if whole else ())


def _wilson(share: float, count: int, z: float = 1.96) -> tuple[float, float]:
    """Interval of a share. Source: Wilson, Journal of the American Statistical Association 22, 1927."""
    middle, below = share + z * z / (2 * count), 1 + z * z / count
    half = z * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    return max(0.0, (middle - half) / below), min(1.0, (middle + half) / below)
