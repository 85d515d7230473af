"""A calibration: probability map, threshold, and what they were fitted on, in a JSON file."""

from __future__ import annotations

import json
import reprlib
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.artifact import atomic_file
from xret.bitext.calibration.fitting import ProbabilityMap, column_values
from xret.bitext.calibration.isotonic import Isotonic
from xret.bitext.calibration.logistic import Logistic
from xret.errors import InputError, MismatchError
from xret.margins import MARGINS, margin_scores

__all__ = ["PROBABILITY", "Calibration", "Scoring", "margin_of"]

Scoring = Literal["ratio", "distance", "absolute", "ratio+tokens", "distance+tokens", "absolute+tokens"]
"""What a score is: a margin, alone or corrected by token vectors (see `xret.stages.rescoring`)."""
TOKENS = "+tokens"

PROBABILITY = "probability"
"""The column of P(parallel): float32."""


@dataclass(frozen=True)
class Calibration:
    """What `xret tune` finds out.

    It holds for pairs mined as those it was fitted on: same encoder, margin, k, way to choose pairs, and corpora of
    like size and parallel share. A pair counts in its own neighbour means, so k and the size of the corpora move all
    margins.

    Attributes:
        probability: from columns of a pair to P(parallel).
        threshold: of the score, with the best F1 there.
        least: of P(parallel), with the best F1 there; the better cut where the map reads more than the score.
        margin: of the scores, where known.
        fitted: what it was fitted on, as plain values; for people.
    """

    probability: ProbabilityMap
    threshold: float
    least: float
    margin: Scoring | None = None
    fitted: Mapping[str, Any] = field(default_factory=dict)

    def probabilities(self, pairs: pa.Table, *, margin: Scoring | None = None) -> npt.NDArray[np.float64]:
        """(n,) P(parallel) of the pairs, not rounded as the column is.

        Args:
            pairs: with the columns that the map reads.
            margin: of their scores, where known.

        Raises:
            MismatchError: scores by another margin than those that the map was fitted on.
            InputError: a column is missing or holds no numbers.
        """
        found = margin or margin_of(pairs)
        if found and self.margin and found != self.margin:
            raise MismatchError(f"scores are by {found} margin, the calibration is of {self.margin} scores; tune again")
        return self.probability(column_values(pairs, self.probability.columns))

    def with_probability(
        self, pairs: pa.Table, *, margin: Scoring | None = None, least: float | None = None
    ) -> pa.Table:
        """The pairs, in their order, with a column `probability: float32`, the last or in place of an earlier one.

        Args:
            pairs: with the columns that the map reads.
            margin: of their scores, where known.
            least: leave out pairs with a lower P(parallel), compared before it is rounded.

        Raises:
            MismatchError, InputError: as `probabilities`.
        """
        values = self.probabilities(pairs, margin=margin)
        column = pa.chunked_array([pa.array(values.astype(np.float32))])
        if PROBABILITY in pairs.column_names:
            pairs = pairs.set_column(pairs.column_names.index(PROBABILITY), PROBABILITY, column)
        else:
            pairs = pairs.append_column(PROBABILITY, column)
        return pairs if least is None else pairs.filter(pa.array(values >= least))

    def kept(self, pairs: pa.Table, *, margin: Scoring | None = None) -> pa.Table:
        """The pairs with a probability of at least `least`, with that column; raises as `with_probability`."""
        return self.with_probability(pairs, margin=margin, least=self.least)

    def save(self, path: str | Path) -> None:
        """Write the file, atomically; equal calibrations give equal bytes."""
        fields = {
            "kind": "calibration",
            "format": 1,
            "margin": self.margin,
            "threshold": self.threshold,
            "least": self.least,
            "map": {"kind": self.probability.kind, **self.probability.fields()},
            "fitted": dict(self.fitted),
        }
        with atomic_file(Path(path)) as temporary:
            temporary.write_text(json.dumps(fields, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path) -> Calibration:
        """Read what `save` wrote.

        Raises:
            InputError: no such file, or not a calibration.
        """
        path = Path(path)
        if not path.is_file():
            raise InputError(f"{path}: no such file; wanted a calibration, which 'xret tune PAIRS -o FILE' writes")
        try:
            fields = json.loads(path.read_text(encoding="utf-8"))
        except (ValueError, RecursionError) as error:
            raise InputError(f"{path}: not JSON in UTF-8 ({error}); wanted a calibration by 'xret tune'") from error
        try:
            return cls._of(fields)
        except (InputError, KeyError) as error:
            said = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{path}: not a calibration by 'xret tune' ({said})") from error

    @classmethod
    def _of(cls, fields: Any) -> Calibration:
        if not isinstance(fields, dict) or fields.get("kind") != "calibration" or fields.get("format") != 1:
            raise InputError("wanted an object of kind 'calibration', format 1")
        made, fitted, margin = fields["map"], fields["fitted"], fields["margin"]
        if not isinstance(made, dict) or not isinstance(fitted, dict):
            raise InputError("wanted objects for 'map' and 'fitted'")
        if made.get("kind") not in ("isotonic", "logistic"):
            raise InputError(f"map of kind {_short(made.get('kind'))}; wanted isotonic or logistic")
        threshold, least = _number(fields, "threshold"), _number(fields, "least")
        if not 0 <= least <= 1 or (margin is not None and margin not in get_args(Scoring)):
            raise InputError(f"threshold {threshold}, least {least}, margin {_short(margin)}")
        if made["kind"] == "isotonic":
            return cls(
                Isotonic(_numbers(made, "scores"), _numbers(made, "probabilities")), threshold, least, margin, fitted
            )
        columns = made["columns"]
        if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
            raise InputError(f"columns {_short(columns)}; wanted a list of names")
        found = Logistic(tuple(columns), _numbers(made, "weights"), _number(made, "bias"))
        return cls(found, threshold, least, margin, fitted)


def _number(fields: Mapping[str, Any], name: str) -> float:
    return _numbers({name: [fields[name]]}, name)[0]


def _numbers(fields: Mapping[str, Any], name: str) -> tuple[float, ...]:
    """A list of finite numbers of a JSON object."""
    values = fields[name]
    if not isinstance(values, list):
        raise InputError(f"{name} is {_short(values)}; wanted a list of numbers")
    found = []
    for value in values:
        good = isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= sys.float_info.max
        if not good:
            raise InputError(f"{name} is {_short(value)}; wanted a finite number")
        found.append(float(value))
    return tuple(found)


def _short(value: Any) -> str:
    """A value of a file in a message."""
    text = reprlib.repr(value)
    return text if len(text) <= 40 else f"{text[:40]}…"


def margin_of(pairs: pa.Table) -> Scoring | None:
    """Which margin the scores are by: told from `score, cosine, src_mean, tgt_mean` where all are there and agree.

    Where there are `margin` and `tokens`, too, the margin is told from the former, and the score is one with tokens.
    """
    again = {"margin", "tokens"} <= set(pairs.column_names)
    names = ("margin" if again else "score", "cosine", "src_mean", "tgt_mean")
    if not set(names) <= set(pairs.column_names) or not pairs.num_rows:
        return None
    try:
        score, cosine, src, tgt = column_values(pairs.slice(0, 1000), names).T
    except InputError:
        return None
    for margin in MARGINS:
        if np.allclose(margin_scores(cosine, src, tgt, margin), score, rtol=1e-4, atol=1e-5):
            return cast("Scoring", margin + TOKENS) if again else margin
    return None
