"""Which map, and from which columns of the pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, Protocol, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.bitext.calibration.isotonic import fit_isotonic
from xret.bitext.calibration.logistic import fit_logistic
from xret.errors import EvalError, InputError, UsageError

__all__ = ["FEW", "METHODS", "Method", "ProbabilityMap", "column_values", "fit_map", "usual_columns"]

Floats = npt.NDArray[np.float64]
Method = Literal["auto", "isotonic", "logistic"]
METHODS: tuple[Method, ...] = get_args(Method)
FEW = 1000
"""Labelled pairs below which ``auto`` takes the logistic map: with fewer, isotonic regression fits noise
(Niculescu-Mizil & Caruana, "Predicting good probabilities with supervised learning", ICML 2005)."""


class ProbabilityMap(Protocol):
    """What both maps are."""

    @property
    def kind(self) -> str:
        """``isotonic`` or ``logistic``."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns of a pair that it reads."""

    def __call__(self, columns: Floats) -> Floats:
        """(n,) probabilities of (n, columns) values."""

    def fields(self) -> dict[str, Any]:
        """Plain values that make the same map again."""


def fit_map(
    pairs: pa.Table, labels: Floats, *, method: Method = "auto", columns: Sequence[str] = ("score",)
) -> ProbabilityMap:
    """Fit a map to labelled pairs.

    Args:
        pairs: with `columns`.
        labels: (n,) 1 for parallel, 0 for not, or between.
        method: ``isotonic`` (of the score alone), ``logistic``, or ``auto``: logistic below `FEW` pairs and for other
            columns than the score, else isotonic.
        columns: what the map reads; several need ``logistic``.

    Raises:
        UsageError: isotonic with other columns than the score, or an unknown method.
        EvalError: labels of one kind only, or none.
        InputError: a column that is missing, or not of numbers.
    """
    if method not in METHODS:
        raise UsageError(f"method '{method}' is unknown; wanted {', '.join(METHODS)}")
    alone = tuple(columns) == ("score",)
    if method == "isotonic" and not alone:
        raise UsageError(f"isotonic is a map of the score alone; for {', '.join(columns)} take logistic")
    if not len(labels) or labels.max() == labels.min():
        kind = "no pairs" if not len(labels) else "only right ones" if labels[0] else "no right ones"
        raise EvalError(
            f"found {kind} among {len(labels):,} labelled pairs; a probability map needs right and wrong ones"
        )
    values = column_values(pairs, columns)
    if method == "isotonic" or (method == "auto" and alone and len(labels) >= FEW):
        return fit_isotonic(values[:, 0], labels)
    return fit_logistic(values, labels, tuple(columns))


def usual_columns(method: Method, *tables: pa.Table) -> tuple[str, ...]:
    """What a map reads when nobody says: score and cosine where all tables have both and the method takes them.

    Together they tell right pairs better than the score alone: a high margin over far neighbours is worth less.
    """
    both = method != "isotonic" and all("cosine" in table.column_names for table in tables)
    return ("score", "cosine") if both else ("score",)


def column_values(pairs: pa.Table, columns: Sequence[str]) -> Floats:
    """(n, columns) float64 values.

    Raises:
        InputError: a column is missing, not of numbers, or holds empty, NaN or infinite values.
    """
    found = []
    for name in columns:
        if name not in pairs.column_names:
            raise InputError(
                f"pairs without '{name}', which the probability map reads; found {', '.join(pairs.column_names)} "
                f"(JSONL and Parquet keep what TSV drops)"
            )
        kind = pairs[name].type
        if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
            raise InputError(f"pairs: '{name}' is {kind}, wanted numbers")
        values = pairs[name].cast(pa.float64()).to_numpy()
        if not np.isfinite(values).all():
            row = int(np.argmin(np.isfinite(values))) + 1
            raise InputError(f"pairs: '{name}' of row {row} is empty, NaN or infinite; wanted a number")
        found.append(values)
    return np.column_stack(found)
