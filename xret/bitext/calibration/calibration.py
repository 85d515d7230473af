"""A calibration: probability map, threshold, and what they were fitted on, in a JSON file."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast, get_args

import numpy as np
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
_MAKERS: dict[str, tuple[Callable[..., ProbabilityMap], tuple[str, ...]]] = {
    "isotonic": (Isotonic, ("scores", "probabilities")),
    "logistic": (Logistic, ("columns", "weights", "bias")),
}


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

    def with_probability(self, pairs: pa.Table, *, margin: Scoring | None = None) -> pa.Table:
        """The pairs, rows as they were, with a column `probability: float32`, the last or in place of an earlier one.

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
        values = self.probability(column_values(pairs, self.probability.columns))
        column = pa.chunked_array([pa.array(values.astype(np.float32))])
        if PROBABILITY in pairs.column_names:
            return pairs.set_column(pairs.column_names.index(PROBABILITY), PROBABILITY, column)
        return pairs.append_column(PROBABILITY, column)

    def kept(self, pairs: pa.Table, *, margin: Scoring | None = None) -> pa.Table:
        """The pairs with a probability of at least `least`, with that column; raises as `with_probability`."""
        found = self.with_probability(pairs, margin=margin)
        return found.filter(pa.array(found[PROBABILITY].to_numpy() >= self.least))

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
        except ValueError as error:
            raise InputError(f"{path}: not JSON in UTF-8 ({error}); wanted a calibration by 'xret tune'") from error
        try:
            return cls._of(fields)
        except (InputError, KeyError, TypeError, ValueError) as error:
            said = f"no {error}" if isinstance(error, KeyError) else str(error)
            raise InputError(f"{path}: not a calibration by 'xret tune' ({said})") from error

    @classmethod
    def _of(cls, fields: Any) -> Calibration:
        if not isinstance(fields, dict) or fields.get("kind") != "calibration" or fields.get("format") != 1:
            raise InputError("wanted an object of kind 'calibration', format 1")
        made = fields["map"]
        if made.get("kind") not in _MAKERS:
            raise InputError(f"map of kind {made.get('kind')!r}; wanted {' or '.join(_MAKERS)}")
        maker, names = _MAKERS[made["kind"]]
        threshold, least, margin = float(fields["threshold"]), float(fields["least"]), fields["margin"]
        if not math.isfinite(threshold) or not 0 <= least <= 1 or margin not in (None, *get_args(Scoring)):
            raise InputError(f"threshold {threshold}, least {least}, margin {margin!r}")
        values = (tuple(value) if isinstance(value := made[name], list) else value for name in names)
        return cls(maker(*values), threshold, least, margin, fields["fitted"])


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
