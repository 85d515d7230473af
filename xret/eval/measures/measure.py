"""What a measure is: a value with a name, perhaps a cutoff, and one number for every query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt

from xret.errors import UsageError
from xret.eval.judged import Judged

__all__ = ["Floats", "Measure", "ratio"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, repr=False)
class Measure(ABC):
    """One measure; `str` and `repr` give its one spelling (``nDCG@20``), which `parse_measure` reads back.

    Attributes:
        cutoff: only the first so many documents count; None: all retrieved.
    """

    cutoff: int | None = None

    name: ClassVar[str]
    cuts: ClassVar[Literal["always", "maybe", "never"]] = "maybe"  # whether the spelling has an "@k"

    def __post_init__(self) -> None:
        """Check the cutoff."""
        if self.cutoff is None and self.cuts == "always":
            raise UsageError(f"measure {self.name} needs a cutoff, as in {self.name}@10")
        if self.cutoff is not None and self.cuts != "never" and self.cutoff < 1:
            raise UsageError(f"measure {self.name} cannot be cut at {self.cutoff}; k must be at least 1")
        if self.cutoff is not None and self.cuts == "never":
            raise UsageError(f"measure {self.name} cannot be cut at {self.cutoff}; wanted {self.usage()}")

    def __repr__(self) -> str:
        """The spelling."""
        return self.name if self.cutoff is None else f"{self.name}@{self.cutoff}"

    @classmethod
    def usage(cls) -> str:
        """How it may be spelled: ``P@k``, ``nDCG[@k]`` or ``Rprec``."""
        return cls.name + {"always": "@k", "maybe": "[@k]", "never": ""}[cls.cuts]

    @abstractmethod
    def per_query(self, judged: Judged) -> Floats:
        """(n,) float64 values between 0 and 1, for the queries `judged.qids`; 0 for a query without results."""


def ratio(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Floats:
    """Elementwise quotient, 0 where the divisor is 0: what trec_eval gives a query that has nothing to find."""
    result = np.zeros(len(above), np.float64)
    np.divide(above, below, out=result, where=below != 0)
    return result
