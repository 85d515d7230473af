"""Reads a SentencePiece ``.model`` file: pieces, their scores, and the normaliser. No protobuf library is needed.

Layout: sentencepiece_model.proto of https://github.com/google/sentencepiece in protobuf's wire format
(https://protobuf.dev/programming-guides/encoding).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from xret.errors import ModelError

__all__ = ["Piece", "SentencePieceModel", "read_sentencepiece"]

_VARINT, _EIGHT, _BYTES, _FOUR = 0, 1, 2, 5  # wire types
NORMAL, CONTROL, USER = 1, 3, 4  # types of pieces
UNIGRAM = 1  # type of model


@dataclass(frozen=True)
class Piece:
    """One entry of the vocabulary."""

    text: str
    score: float
    kind: int  # 1 normal, 2 unknown, 3 control, 4 the user's own, 5 unused, 6 byte


@dataclass(frozen=True)
class SentencePieceModel:
    """What a ``.model`` file says."""

    pieces: tuple[Piece, ...]
    kind: int  # 1 unigram, 2 BPE
    unknown: int  # place of the unknown piece
    charsmap: bytes  # the compiled normaliser; empty for none


def read_sentencepiece(path: Path) -> SentencePieceModel:
    """The content of a ``.model`` file.

    Raises:
        ModelError: it is truncated, or no such file.
    """
    try:
        data = path.read_bytes()
        pieces: list[Piece] = []
        specs: dict[int, bytes] = {}
        for field, value in _fields(data):
            if field == 1 and isinstance(value, bytes):
                pieces.append(_piece(value))
            elif isinstance(value, bytes):
                specs[field] = value
        trainer, normaliser = dict(_fields(specs.get(2, b""))), dict(_fields(specs.get(3, b"")))
        if not pieces:
            raise ValueError("no pieces")
    except (ValueError, IndexError, struct.error, TypeError, AttributeError) as error:
        raise ModelError(f"{path}: cannot be read as a SentencePiece model ({error}); fetch the file again") from error
    kind, unknown, charsmap = trainer.get(3, UNIGRAM), trainer.get(40, 0), normaliser.get(2, b"")
    return SentencePieceModel(tuple(pieces), int(kind), int(unknown), charsmap if isinstance(charsmap, bytes) else b"")


def _piece(data: bytes) -> Piece:
    fields = dict(_fields(data))
    text, score, kind = fields.get(1, b""), fields.get(2, b"\0\0\0\0"), fields.get(3, NORMAL)
    if not isinstance(text, bytes) or not isinstance(score, bytes) or not isinstance(kind, int):
        raise ValueError("a piece of another type")
    return Piece(text.decode(), struct.unpack("<f", score)[0], kind)


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Field numbers and values of a message: numbers for varints, else bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        kind, value = tag & 7, 0
        if kind == _VARINT:
            value, at = _varint(data, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(data, at)
        elif kind in (_FOUR, _EIGHT):
            size = 4 if kind == _FOUR else 8
        else:
            raise ValueError(f"wire type {kind}")
        if at + size > len(data):
            raise ValueError("it is truncated")
        yield tag >> 3, data[at : at + size]
        at += size


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("a number without end")
