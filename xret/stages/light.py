"""The light reranker, which needs no model but the encoder: cosine plus MaxSim with the document's beginning.

A sentence vector says what a text is about, MaxSim whether a query's words are found in it. MaxSim alone puts long
documents first (the more tokens, the nearer the nearest), so it sees the first tokens only, which say most; the cosine
sees the whole document.

Measured with xret-mini 2 on the dense run's first 100. The weight was looked up on the first and the last of these; the
second's languages were left aside until it was settled (+.013 there, by pages .004 to .024):

                                                       cosine (the run)   MaxSim   both
    manual pages in 14 languages, nDCG@20                    .613          .471     .632
    manual pages in the 13 others, nDCG@20                   .592                   .605
    the same, reciprocal rank                                .718                   .768
    XQuAD-R, seven languages, mAP of the first 100           .302          .333     .339

"both" adds MaxSim to the scores of the run; this reranker takes the cosine anew from the texts, whatever run it is
given, so its numbers may differ a little where the index was a compressed one.
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

__all__ = ["WEIGHT", "WINDOW", "light_texts"]

Ints = npt.NDArray[np.int64]
WEIGHT, WINDOW = 0.5, 64
PAIRS = 1 << 14  # whose vectors stand side by side at a time: 24 MiB each side at 384 dimensions


def light_texts(
    encoder: Encoder,
    queries: Sequence[str],
    documents: Sequence[str],
    pairs: tuple[Ints, Ints],
    *,
    weight: float = WEIGHT,
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
        weight: of MaxSim, which is the mean over the query's tokens, by their weights where the encoder has any.
        langs: as in `maxsim_texts`, and so are `truncation`, `overlap` and `progress`, which are about MaxSim alone.
        truncation: see `maxsim_texts`.
        window: tokens of a document that MaxSim sees; None for `WINDOW`.
        overlap: see `maxsim_texts`.
        progress: see `maxsim_texts`.

    Returns:
        (n,) scores, in the order of the pairs.

    Raises:
        UsageError: windows that do not move on.
        ModelError: an encoder without sentence vectors, or one that cannot cut texts into windows.
    """
    encoder.need_sentences()
    found = maxsim_texts(
        encoder, queries, documents, pairs, langs=langs, truncation=truncation, window=window or WINDOW,
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
