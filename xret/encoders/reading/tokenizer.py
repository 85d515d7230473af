"""Texts to token ids with the `tokenizers` library: no padding, truncation counted, special tokens known.

Families that frame a text in a way of their own (a language's token first, markers, masks) have other readers; all are
called alike (see `Reader`).
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xret.encoders.recipe import Role
from xret.errors import InputError, ModelError

__all__ = ["Reader", "TextTokenizer", "Tokens", "cut_side"]


@dataclass(frozen=True)
class Tokens:
    """Token ids of several texts, end to end."""

    ids: NDArray[np.int64]  # (total tokens,)
    lengths: NDArray[np.int64]  # (texts,)
    cut: int  # texts that were longer than the encoder takes
    kept: NDArray[np.bool_] | None = None  # (total tokens,): whose vectors count in MaxSim; only when asked for
    attended: NDArray[np.int64] | None = None  # (texts,): the first tokens that attention sees, where not all
    adapter: NDArray[np.int64] | None = None  # (texts,): the language's place, where the graph is told it
    lost: int = 0  # tokens that the texts had beyond those
    prompt: int | None = None  # first tokens of each text that are the prompt's, where pooling leaves them out

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """Where each text begins in `ids`."""
        return np.cumsum(self.lengths) - self.lengths

    def kept_of(self, row: int) -> NDArray[np.bool_]:
        """The tokens of one text whose vectors count; only when `kept` was asked for."""
        assert self.kept is not None
        start = int(self.starts[row])
        return self.kept[start : start + int(self.lengths[row])]


class Reader(Protocol):
    """Turns texts into tokens.

    Attributes:
        max_length: tokens of a text that are read; what is beyond is cut and counted.
    """

    max_length: int

    def __call__(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        code: NDArray[np.int64] | None = None,
        kept: bool = False,
    ) -> Tokens:
        """Tokenise.

        Args:
            texts: any strings, without prompt.
            role: what they are.
            code: (texts,) the place of each text's language in the recipe's codes, where the recipe has any.
            kept: also tell whose vectors count in MaxSim.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """

    def spans(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Where the tokens of whole texts lie: per text (tokens, 2) characters, the first and the one behind the last.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
            ModelError: the reader cannot tell.
        """


class TextTokenizer:
    """A checkpoint's tokenizer.json, truncating at `max_length` tokens (special ones included)."""

    def __init__(
        self,
        path: Path,
        *,
        max_length: int,
        lowercase: bool = False,
        prompt: Callable[[Role | None], str] = lambda role: "",
        count_prompt: bool = False,
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the tokeniser.

        Args:
            path: the tokenizer.json.
            max_length: tokens of a text, special ones included.
            lowercase: whether texts are lowercased first.
            prompt: gives what stands before every text in a role.
            count_prompt: tell how many of the tokens are the prompt's.
            settings: the content of tokenizer_config.json; its `truncation_side` says which end of a text is cut.
            threads: 1 for one thread.

        Raises:
            ModelError: the file cannot be read by the installed `tokenizers`, or the side is none.
        """
        from tokenizers import Tokenizer

        try:
            self._tokenizer: Any = Tokenizer.from_file(str(path))
            self._tokenizer.no_padding()
            self._side = cut_side(settings or {}, self._tokenizer.truncation)
            self._tokenizer.enable_truncation(max_length, direction=self._side)
        except ModelError:
            raise
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path}: cannot be read as a tokeniser ({error}); fetch the file again") from error
        if lowercase:
            self._lowercase()
        self._path, self.max_length = path, max_length
        self.size: int = self._tokenizer.get_vocab_size()
        self._prompt, self._count_prompt, self._threads = prompt, count_prompt, threads

    def __call__(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        code: NDArray[np.int64] | None = None,
        kept: bool = False,
    ) -> Tokens:
        """As `Reader`; the empty text is one of special tokens only, and special tokens are not kept."""
        if prompt := self._prompt(role):
            texts = [prompt + text for text in texts]
        encodings = self.encodings(texts)
        rows = [encoding.ids for encoding in encodings]
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        total = int(lengths.sum())
        full = np.flatnonzero(lengths == self.max_length)  # only these can have been cut, and asking each is slow
        rest = [rest for row in full if (rest := encodings[row].overflowing)]
        lost = sum(part.special_tokens_mask.count(0) for parts in rest for part in parts)
        ids = np.fromiter(chain.from_iterable(rows), np.int64, total)
        own = None
        if kept:
            special = chain.from_iterable(encoding.special_tokens_mask for encoding in encodings)
            own = np.fromiter(special, np.int64, total) == 0
        return Tokens(ids, lengths, len(rest), own, lost=lost, prompt=self._prompt_tokens(prompt))

    def encodings(self, texts: Sequence[str] | Sequence[tuple[str, str]]) -> list[Any]:
        """What the `tokenizers` library makes of texts or pairs of them.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
            ModelError: the tokeniser lacks a token that it wants to put there.
        """
        return self._encoded(texts, self._tokenizer.encode_batch_fast)

    def _encoded(self, texts: Sequence[str] | Sequence[tuple[str, str]], encode: Callable[..., Any]) -> list[Any]:
        try:
            with _parallelism(self._threads):
                return list(encode(list(texts)))
        except (TypeError, UnicodeError) as error:
            flat = (text for each in texts for text in ((each,) if isinstance(each, str) else each))
            raise _blame(list(flat), error) from error
        except BaseException as error:
            if type(error) is not Exception and type(error).__name__ != "PanicException":  # the library's own two
                raise
            raise ModelError(f"{self._path}: is damaged (tokenizers: {error}); fetch the file again") from error

    def _prompt_tokens(self, prompt: str) -> int | None:
        """As sentence-transformers counts them: those of the prompt by itself, less a special one at its end."""
        if not self._count_prompt:
            return None
        mask = self._tokenizer.encode(prompt).special_tokens_mask if prompt else []
        return len(mask) - mask[-1] if mask else 0

    def spans(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """Where the tokens of whole texts lie: nothing is cut, and neither prompt nor special tokens are there.

        Returns:
            Per text (tokens, 2) characters: the first, and the one behind the last.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        return [span for _, span in self.bare(texts)]

    def bare(self, texts: Sequence[str]) -> list[tuple[list[int], NDArray[np.int64]]]:
        """The token ids of whole texts, and where they lie, as `spans` tells it.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        encode = partial(self._tokenizer.encode_batch, add_special_tokens=False)  # the fast one tells no places
        return [_whole(encoding, self._side) for encoding in self._encoded(texts, encode)]

    def limit(self, max_length: int) -> None:
        """From now on, cut texts at so many tokens, special ones included."""
        if max_length != self.max_length:
            self._tokenizer.enable_truncation(max_length, direction=self._side)
            self.max_length = max_length

    def _lowercase(self) -> None:
        from tokenizers.normalizers import Lowercase, Sequence

        rest = self._tokenizer.normalizer
        self._tokenizer.normalizer = Lowercase() if rest is None else Sequence([Lowercase(), rest])


def _whole(encoding: Any, side: str) -> tuple[list[int], NDArray[np.int64]]:
    """The ids and places of a text's tokens, with those that were cut off."""
    parts = [encoding, *encoding.overflowing][:: 1 if side == "right" else -1]
    places = np.array([*chain.from_iterable(part.offsets for part in parts)], np.int64).reshape(-1, 2)
    return list(chain.from_iterable(part.ids for part in parts)), places


def cut_side(settings: Mapping[str, Any], truncation: Mapping[str, Any] | None = None) -> str:
    """Which end of a long text is cut, "right" or "left": as tokenizer_config.json, else tokenizer.json says.

    Raises:
        ModelError: neither of the two.
    """
    side = settings.get("truncation_side") or (truncation or {}).get("direction") or "right"
    if side not in ("right", "left"):
        raise ModelError(f"tokenizer_config.json: 'truncation_side' is {side!r}, wanted 'right' or 'left'")
    return str(side)


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
        os.environ.pop(key, None)  # another thread may have been faster
