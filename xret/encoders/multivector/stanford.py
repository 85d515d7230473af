"""Stanford's ColBERT layout and PLAID-X, which shares it: one folder with `linear.weight` beside the encoder's tensors.

``artifact.metadata`` says most of the rest (https://github.com/stanford-futuredata/ColBERT,
https://github.com/hltcoe/ColBERT-X). What it does not say is how a text got its marker:

* Up to August 2024, and in PLAID-X to this day, ". " is put before the text and the token after [CLS] overwritten.
  WordPiece makes one token of the dot, SentencePiece two, and the second stays.
* Since then the marker is put in.

Nor does it say what a marker is that the tokeniser lacks. Stanford's code asks for its id and gets the unknown token's:
that is what such a model (ColBERT-XM) was trained with. PLAID-X adds both to the vocabulary, the query's first.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any, Literal, TypeVar

from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.multivector.vocabulary import Vocabulary
from xret.encoders.recipe import Dense, MultiVector, Recipe
from xret.errors import ModelError

__all__ = ["stanford_policy"]

METADATA = "artifact.metadata"
_MARKERS = ("[unused0]", "[unused1]")
_INSERTING_SINCE = "2024-08-13"
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
Mode = Literal["insert", "overwrite_dot"]
Kind = TypeVar("Kind")


def stanford_policy(
    folder: Path, inner: Path, config: dict[str, Any], vocabulary: Vocabulary, recipe: Recipe
) -> MultiVector:
    """How token vectors are made.

    Args:
        folder: of the checkpoint.
        inner: the same.
        config: the content of config.json.
        vocabulary: of its tokeniser.
        recipe: of the encoder below.

    Raises:
        ModelError: broken metadata, no or a misshapen `linear.weight`, an interaction or similarity of another kind.
    """
    metadata = _metadata(folder)
    for name, known in (("similarity", "cosine"), ("interaction", "colbert")):
        if (found := _field(metadata, name, str, known)) != known:
            raise ModelError(f"{METADATA}: {name} '{found}' is not supported; supported: {known}")
    tokens = [_field(metadata, f"{role}_token_id", str, _MARKERS[at]) for at, role in enumerate(("query", "doc"))]
    mode, markers = _markers(tokens, metadata, config, vocabulary)
    padding = vocabulary.need("pad_token", "ColBERT's query expansion")
    punctuation = vocabulary.first_pieces() if _field(metadata, "mask_punctuation", bool, True) else ()
    return MultiVector(
        projections=(_projection(inner, recipe.token_dim, metadata),),
        query_length=_field(metadata, "query_maxlen", int, 32),
        document_length=_field(metadata, "doc_maxlen", int, 220),
        marker_mode=mode, query_marker=markers[0], document_marker=markers[1],
        expansion="fixed", expansion_token=vocabulary.need("mask_token", "ColBERT's query expansion"),
        attend=_field(metadata, "attend_to_mask_tokens", bool, False),
        skip=tuple(sorted({*punctuation, padding})), padding=padding,
    )  # fmt: skip


def _metadata(folder: Path) -> dict[str, Any]:
    path = folder / METADATA
    if not path.is_file():
        return {}
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ModelError(f"{path}: broken JSON ({error}); fetch the file again") from error
    if not isinstance(found, dict):
        raise ModelError(f"{path}: is not a JSON object; fetch the file again")
    return found


def _field(metadata: dict[str, Any], name: str, kind: type[Kind], usual: Kind) -> Kind:
    found = metadata.get(name)
    if found is None:
        return usual
    if not isinstance(found, kind) or (kind is int and isinstance(found, bool)):
        raise ModelError(f"{METADATA}: '{name}' is {found!r}, wanted {kind.__name__}")
    return found


def _markers(
    tokens: list[str], metadata: dict[str, Any], config: dict[str, Any], vocabulary: Vocabulary
) -> tuple[Mode, list[int]]:
    known = [found for token in tokens if (found := vocabulary.id_of(token)) is not None]
    rows = config.get("vocab_size")
    if not known and rows == vocabulary.size + len(tokens):  # PLAID-X's table, without its tokeniser
        return "overwrite_dot", [vocabulary.size, vocabulary.size + 1]
    if known == [vocabulary.size - 2, vocabulary.size - 1] and tuple(tokens) == _MARKERS:
        return "overwrite_dot", known
    ids = [vocabulary.or_unknown(token, "marker") for token in tokens]
    if len(known) == len(tokens):  # one token each: with WordPiece both ways are the same
        return "insert", ids
    return ("insert" if _saved(metadata) >= _INSERTING_SINCE else "overwrite_dot"), ids


def _saved(metadata: dict[str, Any]) -> str:
    """The day the checkpoint was written (``2024-02-06``), "" where it does not say."""
    meta = metadata.get("meta")
    text = str(meta.get("current_datetime", "")) if isinstance(meta, dict) else ""
    found = re.match(r"(\w{3}) (\d\d), (\d{4})", text)
    if not found or found[1] not in _MONTHS:
        return ""
    return f"{found[3]}-{_MONTHS.index(found[1]) + 1:02}-{found[2]}"


def _projection(inner: Path, width: int, metadata: dict[str, Any]) -> Dense:
    weights = Weights(weight_files(inner))
    if "linear.weight" not in weights:
        raise ModelError(f"{weights.source}: has no tensor 'linear.weight', a ColBERT's projection; fetch it again")
    shape = weights.raw("linear.weight").shape
    wanted = _field(metadata, "dim", int, shape[0])
    if shape != (wanted, width):
        raise ModelError(
            f"{weights.source}: tensor 'linear.weight' is {shape}, {METADATA} and config.json want {(wanted, width)}"
        )
    return Dense(folder="", in_features=width, out_features=wanted, bias=False, activation="identity")
