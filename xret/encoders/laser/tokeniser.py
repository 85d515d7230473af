"""Texts to the ids of a LASER model: control characters, Moses punctuation, lower case, SentencePiece, fairseq ids."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.tokenizer import Tokens
from xret.encoders.recipe import Role
from xret.errors import InputError, ModelError, require

__all__ = ["LaserTokenizer"]

_BEGIN, _END, _UNKNOWN = 0, 2, 3
# What Moses' own script, release 4, puts for these two; sacremoses' "perl parity" leaves a single quote.
_QUOTES = {"‘": '"', "‚": '"'}


class LaserTokenizer:
    """Reads texts as LASER's own pipeline does; the SentencePiece model's ids are not used, only its pieces."""

    def __init__(
        self,
        pieces: Path,
        words: Mapping[str, int],
        *,
        max_length: int,
        prepend: bool = False,
        threads: int | None = None,
    ) -> None:
        """Load the tokeniser.

        Args:
            pieces: the SentencePiece model.
            words: row of each piece.
            max_length: tokens of a text, ``</s>`` included; what is beyond is cut before ``</s>``.
            prepend: whether ``<s>`` comes first.
            threads: of SentencePiece; None for all cores.

        Raises:
            MissingExtraError: `sentencepiece` or `sacremoses` is not installed.
            ModelError: the file is no SentencePiece model.
        """
        library = require("sentencepiece", extra="laser", purpose="reading texts for LASER")
        moses = require("sacremoses", extra="laser", purpose="reading texts for LASER")
        try:
            self._pieces: Any = library.SentencePieceProcessor()
            self._pieces.LoadFromSerializedProto(pieces.read_bytes())  # the constructor takes no bytes for no model
        except (OSError, RuntimeError) as error:
            reason = str(error).partition("\n")[0][:100]
            raise ModelError(f"{pieces}: cannot be read as a SentencePiece model ({reason}); fetch it again") from error
        rules = moses.MosesPunctNormalizer("en", perl_parity=True).substitutions
        self._rules = [(re.compile(old), _QUOTES.get(old, new)) for old, new in rules]
        self._words, self._threads = words, threads or -1
        self._frame = (_BEGIN,) * prepend
        self.max_length = max_length
        self.size = max(words.values()) + 1

    def __call__(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        code: NDArray[np.int64] | None = None,
        kept: bool = False,
    ) -> Tokens:
        """As `Reader`; `role` and `code` change nothing, and special tokens are not kept.

        Raises:
            InputError: a text holds a lone surrogate and so has no UTF-8 form.
        """
        prepared = [self.prepare(text, row) for row, text in enumerate(texts)]
        split = self._pieces.encode(prepared, out_type=str, num_threads=self._threads) if prepared else []
        room, rows, cut = self.max_length - len(self._frame) - 1, [], 0
        for found in split:
            names = " ".join(found).split()  # a piece can hold a space that is not U+0020
            cut += len(names) > room
            rows.append((*self._frame, *(self._words.get(name, _UNKNOWN) for name in names[:room]), _END))
        lengths = np.fromiter(map(len, rows), np.int64, len(rows))
        tokens = Tokens(np.fromiter(chain.from_iterable(rows), np.int64, int(lengths.sum())), lengths, cut)
        if not kept:
            return tokens
        plain = np.ones(len(tokens.ids), np.bool_)
        plain[tokens.starts + lengths - 1] = False
        plain[tokens.starts[:, None] + np.arange(len(self._frame))] = False
        return Tokens(tokens.ids, lengths, cut, plain)

    def spans(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """As `Reader.spans`; what Moses' rules change has no place in the text any more.

        Raises:
            ModelError: always.
        """
        raise ModelError("LASER models rewrite texts as they read them, and cannot cut them into windows of tokens")

    def prepare(self, text: str, row: int = 0) -> str:
        """The text as SentencePiece is given it.

        Args:
            text: any.
            row: its number in the message of an error.

        Raises:
            InputError: a lone surrogate.
        """
        if not text.isprintable():
            _refuse_surrogates(text, row)
            text = "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)
        for old, new in self._rules:
            text = old.sub(new, text)
        return text.strip().lower()


def _refuse_surrogates(text: str, row: int) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as broken:
        raise InputError(
            f"text {row}, character {broken.start}: a lone surrogate U+{ord(text[broken.start]):04X} is not text; "
            "decode the source with errors='replace'"
        ) from broken
