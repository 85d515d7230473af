"""The encoder: texts in, unit vectors out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.encoders.batching import WINDOW_TEXTS, batches, pad, token_budget, windows
from xret.encoders.heads import SENTENCE, TOKENS
from xret.encoders.recipe import Recipe, Role
from xret.encoders.session import Session
from xret.encoders.tokenizer import TextTokenizer, Tokens
from xret.errors import InputError, UsageError

__all__ = ["Encoder", "weigh"]

logger = logging.getLogger("xret")


class Encoder:
    """A loaded model (see `xret.encoders.load_encoder`).

    Attributes:
        name: what the user called it.
        hash: 64 hex characters over recipe and files: equal hashes give equal vectors on the same kind of device.
        dim: width of the sentence vectors.
        token_dim: width of the token vectors.
        max_length: tokens of a text that are read, special ones included; what is beyond is cut, counted and reported.
    """

    def __init__(
        self,
        *,
        name: str,
        hash: str,
        recipe: Recipe,
        tokenizer: TextTokenizer,
        session: Session,
        token_session: Callable[[], Session],
    ) -> None:
        """Put together; use `load_encoder`."""
        self.name, self.hash, self.recipe = name, hash, recipe
        self.dim, self.token_dim, self.max_length = recipe.dim, recipe.token_dim, recipe.max_length
        self.device = session.device
        self._told = False
        self._tokenizer, self._session, self._token_session = tokenizer, session, cache(token_session)
        self._budget = token_budget(device=session.device)
        logger.info(
            "encoder %s: batches of at most %d tokens, %d texts sorted at a time", name, self._budget, WINDOW_TEXTS
        )

    def encode(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        lang: Sequence[str] | None = None,
        dim: int | None = None,
        progress: bool = False,
    ) -> NDArray[np.float32]:
        """Sentence vectors.

        Args:
            texts: any strings; the empty one has a defined vector too.
            role: puts the checkpoint's prompt for queries or documents before each text; None its default prompt.
            lang: one BCP 47 tag per text, for families that are told the language; others ignore it.
            dim: keep the first `dim` values and bring them back to length 1 (for Matryoshka-trained models).
            progress: show a bar on a terminal.

        Returns:
            (len(texts), dim) float32 rows of length 1, in the order of `texts`. The others move
            a row by no more than float32 rounding; the same texts in the same order give the same bytes on any number
            of threads.

        Raises:
            InputError: a text is not a string or cannot be written as UTF-8.
            UsageError: `dim` is larger than the encoder's, or `lang` has another length.
        """
        with tqdm(total=len(texts), unit=" texts", unit_scale=True, disable=None if progress else True) as bar:
            out, cut = self.encode_counted(texts, role=role, lang=lang, dim=dim, advance=bar.update)
        self.report(cut, len(texts))
        return out

    def encode_counted(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        lang: Sequence[str] | None = None,
        dim: int | None = None,
        advance: Callable[[int], object] = lambda rows: None,
    ) -> tuple[NDArray[np.float32], int]:
        """As `encode`, for callers that encode in parts: gives the vectors and how many texts were cut.

        Args:
            texts: as in `encode`, and so are `role`, `lang` and `dim`.
            role: see `encode`.
            lang: see `encode`.
            dim: see `encode`.
            advance: called with the number of texts done, after each batch.
        """
        self._check(texts, lang, dim)
        out = np.empty((len(texts), dim or self.dim), np.float32)
        cut = 0
        for window in windows(texts):
            tokens = self._tokens(texts, window, role)
            cut += tokens.cut
            for rows in batches(tokens.lengths, self._budget):
                vectors = self._session.run(*pad(tokens, rows), SENTENCE)
                out[rows + window.start] = vectors if dim is None else _shorten(vectors, dim)
                advance(len(rows))
        return out, cut

    def encode_tokens(self, texts: Sequence[str], *, role: Role | None = None) -> list[NDArray[np.float32]]:
        """Token vectors, for MaxSim.

        Returns:
            Per text (tokens, token_dim) float32 rows of length 1: the last hidden states without special tokens.
            A text without any other token gives (0, token_dim). Where the recipe has `token_weights`, the rows of a
            query are as long as their tokens' weights (see `weigh`): nothing in a static model tells "the" from
            "earthquake" but these.

        Raises:
            InputError: as in `encode`.
        """
        self._check(texts, None, None)
        session = self._token_session()
        out: list[NDArray[np.float32]] = [np.empty((0, self.token_dim), np.float32)] * len(texts)
        cut = 0
        for window in windows(texts):
            tokens = self._tokens(texts, window, role, special=True)
            cut += tokens.cut
            for rows in batches(tokens.lengths, self._budget):
                vectors = session.run(*pad(tokens, rows), TOKENS)
                for at, row in enumerate(rows):
                    found = vectors[at, : tokens.lengths[row]][tokens.plain(int(row))]
                    out[window.start + int(row)] = weigh(found, role) if self.recipe.token_weights else found
        if cut and not self._told:  # documents come in many small calls: once is enough
            self._told = True
            self.report(cut, len(texts))
        return out

    def _tokens(self, texts: Sequence[str], window: range, role: Role | None, *, special: bool = False) -> Tokens:
        prompt = self.recipe.prompt(role)
        part = texts[window.start : window.stop]
        return self._tokenizer([prompt + text for text in part] if prompt else part, special=special)

    def _check(self, texts: Sequence[str], lang: Sequence[str] | None, dim: int | None) -> None:
        if isinstance(texts, str):
            raise UsageError("encode takes a sequence of texts, not one string; wrap it in a list")
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"text {row}: is {type(text).__name__}, wanted str")
        if lang is not None and len(lang) != len(texts):
            raise UsageError(f"{len(lang)} languages for {len(texts)} texts; give one per text")
        if dim is not None and not 1 <= dim <= self.dim:
            raise UsageError(f"dim {dim} is outside 1..{self.dim}, the width of {self.name}'s vectors")

    def report(self, cut: int, total: int) -> None:
        """Say (WARNING) how many texts were cut, if any."""
        if cut:
            logger.warning(
                "%s: %d of %d texts are longer than %d tokens and were cut", self.name, cut, total, self.max_length
            )


def weigh(vectors: NDArray[np.float32], role: Role | None) -> NDArray[np.float32]:
    """Token vectors of length 1; those of a query times a weight in proportion to their squared length, 1 on average.

    Squared lengths, and weights on the query's side alone, did best of the few ways tried on the bundled sample.

    Args:
        vectors: (tokens, d) float32.
        role: of their text.
    """
    squares = np.square(vectors).sum(axis=1, keepdims=True)
    rows: NDArray[np.float32] = vectors / np.sqrt(np.maximum(squares, np.float32(1e-24)))
    if role != "query" or not squares.sum() > 0:
        return rows
    return np.asarray(rows * (squares * (len(rows) / squares.sum())), dtype=np.float32)


def _shorten(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    short = vectors[:, :dim]
    norms = np.linalg.norm(short, axis=1, keepdims=True)
    first = np.eye(1, dim, dtype=np.float32)
    return np.where(norms > 0, short / np.maximum(norms, np.float32(1e-12)), first)
