"""Which characters of a text the vectors of `Encoder.encode_tokens` stand for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from xret.encoders.recipe import Role
from xret.errors import ModelError

if TYPE_CHECKING:
    from xret.encoders.encoder import Encoder

__all__ = ["token_places"]

Ints = NDArray[np.int64]


def token_places(encoder: Encoder, texts: Sequence[str], *, role: Role | None = None) -> list[Ints]:
    """Where the token vectors of texts come from.

    Args:
        encoder: whose.
        texts: as given to `encode_tokens`.
        role: likewise.

    Returns:
        Per text (vectors, 2): of each row of what `encode_tokens` gives the first character and the one behind the
        last; -1 for those of no characters: of the whole text, markers, prompts, tokens that fill a query up.

    Raises:
        ModelError: a model whose reader cannot tell, or one that romanises its texts first.
    """
    reader = getattr(encoder, "_reader", None)
    bare = getattr(reader, "bare", None) or getattr(getattr(reader, "_text", None), "bare", None)
    if bare is None or encoder.recipe.romanise is not None:
        raise ModelError(f"{encoder.name}: cannot tell which characters a token stands for")
    tokens = reader(texts, role=role, kept=True)  # type: ignore[misc]
    head = encoder.recipe.token_head
    out = []
    for row, (ids, spans) in enumerate(bare(list(texts))):
        start = int(tokens.starts[row])
        own = tokens.ids[start : start + int(tokens.lengths[row])]
        places = _aligned(own, ids, spans)[tokens.kept_of(row)]
        if head is not None and len(places):
            if role == "document" and head.document_tokens:
                places = places[: head.document_tokens]
            places = np.concatenate([np.full((1, 2), -1, np.int64), places])
        out.append(places)
    return out


def _aligned(ids: Ints, bare: Sequence[int], spans: Ints) -> Ints:
    """(tokens, 2) the place of each token among those of the bare text, in order; -1 where it is none of them."""
    places, at = np.full((len(ids), 2), -1, np.int64), 0
    for row, token in enumerate(ids.tolist()):
        if at < len(bare) and bare[at] == token:
            places[row] = spans[at]
            at += 1
    return places
