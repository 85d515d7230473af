"""Vectors that do not depend on what else is encoded at the same time, to the last bit.

The sums of a matrix product, and of a mean over tokens, are added up in an order that depends on the shape of a batch:
a text's vector moves by some 1e-7 with its company. A server that answers the queries of many people together must not
let one see the others. Here the shape that a text is computed in depends on the text alone: padded to the next of a
few lengths, and never by itself (one row may be multiplied by another kernel than several). Where this is not enough
for a runtime or a precision (int8 takes its scales from the whole batch), every text is a batch of its own.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.graphs.heads import SENTENCE
from xret.encoders.recipe import Role

if TYPE_CHECKING:
    from xret.encoders.encoder import Encoder

__all__ = ["STEPS", "padded_length", "steady"]

STEPS = (16, 32, 48, 64, 96, 128, 192, 256, 384, 512)  # tokens; beyond, multiples of the last
TOKENS = 1 << 14  # of a batch: an encoder cuts it further for its caches
_PROBES = ("rain", "the quick brown fox", "Wo steht das?", "鉄道の駅はどこですか", "a much longer text " * 6, "x " * 40)
logger = logging.getLogger("xret")


def padded_length(tokens: int) -> int:
    """The length that a text of so many tokens is padded to."""
    for step in STEPS:
        if tokens <= step:
            return step
    return -(-tokens // STEPS[-1]) * STEPS[-1]


def steady(encoder: Encoder) -> Encoder:
    """The same encoder, from now on steady: equal texts give equal bytes in whatever company; see above.

    A few texts are encoded alone and together, to see whether their shapes are enough.
    """
    sessions = getattr(encoder, "_sessions", None)
    if sessions is None or isinstance(sessions, _Sessions):  # experts: each text by its language's model, of its own
        return encoder
    wrapped = _Sessions(sessions)
    encoder._sessions = wrapped  # type: ignore[assignment]
    encoder.batch(TOKENS)
    wrapped.alone = not _is_steady(encoder)
    if wrapped.alone:
        logger.info("encoder %s: a vector depends on its batch; every text is a batch of its own", encoder.name)
    return encoder


class _Sessions:
    """As `xret.encoders.runtime.sessions.Sessions`, of steady sessions."""

    def __init__(self, sessions: Any) -> None:
        self._sessions, self.alone = sessions, False

    def __call__(self, output: str, role: Role | None = None) -> _Session:
        return _Session(self._sessions(output, role), self)

    def close(self) -> None:
        """Close all."""
        self._sessions.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sessions, name)


class _Session:
    """As `xret.encoders.runtime.session.Session`, in shapes that depend on each text alone."""

    def __init__(self, session: Any, owner: _Sessions) -> None:
        self._session, self._owner = session, owner

    def run(self, feed: Mapping[str, NDArray[np.int64]], output: str) -> NDArray[np.float32]:
        """One output; see `run_all`."""
        return self.run_all(feed, [output])[0]

    def run_all(self, feed: Mapping[str, NDArray[np.int64]], outputs: Sequence[str]) -> list[NDArray[np.float32]]:
        """Several outputs; those per token are padded to the longest of the batch."""
        ids, mask = feed["input_ids"], feed["attention_mask"]
        rest = {name: value for name, value in feed.items() if name not in ("input_ids", "attention_mask")}
        used = np.where((ids != 0) | (mask != 0), np.arange(1, ids.shape[1] + 1), 1).max(axis=1, initial=1)
        shape = np.array([padded_length(int(length)) for length in used])
        if self._owner.alone:
            groups = [np.array([row]) for row in range(len(ids))]
        else:
            groups = [np.flatnonzero(shape == length) for length in np.unique(shape)]
        out: list[NDArray[np.float32]] = []
        for rows in groups:
            length = int(shape[rows[0]])
            found = self._session.run_all({**_shaped(ids, mask, rows, length), **rest}, outputs)
            if not out:
                more = [0 if name == SENTENCE else int(shape.max()) - length for name in outputs]
                out = [_room(values, len(ids), wider) for values, wider in zip(found, more, strict=True)]
            for whole, values in zip(out, found, strict=True):
                whole[rows, : values.shape[1]] = values[: len(rows)]
        return out


def _shaped(
    ids: NDArray[np.int64], mask: NDArray[np.int64], rows: NDArray[np.int64], length: int
) -> dict[str, NDArray[np.int64]]:
    """Some rows, padded to a length; the only row twice."""
    rows = np.repeat(rows, 2) if len(rows) == 1 else rows
    kept = min(length, ids.shape[1])
    made = {}
    for name, values in (("input_ids", ids), ("attention_mask", mask)):
        made[name] = np.zeros((len(rows), length), np.int64)
        made[name][:, :kept] = values[rows, :kept]
    return made


def _room(values: NDArray[np.float32], rows: int, wider: int) -> NDArray[np.float32]:
    """Zeros for all rows, the second axis so much wider than that of these."""
    return np.zeros((rows, values.shape[1] + wider, *values.shape[2:]), np.float32)


def _is_steady(encoder: Encoder) -> bool:
    """Whether some texts give the same bytes alone, in pairs and all together."""
    texts = list(_PROBES)

    def same(alone: list[Any], together: Any) -> bool:
        return all(np.array_equal(one, other) for one, other in zip(alone, together, strict=True))

    if encoder.dim:
        vectors = [encoder.encode([text], role="query")[0] for text in texts]
        if not same(vectors, encoder.encode(texts, role="query")) or not same(
            vectors[:2], encoder.encode(texts[:2], role="query")
        ):
            return False
    if encoder.token_dim and not encoder.dim:
        tokens = [encoder.encode_tokens([text], role="query")[0] for text in texts]
        return same(tokens, encoder.encode_tokens(texts, role="query"))
    return True
