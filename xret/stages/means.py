"""Neighbour means of the target side from elsewhere: a sample of sentences, or an earlier run.

The margin sets a pair's cosine against how near both its sentences lie to the other side at large. Where the source is
a small addition to a large whole, its few sentences do not show that for the target: other ones can.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.corpus import gather
from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.twoway import select, two_way_knn
from xret.stages.distinct import Distinct, first_places
from xret.stages.margin import without_copies
from xret.stages.sides import Sides
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["SampleMeans", "means_from_pairs", "means_of"]

logger = logging.getLogger("xret")
Means = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class SampleMeans(Stage):
    """The mean cosine of every target sentence to its nearest neighbours in a sample of the source's language.

    Output: `text: string` (each distinct one once), `mean: float64`.

    Attributes:
        k: neighbours, as many as in mining.
        keep_copies: a sentence's copies in the sample count as neighbours.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "sample-means"
    inputs = ("sample_corpus", "tgt_corpus", "sample_vectors", "tgt_vectors")
    output = "tgt_means"
    apart = ("threads",)

    k: int = 4
    keep_copies: bool = False
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The means.

        Raises:
            MismatchError: vectors of something else.
        """
        sample, tgt, x, y = values[0], values[1], Vectors.open(values[2]), Vectors.open(values[3])
        for what, corpus, vectors in (("sample", sample, x), ("tgt", tgt, y)):
            if vectors.rows != corpus.num_rows:
                said = f"{what}: {corpus.num_rows} sentences but {vectors.rows} vectors"
                raise MismatchError(f"{said}; encode this corpus again")
        sides = Sides.of(sample, tgt, keep_copies=self.keep_copies)
        found = two_way_knn(
            select(x, sides.src.first),
            select(y, sides.tgt.first),
            k=self.k + sides.extra,
            threads=self.threads,
            progress=True,
        )
        means = without_copies(found.backward, self.k, sides.tgt_keys, sides.src_keys).means()
        return pa.table({"text": gather(tgt["text"], sides.tgt.first), "mean": means})


def means_from_pairs(pairs: pa.Table, label: str) -> pa.Table:
    """`text: string, mean: float64` of the target sentences of an earlier run.

    Args:
        pairs: with `tgt_text` and `tgt_mean`; ``--retrieval backward`` gives pairs of every target sentence.
        label: of the file, for messages.

    Raises:
        InputError: no column `tgt_mean`, or no row.
    """
    if "tgt_mean" not in pairs.column_names or not pairs.num_rows:
        raise InputError(
            f"{label}: has no neighbour means (tgt_mean); wanted JSONL or Parquet by 'xret mine --retrieval backward'"
        )
    try:
        means = pairs["tgt_mean"].cast(pa.float64())
    except pa.ArrowException as error:
        raise InputError(f"{label}: 'tgt_mean' is {pairs['tgt_mean'].type}, wanted numbers") from error
    if not pa.types.is_primitive(pairs["tgt_mean"].type):
        raise InputError(f"{label}: 'tgt_mean' is {pairs['tgt_mean'].type}, wanted numbers")
    return pa.table({"text": pairs["tgt_text"], "mean": means})


def means_of(corpus: pa.Table, distinct: Distinct, means: pa.Table) -> Means:
    """The means of the distinct sentences of a corpus, NaN (and said, WARNING) where there is none.

    Args:
        corpus: `text`.
        distinct: of it.
        means: `text, mean`; of equal texts the first counts.

    Raises:
        InputError: not one of the sentences has a mean.
    """
    place = first_places(gather(corpus["text"], distinct.first), means["text"])
    result = np.where(place >= 0, means["mean"].to_numpy()[place], np.nan)
    missing = int(np.isnan(result).sum())
    if missing == len(result):
        raise InputError("none of the target sentences has a mean in the earlier run; give a run with this TGT")
    if missing:
        logger.warning(
            f"{missing:,} of {len(result):,} target sentences have no mean there: their own neighbours' is taken"
        )
    return result
