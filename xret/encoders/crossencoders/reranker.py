"""The cross-encoder: pairs of texts in, scores out."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.devices import is_cuda
from xret.encoders.composing.composed import open_named
from xret.encoders.crossencoders.pairs import PairTokenizer, pad_pairs
from xret.encoders.graphs.heads import SCORES
from xret.encoders.load import encoder_hash, fitting_device
from xret.encoders.names import split_precision
from xret.encoders.reading.languages import route
from xret.encoders.reading.passages import Truncation, check_window
from xret.encoders.recipe import Recipe
from xret.encoders.runtime.batching import batches, token_budget, windows
from xret.encoders.runtime.sessions import Sessions
from xret.errors import InputError, ModelError, UsageError

__all__ = ["Reranker", "load_reranker", "pair_windows"]

logger = logging.getLogger("xret")
PAIRS = 2048  # sorted by length together; few enough to share a run out


def pair_windows(documents: Sequence[str]) -> Iterator[range]:
    """Successive ranges of pairs that no batch passes the borders of: their scores are theirs, whatever comes beside.

    Args:
        documents: one per pair.
    """
    return windows(documents, PAIRS)


class Reranker:
    """A loaded cross-encoder (see `load_reranker`).

    Attributes:
        name: what the user called it.
        hash: 64 hex characters over recipe and files: equal hashes give equal scores on the same kind of device.
        recipe: how a pair becomes a score.
        max_length: tokens of a pair that are read, special ones included; what is beyond is cut off the longer text.
    """

    def __init__(self, *, name: str, hash: str, recipe: Recipe, tokenizer: PairTokenizer, sessions: Sessions) -> None:
        """Put together; use `load_reranker`."""
        self.name, self.hash, self.recipe, self.max_length = name, hash, recipe, recipe.max_length
        self._tokenizer, self._session = tokenizer, sessions(SCORES)
        if recipe.romanise is not None:
            recipe.romanise.check()
        self._told: set[str] = set()
        self._budget = token_budget(device=sessions.device, precision=sessions.precision)

    def score(
        self,
        queries: Sequence[str],
        documents: Sequence[str],
        *,
        lang: Sequence[str] | None = None,
        truncation: Truncation = "first",
        window: int | None = None,
        overlap: int | None = None,
        progress: bool = False,
    ) -> NDArray[np.float32]:
        """Scores of pairs.

        Args:
            queries: one per pair.
            documents: one per pair.
            lang: the documents' languages, one BCP 47 tag each, for families that are told; others ignore it.
            truncation: of pairs longer than `max_length`: ``first`` cuts the longer text, or reads only the first
                `window` of the document; ``windows`` reads the document in overlapping windows beside the query and
                takes the best one's score (MaxP, Dai & Callan 2019).
            window: tokens of the document in a window; None for all there is room for.
            overlap: tokens that two windows share; None for half a window.
            progress: a bar on stderr, where that is a terminal.

        Returns:
            (pairs,) float32, higher is better; in what range, the model's activation decides.

        Raises:
            InputError: a text is not a string or cannot be written as UTF-8.
            UsageError: not as many documents, or languages, as queries; windows that do not move on.
            ModelError: a score is no finite number.
        """
        _check(queries, documents, lang)
        check_window(window, overlap)
        adapter = None
        if languages := self.recipe.languages:
            routed = route(lang if lang is not None else [None] * len(documents), languages)
            adapter = routed.index
            self._tell_unknown(routed.unknown, languages.default)
        scores, cut = np.full(len(queries), -np.inf, np.float32), 0
        types = bool(self.recipe.scores and self.recipe.scores.token_types)
        with tqdm(
            total=len(queries), desc="rerank", unit=" pairs", unit_scale=True, disable=None if progress else True
        ) as bar:
            for part in pair_windows(documents):
                at = slice(part.start, part.stop)
                asked, found = queries[at], documents[at]
                if (romanise := self.recipe.romanise) is not None:
                    asked, found = romanise(asked), romanise(found, lang=None if lang is None else lang[at])
                places = None if adapter is None else adapter[at]
                read = self._tokenizer.read(asked, found, places, truncation=truncation, window=window, overlap=overlap)
                done = 0
                for pairs in read:
                    cut += pairs.tokens.cut
                    for rows in batches(pairs.tokens, self._budget):
                        feed = pad_pairs(pairs, rows, types=types)
                        np.maximum.at(scores, pairs.owner[rows] + part.start, self._session.run(feed, SCORES))
                    now = int(pairs.owner[-1]) + 1  # its last windows may be to come
                    bar.update(now - done)
                    done = now
        self._refuse_odd(scores)
        if cut:
            most = f"{self.max_length} tokens" + (f", or the document than {window}," if window else "")
            logger.warning("%s: %d of %d pairs are longer than %s and were cut", self.name, cut, len(queries), most)
        return scores

    def batch(self, tokens: int) -> None:
        """From now on, score so many tokens at a time, padding included: more fill a GPU, fewer take less memory."""
        self._budget = tokens

    def _refuse_odd(self, scores: NDArray[np.float32]) -> None:
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            raise ModelError(
                f"{self.name}: scores pair {int(bad[0])} {scores[bad[0]]} ({len(bad):,} of {len(scores):,} scores are "
                "no numbers); its weights or modules may be damaged"
            )

    def _tell_unknown(self, unknown: Mapping[str, int], default: str) -> None:
        """Say, once a language, that the model does not know it."""
        if new := {tag: count for tag, count in unknown.items() if tag not in self._told}:
            self._told.update(new)
            told = ", ".join(f"{count} in '{tag}'" for tag, count in new.items())
            logger.warning("%s: does not know the language of some pairs (%s); read as '%s'", self.name, told, default)


def load_reranker(name: str | Path, *, device: str = "auto", threads: int | None = None) -> Reranker:
    """Load a cross-encoder.

    Args:
        name: a model folder (Hugging Face or sentence-transformers layout), or a hub id on disk; with modules put on
            it, and a precision, as for `load_encoder`: ``bert+adapters/sw+adapters/ranking:int8``.
        device: ``auto`` (CUDA where it works), ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads; None for all cores.

    Raises:
        ModelError: not found, no cross-encoder, or not one this version can build; the message names the reason.
        DeviceError: CUDA was asked for and cannot be used, or the precision is not to be had on the device.
        MissingExtraError: ONNX Runtime is not installed.
    """
    base, wanted = split_precision(name)
    checkpoint = open_named(base)
    recipe = checkpoint.recipe
    if recipe.scores is None:
        raise ModelError(
            f"{name}: is no cross-encoder but an encoder of single texts; rerank with its token vectors: "
            f"--model maxsim --encoder {name}"
        )
    device = fitting_device(name, wanted, device)
    precision = wanted or checkpoint.precision or ("fp16" if is_cuda(device) and checkpoint.family.half else "fp32")
    identity = encoder_hash(checkpoint, precision)
    tokenizer = PairTokenizer(
        checkpoint.tokenizer, max_length=recipe.max_length, lowercase=recipe.lowercase,
        settings=checkpoint.tokenizer_settings, threads=threads,
    )  # fmt: skip
    if tokenizer.size > (size := checkpoint.config.get("vocab_size") or tokenizer.size):
        raise ModelError(
            f"{checkpoint.tokenizer}: knows {tokenizer.size} tokens, config.json only {size}; they belong to different "
            "models"
        )
    logger.info("cross-encoder %s (%s): %s, %s", name, identity[:12], precision, recipe)
    sessions = Sessions(
        checkpoint, name=str(name), identity=identity, device=device, precision=precision, threads=threads
    )
    return Reranker(name=str(name), hash=identity, recipe=recipe, tokenizer=tokenizer, sessions=sessions)


def _check(queries: Sequence[str], documents: Sequence[str], lang: Sequence[str] | None) -> None:
    if isinstance(queries, str) or isinstance(documents, str):
        raise UsageError("score takes sequences of texts, not one string; wrap it in a list")
    if len(queries) != len(documents):
        raise UsageError(f"{len(queries)} queries for {len(documents)} documents; give one of each per pair")
    if lang is not None and len(lang) != len(documents):
        raise UsageError(f"{len(lang)} languages for {len(documents)} pairs; give one per pair")
    for what, texts in (("query", queries), ("document", documents)):
        for row, text in enumerate(texts):
            if not isinstance(text, str):
                raise InputError(f"{what} {row}: is {type(text).__name__}, wanted str")
