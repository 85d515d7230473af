"""Scoring given sentence pairs by margin, within the sentences of their own file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa

from xret.corpus import gather
from xret.errors import MismatchError, UsageError
from xret.indexes.twoway import pair_cosines
from xret.stages.distinct import distinct_texts
from xret.stages.margin import Margin, margin_scores, without_copies
from xret.stages.neighbours import same_encoder, searched
from xret.stages.ranks import neighbour_ranks
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["COMPUTED", "OUTDATED", "Score", "side_corpus"]

COMPUTED = ("score", "cosine", "src_mean", "tgt_mean", "src_rank", "tgt_rank")
"""What scoring gives every pair."""
OUTDATED = ("margin", "tokens", "probability")
"""What was known of another score, and is left out."""


def side_corpus(pairs: pa.Table, side: Literal["src", "tgt"], *, lang: str = "und") -> pa.Table:
    """The distinct sentences of one side, in order of first appearance, as a corpus `id, text, lang` to encode."""
    texts = pairs[f"{side}_text"]
    first = distinct_texts(texts).first
    ids = pa.array([str(row + 1) for row in first.tolist()], pa.string())
    return pa.table({"id": ids, "text": gather(texts, first), "lang": pa.array([lang] * len(first), pa.string())})


@dataclass(frozen=True, kw_only=True)
class Score(Stage):
    """Gives given pairs their margin scores; neighbours are all distinct sentences of the other side of the same pairs.

    Attributes:
        k: neighbours per sentence.
        margin: ``ratio``, ``distance`` or ``absolute`` (see `xret.stages.margin`).
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "score"
    inputs = ("pairs", "src_vectors", "tgt_vectors")
    output = "pairs"
    apart = ("threads",)
    version = 2

    k: int = 4
    margin: Margin = "ratio"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs (at least one), in their order, with new scores.

        Args:
            values: pairs, and the vectors of both `side_corpus` of them.
            work: with an engine, a folder that all its workers can open.

        Returns:
            `score: float64` first, then the other columns of the pairs, but for those of another score, then
            `cosine, src_mean, tgt_mean: float32, src_rank, tgt_rank: int32` (see `neighbour_ranks`).

        Raises:
            MismatchError: vectors of something else, or of different encoders on the two sides.
        """
        pairs, src, tgt = values[0], Vectors.open(values[1]), Vectors.open(values[2])
        same_encoder(src, tgt)
        numbers = []
        for side, vectors in (("src", src), ("tgt", tgt)):
            distinct = distinct_texts(pairs[f"{side}_text"])
            if vectors.rows != len(distinct.first):
                wanted = f"{len(distinct.first)} distinct sentences"
                raise MismatchError(f"{side}: {wanted} but {vectors.rows} vectors; encode the pairs' side_corpus")
            numbers.append(distinct.number)
        found = searched(src, tgt, k=self.k, threads=self.threads, work=Path(work))
        lists = [without_copies(each, self.k) for each in (found.forward, found.backward)]
        means = [each.means() for each in lists]
        cosine = pair_cosines(src, tgt, *numbers)
        src_mean, tgt_mean = (mean[number] for mean, number in zip(means, numbers, strict=True))
        columns: dict[str, Any] = {"score": margin_scores(cosine, src_mean, tgt_mean, self.margin)}
        columns |= {name: pairs[name] for name in pairs.column_names if name not in (*COMPUTED, *OUTDATED)}
        columns |= {"cosine": cosine, "src_mean": src_mean.astype(np.float32), "tgt_mean": tgt_mean.astype(np.float32)}
        columns |= {
            "src_rank": neighbour_ranks(lists[0], *numbers),
            "tgt_rank": neighbour_ranks(lists[1], *numbers[::-1]),
        }
        return pa.table(columns)
