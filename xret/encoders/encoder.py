"""The encoder: texts in, unit vectors out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from xret.corpus.languages import UNKNOWN
from xret.encoders.graphs.heads import SENTENCE, TOKENS, WEIGHTS
from xret.encoders.losses import Losses
from xret.encoders.multivector.outputs import AllVectors, TokenWeights, heaviest
from xret.encoders.names import NamedPrecision
from xret.encoders.reading.languages import Routed, route
from xret.encoders.reading.passages import Passages, read_passages
from xret.encoders.reading.tokenizer import Reader, Tokens
from xret.encoders.recipe import Recipe, Role, Sparse
from xret.encoders.requests import check_request, check_texts
from xret.encoders.runtime.batching import WINDOW_TEXTS, batches, pad, token_budget, windows
from xret.encoders.runtime.lengths import shorten, weigh, with_text
from xret.encoders.runtime.sessions import Sessions
from xret.errors import ModelError

__all__ = ["Encoder", "Losses", "weigh"]

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

    def __init__(self, *, name: str, hash: str, recipe: Recipe, reader: Reader, sessions: Sessions) -> None:
        """Put together; use `load_encoder`."""
        self._assign(name=name, hash=hash, recipe=recipe, device=sessions.device, precision=sessions.precision)
        self._reader, self._sessions = reader, sessions
        if recipe.romanise is not None:
            recipe.romanise.check()
        self._budget = token_budget(device=sessions.device, precision=sessions.precision)
        logger.info(
            "encoder %s: batches of at most %d tokens, %d texts sorted at a time", name, self._budget, WINDOW_TEXTS
        )

    def _assign(self, *, name: str, hash: str, recipe: Recipe, device: str, precision: NamedPrecision) -> None:
        self.name, self.hash, self.recipe = name, hash, recipe
        self.dim, self.token_dim, self.max_length = recipe.dim, recipe.token_dim, recipe.max_length
        self.device, self.precision = device, precision
        self._told: set[str] = set()

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
            lang: one BCP 47 tag per text (or the model's own codes), for families that are told the language; others
                ignore it. Texts of unknown language are encoded as the recipe's default one, counted and reported.
            dim: keep the first `dim` values and bring them back to length 1 (for Matryoshka-trained models).
            progress: show a bar on a terminal.

        Returns:
            (len(texts), dim) float32 rows of length 1, in the order of `texts`. The other
            texts of a call move a row by no more than float32 rounding (bf16: by up to 2e-3); the same texts in the
            same order give the same bytes on any number of threads.

        Raises:
            InputError: a text is not a string or cannot be written as UTF-8.
            UsageError: `dim` is larger than the encoder's, `lang` has another length, or `role` is another word.
        """
        check_texts(texts)
        with tqdm(total=len(texts), unit=" texts", unit_scale=True, disable=None if progress else True) as bar:
            out, losses = self.encode_counted(texts, role=role, lang=lang, dim=dim, advance=bar.update)
        self.report(losses.cut, len(texts))
        return out

    def encode_arrow(self, texts: Any, *, lang: Any = None, **options: Any) -> Any:
        """`encode` from and to Arrow.

        Args:
            texts: a string array, chunked or not, or a sequence of strings.
            lang: likewise, or None.
            options: as in `encode`.

        Returns:
            A `pyarrow.FixedSizeListArray` of (len(texts),) float32 vectors; no copy of them is made.
        """
        import pyarrow as pa

        arrow = (pa.Array, pa.ChunkedArray)
        values, tags = (given.to_pylist() if isinstance(given, arrow) else given for given in (texts, lang))
        vectors = self.encode(values, lang=tags, **options)
        return pa.FixedSizeListArray.from_arrays(pa.array(vectors.reshape(-1)), vectors.shape[1])

    def encode_counted(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        lang: Sequence[str] | None = None,
        dim: int | None = None,
        advance: Callable[[int], object] = lambda rows: None,
    ) -> tuple[NDArray[np.float32], Losses]:
        """As `encode`, for callers that encode in parts: gives the vectors and what they lack.

        Args:
            texts: as in `encode`, and so are `role`, `lang` and `dim`.
            role: see `encode`.
            lang: see `encode`.
            dim: see `encode`.
            advance: called with the number of texts done, after each batch.
        """
        self.need_sentences()
        self._check(texts, role, lang, dim)
        out = np.empty((len(texts), dim or self.dim), np.float32)
        losses, session = Losses(), self._sessions(SENTENCE, role)
        for window, tokens in self._read(texts, role, lang, losses):
            for rows in batches(tokens, self._budget):
                feed = pad(tokens, rows)
                losses.slots += feed["input_ids"].size
                vectors = session.run(feed, SENTENCE)
                out[rows + window.start] = vectors if dim is None else shorten(vectors, dim)
                advance(len(rows))
        return out, losses

    def encode_tokens(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None
    ) -> list[NDArray[np.float32]]:
        """Token vectors, for MaxSim.

        Args:
            texts: as in `encode`, and so are `role` and `lang`.
            role: see `encode`.
            lang: see `encode`.

        Returns:
            Per text (tokens, token_dim) float32 rows of length 1: what the model was trained to compare by MaxSim, in
            a multi-vector model; in others what their `token_head` makes (of role "document", as many as it counts), or
            the last hidden states without special tokens.
            A text without any other token gives (0, token_dim). Where the recipe has `token_weights`, the rows of a
            query are as long as their tokens' weights (see `weigh`): nothing in a static model tells "the" from
            "earthquake" but these. Where it has a `token_head`, the text's own vector comes first.

        Raises:
            InputError: as in `encode`.
        """
        out: list[NDArray[np.float32]] = [np.empty((0, self.token_dim), np.float32)] * len(texts)
        for row, ids, kept, (vectors,) in self._each(texts, role, lang, [TOKENS]):
            head = self.recipe.token_head
            found = with_text(vectors, kept, role, head) if head else vectors[: len(ids)][kept]
            out[row] = weigh(found, role) if self.recipe.token_weights else found
        return out

    def encode_sparse(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None
    ) -> list[TokenWeights]:
        """Weights of the vocabulary's tokens (BGE-M3's lexical weights); arguments as in `encode`.

        Raises:
            ModelError: the model gives none.
            InputError: as in `encode`.
        """
        ignored = self._need_sparse().ignored
        out = [TokenWeights(np.empty(0, np.int64), np.empty(0, np.float32))] * len(texts)
        for row, ids, _, (weights,) in self._each(texts, role, lang, [WEIGHTS]):
            out[row] = heaviest(ids, weights[: len(ids)], ignored)
        return out

    def encode_all(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None
    ) -> AllVectors:
        """Sentence vectors, token vectors and token weights (BGE-M3's three) from one pass; arguments as in `encode`.

        Raises:
            ModelError: the model does not give all three.
            InputError: as in `encode`.
        """
        self.need_sentences()
        ignored = self._need_sparse().ignored
        sentences = np.empty((len(texts), self.dim), np.float32)
        found: dict[int, tuple[NDArray[np.float32], TokenWeights]] = {}
        for row, ids, kept, (sentence, vectors, weights) in self._each(texts, role, lang, [SENTENCE, TOKENS, WEIGHTS]):
            sentences[row] = sentence
            found[row] = vectors[: len(ids)][kept], heaviest(ids, weights[: len(ids)], ignored)
        rows = [found[row] for row in range(len(texts))]
        return AllVectors(sentences, [vectors for vectors, _ in rows], [weights for _, weights in rows])

    def passages(self, texts: Sequence[str], *, lang: Sequence[str] | None = None, **sizes: int | None) -> Passages:
        """Documents in overlapping windows of the model's own tokens: arguments and errors as in `read_passages`."""
        self._check(texts, "document", lang)
        return read_passages(self._reader, self.recipe, texts, **sizes)

    def need_sentences(self) -> None:
        """Refuse to go on with a model of token vectors alone.

        Raises:
            ModelError: says what it is for.
        """
        if not self.dim:
            raise ModelError(
                f"{self.name}: gives token vectors, no sentence vectors; use it to rerank: "
                f"xret rerank RUN --model maxsim --encoder {self.name}"
            )

    def _need_sparse(self) -> Sparse:
        if (sparse := self.recipe.sparse) is None:
            raise ModelError(f"{self.name}: gives no token weights; models with a sparse_linear head (BGE-M3) do")
        return sparse

    def _each(
        self, texts: Sequence[str], role: Role | None, lang: Sequence[str] | None, outputs: Sequence[str]
    ) -> Iterator[tuple[int, NDArray[np.int64], NDArray[np.bool_], list[NDArray[np.float32]]]]:
        """Text by text: its place, its token ids, which of them count in MaxSim, and its part of each output."""
        self._check(texts, role, lang)
        losses, session = Losses(), self._sessions(outputs[0], role)
        for window, tokens in self._read(texts, role, lang, losses, kept=True):
            for rows in batches(tokens, self._budget):
                found = session.run_all(pad(tokens, rows), outputs)
                for at, row in enumerate(rows.tolist()):
                    own = slice(start := int(tokens.starts[row]), start + int(tokens.lengths[row]))
                    yield window.start + row, tokens.ids[own], tokens.kept_of(row), [values[at] for values in found]
        if losses.cut and "cut" not in self._told:  # documents come in many small calls: once is enough
            self._told.add("cut")
            self.report(losses.cut, len(texts), role)

    def _read(
        self,
        texts: Sequence[str],
        role: Role | None,
        lang: Sequence[str] | None,
        losses: Losses,
        *,
        kept: bool = False,
    ) -> Iterator[tuple[range, Tokens]]:
        """The tokens of the texts, a window at a time; counts what is lost."""
        code = self._routed(lang if lang is not None else ["und"] * len(texts), losses)
        romanise = self.recipe.romanise
        for window in windows(texts):
            at = slice(window.start, window.stop)
            part = texts[at]
            if romanise is not None:
                part = romanise(part, lang=None if lang is None else lang[at])
            tokens = self._reader(part, role=role, code=None if code is None else code[at], kept=kept)
            losses.add(Losses(cut=tokens.cut, lost=tokens.lost, tokens=len(tokens.ids)))
            yield window, tokens

    def _routed(self, lang: Sequence[str], losses: Losses) -> NDArray[np.int64] | None:
        """The place of each text's language in the recipe's codes; says so, once a language, where there is none."""
        if (languages := self.recipe.languages) is None:
            return None
        routed = route(lang, languages)
        self._tell_unknown(routed, languages.default, losses)
        return routed.index

    def _tell_unknown(self, routed: Routed, default: str, losses: Losses) -> None:
        """Count the texts of unknown languages, and say so once a language."""
        losses.unknown.update(routed.unknown)
        for tag in set(routed.unknown) - self._told:
            self._told.add(tag)
            what = (
                "wants a text's language, and some say none"
                if tag == UNKNOWN
                else f"does not know the language '{tag}'"
            )
            logger.warning("%s: %s; such texts are encoded as '%s'", self.name, what, default)

    def _check(
        self, texts: Sequence[str], role: Role | None, lang: Sequence[str] | None, dim: int | None = None
    ) -> None:
        check_request(texts, role=role, lang=lang, dim=dim, width=self.dim, name=self.name)

    def batch(self, tokens: int) -> None:
        """From now on, encode so many tokens at a time, padding included."""
        self._budget = tokens

    def release(self) -> None:
        """Give back the memory of the graphs; they are opened again when next needed."""
        self._sessions.close()

    def report(self, cut: int, total: int, role: Role | None = None) -> None:
        """Say (WARNING) how many texts were cut, if any."""
        if cut:
            longest = policy.length(role) if (policy := self.recipe.multi_vector) else self.max_length
            logger.warning("%s: %d of %d texts are longer than %d tokens and were cut", self.name, cut, total, longest)
