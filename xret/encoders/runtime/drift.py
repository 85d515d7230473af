"""How far an encoder's vectors are from those of the same model in another precision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xret.errors import InputError, MismatchError

__all__ = ["Drift", "drift"]


class _Encodes(Protocol):
    def encode(self, texts: Sequence[str], /) -> NDArray[np.float32]: ...


@dataclass(frozen=True, kw_only=True)
class Drift:
    """Cosines between the vectors that two encoders give the same texts."""

    texts: int
    mean: float
    low: float  # the first percentile
    minimum: float


def drift(encoder: _Encodes, reference: _Encodes, texts: Sequence[str]) -> Drift:
    """Compare sentence vectors text by text.

    Args:
        encoder: e.g. ``load_encoder("NAME:int8")``.
        reference: e.g. ``load_encoder("NAME:fp32")``; both give rows of length 1.
        texts: at least one; a few hundred of real use tell the mean to three places.

    Raises:
        InputError: there are no texts.
        MismatchError: the vectors are not of one width.
    """
    if not texts:
        raise InputError("drift is measured on texts, and there are none")
    ours, theirs = encoder.encode(texts), reference.encode(texts)
    if ours.shape != theirs.shape:
        raise MismatchError(f"vectors of width {ours.shape[1]} and {theirs.shape[1]} are not of one model")
    cosines = np.einsum("td,td->t", ours, theirs, dtype=np.float64)
    low, minimum = np.percentile(cosines, 1), cosines.min()
    return Drift(texts=len(texts), mean=float(cosines.mean()), low=float(low), minimum=float(minimum))
