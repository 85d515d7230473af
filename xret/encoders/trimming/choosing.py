"""Which tokens stay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.multivector.vocabulary import PUNCTUATION
from xret.encoders.trimming.counting import Counted, TokenReader
from xret.encoders.trimming.renumbering import SETTINGS, ids_in, named_tokens
from xret.encoders.trimming.subwords import Subwords
from xret.errors import ModelError

__all__ = ["chosen", "must_stay"]

# Families that count positions from the padding token's id, which so has to keep its number.
_FROM_PADDING = ("camembert", "m2m_100", "mpnet", "roberta", "xlm-roberta", "xmod")


def must_stay(checkpoint: Checkpoint, subwords: Subwords, reader: TokenReader) -> set[int]:
    """The ids that stay whatever the texts.

    Those of `Subwords.fixed`, those that a settings file or the recipe names, those of prompts, and in RoBERTa and its
    kin all before the padding id.

    Args:
        checkpoint: the model.
        subwords: its tokeniser's.
        reader: makes ids of texts.
    """
    size = int(checkpoint.config["vocab_size"])
    found = set(subwords.fixed) | _recipe_ids(checkpoint)
    for folder in {checkpoint.folder, checkpoint.inner}:
        for name in SETTINGS:
            found.update(ids_in(read_json(folder / name, missing={})))
        found.update(_named(folder, subwords))
    if (family := checkpoint.recipe.family) in _FROM_PADDING:
        pad = 1 if family == "mpnet" else checkpoint.config.get("pad_token_id", 1)
        found.update(range(pad + 1) if isinstance(pad, int) else ())
    texts = ["", *reader.prompts, *(PUNCTUATION if checkpoint.recipe.multi_vector else ())]
    for role in reader.roles:
        found.update(reader(texts, role)[0].tolist())
    found = {number for number in found if 0 <= number < size}
    return found.union(*(subwords.together(number) for number in found))


def _recipe_ids(checkpoint: Checkpoint) -> set[int]:
    policy, sparse = checkpoint.recipe.multi_vector, checkpoint.recipe.sparse
    found = set(sparse.ignored if sparse else ())
    if policy:
        single = (policy.query_marker, policy.document_marker, policy.expansion_token, policy.padding)
        found |= {*policy.skip, *(number for number in single if number is not None)}
    return found


def _named(folder: Path, subwords: Subwords) -> Iterable[int]:
    for name in ("tokenizer_config.json", "special_tokens_map.json"):
        for text in named_tokens(read_json(folder / name, missing={})):
            if (number := subwords.id_of(text)) is not None:
                yield number


def chosen(
    subwords: Subwords, counted: Counted, fixed: set[int], *, min_count: int, max_vocab: int | None
) -> NDArray[np.bool_]:
    """Which ids stay.

    Args:
        subwords: the tokeniser's.
        counted: what the corpora use.
        fixed: see `must_stay`.
        min_count: keep pieces seen so often.
        max_vocab: keep at most so many tokens, the most frequent ones.

    Returns:
        (ids,) a mask.

    Raises:
        ModelError: nothing but fixed tokens would stay.
    """
    counts = counted.counts.sum(axis=0)
    worth = subwords.with_characters(counts)
    base = fixed | counted.needed
    own = _own(subwords, counts)
    if not own.any():
        raise ModelError("its tokeniser reads the corpora as unknown tokens only; are they in the model's languages?")
    if max_vocab is not None and max_vocab < len(base):
        raise ModelError(f"needs {len(base):,} tokens whatever the texts; --max-vocab {max_vocab:,} is too few")
    kept = set(base)
    by_worth = np.argsort(-worth, kind="stable")
    for number in by_worth[worth[by_worth] >= min_count].tolist():
        if number in kept:
            continue
        more = subwords.together(number) - kept
        if max_vocab is not None and len(kept) + len(more) > max_vocab:
            break
        kept |= more
    if not own[sorted(kept)].any():
        if max_vocab is not None and own.max() >= min_count:
            raise ModelError(
                f"needs {len(base):,} tokens whatever the texts; --max-vocab {max_vocab:,} has no room for others"
            )
        raise ModelError(f"no token is used {min_count:,} times (the most: {int(own.max()):,}); lower --min-count")
    mask = np.zeros(len(counts), np.bool_)
    mask[sorted(kept)] = True
    return mask


def _own(subwords: Subwords, counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """The counts of tokens that texts are made of: neither special nor unknown, nor mere beginnings of words."""
    own = counts.copy()
    own[sorted(number for number in subwords.special | subwords.blank if number < len(own))] = 0
    return own
