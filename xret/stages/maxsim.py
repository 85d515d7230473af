"""Exact MaxSim between the token vectors of queries and documents."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from xret.encoders.reading.passages import Passages, Truncation, check_window, first_passages
from xret.fading import faded
from xret.indexes.twoway.blas import single_threaded_blas

if TYPE_CHECKING:
    from xret.encoders import Encoder

__all__ = ["document_batches", "maxsim", "maxsim_texts"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
CHARACTERS = 1 << 17  # of documents encoded at a time: some 50,000 token vectors, 25 MiB at 128 values


def maxsim(
    queries: Sequence[Floats],
    document: Floats,
    *,
    similarity: Literal["sum", "mean"] = "sum",
    fade: float = 0.0,
) -> npt.NDArray[np.float64]:
    """Sum over a query's tokens of the largest cosine to any token of the document (Khattab & Zaharia 2020, eq. 3).

    Args:
        queries: n arrays (tokens, d) of unit rows, or of rows as long as their token's weight.
        document: (tokens, d) unit rows. Without any token it is as far as can be: -1 for every query token.
        similarity: ``mean`` divides by the number of the query's tokens.
        fade: see `xret.fading.faded`; 0: all rows of the document count alike.

    Returns:
        (n,) scores; 0 for a query without tokens.
    """
    lengths = [len(query) for query in queries]
    if not lengths:
        return np.empty(0)
    tokens = np.concatenate(queries)
    if fade:
        document = document * faded(np.arange(len(document)), fade)[:, None]
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
    truncation: Truncation = "first",
    window: int | None = None,
    overlap: int | None = None,
    similarity: Literal["sum", "mean"] | None = None,
    fade: float | None = None,
    progress: bool = False,
) -> npt.NDArray[np.float64]:
    """MaxSim of pairs of texts, as the encoder's recipe defines it; every text, or window of it, is encoded once.

    Memory: the token vectors of all queries, and of documents of `CHARACTERS` characters together.

    Args:
        encoder: anything with token vectors.
        queries: distinct texts.
        documents: distinct texts.
        pairs: (n,) places in `queries` and (n,) places in `documents`.
        langs: languages (BCP 47) of the queries and of the documents, for encoders that are told.
        truncation: ``first``: what the encoder reads of a document, or the first `window` tokens; ``windows``: the
            best score of any window counts (MaxP).
        window: tokens of a document in a window; None for as many as the encoder reads.
        overlap: tokens that two windows share; None for half a window.
        similarity: see `maxsim`; None for what the encoder's recipe says.
        fade: see `maxsim`; None for what the encoder's recipe says.
        progress: a bar on stderr, where that is a terminal.

    Returns:
        (n,) scores, in the order of the pairs.

    Raises:
        UsageError: windows that do not move on.
        ModelError: an encoder that cannot cut texts into windows.
    """
    check_window(window, overlap)
    query, document = pairs
    scores = np.full(len(query), -np.inf)
    whole = truncation == "first" and window is None
    similarity = similarity or encoder.recipe.max_similarity
    fade = encoder.recipe.fade if fade is None else fade
    asked = encoder.encode_tokens(queries, role="query", lang=langs and langs[0])
    order = np.argsort(document, kind="stable")
    starts = np.searchsorted(document[order], np.arange(len(documents) + 1))
    with tqdm(
        total=len(query), desc="maxsim", unit=" pairs", unit_scale=True, disable=None if progress else True
    ) as bar:
        for batch in document_batches(documents):
            texts, lang = documents[batch.start : batch.stop], langs and langs[1][batch.start : batch.stop]
            pieces = Passages(list(texts), np.arange(len(texts)))
            if not whole:
                pieces = encoder.passages(texts, lang=lang, window=window, overlap=overlap)
            if truncation == "first":
                pieces = first_passages(pieces)
            tags = lang and [lang[at] for at in pieces.owner]
            for some in document_batches(pieces.texts):  # windows that overlap are more than the texts they are of
                told = tags and tags[some.start : some.stop]
                vectors = encoder.encode_tokens(pieces.texts[some.start : some.stop], role="document", lang=told)
                owner = pieces.owner[some.start : some.stop] + batch.start
                with single_threaded_blas():  # in many small products, threads cost more than they bring
                    for place, tokens in zip(owner, vectors, strict=True):
                        rows = order[starts[place] : starts[place + 1]]
                        found = maxsim([asked[each] for each in query[rows]], tokens, similarity=similarity, fade=fade)
                        scores[rows] = np.maximum(scores[rows], found)
            bar.update(int(starts[batch.stop] - starts[batch.start]))
    return scores


def document_batches(documents: Sequence[str]) -> Iterator[range]:
    """Successive ranges of documents that are encoded together: of `CHARACTERS` characters, or one longer one."""
    start, size = 0, 0
    for place, text in enumerate(documents):
        if size and size + len(text) > CHARACTERS:
            yield range(start, place)
            start, size = place, 0
        size += len(text)
    if start < len(documents):
        yield range(start, len(documents))
