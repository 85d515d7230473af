"""Texts to tokens for multi-vector models: markers, filled-up queries, and whose vectors count."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.reading.tokenizer import TextTokenizer, Tokens
from xret.encoders.recipe import MultiVector, Role
from xret.errors import ModelError

__all__ = ["MultiVectorReader"]

Ints = NDArray[np.int64]


class MultiVectorReader:
    """A checkpoint's tokenizer.json and the habits of its `MultiVector`.

    Attributes:
        max_length: tokens of the longest text, marker included.
        size: of the vocabulary.
    """

    def __init__(
        self,
        path: Path,
        policy: MultiVector,
        *,
        prompt: Callable[[Role | None], str] = lambda role: "",
        lowercase: bool = False,
        count_prompt: bool = False,
        settings: Mapping[str, Any] | None = None,
        threads: int | None = None,
    ) -> None:
        """Load the tokeniser.

        Args:
            path: the tokenizer.json.
            policy: how texts are marked, filled up and skipped.
            prompt: gives what stands before every text in a role.
            lowercase: whether texts are lowercased first.
            count_prompt: tell how many of the tokens are the prompt's.
            settings: the content of tokenizer_config.json.
            threads: 1 for one thread.

        Raises:
            ModelError: the file cannot be read, or has no place for the model's markers.
        """
        before = ". " if policy.marker_mode == "overwrite_dot" else ""
        self.max_length = max(policy.query_length, policy.document_length)
        self._text = TextTokenizer(
            path, max_length=self.max_length, lowercase=lowercase, prompt=lambda role: before + prompt(role),
            count_prompt=count_prompt, settings=settings, threads=threads,
        )  # fmt: skip
        self._policy, self.size, self._turn = policy, self._text.size, Lock()
        if policy.marker_mode in ("insert", "overwrite_dot") and not self._text.encodings([""])[0].ids:
            raise ModelError(f"{path}: puts no token before a text, after which the marker goes; fetch it again")

    def __call__(
        self, texts: Sequence[str], *, role: Role | None = None, code: Ints | None = None, kept: bool = False
    ) -> Tokens:
        """As `Reader`; texts without a role are documents."""
        policy = self._policy
        marker = policy.query_marker if role == "query" else policy.document_marker
        inserts = marker is not None and policy.marker_mode == "insert"
        with self._turn:  # another thread may want the other length
            self._text.limit(policy.length(role) - int(inserts))
            tokens = self._text(texts, role=role)
        ids, lengths = tokens.ids, tokens.lengths
        if marker is not None and policy.marker_mode == "insert":
            ids, lengths = np.insert(ids, tokens.starts + 1, marker), lengths + 1
        elif marker is not None and policy.marker_mode == "overwrite_dot":
            ids[tokens.starts + 1] = marker
        attended = None
        if role == "query" and policy.expansion != "none":
            attended = None if policy.attend else lengths
            ids, lengths = self._filled(ids, lengths)
        counts = self._counts(ids, lengths, role) if kept else None
        return Tokens(ids, lengths, tokens.cut, counts, attended, code, tokens.lost, tokens.prompt)

    def spans(self, texts: Sequence[str]) -> list[Ints]:
        """As `TextTokenizer.spans`."""
        with self._turn:
            return self._text.spans(texts)

    def _filled(self, ids: Ints, lengths: Ints) -> tuple[Ints, Ints]:
        """Queries filled up to the length that the policy asks for."""
        policy = self._policy
        filling = np.int64(policy.expansion_token or 0)
        if policy.padding is not None:
            ids = np.where(ids == policy.padding, filling, ids)
        goal = policy.query_length if policy.expansion == "fixed" else policy.expansion_length
        longer = np.maximum(lengths, goal)
        filled = np.full(int(longer.sum()), filling, np.int64)
        filled[_first(longer, lengths)] = ids
        return filled, longer

    def _counts(self, ids: Ints, lengths: Ints, role: Role | None) -> NDArray[np.bool_]:
        policy = self._policy
        skips = policy.skip and (role != "query" or policy.skip_in_queries)
        counts = ~np.isin(ids, policy.skip) if skips else np.ones(len(ids), np.bool_)
        if not policy.first:
            counts[np.cumsum(lengths) - lengths] = False
        return counts


def _first(longer: Ints, lengths: Ints) -> Ints:
    """Places of the first `lengths` tokens of texts that have `longer` of them."""
    starts = np.cumsum(longer) - longer
    return np.repeat(starts - (np.cumsum(lengths) - lengths), lengths) + np.arange(int(lengths.sum()))
