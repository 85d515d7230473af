"""Fits the steps of a plan one after the other, and composes them to one affine map for each language."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xret.encoders.adapting.closed_forms import (
    Affine,
    outlier_shares,
    procrustes,
    ridge,
    standardised,
    whitened,
    without_top,
    zeroed,
)
from xret.encoders.adapting.plan import Plan
from xret.errors import InputError

__all__ = ["FittedMap", "Material", "fit_map"]

Vectors = NDArray[np.float32]
Places = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Material:
    """Encoded text to fit to.

    Attributes:
        anchors: (m, width) vectors of the texts that others are to come to: each English sentence once.
        texts: (n, width) vectors of their translations.
        anchor_of: (n,) each translation's row in `anchors`.
        anchor_group: (m,) the language of each anchor, as a number.
        text_group: (n,) likewise.
        targets: (m, target width) where each anchor and its translations shall come to, None for where it is.
    """

    anchors: Vectors
    texts: Vectors
    anchor_of: Places
    anchor_group: Places
    text_group: Places
    targets: Vectors | None = None


@dataclass(frozen=True, kw_only=True)
class FittedMap:
    """One affine map for each language, and one for all others.

    Attributes:
        weight: (1 or rows, width, out) float32.
        offset: (rows, out) float32.
        row_of: the row of a language's number; others have row 0, which was fitted to all texts together.
        shares: dimension -> its part of the mean cosine before, the five largest first.
    """

    weight: Vectors
    offset: Vectors
    row_of: dict[int, int]
    shares: dict[int, float]

    def __call__(self, vectors: Vectors, rows: Places) -> Vectors:
        """Rows of length 1, mapped.

        Args:
            vectors: (n, width) rows of length 1.
            rows: (n,) the row of each text's language.
        """
        out = np.empty((len(vectors), self.offset.shape[1]), np.float32)
        for row in np.unique(rows):
            own = rows == row
            out[own] = vectors[own] @ self.weight[row if len(self.weight) > 1 else 0] + self.offset[row]
        out = unit(out)
        out[~out.any(axis=1)] = np.eye(1, out.shape[1], dtype=np.float32)
        return out


def unit(rows: Vectors) -> Vectors:
    """Rows divided by their length; rows of zeros stay."""
    found: Vectors = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-12)
    return found


def fit_map(plan: Plan, material: Material, *, least: int) -> FittedMap:
    """Fit a plan.

    Args:
        plan: the steps.
        material: to fit to.
        least: texts that a language must have for a mean or a matrix of its own.

    Raises:
        InputError: there is too little text, or its vectors do not determine a step.
    """
    return _Fit(plan, material, least).map()


class _Fit:
    def __init__(self, plan: Plan, material: Material, least: int) -> None:
        self._plan, self._of = plan, material
        self._vectors = np.concatenate([material.anchors, material.texts])
        if len(self._vectors) < 2:
            raise InputError(f"{len(self._vectors)} texts are too few to fit a map to")
        self._group = np.concatenate([material.anchor_group, material.text_group])
        groups, counts = np.unique(self._group, return_counts=True)
        known = groups[(counts >= least) & (groups >= 0) & plan.by_language]
        self._row_of = {int(group): row for row, group in enumerate(known, 1)}
        self._rows = np.array([self._row_of.get(int(group), 0) for group in self._group], np.int64)

    def map(self) -> FittedMap:
        shares = outlier_shares(self._vectors)
        top = np.argsort(-shares)[:5]
        common = self._outliers(Affine.identity(self._vectors.shape[1]))
        before = common  # of the centring
        means = self._means(common(self._vectors))
        rows = common(self._vectors) - means[self._rows].astype(np.float32)
        after = self._after(rows)
        rows = after(rows)
        matrices = self._matrices(unit(rows))
        maps = [
            before.then(Affine(np.eye(len(mean)), -mean)).then(after).then(Affine(matrix, np.zeros(matrix.shape[1])))
            for mean, matrix in zip(means, matrices, strict=True)
        ]
        weights = [one.weight for one in maps] if self._plan.per_language else [maps[0].weight]
        return FittedMap(
            weight=np.stack(weights).astype(np.float32), offset=np.stack([one.offset for one in maps], dtype=np.float32,
            casting="same_kind"), row_of=self._row_of, shares={int(place): float(shares[place]) for place in top},
        )  # fmt: skip

    def _outliers(self, before: Affine) -> Affine:
        if self._plan.outliers == "standardise":
            return before.then(standardised(self._vectors))
        if self._plan.outliers == "zero":
            return before.then(zeroed(self._vectors, self._plan.outlier_share))
        return before

    def _means(self, rows: Vectors) -> NDArray[np.float64]:
        """What each row of the table subtracts: the mean of its language; the first one, the mean of these means."""
        means = np.zeros((1 + len(self._row_of), rows.shape[1]))
        if self._plan.centre:
            groups = np.unique(self._group)
            of_groups = [rows[self._group == group].mean(axis=0, dtype=np.float64) for group in groups]
            means[0] = np.mean(of_groups, axis=0)
            for group, mean in zip(groups, of_groups, strict=True):
                if row := self._row_of.get(int(group)):
                    means[row] = mean
        return means

    def _after(self, rows: Vectors) -> Affine:
        """The steps between centring and the matrix."""
        found = Affine.identity(rows.shape[1])
        if self._plan.remove_top:
            found = found.then(without_top(rows, self._plan.remove_top))
        if self._plan.whiten:
            found = found.then(whitened(found(rows), shrinkage=self._plan.shrinkage, dim=self._plan.dim))
        return found

    def _matrices(self, rows: Vectors) -> list[NDArray[np.float64]]:
        """The matrix of each row of the table; the first one, that of all texts.

        They have no offset, and so the length of a row does not matter: all are of length 1 here.
        """
        if not self._plan.fit:
            return [np.eye(rows.shape[1])] * (1 + len(self._row_of))
        count = len(self._of.anchors)
        targets = rows[:count] if self._of.targets is None else self._of.targets
        goal = np.concatenate([targets, targets[self._of.anchor_of]])
        self._check(rows.shape[1], goal.shape[1])
        # Nothing is known of the way to a teacher; where there is none, the usual is that vectors stay what they are.
        usual = np.eye(rows.shape[1]) if self._of.targets is None else np.zeros((rows.shape[1], goal.shape[1]))
        shared = self._matrix(rows, goal, usual)
        if not self._plan.per_language:
            return [shared] * (1 + len(self._row_of))
        own = (self._rows == row for row in range(1, 1 + len(self._row_of)))
        return [shared, *(self._matrix(rows[mine], goal[mine], shared) for mine in own)]

    def _matrix(self, rows: Vectors, goal: Vectors, prior: NDArray[np.float64]) -> NDArray[np.float64]:
        penalty = self._plan.ridge / rows.shape[1]  # what so many rows of length 1 add to each dimension
        if self._plan.fit == "orthogonal":
            return procrustes(rows, goal, penalty * prior)
        return ridge(rows, goal, penalty, prior)

    def _check(self, width: int, goal: int) -> None:
        if self._plan.fit != "orthogonal":
            return
        if width != goal:
            raise InputError(
                f"--orthogonal wants vectors of one width, and here {width} values are to become {goal}; take --linear"
            )
        if len(self._vectors) < width and not self._plan.ridge:
            raise InputError(
                f"{len(self._vectors)} texts do not determine an orthogonal map of {width} values; give more, or "
                "--ridge"
            )
