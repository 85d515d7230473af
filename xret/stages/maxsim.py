"""Exact MaxSim between the token vectors of queries and documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["maxsim", "maxsim_texts"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
CHARACTERS = 1 << 17  # of documents encoded at a time: some 50,000 token vectors, 75 MiB at 384 dimensions


def maxsim(
    queries: Sequence[Floats], document: Floats, *, similarity: Literal["sum", "mean"] = "sum"
) -> npt.NDArray[np.float64]:
    """Sum over a query's tokens of the largest cosine to any token of the document (Khattab & Zaharia 2020, eq. 3).

    Args:
        queries: n arrays (tokens, d) of unit rows, or of rows as long as their token's weight.
        document: (tokens, d) unit rows. Without any token it is as far as can be: -1 for every query token.
        similarity: ``mean`` divides by the number of the query's tokens.

    Returns:
        (n,) scores; 0 for a query without tokens.
    """
    lengths = [len(query) for query in queries]
    tokens = np.concatenate(queries)
    best = (tokens @ document.T).max(axis=1) if len(document) else np.full(len(tokens), -1.0)
    owner = np.repeat(np.arange(len(queries)), lengths)
    sums = np.bincount(owner, weights=best, minlength=len(queries)).astype(np.float64)
    return sums / np.maximum(lengths, 1) if similarity == "mean" else sums


def maxsim_texts(
    encoder: Encoder,
    queries: Sequence[str],
    documents: Sequence[str],
    pairs: tuple[Ints, Ints],
    *,
    langs: tuple[Sequence[str], Sequence[str]] | None = None,
    progress: bool = False,
) -> npt.NDArray[np.float64]:
    """MaxSim of pairs of texts, as the encoder's recipe defines it; every text is encoded once.

    Memory: the token vectors of all queries, and of documents of `CHARACTERS` characters together.

    Args:
        encoder: anything with token vectors.
        queries: distinct texts.
        documents: distinct texts.
        pairs: (n,) places in `queries` and (n,) places in `documents`.
        langs: languages (BCP 47) of the queries and of the documents, for encoders that are told.
        progress: a bar on stderr, where that is a terminal.

    Returns:
        (n,) scores, in the order of the pairs.
    """
    query, document = pairs
    scores = np.empty(len(query), np.float64)
    similarity = policy.similarity if (policy := encoder.recipe.multi_vector) else "sum"
    asked = encoder.encode_tokens(queries, role="query", lang=langs and langs[0])
    order = np.argsort(document, kind="stable")
    starts = np.searchsorted(document[order], np.arange(len(documents) + 1))
    with tqdm(
        total=len(query), desc="maxsim", unit=" pairs", unit_scale=True, disable=None if progress else True
    ) as bar:
        for batch in _batches(documents):
            lang = langs and [langs[1][place] for place in batch]
            vectors = encoder.encode_tokens([documents[place] for place in batch], role="document", lang=lang)
            for place, tokens in zip(batch, vectors, strict=True):
                rows = order[starts[place] : starts[place + 1]]
                scores[rows] = maxsim([asked[each] for each in query[rows]], tokens, similarity=similarity)
                bar.update(len(rows))
    return scores


def _batches(documents: Sequence[str]) -> Iterator[range]:
    start, size = 0, 0
    for place, text in enumerate(documents):
        if size and size + len(text) > CHARACTERS:
            yield range(start, place)
            start, size = place, 0
        size += len(text)
    if start < len(documents):
        yield range(start, len(documents))
