"""What callers ask of an encoder, looked at before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import Any, get_args

from xret.encoders.recipe import Role
from xret.errors import InputError, UsageError

__all__ = ["check_request", "check_rows", "check_texts"]


def check_rows(texts: Any) -> None:
    """Refuse a whole table or a single value: what a data frame iterates over is the names of its columns.

    Raises:
        UsageError: says what to give.
    """
    if getattr(texts, "ndim", 1) != 1:
        raise UsageError(f"encode takes one column of texts, not a {type(texts).__name__} of {texts.ndim} dimensions")
    if type(texts).__module__.partition(".")[0] == "pyarrow":
        raise UsageError(f"encode takes Python's strings, not a {type(texts).__name__}; give a column to encode_arrow")


def check_texts(texts: Any) -> None:
    """Refuse what is no sequence of texts: one string, a generator, a set.

    Raises:
        UsageError: says what to give.
    """
    if isinstance(texts, str):
        raise UsageError("encode takes a sequence of texts, not one string; wrap it in a list")
    if not (hasattr(texts, "__len__") and hasattr(texts, "__getitem__")) or isinstance(texts, dict):
        raise UsageError(f"encode takes a sequence of texts, not a {type(texts).__name__}; make a list of it")
    check_rows(texts)


def check_request(
    texts: Sequence[str], *, role: Role | None, lang: Sequence[str] | None, dim: int | None, width: int, name: str
) -> None:
    """Refuse what cannot be encoded as it stands.

    Args:
        texts: see `Encoder.encode`, and so are `role`, `lang` and `dim`.
        role: see there; another word would silently go without a prompt.
        lang: see there.
        dim: see there.
        width: of the encoder's vectors.
        name: of the encoder.

    Raises:
        InputError: a text or a language is not a string.
        UsageError: anything else; says what to give.
    """
    check_texts(texts)
    for row, text in enumerate(texts):
        if not isinstance(text, str):
            raise InputError(f"text {row}: is {type(text).__name__}, wanted str")
    if role is not None and role not in get_args(Role):
        raise UsageError(f"role {role!r} is not known; known: {', '.join(get_args(Role))}, or None")
    if lang is not None:
        _check_languages(lang, len(texts))
    if dim is not None and not (isinstance(dim, Integral) and 1 <= dim <= width):
        raise UsageError(f"dim {dim} is outside 1..{width}, the width of {name}'s vectors")


def _check_languages(lang: Sequence[str], texts: int) -> None:
    if isinstance(lang, str):
        raise UsageError(f"lang takes one tag per text; for '{lang}' alone give ['{lang}'] * len(texts)")
    if len(lang) != texts:
        raise UsageError(f"{len(lang)} languages for {texts} texts; give one per text")
    for row, tag in enumerate(lang):
        if tag is not None and not isinstance(tag, str):
            raise InputError(f"language of text {row}: is {type(tag).__name__}, wanted str")
