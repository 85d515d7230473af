"""What a map from scores to relevance was fitted on, so that it is not put on scores of another kind."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.stages.merging.lists import Lists

__all__ = ["Origin"]

WIDER, LARGER = 10, 5  # how far spreads and medians of one kind of scores may be apart
logger = logging.getLogger("xret")


@dataclass(frozen=True)
class Origin:
    """The run of a fit.

    Attributes:
        queries: whether it said the languages of the queries (`qlang`).
        tag: its name; "" where it had none, or several.
        scores: the 5 %, 50 % and 95 % quantiles of its scores.
    """

    queries: bool
    tag: str
    scores: tuple[float, float, float]

    @staticmethod
    def of(lists: Lists) -> Origin:
        """Of a run."""
        low, middle, high = np.quantile(lists.score, [0.05, 0.5, 0.95]).tolist()
        return Origin(_said(lists.run), _tag(lists.run), (low, middle, high))

    @staticmethod
    def read(fields: Mapping[str, Any] | None) -> Origin | None:
        """What `fields` gave; None for None.

        Raises:
            KeyError, TypeError, ValueError: it is something else.
        """
        if fields is None:
            return None
        low, middle, high = map(float, fields["scores"])
        if not low <= middle <= high < np.inf:
            raise ValueError("scores")
        return Origin(bool(fields["queries"]), str(fields["tag"]), (low, middle, high))

    def fields(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def check(self, lists: Lists) -> None:
        """Refuse a run that the map says nothing of.

        Raises:
            EvalError: the run does not say the languages of its queries, and the fitted one did, or its scores are of
                another size.
        """
        if not lists.run.num_rows:
            return
        if self.queries and not _said(lists.run):
            raise EvalError(
                "run: does not say the languages of its queries (column 'qlang'), and the map was fitted on one that "
                "does; give their languages (xret fuse --queries, xret search --query-lang), or fit the map "
                "without them"
            )
        now = Origin.of(lists)
        if self._other(now.scores):
            ours, theirs = (f"{scores[0]:.3g} to {scores[2]:.3g}" for scores in (self.scores, now.scores))
            name = f" (run '{self.tag}')" if self.tag else ""
            raise EvalError(
                f"run: its scores are mostly {theirs}, the map was fitted on scores of {ours}{name}; fit it on scores "
                "of the same kind, by 'xret eval calibration --save'"
            )
        if self.tag and now.tag and self.tag != now.tag:
            logger.warning("the map was fitted on run '%s' and is used for run '%s'", self.tag, now.tag)

    def _other(self, scores: tuple[float, float, float]) -> bool:
        """Whether scores lie wholly elsewhere, or are of another order of magnitude."""
        (low, middle, high), spread = self.scores, self.scores[2] - self.scores[0]
        if not low - spread <= scores[1] <= high + spread:
            return spread > 0
        wide, large = _ratio(scores[2] - scores[0], spread), _ratio(scores[1], middle)
        return wide > WIDER and large > LARGER


def _ratio(one: float, other: float) -> float:
    small, large = sorted((abs(one), abs(other)))
    return large / small if small else 1.0


def _said(run: pa.Table) -> bool:
    if "qlang" not in run.column_names:
        return False
    return any(name not in (None, "und") for name in pc.unique(run["qlang"].cast(pa.string())).to_pylist())


def _tag(run: pa.Table) -> str:
    tags = pc.unique(run["tag"].cast(pa.string())).to_pylist() if "tag" in run.column_names else []
    return str(tags[0]) if len(tags) == 1 and tags[0] else ""
