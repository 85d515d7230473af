"""Whether a tokeniser knows the text that it is to be trained on."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.encoders.distil.kept import open_tokeniser
from xret.encoders.distil.starts import unknown_id
from xret.encoders.distil.tokens import Tokens
from xret.errors import CorpusError

__all__ = ["refuse_unknown"]

log = logging.getLogger("xret")
_ALL, _MANY = 0.9, 0.3  # shares of unknown tokens among those that are letters


def refuse_unknown(tokens: Tokens, langs: pa.ChunkedArray, tokenizer: Path, *, main: Sequence[str]) -> None:
    """Refuse to train a language of which (nearly) every word is unknown; warn where many are.

    Args:
        tokens: of the student's side.
        langs: of each text.
        tokenizer: the tokenizer.json.
        main: the languages trained in earnest.

    Raises:
        CorpusError: names the language and its share.
    """
    backend = open_tokeniser(tokenizer)
    if (unknown := unknown_id(backend)) is None:
        return
    names = pc.unique(langs)
    codes = np.asarray(pc.index_in(langs, value_set=names).combine_chunks().to_numpy()).astype(np.int64)
    missed = _counts(tokens, codes, np.asarray([unknown]), len(names))
    found = _counts(tokens, codes, _with_letters(backend, unknown), len(names))
    for name, lost, known in zip(names.to_pylist(), missed, found, strict=True):
        share = lost / (lost + known) if lost + known else 1.0
        if share >= _ALL and name in main:
            raise CorpusError(
                f"'{name}': the tokeniser reads {share:.0%} of its words as unknown; fit one (tokeniser = \"fit\"), "
                "or romanise its script"
            )
        if share >= _MANY:
            log.warning("'%s': the tokeniser reads %.0f %% of its words as unknown", name, 100 * share)


def _with_letters(tokenizer: Any, unknown: int) -> np.ndarray:
    """Ids of pieces that have a letter: signs, digits and marks of word starts are known in any script."""
    special = {unknown} | set(tokenizer.get_added_tokens_decoder())
    pieces = tokenizer.get_vocab().items()
    return np.asarray([i for piece, i in pieces if i not in special and any(map(str.isalpha, piece))], np.int64)


def _counts(tokens: Tokens, codes: np.ndarray, wanted: np.ndarray, size: int) -> np.ndarray:
    """(size,) how many tokens of `wanted` the texts of each code have."""
    flags = np.zeros(max(int(tokens.ids.max(initial=0)), int(wanted.max(initial=0))) + 1, np.int64)
    flags[wanted] = 1
    ends = np.concatenate([[0], np.cumsum(flags[tokens.ids])])
    return np.bincount(codes, weights=ends[tokens.starts[1:]] - ends[tokens.starts[:-1]], minlength=size)
