"""Malformed rows: the first one is an error, or all are counted and left out."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from xret.errors import CorpusError, UsageError

__all__ = ["Faults", "OnError", "Skipped", "check_on_error"]

OnError = Literal["fail", "skip"]


def check_on_error(on_error: str) -> None:
    """Raise UsageError unless `on_error` is ``"fail"`` or ``"skip"``."""
    if on_error not in ("fail", "skip"):
        raise UsageError(f"on_error is '{on_error}', wanted 'fail' or 'skip'")


@dataclass(frozen=True)
class Skipped:
    """What was left out of a corpus with ``on_error="skip"``."""

    counts: dict[str, int] = field(default_factory=dict)
    """Reason (``"empty line"``, ``"duplicate id"``, …) -> rows left out, most frequent first."""

    @property
    def total(self) -> int:
        """Rows left out."""
        return sum(self.counts.values())

    def summary(self) -> str:
        """One line, e.g. ``"skipped 3 malformed rows: 2 empty line, 1 duplicate id"``."""
        if not self.total:
            return "skipped no rows"
        reasons = ", ".join(f"{count:,} {reason}" for reason, count in self.counts.items())
        return f"skipped {self.total:,} malformed row{'s' * (self.total != 1)}: {reasons}"

    @staticmethod
    def of(counts: Counter[str]) -> Skipped:
        """From a counter, most frequent reason first, ties by name."""
        return Skipped(dict(sorted(counts.items(), key=lambda item: (-item[1], item[0]))))


@dataclass
class Faults:
    """The malformed rows of one block; several checks add to it, so that the earliest row is the one reported."""

    place: str
    """How to name a row in a message: ``"de.txt:{}"`` or ``"de.parquet: row {}"``."""
    counts: Counter[str] = field(default_factory=Counter)
    first: tuple[int, str] | None = None

    def add(self, numbers: Sequence[int] | npt.NDArray[np.int64], reason: str, message: str) -> None:
        """Record rows.

        Args:
            numbers: their line or row numbers, ascending, from 1; none is fine.
            reason: what they are counted under.
            message: what is wrong with the first of them.
        """
        if not len(numbers):
            return
        self.counts[reason] += len(numbers)
        if self.first is None or numbers[0] < self.first[0]:
            self.first = (int(numbers[0]), message)

    def settle(self, on_error: OnError, totals: Counter[str]) -> None:
        """Add the counts to `totals`, or raise CorpusError for the earliest row when `on_error` is ``"fail"``."""
        if self.first is not None and on_error == "fail":
            number, message = self.first
            place = self.place.replace("{}", str(number))
            raise CorpusError(f"{place}: {message} (--on-error skip, where a command has it, leaves such rows out)")
        totals.update(self.counts)
