"""The light reranker, which needs no model but the encoder: cosine plus MaxSim of token vectors.

A sentence vector says what a text is about, MaxSim whether a query's words are found in it. An encoder with a head for
MaxSim (`xret.encoders.recipe.TokenHead`) was trained for it, and lets a document's beginning count most: there MaxSim
weighs the more. Of others, whose MaxSim alone puts long documents first (the more tokens, the nearer the nearest), it
sees the first tokens only and counts half.

Measured with xret-mini 2.1 on the dense run's first 100; the weight was looked up on these sets, and lies where both
change little (from 2 to 8):

                                                       cosine (the run)   MaxSim   light
    manual pages in 27 languages, nDCG@20                    .570          .592     .595
    the same, reciprocal rank                                .734          .800     .789
    XQuAD-R, seven languages, AP of the first 100            .302          .336     .333
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from xret.encoders.reading.passages import Truncation
from xret.stages.maxsim import document_batches, maxsim_texts

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["HEAD_WEIGHT", "WEIGHT", "WINDOW", "light_texts"]

Ints = npt.NDArray[np.int64]
WEIGHT, WINDOW = 0.5, 64  # of encoders whose token vectors were not made for MaxSim
HEAD_WEIGHT = 4.0
PAIRS = 1 << 14  # whose vectors stand side by side at a time: 24 MiB each side at 384 dimensions


def light_texts(
    encoder: Encoder,
    queries: Sequence[str],
    documents: Sequence[str],
    pairs: tuple[Ints, Ints],
    *,
    weight: float | None = None,
    langs: tuple[Sequence[str], Sequence[str]] | None = None,
    truncation: Truncation = "first",
    window: int | None = None,
    overlap: int | None = None,
    progress: bool = False,
) -> npt.NDArray[np.float64]:
    """Cosine + `weight` x mean MaxSim of pairs of texts.

    Args:
        encoder: with sentence vectors and token vectors.
        queries: distinct texts.
        documents: distinct texts.
        pairs: (n,) places in `queries` and (n,) places in `documents`.
        weight: of MaxSim, which is the mean over the query's tokens, by their weights where the encoder has any; None
            for `HEAD_WEIGHT` with an encoder that has a `token_head`, `WEIGHT` with others.
        langs: as in `maxsim_texts`, and so are `truncation`, `overlap` and `progress`, which are about MaxSim alone.
        truncation: see `maxsim_texts`.
        window: tokens of a document that MaxSim sees; None for those that the head counts, or `WINDOW`.
        overlap: see `maxsim_texts`.
        progress: see `maxsim_texts`.

    Returns:
        (n,) scores, in the order of the pairs.

    Raises:
        UsageError: windows that do not move on.
        ModelError: an encoder without sentence vectors, or one that cannot cut texts into windows.
    """
    encoder.need_sentences()
    head = encoder.recipe.token_head is not None
    weight = (HEAD_WEIGHT if head else WEIGHT) if weight is None else weight
    window = window or (None if head else WINDOW)
    found = maxsim_texts(
        encoder, queries, documents, pairs, langs=langs, truncation=truncation, window=window,
        overlap=overlap, similarity="mean", progress=progress,
    )  # fmt: skip
    return _cosines(encoder, queries, documents, pairs, langs) + weight * found


def _cosines(
    encoder: Encoder,
    queries: Sequence[str],
    documents: Sequence[str],
    pairs: tuple[Ints, Ints],
    langs: tuple[Sequence[str], Sequence[str]] | None,
) -> npt.NDArray[np.float64]:
    """(n,) cosines of the sentence vectors; those of some documents are in memory at a time."""
    query, document = pairs
    cosines = np.empty(len(query), np.float64)
    asked = encoder.encode(queries, role="query", lang=langs and langs[0])
    order = np.argsort(document, kind="stable")
    starts = np.searchsorted(document[order], np.arange(len(documents) + 1))
    cut = 0
    for batch in document_batches(documents):
        lang = langs and langs[1][batch.start : batch.stop]
        vectors, losses = encoder.encode_counted(documents[batch.start : batch.stop], role="document", lang=lang)
        cut += losses.cut
        low, high = int(starts[batch.start]), int(starts[batch.stop])
        for start in range(low, high, PAIRS):
            rows = order[start : min(start + PAIRS, high)]
            cosines[rows] = np.einsum("nd,nd->n", asked[query[rows]], vectors[document[rows] - batch.start])
    encoder.report(cut, len(documents), "document")
    return cosines
