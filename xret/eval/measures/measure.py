"""What a measure is: a value with a name, perhaps parameters and a cutoff, and one number for every query."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, fields
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

    The spelling is ``NAME[:PARAMETER[,PARAMETER...]][@k]``, of letters that no shell gives a meaning: the nDCG' of the
    literature is ``nDCG:judged``, as an apostrophe opens a string there and parentheses a subshell.

    Attributes:
        cutoff: only the first so many documents count; None: all retrieved.
        judged: unjudged documents are taken out of the run first (the condensed list): nDCG', AP' and so on, of Sakai,
            "Alternatives to bpref", SIGIR 2007.
        rel: the least relevance that counts as relevant, for measures that know nothing between: trec_eval's ``-l``.
    """

    cutoff: int | None = None
    judged: bool = field(default=False, kw_only=True)
    rel: int = field(default=1, kw_only=True)

    name: ClassVar[str]
    cuts: ClassVar[Literal["always", "maybe", "never"]] = "maybe"  # whether the spelling has an "@k"
    takes: ClassVar[tuple[str, ...]] = ("judged", "rel")  # parameters that may be spelled, in this order

    def __post_init__(self) -> None:
        """Check the cutoff and the level."""
        if self.cutoff is None and self.cuts == "always":
            raise UsageError(f"measure {self.name} needs a cutoff, as in {self.name}@10")
        if self.cutoff is not None and self.cuts != "never" and self.cutoff < 1:
            raise UsageError(f"measure {self.name} cannot be cut at {self.cutoff}; k must be at least 1")
        if self.cutoff is not None and self.cuts == "never":
            raise UsageError(f"measure {self.name} cannot be cut at {self.cutoff}; wanted {self.usage()}")
        if self.rel < 1:
            raise UsageError(f"measure {self.name}: rel is {self.rel}; the least relevance that counts is 1 or more")
        for name in ("judged", "rel"):
            if name not in self.takes and getattr(self, name) != type(self).__dataclass_fields__[name].default:
                raise UsageError(f"measure {self.name} has no parameter '{name}'; wanted {self.usage()}")

    def __repr__(self) -> str:
        """The spelling."""
        given = {one.name: getattr(self, one.name) for one in fields(self) if getattr(self, one.name) != one.default}
        said = [name if given[name] is True else f"{name}={given[name]}" for name in self.takes if name in given]
        head = self.name + (":" + ",".join(said) if said else "")
        return head if self.cutoff is None else f"{head}@{self.cutoff}"

    @classmethod
    def usage(cls) -> str:
        """How it may be spelled: ``P@k``, ``nDCG[@k]`` or ``Rprec``."""
        return cls.name + {"always": "@k", "maybe": "[@k]", "never": ""}[cls.cuts]

    def per_query(self, judged: Judged) -> Floats:
        """(n,) float64 values between 0 and 1, for the queries `judged.qids`; 0 for a query without results."""
        return self._values((judged.condensed if self.judged else judged).from_level(self.rel))

    @abstractmethod
    def _values(self, judged: Judged) -> Floats:
        """`per_query`, where `judged` has the documents and the level that the parameters ask for."""


def ratio(above: npt.NDArray[np.generic], below: npt.NDArray[np.generic]) -> Floats:
    """Elementwise quotient, 0 where the divisor is 0: what trec_eval gives a query that has nothing to find."""
    result = np.zeros(len(above), np.float64)
    np.divide(above, below, out=result, where=below != 0)
    return result
