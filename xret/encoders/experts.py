"""An encoder made of several, one for each language or group of languages (LASER3's experts, a family of students)."""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import ExpertModels
from xret.encoders.encoder import Encoder, Losses
from xret.encoders.names import NamedPrecision
from xret.encoders.reading.passages import Passages
from xret.encoders.recipe import Role
from xret.encoders.runtime.batching import windows
from xret.errors import ModelError

__all__ = ["ExpertsEncoder"]

logger = logging.getLogger("xret")
_OPEN = 2  # experts in memory at a time: each is a whole model


class ExpertsEncoder(Encoder):
    """Gives each text to the expert of its language. All experts share one vector space and so one width."""

    def __init__(
        self,
        *,
        name: str,
        hash: str,
        models: ExpertModels,
        open_expert: Callable[[Checkpoint], Encoder],
        device: str,
        precision: NamedPrecision,
    ) -> None:
        """Put together; use `load_encoder`.

        Args:
            name: what the user called it.
            hash: over all experts.
            models: the experts.
            open_expert: loads one; the last ones used are kept.
            device: where they run.
            precision: they compute in.
        """
        self._assign(name=name, hash=hash, recipe=models.recipe(), device=device, precision=precision)
        self._models, self._open_expert = models, open_expert
        self._experts = OrderedDict[int, Encoder]()
        self._tokens: int | None = None  # of a batch, where it was said

    def encode_counted(
        self,
        texts: Sequence[str],
        *,
        role: Role | None = None,
        lang: Sequence[str] | None = None,
        dim: int | None = None,
        advance: Callable[[int], object] = lambda rows: None,
    ) -> tuple[NDArray[np.float32], Losses]:
        """As `Encoder.encode_counted`."""
        self._check(texts, role, lang, dim)
        out, losses = np.empty((len(texts), dim or self.dim), np.float32), Losses()
        for expert, rows in self._shares(texts, lang, losses):
            mine, tags = [texts[row] for row in rows], None if lang is None else [lang[row] for row in rows]
            out[rows], lost = expert.encode_counted(mine, role=role, lang=tags, dim=dim, advance=advance)
            losses.add(lost)
        return out, losses

    def encode_tokens(
        self, texts: Sequence[str], *, role: Role | None = None, lang: Sequence[str] | None = None
    ) -> list[NDArray[np.float32]]:
        """As `Encoder.encode_tokens`."""
        self._check(texts, role, lang)
        out: list[NDArray[np.float32]] = [np.empty((0, self.token_dim), np.float32)] * len(texts)
        for expert, rows in self._shares(texts, lang, Losses()):
            mine, tags = [texts[row] for row in rows], None if lang is None else [lang[row] for row in rows]
            if (expert.token_dim, expert.recipe.token_head) != (self.token_dim, self.recipe.token_head):
                raise ModelError(
                    f"{self.name}: the token vectors of {expert.name} are not made as those of its first model; "
                    "experts for MaxSim need the same head, or none"
                )
            for row, vectors in zip(rows, expert.encode_tokens(mine, role=role, lang=tags), strict=True):
                out[row] = vectors
        return out

    def passages(self, texts: Sequence[str], *, lang: Sequence[str] | None = None, **sizes: int | None) -> Passages:
        """As `Encoder.passages`, each text in its expert's tokens."""
        self._check(texts, "document", lang)
        pieces: list[list[str]] = [[]] * len(texts)
        for expert, rows in self._shares(texts, lang, Losses()):
            found = expert.passages([texts[row] for row in rows], lang=None, **sizes)
            begin = np.searchsorted(found.owner, np.arange(len(rows) + 1))
            for at, row in enumerate(rows.tolist()):
                pieces[row] = found.texts[begin[at] : begin[at + 1]]
        owner = np.repeat(np.arange(len(texts)), [len(own) for own in pieces])
        return Passages([text for own in pieces for text in own], owner)

    def batch(self, tokens: int) -> None:
        """As `Encoder.batch`."""
        self._tokens = tokens
        for expert in self._experts.values():
            expert.batch(tokens)

    def release(self) -> None:
        """As `Encoder.release`."""
        self._experts.clear()

    def report(self, cut: int, total: int, role: Role | None = None) -> None:
        """As `Encoder.report`; experts take texts of different lengths."""
        if cut:
            logger.warning("%s: %d of %d texts are longer than their expert takes and were cut", self.name, cut, total)

    def _shares(
        self, texts: Sequence[str], lang: Sequence[str] | None, losses: Losses
    ) -> Iterator[tuple[Encoder, NDArray[np.int64]]]:
        """Each window's texts by expert: sorting whole windows keeps the changes of expert few."""
        routed = self._models.route(lang if lang is not None else ["und"] * len(texts))
        self._tell_unknown(routed, self._models.languages.default, losses)
        code = routed.index
        for window in windows(texts):
            part = code[window.start : window.stop]
            for place in np.unique(part):
                yield self._expert(int(place)), np.flatnonzero(part == place) + window.start

    def _expert(self, place: int) -> Encoder:
        if place not in self._experts:
            while len(self._experts) >= _OPEN:
                self._experts.popitem(last=False)
            expert = self._open_expert(self._models.open(place))
            if expert.dim != self.dim:
                raise ModelError(
                    f"{self.name}: '{self._models.names[place]}' gives vectors of {expert.dim} values, "
                    f"'{self._models.names[0]}' of {self.dim}; experts must share one space"
                )
            if self._tokens is not None:
                expert.batch(self._tokens)
            self._experts[place] = expert
        self._experts.move_to_end(place)
        return self._experts[place]
