"""Language tokens of NLLB, SONAR and M2M100 tokenisers, and how they frame a text (Costa-jussà et al. 2022)."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.languages import Languages
from xret.errors import ModelError

__all__ = ["LanguageFrame", "nllb_languages", "token_languages"]

_NLLB = re.compile(r"[a-z]{3}_[A-Z][a-z]{3}")
_M2M100 = re.compile(r"__[a-z]{2,3}__")


def nllb_languages(tokenizer: Any) -> tuple[tuple[str, ...], NDArray[np.int64]]:
    """The languages that a tokeniser has tokens for.

    Args:
        tokenizer: a `tokenizers.Tokenizer`; its added tokens of the form ``eng_Latn``, or else ``__en__``, are taken.

    Returns:
        The tokens, and their ids (int64, one each), in the order of the ids.

    Raises:
        ModelError: there are none.
    """
    added = {number: token.content for number, token in sorted(tokenizer.get_added_tokens_decoder().items())}
    for form in (_NLLB, _M2M100):
        found = {number: text for number, text in added.items() if form.fullmatch(text)}
        if found:
            return tuple(found.values()), np.fromiter(found, np.int64, len(found))
    raise ModelError(
        "tokenizer.json has no language tokens such as eng_Latn or __en__ among its added tokens; "
        "it is not the tokeniser of an NLLB, SONAR or M2M100 model"
    )


def token_languages(tokenizer: Any, settings: Mapping[str, Any]) -> Languages:
    """The languages that a tokeniser has tokens for, for `route`.

    Texts of unknown language are read as tokenizer_config.json's ``src_lang``, else English, as transformers does.

    Args:
        tokenizer: as in `nllb_languages`.
        settings: the content of tokenizer_config.json; may be empty.

    Raises:
        ModelError: no language tokens, or none for that language.
    """
    codes, _ = nllb_languages(tokenizer)
    bracketed = codes[0].startswith("_")  # M2M100's settings write "en" for "__en__"
    source = str(settings.get("src_lang") or ("en" if bracketed else "eng_Latn"))
    return Languages(codes, f"__{source.strip('_')}__" if bracketed else source, "token")


@dataclass(frozen=True, init=False)
class LanguageFrame:
    """The ids around a text: its language's token and ``</s>``.

    NLLB and SONAR: ``eng_Latn … </s>``, or ``… </s> eng_Latn`` where tokenizer_config.json sets ``legacy_behaviour``;
    M2M100: ``__en__ … </s>``. A text is tokenised without special tokens first.

    Attributes:
        ids: (codes,) int64: the token of each language.
        end: the id of ``</s>``.
        legacy: whether the language stands last.
    """

    ids: NDArray[np.int64]
    end: int
    legacy: bool

    room = 2  # tokens that the frame takes

    def __init__(self, tokenizer: Any, settings: Mapping[str, Any]) -> None:
        """Find the tokens.

        Args:
            tokenizer: a `tokenizers.Tokenizer`.
            settings: the content of tokenizer_config.json; may be empty.

        Raises:
            ModelError: the tokeniser has no language tokens, or no end token.
        """
        codes, ids = nllb_languages(tokenizer)
        token = settings.get("eos_token") or "</s>"
        token = token.get("content") if isinstance(token, dict) else token
        if not isinstance(token, str) or (end := tokenizer.token_to_id(token)) is None:
            raise ModelError(f"tokenizer.json has no end token '{token}', which tokenizer_config.json names")
        legacy = bool(settings.get("legacy_behaviour")) and not codes[0].startswith("_")
        for name, value in (("ids", ids), ("end", end), ("legacy", legacy)):
            object.__setattr__(self, name, value)

    def prefix(self, code: int) -> NDArray[np.int64]:
        """The ids before a text in language number `code`."""
        return np.array([] if self.legacy else [self.ids[code]], np.int64)

    def suffix(self, code: int) -> NDArray[np.int64]:
        """The ids after a text in language number `code`."""
        return np.array([self.end, self.ids[code]] if self.legacy else [self.end], np.int64)

    def wrap(
        self, ids: NDArray[np.int64], lengths: NDArray[np.int64], code: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
        """Frame many texts at once.

        Args:
            ids: (total tokens,) of the texts, end to end, without special tokens.
            lengths: (texts,) tokens of each.
            code: (texts,) language of each.

        Returns:
            The framed ids (total + 2 * texts,), lengths (texts,), and which of the ids are the texts' own.
        """
        longer = lengths + self.room
        first = np.cumsum(longer) - longer
        last = first + longer - 1
        own = np.ones(int(longer.sum()), np.bool_)
        out = np.empty(len(own), np.int64)
        language, end = (last, last - 1) if self.legacy else (first, last)
        own[language] = own[end] = False
        out[language], out[end], out[own] = self.ids[code], self.end, ids
        return out, longer, own
