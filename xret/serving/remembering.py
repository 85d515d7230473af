"""Vectors of documents that were lately reranked or explained, kept for the next who gets to see the same documents.

Those of a text never change (the encoders of a server are steady), so an answer is the same with and without. Queries
are not kept: they are encoded together, and seldom come twice.
"""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from xret.encoders.losses import Losses
from xret.encoders.reading.places import token_places

if TYPE_CHECKING:
    from xret.encoders import Encoder
    from xret.encoders.recipe import Role

__all__ = ["Remembering", "Shelf", "places_of"]

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]
Key = tuple[Any, ...]
EACH = 400  # bytes that an entry takes beside its array and its text


class Shelf:
    """Arrays by key, those that were wanted longest ago left out when the room is full; for many threads."""

    def __init__(self, room: int) -> None:
        """Room for so many bytes; 0 keeps nothing."""
        self._room, self.taken = room, 0
        self._kept: OrderedDict[Key, npt.NDArray[Any]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: Key) -> npt.NDArray[Any] | None:
        """What is there, from now on the last to go."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return found

    def put(self, key: Key, value: npt.NDArray[Any]) -> None:
        """Keep a value, which nobody changes from now on."""
        value.setflags(write=False)
        with self._lock:
            if key in self._kept:
                return
            self._kept[key] = value
            self.taken += _size(key, value)
            while self.taken > self._room:
                self.taken -= _size(*self._kept.popitem(last=False))


class Remembering:
    """An encoder (all that is not here is its own) that keeps what it made of documents."""

    def __init__(self, encoder: Encoder, shelf: Shelf) -> None:
        """Encoders may share a shelf."""
        self._encoder, self._shelf = encoder, shelf

    def __getattr__(self, name: str) -> Any:
        """Of the encoder."""
        return getattr(self._encoder, name)

    def encode_tokens(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None
    ) -> list[Floats]:
        """See `Encoder.encode_tokens`."""
        if role != "document":
            return self._encoder.encode_tokens(texts, role=role, lang=lang)

        def make(new: Sequence[str], tags: Sequence[str] | None) -> list[Floats]:
            return self._encoder.encode_tokens(new, role=role, lang=tags)

        return self._found("tokens", texts, lang, make)

    def encode_counted(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None, **options: Any
    ) -> tuple[Floats, Losses]:
        """See `Encoder.encode_counted`; what known texts lack was counted when they were new."""
        if role != "document" or options:
            return self._encoder.encode_counted(texts, role=role, lang=lang, **options)
        losses = Losses()

        def make(new: Sequence[str], tags: Sequence[str] | None) -> list[Floats]:
            vectors, lost = self._encoder.encode_counted(new, role=role, lang=tags)
            losses.add(lost)
            return [vector.copy() for vector in vectors]  # a row alone would keep all of them

        found = self._found("sentence", texts, lang, make)
        return np.stack(found) if found else np.empty((0, self._encoder.dim), np.float32), losses

    def places(self, texts: Sequence[str], *, role: Role | None = None) -> list[Ints]:
        """See `token_places`."""
        if role != "document":
            return token_places(self._encoder, texts, role=role)
        return self._found("places", texts, None, lambda new, _: token_places(self._encoder, new, role=role))

    def _found(
        self,
        kind: str,
        texts: Sequence[str],
        lang: Sequence[str] | None,
        make: Callable[[Sequence[str], Sequence[str] | None], list[Any]],
    ) -> list[Any]:
        """What is kept of each text, and of the others what `make` makes of them, each once."""
        tags = lang if lang is not None and self._encoder.recipe.languages is not None else [""] * len(texts)
        keys: list[Key] = [
            (self._encoder.hash, self._encoder.name, kind, tag, text) for text, tag in zip(texts, tags, strict=True)
        ]
        out = {key: self._shelf.get(key) for key in keys}
        new = [key for key, value in out.items() if value is None]
        if new:
            made = make([key[-1] for key in new], None if lang is None else [key[-2] or "und" for key in new])
            for key, value in zip(new, made, strict=True):
                self._shelf.put(key, value)
                out[key] = value
        return [out[key] for key in keys]


def places_of(encoder: Encoder | Remembering, texts: Sequence[str], *, role: Role | None = None) -> list[Ints]:
    """`token_places`, from what is kept where the encoder keeps something."""
    if isinstance(encoder, Remembering):
        return encoder.places(texts, role=role)
    return token_places(encoder, texts, role=role)


def _size(key: Key, value: npt.NDArray[Any]) -> int:
    return value.nbytes + sys.getsizeof(key[-1]) + EACH
