"""Pairs of texts to tokens: read together, the longer one cut first, or the second in windows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.passages import Truncation, window_ranges
from xret.encoders.reading.tokenizer import TextTokenizer, Tokens
from xret.encoders.runtime.batching import pad
from xret.errors import ModelError, UsageError

__all__ = ["PairTokenizer", "PairTokens", "pad_pairs"]

Ints = NDArray[np.int64]
TOKENS = 1 << 19  # of windows that are lists of numbers at a time


@dataclass(frozen=True)
class PairTokens:
    """Token ids of pairs, and which text each is of."""

    tokens: Tokens
    types: Ints  # (total tokens,): 0 or 1, as the tokeniser says
    owner: Ints  # (rows of `tokens`,): which of the pairs asked for each is, or is a window of; ascending


@dataclass(frozen=True)
class _Frame:
    """The tokens around two texts: before, between and behind them, with their types, and the types of the texts."""

    ids: tuple[list[int], list[int], list[int]]
    types: tuple[list[int], list[int], list[int]]
    own: tuple[int, int]

    @property
    def size(self) -> int:
        return sum(map(len, self.ids))


class PairTokenizer(TextTokenizer):
    """A checkpoint's tokenizer.json for pairs: token by token, what is too much is cut off the longer text."""

    def read(
        self,
        queries: Sequence[str],
        documents: Sequence[str],
        adapter: Ints | None = None,
        *,
        truncation: Truncation = "first",
        window: int | None = None,
        overlap: int | None = None,
    ) -> Iterator[PairTokens]:
        """`pairs`, or, where windows are asked for or a window's size is given, `windows`; arguments as there."""
        if truncation == "first" and window is None:
            yield self.pairs(queries, documents, adapter)
            return
        first = truncation == "first"
        yield from self.windows(queries, documents, adapter, window=window, overlap=overlap, first=first)

    def pairs(self, queries: Sequence[str], documents: Sequence[str], adapter: Ints | None = None) -> PairTokens:
        """Tokenise pairs; what is too much is cut off the longer text.

        Args:
            queries: the first text of each.
            documents: the second.
            adapter: (pairs,) the languages' places, where the graph is told.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        encodings = self.encodings(list(zip(queries, documents, strict=True)))
        rows = [encoding.ids for encoding in encodings]
        types = [encoding.type_ids for encoding in encodings]
        cut = sum(1 for encoding in encodings if len(encoding) == self.max_length and encoding.overflowing)
        return _tokens(rows, types, range(len(rows)), cut, adapter)

    def windows(
        self,
        queries: Sequence[str],
        documents: Sequence[str],
        adapter: Ints | None = None,
        *,
        window: int | None = None,
        overlap: int | None = None,
        first: bool = False,
    ) -> Iterator[PairTokens]:
        """Tokenise pairs, the second text in overlapping windows, each beside the whole first text; some at a time.

        A first text longer than half the tokens there is room for is cut there, on the side on which the model cuts.

        Args:
            queries: the first text of each pair.
            documents: the second.
            adapter: (pairs,) the languages' places, where the graph is told.
            window: tokens of the second text in a window; None, or more than there is room for beside the first text,
                for all that there is room for.
            overlap: see `window_ranges`; half a window where a long first text leaves no larger one.
            first: keep the first window only; what is behind it is counted as cut.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
            ModelError: the model reads so few tokens that nothing fits beside the first text.
            UsageError: the overlap is no less than any window there is room for.
        """
        asked, found = self._ids(queries), self._ids(documents)
        frame, cut, size = self._frame, 0, 0
        most = min(window or self.max_length, self.max_length - frame.size - 1)
        if overlap is not None and overlap >= most > 0:
            raise UsageError(f"the overlap is {overlap} tokens; give less than the window's {most}")
        rows: list[list[int]] = []
        types: list[list[int]] = []
        owner: list[int] = []
        for pair, (query, document) in enumerate(zip(queries, documents, strict=True)):
            head, body = asked[query], found[document]
            whole, room = len(head), self.max_length - frame.size
            head = head[: room // 2 or 1] if self._side == "right" else head[-(room // 2 or 1) :]
            if (left := room - len(head)) < 1:
                raise self._narrow()
            used = min(window or left, left)
            ranges = window_ranges(len(body), used, None if overlap is not None and overlap >= used else overlap)
            cut += whole > len(head) or (first and len(ranges) > 1)
            for start, stop in ranges[:1] if first else ranges:
                rows.append([*frame.ids[0], *head, *frame.ids[1], *body[start:stop], *frame.ids[2]])
                own = [frame.own[0]] * len(head), [frame.own[1]] * (stop - start)
                types.append([*frame.types[0], *own[0], *frame.types[1], *own[1], *frame.types[2]])
                owner.append(pair)
                size += len(rows[-1])
                if size >= TOKENS:
                    yield _tokens(rows, types, owner, cut, adapter)
                    rows, types, owner, cut, size = [], [], [], 0, 0
        if rows:
            yield _tokens(rows, types, owner, cut, adapter)

    def _narrow(self) -> ModelError:
        return ModelError(f"{self._path}: {self.max_length} tokens leave no room for a document beside a query")

    def _ids(self, texts: Sequence[str]) -> dict[str, list[int]]:
        """The token ids of each distinct text by itself, none cut off."""
        once = list(dict.fromkeys(texts))
        return {text: ids for text, (ids, _) in zip(once, self.bare(once), strict=True)}

    @cached_property
    def _frame(self) -> _Frame:
        """As the tokeniser puts it around two short texts: it does not depend on what they say."""
        encoding = self.encodings([("a", "a")])[0]
        sides: list[int | None] = encoding.sequence_ids
        if encoding.overflowing:
            raise self._narrow()
        if not {0, 1} <= set(sides):
            raise ModelError(f"{self._path}: does not read two texts together; windows cannot be made of them")
        ends = [(sides.index(side), len(sides) - sides[::-1].index(side)) for side in (0, 1)]
        parts = [slice(0, ends[0][0]), slice(ends[0][1], ends[1][0]), slice(ends[1][1], None)]
        ids, types = encoding.ids, encoding.type_ids
        return _Frame(
            (ids[parts[0]], ids[parts[1]], ids[parts[2]]), (types[parts[0]], types[parts[1]], types[parts[2]]),
            (types[ends[0][0]], types[ends[1][0]]),
        )  # fmt: skip


def _tokens(
    rows: list[list[int]], types: list[list[int]], owner: Sequence[int], cut: int, adapter: Ints | None
) -> PairTokens:
    places = np.fromiter(owner, np.int64, len(owner))
    lengths = np.fromiter(map(len, rows), np.int64, len(rows))
    total = int(lengths.sum())
    own = None if adapter is None else adapter[places]
    tokens = Tokens(np.fromiter(chain.from_iterable(rows), np.int64, total), lengths, cut, adapter=own)
    return PairTokens(tokens, np.fromiter(chain.from_iterable(types), np.int64, total), places)


def pad_pairs(pairs: PairTokens, rows: Ints, *, types: bool) -> dict[str, Ints]:
    """What the graph is fed for some pairs: as `pad`, with ``token_type_ids`` where `types`."""
    feed = pad(pairs.tokens, rows)
    if types:
        feed["token_type_ids"] = pad(Tokens(pairs.types, pairs.tokens.lengths, 0), rows)["input_ids"]
    return feed
