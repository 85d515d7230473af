"""What has to be known of a tokeniser before it reads a text: the ids of special tokens, markers and punctuation."""

from __future__ import annotations

import string
from functools import cached_property
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import read_json
from xret.errors import ModelError

__all__ = ["PUNCTUATION", "Vocabulary"]

PUNCTUATION = tuple(string.punctuation)
_USUAL = {
    "mask_token": ("[MASK]", "<mask>"), "unk_token": ("[UNK]", "<unk>"), "pad_token": ("[PAD]", "<pad>"),
    "cls_token": ("[CLS]", "<s>"), "eos_token": ("</s>",),
}  # fmt: skip


class Vocabulary:
    """The tokens of a checkpoint."""

    def __init__(self, path: Path, folder: Path) -> None:
        """Read a tokenizer.json, and ``tokenizer_config.json`` in `folder`.

        Raises:
            ModelError: the file is broken.
        """
        from tokenizers import Tokenizer

        self.path = path
        try:
            self._tokenizer: Any = Tokenizer.from_file(str(self.path))
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{self.path}: cannot be read as a tokeniser ({error}); fetch the file again") from error
        named = [read_json(folder / name, missing={}) for name in ("special_tokens_map.json", "tokenizer_config.json")]
        self._named = {key: value for settings in named for key, value in settings.items()}

    @cached_property
    def size(self) -> int:
        """How many tokens it knows, added ones included."""
        return int(self._tokenizer.get_vocab_size())

    def id_of(self, token: str) -> int | None:
        """The id of a token as it is spelled in the vocabulary, None where it is not there."""
        found = self._tokenizer.token_to_id(token)
        return None if found is None else int(found)

    def special(self, name: str) -> int | None:
        """The id of a special token by its name in tokenizer_config.json, e.g. ``mask_token``."""
        named = self._named.get(name)
        named = named.get("content") if isinstance(named, dict) else named
        spellings = (named,) if isinstance(named, str) else _USUAL.get(name, ())
        return next((found for spelling in spellings if (found := self.id_of(spelling)) is not None), None)

    def need(self, name: str, purpose: str) -> int:
        """As `special`.

        Raises:
            ModelError: there is none; says what it is for.
        """
        if (found := self.special(name)) is None:
            raise ModelError(f"{self.path}: has no {name}, which is needed for {purpose}")
        return found

    def or_unknown(self, token: str, purpose: str) -> int:
        """The id of a token, or that of the unknown token where it is not in the vocabulary.

        Raises:
            ModelError: neither is there.
        """
        if (found := self.id_of(token)) is not None:
            return found
        return self.need("unk_token", f"{purpose} '{token}', which is not in the vocabulary")

    def first_pieces(self) -> tuple[int, ...]:
        """The first id of each punctuation mark read as a text: Stanford ColBERT's skip list.

        With a SentencePiece tokeniser that is mostly the word boundary, and the mark itself stays.
        """
        pieces = (self._tokenizer.encode(mark, add_special_tokens=False).ids for mark in PUNCTUATION)
        return tuple(sorted({ids[0] for ids in pieces if ids}))

    def words(self, words: tuple[str, ...], *, unknown: bool) -> tuple[int, ...]:
        """The ids of words that are one token each: PyLate's and sentence-transformers' skip lists.

        Args:
            words: as spelled in the vocabulary.
            unknown: whether words that are not there mean the unknown token (PyLate) or nothing.
        """
        fallback = self.special("unk_token") if unknown else None
        ids = (self.id_of(word) for word in words)
        return tuple(sorted({found for each in ids if (found := fallback if each is None else each) is not None}))
