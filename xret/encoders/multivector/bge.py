"""BGE-M3's two further heads: token vectors and token weights, from files beside the encoder (Chen et al. 2024).

The first token's vector does not count, the last one's does, and scores are the mean over the query's tokens.
"""

from __future__ import annotations

from pathlib import Path

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.multivector.vocabulary import Vocabulary
from xret.encoders.recipe import Dense, MultiVector, Recipe, Sparse
from xret.errors import ModelError

__all__ = ["HEADS", "bge_heads"]

HEADS = ("colbert_linear", "sparse_linear")
_UNWEIGHED = ("cls_token", "eos_token", "pad_token", "unk_token")


def bge_heads(folder: Path, vocabulary: Vocabulary, recipe: Recipe) -> tuple[MultiVector, Sparse | None]:
    """How token vectors are made, and token weights where their head is there.

    Args:
        folder: of the checkpoint.
        vocabulary: of its tokeniser.
        recipe: of the encoder below.

    Raises:
        ModelError: a head is broken or does not fit the encoder.
    """
    tokens, weights = (_head(folder, name, recipe.token_dim) for name in HEADS)
    assert tokens is not None  # it is how the layout is known
    length = recipe.max_length
    policy = MultiVector(
        projections=(tokens,), query_length=length, document_length=length, first=False, similarity="mean"
    )
    if weights is None:
        return policy, None
    if weights.out_features != 1:
        raise ModelError(f"{folder / weights.folder}: gives {weights.out_features} weights a token, wanted 1")
    ids = {found for name in _UNWEIGHED if (found := vocabulary.special(name)) is not None}
    return policy, Sparse(head=weights, ignored=tuple(sorted(ids)))


def _head(folder: Path, name: str, width: int) -> Dense | None:
    path = next((path for suffix in (".pt", ".safetensors") if (path := folder / f"{name}{suffix}").is_file()), None)
    if path is None:
        return None
    weights = Weights([path])
    matrix = weights.raw("weight")
    if matrix.ndim != 2 or matrix.shape[1] != width or not len(matrix):
        raise ModelError(f"{path}: tensor 'weight' is {matrix.shape}, wanted {width} columns: the encoder's width")
    return Dense(
        folder=path.name, in_features=width, out_features=len(matrix), bias="bias" in weights, activation="identity",
        tensor="",
    )  # fmt: skip
