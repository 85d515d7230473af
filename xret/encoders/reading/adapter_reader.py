"""Texts to tokens for graphs that are told a text's language: adapters (XMOD, ColBERT-XM), maps by language."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.languages import Languages
from xret.encoders.reading.tokenizer import Reader, Tokens
from xret.encoders.recipe import Role

__all__ = ["AdapterReader"]


class AdapterReader:
    """Another reader, whose tokens come with the place of their text's language.

    Attributes:
        max_length: tokens of a text that are read.
    """

    def __init__(self, reader: Reader, languages: Languages) -> None:
        """Wrap a reader.

        Args:
            reader: tokenises.
            languages: of the model; texts without one are in the default.
        """
        self._reader, self._default = reader, languages.codes.index(languages.default)
        self.max_length = reader.max_length

    def __call__(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        code: NDArray[np.int64] | None = None,
        kept: bool = False,
    ) -> Tokens:
        """As `Reader`."""
        places = np.full(len(texts), self._default, np.int64) if code is None else code
        return replace(self._reader(texts, role=role, code=code, kept=kept), adapter=places)

    def spans(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """As `Reader.spans`."""
        return self._reader.spans(texts)
