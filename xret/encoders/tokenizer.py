"""Texts to token ids with the `tokenizers` library: no padding, truncation counted, special tokens known."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.errors import InputError, ModelError

__all__ = ["TextTokenizer", "Tokens"]


@dataclass(frozen=True)
class Tokens:
    """Token ids of several texts, end to end."""

    ids: NDArray[np.int64]  # (total tokens,)
    lengths: NDArray[np.int64]  # (texts,)
    cut: int  # texts that were longer than the encoder takes
    special: NDArray[np.bool_] | None = None  # (total tokens,), only when asked for

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each text begins in `ids`."""
        return np.cumsum(self.lengths) - self.lengths

    def plain(self, row: int) -> NDArray[np.bool_]:
        """Which tokens of one text are not special; only when `special` was asked for."""
        assert self.special is not None
        start = int(self.starts[row])
        return ~self.special[start : start + int(self.lengths[row])]


class TextTokenizer:
    """A checkpoint's tokenizer.json, truncating at `max_length` tokens (special ones included)."""

    def __init__(self, path: Path, *, max_length: int, lowercase: bool = False, threads: int | None = None) -> None:
        """Load the tokeniser.

        Raises:
            ModelError: the file cannot be read by the installed `tokenizers`.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
            self._tokenizer.no_padding()
            self._tokenizer.enable_truncation(max_length)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path}: cannot be read as a tokeniser ({error}); fetch the file again") from error
        if lowercase:
            self._lowercase()
        self.max_length = max_length
        self.size: int = self._tokenizer.get_vocab_size()
        self._threads = threads

    def __call__(self, texts: Sequence[str], *, special: bool = False) -> Tokens:
        """Tokenise.

        Args:
            texts: any strings; the empty one is a text of special tokens only.
            special: also tell special tokens from the others.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        try:
            with _parallelism(self._threads):
                encodings = self._tokenizer.encode_batch_fast(list(texts))
        except (TypeError, UnicodeError) as error:
            raise _blame(texts, error) from error
        rows = [encoding.ids for encoding in encodings]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        total = int(lengths.sum())
        full = np.flatnonzero(lengths == self.max_length)  # only these can have been cut, and asking each is slow
        cut = sum(1 for row in full if encodings[row].overflowing)
        ids = np.fromiter(chain.from_iterable(rows), np.int64, total)
        if not special:
            return Tokens(ids, lengths, cut)
        marks = chain.from_iterable(encoding.special_tokens_mask for encoding in encodings)
        return Tokens(ids, lengths, cut, np.fromiter(marks, np.int64, total).astype(np.bool_))

    def _lowercase(self) -> None:
        from tokenizers.normalizers import Lowercase, Sequence

        rest = self._tokenizer.normalizer
        self._tokenizer.normalizer = Lowercase() if rest is None else Sequence([Lowercase(), rest])


def _blame(texts: Sequence[str], error: Exception) -> Exception:
    for row, text in enumerate(texts):
        try:
            text.encode()
        except UnicodeEncodeError as broken:
            return InputError(
                f"text {row}, character {broken.start}: a lone surrogate U+{ord(text[broken.start]):04X} is not text; "
                "decode the source with errors='replace'"
            )
    return error


@contextmanager
def _parallelism(threads: int | None) -> Iterator[None]:
    """One thread when one was asked for. The library reads this variable at each call; a user's value stands."""
    key = "TOKENIZERS_PARALLELISM"
    if threads != 1 or key in os.environ:
        yield
        return
    os.environ[key] = "false"
    try:
        yield
    finally:
        del os.environ[key]
