"""What indexes need of an encoder. They import none: whoever builds or searches hands one over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.errors import UsageError

__all__ = ["GivenEncoder", "TextEncoder", "encode_queries", "given_encoder"]

Floats: TypeAlias = npt.NDArray[np.float32]


class TextEncoder(Protocol):
    """The part of `xret.encoders.Encoder` that indexes use."""

    name: str
    hash: str
    dim: int
    token_dim: int
    max_length: int
    recipe: Any

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Literal["query", "document"] | None = None,
        lang: Sequence[str] | None = None,
        dim: int | None = None,
        progress: bool = False,
    ) -> Floats:
        """(n, dim) vectors of texts."""

    def encode_tokens(
        self,
        texts: Sequence[str],
        *,
        role: Literal["query", "document"] | None = None,
        lang: Sequence[str] | None = None,
    ) -> list[Floats]:
        """(tokens, token_dim) vectors of each text."""


GivenEncoder: TypeAlias = TextEncoder | Callable[[], TextEncoder]
"""An encoder, or what loads it: called when all that needs none has been checked."""


def given_encoder(given: GivenEncoder | None) -> TextEncoder:
    """The encoder itself.

    Raises:
        UsageError: none was given, or its name alone.
    """
    if given is None or isinstance(given, str):
        raise UsageError("texts are encoded here: give the encoder (what xret.encoders.load_encoder makes)")
    return given() if callable(given) else given


def encode_queries(
    queries: pa.Table, given: GivenEncoder | None, *, dim: int, check: Callable[[str, str], None]
) -> tuple[Floats, TextEncoder]:
    """The (n, dim) vectors of n queries, and the encoder.

    Args:
        queries: `id, text, lang`.
        given: the encoder.
        dim: of the index: the first so many values are taken.
        check: refuses an encoder, by name and hash, before anything is encoded.

    Raises:
        UsageError: as `given_encoder`.
    """
    encoder = given_encoder(given)
    check(encoder.name, encoder.hash)
    texts, lang = queries["text"].to_pylist(), queries["lang"].to_pylist()
    return encoder.encode(
        texts, role="query", lang=lang, dim=None if dim == encoder.dim else dim, progress=True
    ), encoder
