"""What looks wrong about a list of pairs, said in sentences; nothing is dropped.

Margins are high where neighbours are far: a sentence unlike all others, vectors that were not normalised or come from
two encoders, a side in the wrong language (LASER's issues 129 and 198). Then the best of the list are the worst pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.bitext.filters.copies import Copies
from xret.bitext.filters.filter import best_first
from xret.bitext.filters.letters import Letters
from xret.corpus import gather

__all__ = ["Hubs", "doubts", "hub_doubts", "hubs"]

TOP = 100  # pairs at the top that are looked at, a tenth of the list at most
FEWEST = 50  # pairs in a list about which anything is said
SMALL = 0.05  # a mean cosine to neighbours below which the ratio margin says little
HUB = 100  # lists of neighbours in which one sentence may stand
MANY = 10  # pairs in which one sentence may stand before it is called a hub


@dataclass(frozen=True)
class Hubs:
    """How neighbours are spread over the sentences that may be one.

    Attributes:
        counts: (m,) int64: in how many lists each stands (k-occurrence).
        skewness: of `counts`: 0 where all are chosen alike; above about 3 a few sentences are everybody's neighbours
            (Radovanović, Nanopoulos & Ivanović 2010, "Hubs in Space").
        rows: the sentences that stand in most lists, by (count descending, row).
    """

    counts: NDArray[np.int64]
    skewness: float
    rows: NDArray[np.int64]


def hubs(ids: NDArray[np.integer[Any]], size: int, *, most: int = 5) -> Hubs:
    """Look for hubs among neighbours.

    Args:
        ids: (n, k) rows of the neighbours of n sentences; those below 0 are nobody.
        size: how many sentences there are to choose from.
        most: hubs to name.
    """
    counts = np.bincount(ids[ids >= 0].ravel(), minlength=size).astype(np.int64)
    deviation = counts - counts.mean() if size else counts.astype(float)
    spread = float(np.sqrt(np.mean(deviation**2))) if size else 0.0
    skewness = float(np.mean(deviation**3)) / spread**3 if spread else 0.0
    return Hubs(counts, skewness, np.lexsort((np.arange(size), -counts))[:most])


def hub_doubts(found: Hubs, texts: pa.ChunkedArray, lists: int) -> tuple[str, ...]:
    """What looks wrong about neighbours: sentences that stand in more than a fiftieth of all lists, and in over 100.

    Args:
        found: of `hubs`.
        texts: (m,) the sentences that may be neighbours.
        lists: how many sentences have neighbours.
    """
    most = max(HUB, lists // 50)
    named = [(row, int(found.counts[row])) for row in found.rows.tolist() if found.counts[row] > most]
    return tuple(
        f"'{texts[row].as_py()[:60]}' is a neighbour of {count:,} of {lists:,} sentences and is a hub: its own pairs "
        "score low, and if there are many such, look at the vectors"
        for row, count in named
    )


def doubts(pairs: pa.Table) -> tuple[str, ...]:
    """What looks wrong about the best pairs of a list, each a sentence that ends in what to do; empty: nothing.

    Args:
        pairs: `score, src_id, tgt_id, src_text, tgt_text`, and what there is of `cosine, src_mean, tgt_mean`; with less
            than 50 nothing is said.
    """
    if pairs.num_rows < FEWEST or "score" not in pairs.column_names or pairs["score"].null_count:
        return ()
    rows = best_first(pairs)[: min(TOP, pairs.num_rows // 10)]
    top = pa.table({name: gather(pairs[name], rows) for name in pairs.column_names})
    return (*_means(top), *_cosines(pairs, top), *_outliers(pairs), *_texts(top), *_repeated(pairs))


def _means(top: pa.Table) -> Iterator[str]:
    if not {"src_mean", "tgt_mean"} <= set(top.column_names):
        return
    mean = (_numbers(top, "src_mean") + _numbers(top, "tgt_mean")) / 2
    small = int((mean < SMALL).sum())
    if small * 5 >= len(mean):
        yield (
            f"{small} of the {len(mean)} best pairs have neighbours at a mean cosine below {SMALL} (lowest "
            f"{mean.min():.3f}), where a ratio means nothing: see that both sides come from one encoder, or take "
            "--margin distance"
        )


def _cosines(pairs: pa.Table, top: pa.Table) -> Iterator[str]:
    if "cosine" not in pairs.column_names:
        return
    best, usual = float(np.median(_numbers(top, "cosine"))), float(np.median(_numbers(pairs, "cosine")))
    if best < usual - 0.1:
        yield (
            f"the {top.num_rows} best pairs have a cosine of {best:.2f}, the list one of {usual:.2f}: their scores "
            "come from far neighbours, not from likeness; look at them, and set a score cap"
        )


def _outliers(pairs: pa.Table) -> Iterator[str]:
    scores = _numbers(pairs, "score")
    half, most = np.quantile(scores, [0.5, 0.95])
    limit = most + 3 * (most - half)
    beyond = int((scores > limit).sum())
    if beyond and most > half:
        yield (
            f"{beyond} {'pair scores' if beyond == 1 else 'pairs score'} above {limit:.3f}, up to {scores.max():.3f}, "
            f"where 95 % are below {most:.3f}: read them, and set a score cap if they are wrong"
        )


def _texts(top: pa.Table) -> Iterator[str]:
    for found, what, remedy in (
        (Copies(), "untranslated copies", "drop copies"),
        (Letters(), "without a letter", "drop what has no letters"),
    ):
        bad = int((~found.judge(top).keep).sum())
        if bad * 5 >= top.num_rows:
            yield f"{bad} of the {top.num_rows} best pairs are {what}: {remedy}"


def _repeated(pairs: pa.Table) -> Iterator[str]:
    for side in ("src", "tgt"):
        counts = pc.value_counts(pairs[f"{side}_text"])
        number = pc.struct_field(counts, "counts")
        most = pc.max(number).as_py()
        if most > max(MANY, pairs.num_rows // 100):
            text = pc.struct_field(counts, "values")[pc.index(number, most).as_py()].as_py()
            yield (
                f"{side}: '{text[:60]}' stands in {most:,} pairs and is a hub: limit how often a sentence may repeat, "
                "or take --retrieval max"
            )


def _numbers(pairs: pa.Table, name: str) -> NDArray[np.float64]:
    numbers: NDArray[np.float64] = pairs[name].to_numpy().astype(np.float64)
    return numbers
