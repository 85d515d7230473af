"""Pairs of texts to tokens: read together, the longer one cut first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.tokenizer import TextTokenizer, Tokens
from xret.encoders.runtime.batching import pad

__all__ = ["PairTokenizer", "PairTokens", "pad_pairs"]


@dataclass(frozen=True)
class PairTokens:
    """Token ids of pairs, and which text each is of."""

    tokens: Tokens
    types: NDArray[np.int64]  # (total tokens,): 0 or 1, as the tokeniser says


class PairTokenizer(TextTokenizer):
    """A checkpoint's tokenizer.json for pairs: token by token, what is too much is cut off the longer text."""

    def pairs(
        self, queries: Sequence[str], documents: Sequence[str], adapter: NDArray[np.int64] | None = None
    ) -> PairTokens:
        """Tokenise pairs.

        Args:
            queries: the first text of each.
            documents: the second.
            adapter: (pairs,) the languages' places, where the graph is told.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        encodings = self.encodings(list(zip(queries, documents, strict=True)))
        rows = [encoding.ids for encoding in encodings]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        total = int(lengths.sum())
        cut = sum(1 for row in np.flatnonzero(lengths == self.max_length) if encodings[row].overflowing)
        types = chain.from_iterable(encoding.type_ids for encoding in encodings)
        tokens = Tokens(np.fromiter(chain.from_iterable(rows), np.int64, total), lengths, cut, adapter=adapter)
        return PairTokens(tokens, np.fromiter(types, np.int64, total))


def pad_pairs(pairs: PairTokens, rows: NDArray[np.int64], *, types: bool) -> dict[str, NDArray[np.int64]]:
    """What the graph is fed for some pairs: as `pad`, with ``token_type_ids`` where `types`."""
    feed = pad(pairs.tokens, rows)
    if types:
        feed["token_type_ids"] = pad(Tokens(pairs.types, pairs.tokens.lengths, 0), rows)["input_ids"]
    return feed
