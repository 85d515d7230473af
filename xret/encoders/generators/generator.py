"""The generator: texts in, texts out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.devices import is_cuda
from xret.encoders.generators.checkpoint import Seq2Seq, open_seq2seq
from xret.encoders.generators.sampling import Sampling, draws, pick
from xret.encoders.generators.stepping import Steps
from xret.encoders.graphs.graph import Precision
from xret.encoders.load import fitting_device
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.encoders.reading.tokenizer import TextTokenizer, Tokens
from xret.encoders.requests import check_request
from xret.encoders.runtime.batching import batches, pad, windows
from xret.errors import ModelError, UsageError

__all__ = ["Generator", "load_generator"]

_LONGEST = 512  # tokens that are read, as T5 was trained
logger = logging.getLogger("xret")


class Generator:
    """A loaded model that writes (see `load_generator`).

    Attributes:
        name: what the user called it.
        hash: 64 hex characters over all that decides what it writes.
        max_length: tokens of a text that are read; what is beyond is cut, counted and reported.
    """

    def __init__(self, *, name: str, hash: str, model: Seq2Seq, reader: TextTokenizer, steps: Steps) -> None:
        """Put together; use `load_generator`."""
        self.name, self.hash, self.max_length = name, hash, reader.max_length
        self._model, self._reader, self._steps = model, reader, steps
        self._texts = _text_maker(model.tokenizer)
        # Writing reads all weights at every step, for however many rows: many texts at once, and what is kept of each
        # (keys and values of every layer) bounds how many.
        self._budget, self._rows = (65_536, 1024) if is_cuda(steps.device) else (4096, 128)

    def generate(
        self,
        texts: Sequence[str],
        *,
        samples: int = 1,
        sampling: Sampling | None = None,
        max_tokens: int = 64,
        keys: Sequence[str] | None = None,
        advance: Callable[[int], object] = lambda texts: None,
    ) -> list[list[str]]:
        """What the model writes for each text; arguments as for `generate_ids`.

        Returns:
            Per text `samples` texts, special tokens left out; they may be empty, and alike.
        """
        rows = self.generate_ids(
            texts, samples=samples, sampling=sampling, max_tokens=max_tokens, keys=keys, advance=advance
        )
        stops = self._model.stops
        return [self._texts([ids[~np.isin(ids, stops)].tolist() for ids in row]) for row in rows]

    def generate_ids(
        self,
        texts: Sequence[str],
        *,
        samples: int = 1,
        sampling: Sampling | None = None,
        max_tokens: int = 64,
        keys: Sequence[str] | None = None,
        advance: Callable[[int], object] = lambda texts: None,
    ) -> list[list[NDArray[np.int64]]]:
        """The token ids that the model writes for each text.

        Args:
            texts: any strings, prompts included.
            samples: continuations of each; more than one needs `sampling`.
            sampling: None takes the likeliest token at every step (greedy).
            max_tokens: of a continuation at most, the one that ends it included.
            keys: what decides, with the seed and the sample's number, the chances of each text; None: its place.
            advance: called with the number of texts done, after each batch.

        Returns:
            Per text `samples` int64 arrays, the ending token included where there is one. The same texts in the same
            order give the same tokens on any number of threads; the other texts of a call move logits by no more than
            float32 rounding.

        Raises:
            InputError: a text is not a string or cannot be written as UTF-8.
            UsageError: `samples` or `max_tokens` below 1, several samples without sampling, or another number of keys.
        """
        check_request(texts, role=None, lang=None, dim=None, width=1, name=self.name)
        if samples < 1 or max_tokens < 1:
            raise UsageError(f"samples is {samples} and max_tokens {max_tokens}; both must be positive")
        if samples > 1 and sampling is None:
            raise UsageError(f"{samples} samples of the likeliest tokens are all alike; sample, or take 1")
        if keys is not None and len(keys) != len(texts):
            raise UsageError(f"{len(keys)} keys for {len(texts)} texts; give one per text")
        keys = keys if keys is not None else [str(place) for place in range(len(texts))]
        out: list[list[NDArray[np.int64]]] = [[] for _ in texts]
        cut = 0
        for window in windows(texts):
            tokens = self._reader(texts[window.start : window.stop])
            cut += tokens.cut
            for rows in self._batches(tokens, samples):
                places = (rows + window.start).tolist()
                for first in range(0, samples, self._rows):  # more than that only where a text is alone
                    numbers = range(first, min(first + self._rows, samples))
                    chance = (
                        None if sampling is None else _chances(sampling, [keys[p] for p in places], numbers, max_tokens)
                    )
                    written = self._write(tokens, rows, len(numbers), sampling, chance, max_tokens)
                    for place, ids in zip(np.repeat(places, len(numbers)).tolist(), written, strict=True):
                        out[place].append(ids)
                advance(len(rows))
        if cut:
            logger.warning("%s: %d of %d texts are longer than %d tokens and were cut", self.name, cut, len(texts),
                           self.max_length)  # fmt: skip
        return out

    def _batches(self, tokens: Tokens, samples: int) -> Iterator[NDArray[np.int64]]:
        most = max(1, self._rows // samples)
        for rows in batches(tokens, self._budget):
            for start in range(0, len(rows), most):
                yield rows[start : start + most]

    def _write(
        self, tokens: Tokens, rows: NDArray[np.int64], samples: int, sampling: Sampling | None,
        chance: NDArray[np.float64] | None, max_tokens: int,
    ) -> list[NDArray[np.int64]]:  # fmt: skip
        feed = pad(tokens, rows)
        writing = self._steps.begin(self._steps.read(feed["input_ids"], feed["attention_mask"]), samples)
        written = np.full((len(rows) * samples, max_tokens), self._model.padding, np.int64)
        last, live = np.full(len(written), self._model.start, np.int64), np.arange(len(written))
        top_k = min(sampling.top_k if sampling else 1, self._model.vocabulary)
        for step in range(max_tokens):
            logits, ids = writing.next(last, live, top_k)
            column = np.zeros(len(live), np.int64)
            if sampling is not None and chance is not None:
                column = pick(logits, chance[live, step], temperature=sampling.temperature)
            last[:] = self._model.padding
            last[live] = written[live, step] = ids[np.arange(len(live)), column]
            live = live[~np.isin(last[live], self._model.stops)]
            if not len(live):
                break
        return [self._ended(row) for row in written]

    def _ended(self, row: NDArray[np.int64]) -> NDArray[np.int64]:
        """A row up to the token that ends it."""
        stops = np.flatnonzero(np.isin(row, self._model.stops))
        return row[: stops[0] + 1] if len(stops) else row


def _chances(sampling: Sampling, keys: Sequence[str], samples: range, steps: int) -> NDArray[np.float64]:
    """(texts * samples, steps), of the samples of these numbers."""
    return np.stack([draws(sampling.seed, key, number, steps) for key in keys for number in samples])


def _text_maker(path: Path) -> Callable[[list[list[int]]], list[str]]:
    """What turns token ids into text. Tokenisers made from a SentencePiece model read only: theirs is put together."""
    from tokenizers import Tokenizer, decoders

    tokenizer: Any = Tokenizer.from_file(str(path))
    if tokenizer.decoder is None and type(tokenizer.model).__name__ == "Unigram":
        tokenizer.decoder = decoders.Sequence(
            [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
        )
    return lambda rows: [text.strip() for text in tokenizer.decode_batch(rows, skip_special_tokens=True)]


def load_generator(
    name: str | Path, *, device: str = "auto", threads: int | None = None, max_length: int = _LONGEST
) -> Generator:
    """Load a model that reads a text and writes another: T5, mT5 or umT5, straight from its checkpoint.

    Args:
        name: a model folder (Hugging Face layout), or a hub id on disk; with ``:int8`` behind it, in 8 bits.
        device: ``auto`` (CUDA where it works), ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads; None for all cores.
        max_length: tokens of a text that are read, the last one (``</s>``) included.

    Raises:
        ModelError: not found, or not a model that writes; the message names the reason.
        DeviceError: CUDA was asked for and cannot be used, or the precision is not to be had.
        MissingExtraError: ONNX Runtime is not installed.
    """
    base, wanted = split_precision(name)
    if wanted not in (None, "fp32", "int8"):
        raise ModelError(f"{name}: these models overflow float16, and bf16 is not offered; take :int8, or no suffix")
    if max_length < 2:
        raise UsageError(f"max_length is {max_length}; read at least 2 tokens")
    model = open_seq2seq(locate(base))
    device = fitting_device(name, wanted, device)
    reader = TextTokenizer(model.tokenizer, max_length=max_length, settings=model.tokenizer_settings, threads=threads)
    if reader.size > model.vocabulary:
        raise ModelError(
            f"{model.tokenizer}: knows {reader.size} tokens, config.json only {model.vocabulary}; they belong to "
            "different models"
        )
    precision: Precision = "int8" if wanted == "int8" else "fp32"
    identity = model.identity(precision)
    steps = Steps(model, name=str(name), identity=identity, device=device, precision=precision, threads=threads)
    logger.info("generator %s (%s): %s, %d decoder layers, %s", name, identity[:12], model.config["model_type"],
                model.layers, precision)  # fmt: skip
    return Generator(name=str(name), hash=identity, model=model, reader=reader, steps=steps)
