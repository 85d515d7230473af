"""A tokenizer.json taken apart: which pieces belong together, and the same tokeniser with fewer of them.

Why a text whose tokens are all kept keeps them:

Unigram (Kudo 2018): the best segmentation is the best of fewer. An unknown character costs the lowest score of the
vocabulary less 10, so the piece with the lowest score stays: then what a lost character costs is never less than what
it cost as a piece, and what an unknown one costs does not change.
WordPiece: the longest match among all is the longest among fewer. A word that is unknown was matched up to some place;
the pieces matched so far stay, lest others lead past it (see `unknown_prefix`).
BPE: see `xret.encoders.trimming.merges`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.trimming.merges import Merges
from xret.errors import ModelError

__all__ = ["Subwords"]

_BYTE = re.compile(r"<0x[0-9A-F]{2}>")
_KINDS = ("Unigram", "BPE", "WordPiece", "WordLevel")
_BOUNDARY = "▁"
_BYTES = "".join(map(chr, [*range(33, 127), *range(161, 173), *range(174, 256), *range(256, 324)]))  # GPT-2's 256


class Subwords:
    """The pieces of a tokeniser.

    Attributes:
        kind: ``Unigram``, ``BPE``, ``WordPiece`` or ``WordLevel``.
        pieces: id -> text of those of the model, in the order of ids.
        added: id -> text of added tokens that the model does not have.
        unknown: id of the unknown token, None where there is none.
    """

    def __init__(self, path: Path) -> None:
        """Read a tokenizer.json.

        Raises:
            ModelError: it is damaged, or of a kind that is not known.
        """
        from tokenizers import Tokenizer

        try:
            tokenizer = Tokenizer.from_file(str(path))
            self._fields: dict[str, Any] = json.loads(tokenizer.to_str())
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"{path}: cannot be read as a tokeniser ({error}); fetch the file again") from error
        self._model = model = self._fields["model"]
        self.kind = str(model.get("type"))
        if self.kind not in _KINDS:
            raise ModelError(f"{path}: a tokeniser of type '{self.kind}' cannot be trimmed; wanted {', '.join(_KINDS)}")
        vocabulary = model["vocab"]
        pairs = [(text, n) for n, (text, _) in enumerate(vocabulary)] if self.kind == "Unigram" else vocabulary.items()
        self.pieces: dict[int, str] = {n: text for text, n in sorted(pairs, key=lambda pair: int(pair[1]))}
        found = {n: token.content for n, token in sorted(tokenizer.get_added_tokens_decoder().items())}
        self._all_added = found
        self.added = {n: text for n, text in found.items() if n not in self.pieces}
        self.unknown: int | None = model["unk_id"] if self.kind == "Unigram" else self.id_of(model.get("unk_token"))

    @cached_property
    def _ids(self) -> dict[str, int]:
        return {text: n for n, text in [*self.added.items(), *self.pieces.items()]}

    @cached_property
    def _merges(self) -> Merges:
        return Merges(self._model)

    @property
    def size(self) -> int:
        """One more than the highest id."""
        return 1 + max([*self.pieces, *self.added], default=-1)

    def id_of(self, text: object) -> int | None:
        """The id of a token as it is spelled in the vocabulary, None where it is not there."""
        return self._ids.get(text) if isinstance(text, str) else None

    @cached_property
    def fixed(self) -> set[int]:
        """The ids that stay whatever the texts: added tokens, those put around texts, single bytes, and so on."""
        fields, model, found = self._fields, self._model, self.special
        if fields.get("padding"):
            found.add(int(fields["padding"]["pad_id"]))
        found |= {n for n, text in self.pieces.items() if _BYTE.fullmatch(text)}
        if self.kind == "BPE" and '"ByteLevel"' in json.dumps([fields.get("pre_tokenizer"), fields.get("normalizer")]):
            found |= {n for n, text in self.pieces.items() if len(text) == 1 and text in _BYTES}
        if self.kind == "Unigram" and self.pieces:
            found.add(min(range(len(model["vocab"])), key=lambda n: float(model["vocab"][n][1])))
        return found

    @property
    def special(self) -> set[int]:
        """The ids of added tokens, those put around texts, and the unknown one."""
        unknown = {self.unknown} if self.unknown is not None else set[int]()
        return {*self._all_added, *_framing(self._fields.get("post_processor"))} | unknown

    @property
    def blank(self) -> set[int]:
        """The ids of pieces that only say where a word begins, which unknown words have too."""
        return {n for n, text in self.pieces.items() if not text.strip(_BOUNDARY)}

    def together(self, number: int) -> set[int]:
        """The ids without which a piece cannot be made, and its own."""
        if self.kind != "BPE" or number not in self.pieces:
            return {number}
        return {n for text in self._merges.derivation(self.pieces[number]) if (n := self.id_of(text)) is not None}

    def with_characters(self, counts: NDArray[np.int64]) -> NDArray[np.int64]:
        """The counts of pieces with those of single characters raised to how often they are seen in any piece.

        New words of the same languages are read by these; without them they would be unknown.

        Args:
            counts: (ids,) how often each was seen.
        """
        letters: dict[str, int] = {}
        prefix = str(self._model.get("continuing_subword_prefix") or "")
        for number in np.flatnonzero(counts).tolist():
            text = self.pieces.get(number, "") if number not in self._all_added else ""
            inside = self.kind == "WordPiece" and bool(prefix) and text.startswith(prefix)
            for letter in set(text[len(prefix) :] if inside else text):
                letters[letter] = letters.get(letter, 0) + int(counts[number])
        raised = counts.copy()
        for letter, count in letters.items():
            for text in {letter, prefix + letter}:
                if (single := self._ids.get(text)) is not None:
                    raised[single] = max(raised[single], count)
        return raised

    def unknown_prefix(self, word: str) -> set[int]:
        """The pieces that WordPiece matches in a word before it finds that it does not know it; none otherwise."""
        prefix, start, found = str(self._model["continuing_subword_prefix"]), 0, set[int]()
        if len(word) > int(self._model["max_input_chars_per_word"]):
            return set()
        while start < len(word):
            mark = prefix if start else ""
            stops = range(len(word), start, -1)
            stop = next((stop for stop in stops if mark + word[start:stop] in self._model["vocab"]), None)
            if stop is None:
                return found
            found.add(self._model["vocab"][mark + word[start:stop]])
            start = stop
        return set()

    def around(self, text: str) -> list[str]:
        """A text without the added tokens in it."""
        return [part for part in self._added_pattern.split(text) if part] if self._added_pattern else [text]

    @cached_property
    def _added_pattern(self) -> re.Pattern[str] | None:
        texts = sorted(filter(None, self._all_added.values()), key=len, reverse=True)
        return re.compile("|".join(map(re.escape, texts))) if texts else None

    def order(self, kept: Iterable[int]) -> NDArray[np.int64]:
        """Old ids in the order of their new ones: the model's, then added ones, then any that no token has."""
        wanted = {int(n) for n in kept}
        first = [n for n in self.pieces if n in wanted]
        second = [n for n in self.added if n in wanted]
        return np.array([*first, *second, *sorted(wanted - {*first, *second})], np.int64)

    def trimmed(self, order: NDArray[np.int64]) -> str:
        """The content of a tokenizer.json with the tokens of `order`, numbered by their place in it.

        Raises:
            ModelError: the tokeniser numbers its tokens in a way that does not allow it.
        """
        from tokenizers import Tokenizer

        new = {int(old): place for place, old in enumerate(order)}
        if beyond := sorted(self.fixed - new.keys()):
            raise ModelError(f"tokenizer.json: names the token {beyond[0]}, which config.json has no place for")
        fields = {**self._fields, "model": self._trimmed_model(new)}
        added = [{**token, "id": new[token["id"]]} for token in fields["added_tokens"]]
        fields["added_tokens"] = sorted(added, key=lambda token: int(token["id"]))
        fields["post_processor"] = _reframed(fields.get("post_processor"), new)
        if fields.get("padding"):
            fields["padding"] = {**fields["padding"], "pad_id": new[fields["padding"]["pad_id"]]}
        text = json.dumps(fields, ensure_ascii=False, separators=(",", ":"))
        try:
            made = Tokenizer.from_str(text).get_vocab(with_added_tokens=True)
        except Exception as error:  # the library raises bare Exception
            raise ModelError(f"tokenizer.json: cannot be trimmed ({error})") from error
        wanted = {text: new[n] for n, text in [*self.added.items(), *self.pieces.items()] if n in new}
        if made != wanted:
            raise ModelError("tokenizer.json: numbers its tokens in a way that trimming cannot follow")
        return text

    def _trimmed_model(self, new: dict[int, int]) -> dict[str, Any]:
        model = dict(self._model)
        if self.kind == "Unigram":
            model["vocab"] = [model["vocab"][n] for n in self.pieces if n in new]
            model["unk_id"] = None if self.unknown is None else new[self.unknown]
            return model
        model["vocab"] = {text: new[n] for n, text in self.pieces.items() if n in new}
        if self.kind == "BPE":
            merges, left = self._merges, model["vocab"]
            model["merges"] = [
                list(pair) for pair in merges.pairs if {*pair, merges.result(pair)} <= left.keys()
            ]  # fmt: skip
        return model

    def listed(self, order: NDArray[np.int64]) -> str:
        """The content of a vocab.txt for the same."""
        names = {**self.pieces, **self.added}
        return "".join(f"{names.get(int(n), f'[unused-{n}]')}\n" for n in order)


def _framing(part: Any) -> set[int]:
    """The ids in a post-processor."""
    if not isinstance(part, dict):
        return set()
    found = {n for token in (part.get("special_tokens") or {}).values() for n in token["ids"]}
    found |= {int(part[name][1]) for name in ("sep", "cls") if part.get(name)}
    return found.union(*(_framing(inner) for inner in part.get("processors") or ()))


def _reframed(part: Any, new: dict[int, int]) -> Any:
    """A post-processor with new ids."""
    if not isinstance(part, dict):
        return part
    part = dict(part)
    if isinstance(tokens := part.get("special_tokens"), dict):
        part["special_tokens"] = {k: {**t, "ids": [new[n] for n in t["ids"]]} for k, t in tokens.items()}
    part |= {name: [part[name][0], new[part[name][1]]] for name in ("sep", "cls") if part.get(name)}
    if part.get("processors"):
        part["processors"] = [_reframed(inner, new) for inner in part["processors"]]
    return part
