"""Which maps are fitted. They are applied in the order: outliers, centre, remove top, whiten, orthogonal or linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from xret.errors import UsageError

__all__ = ["Plan"]


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps.

    Attributes:
        outliers: ``standardise`` every dimension (subtract its mean, divide by its deviation) or ``zero`` those that
            make up more than `outlier_share` of the mean cosine (Timkey & van Schijndel 2021).
        outlier_share: see `outliers`; of 1.
        centre: subtract the mean of the text's language (Libovický et al. 2020).
        remove_top: principal components taken out, after the common mean (Mu & Viswanath 2018).
        whiten: subtract the common mean, and make the covariance the identity (Su et al. 2021).
        shrinkage: of that covariance towards a multiple of the identity, 0 to 1.
        dim: values kept of the whitened vectors, those of the largest variance first; None for all.
        fit: ``orthogonal`` (Procrustes; Xing et al. 2015, Smith et al. 2017) or ``linear`` (ridge regression) matrix
            from each text to its target.
        ridge: how many further texts would pull as hard against the matrix: towards leaving vectors as they are (for a
            teacher, towards 0), and in a language's own, towards that of all.
        per_language: a matrix for each language, not one for all.
    """

    outliers: Literal["standardise", "zero"] | None = None
    outlier_share: float = 0.05
    centre: bool = False
    remove_top: int = 0
    whiten: bool = False
    shrinkage: float = 0.3
    dim: int | None = None
    fit: Literal["orthogonal", "linear"] | None = None
    ridge: float = 1000.0
    per_language: bool = False

    def __post_init__(self) -> None:
        """Refuse what means nothing.

        Raises:
            UsageError: no step at all, an option of a step that is not taken, or a number out of its range.
        """
        if not (self.outliers or self.centre or self.remove_top or self.whiten or self.fit):
            raise UsageError(
                "there is no map to fit; give --orthogonal, --linear, --centre, --whiten, --remove-top or --outliers"
            )
        if self.dim is not None and not self.whiten:
            raise UsageError("--dim keeps the first whitened values; give --whiten too")
        if self.per_language and not self.fit:
            raise UsageError("--per-language is of matrices; give --orthogonal or --linear too")
        for name, value in (("shrinkage", self.shrinkage), ("outlier-share", self.outlier_share)):
            if not 0 <= value <= 1:
                raise UsageError(f"--{name} {value} is outside 0..1")
        if not 0 <= self.ridge < float("inf"):
            raise UsageError(f"--ridge {self.ridge} is no number from 0")

    @property
    def by_language(self) -> bool:
        """Whether a text's language is needed."""
        return self.centre or self.per_language

    def steps(self, width: int, out: int, target: str) -> tuple[str, ...]:
        """In words.

        Args:
            width: of the vectors that go in.
            out: of those that come out.
            target: what the matrix leads to.
        """
        matrix = f"{self.fit} map{' of each language' if self.per_language else ''} to {target}"
        taken = {
            "outlier dimensions zeroed" if self.outliers == "zero" else "dimensions standardised": self.outliers,
            "language means subtracted": self.centre,
            f"top {self.remove_top} components removed": self.remove_top,
            f"whitened{f' to {self.dim} of {width} values' if self.dim else ''}": self.whiten,
            matrix: self.fit,
        }
        return tuple(step for step, there in taken.items() if there)
