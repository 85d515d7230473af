"""Texts to tokens for models that are told the language by a token: NLLB, SONAR, M2M100."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.language_frame import LanguageFrame, token_languages
from xret.encoders.reading.tokenizer import TextTokenizer, Tokens
from xret.encoders.recipe import Role

__all__ = ["LanguageReader"]


class LanguageReader:
    """A checkpoint's tokenizer.json between the tokens of `LanguageFrame`.

    Attributes:
        max_length: tokens of a text that are read, those of the frame included.
        languages: what the tokeniser has tokens for.
        size: of the vocabulary.
    """

    def __init__(
        self,
        path: Path,
        *,
        max_length: int,
        settings: Mapping[str, Any],
        prompt: Callable[[Role | None], str] = lambda role: "",
        lowercase: bool = False,
        threads: int | None = None,
    ) -> None:
        """Load the tokeniser.

        Args:
            path: the tokenizer.json.
            max_length: tokens of a text, those of the frame included.
            settings: the content of tokenizer_config.json; may be empty.
            prompt: gives what stands before every text in a role.
            lowercase: whether texts are lowercased first.
            threads: 1 for one thread.

        Raises:
            ModelError: the file cannot be read, or has no language tokens.
        """
        room = max(max_length - LanguageFrame.room, 1)
        self._text = TextTokenizer(
            path, max_length=room, lowercase=lowercase, prompt=prompt, settings=settings, threads=threads
        )
        backend = self._text._tokenizer
        backend.post_processor = None  # it frames every text in one language, the last one the file was saved with
        self._frame = LanguageFrame(backend, settings)
        self.languages = token_languages(backend, settings)
        self._default = self.languages.codes.index(self.languages.default)
        self.max_length, self.size = max_length, self._text.size

    def __call__(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        code: NDArray[np.int64] | None = None,
        kept: bool = False,
    ) -> Tokens:
        """As `Reader`; without `code` all texts are in the default language."""
        tokens = self._text(texts, role=role)
        code = np.full(len(texts), self._default, np.int64) if code is None else code
        ids, lengths, own = self._frame.wrap(tokens.ids, tokens.lengths, code)
        return Tokens(ids, lengths, tokens.cut, own if kept else None, lost=tokens.lost)

    def spans(self, texts: Sequence[str]) -> list[NDArray[np.int64]]:
        """As `Reader.spans`."""
        return self._text.spans(texts)
