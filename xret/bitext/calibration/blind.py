"""P(parallel) without gold, from real pairs and decoys."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.bitext.calibration.fitting import Method, ProbabilityMap, fit_map
from xret.bitext.calibration.isotonic import pooled
from xret.bitext.calibration.logistic import Logistic, fit_logistic
from xret.errors import EvalError, UsageError

__all__ = ["Blind", "best_expected", "expected_at", "fit_blind", "local_rates", "parallel_share"]

Floats = npt.NDArray[np.float64]
_ROUNDS, _STILL = 50, 1e-4  # of fitting with weights of its own; the change of the parallel share that is none
_LEAST = 1e-12


@dataclass(frozen=True)
class Blind:
    """What decoys say of real pairs.

    Attributes:
        probability: from columns of a pair to P(parallel).
        parallel: the share of the real pairs that is right.
    """

    probability: ProbabilityMap
    parallel: float


def fit_blind(
    real: Floats,
    decoys: Floats,
    origins: Floats | None = None,
    *,
    columns: tuple[str, ...] = ("score",),
    method: Method = "logistic",
) -> Blind:
    """Fit P(parallel) to pairs of which some, nobody knows which, score as decoys do.

    A decoy says what a wrong pair scores if the counterpart that was taken away was one: of a pair that was wrong
    already, the second best is left, which scores less than wrong pairs do. So decoys count by the probability of the
    pair they come from, and fitting goes round until nothing moves. Where less than about a quarter of the pairs is
    right, what is left of this makes P too high.

    Several columns are first made one, by the logistic regression that tells real pairs from decoys best: real ones
    that are wrong blur it, but do not turn it. Should a weight come out negative, the first column stands alone.

    Args:
        real: (n, columns) values.
        decoys: (m, columns) values.
        origins: (m, columns) values of the real pair that each decoy comes from; None: all decoys count alike.
        columns: their names.
        method: of the map that is drawn through the probabilities of real pairs (`local_rates`); ``auto`` is logistic.

    Raises:
        EvalError: less than twenty decoys, or decoys score as real pairs do.
        UsageError: isotonic for several columns.

    Source: Käll, Canterbury, Weston, Noble & MacCoss, "Semi-supervised learning for peptide identification", Nature
    Methods 4, 2007, for decoys as the wrong class.
    """
    if len(decoys) < 20:
        raise EvalError(f"only {len(decoys)} decoys could be made of {len(real)} pairs; wanted 20, from more sentences")
    if method == "isotonic" and len(columns) > 1:
        raise UsageError(f"isotonic is a map of the score alone; for {', '.join(columns)} take logistic")
    weights, before = np.ones(len(decoys)), np.inf
    for _ in range(1 if origins is None else _ROUNDS):
        probability = _fitted(real, decoys, weights, columns, method)
        found = Blind(probability, float(probability(real[:, : len(probability.columns)]).mean()))
        if origins is None or abs(found.parallel - before) < _STILL:
            break
        before = found.parallel
        weights = (weights + probability(origins[:, : len(probability.columns)])) / 2  # half a step: no swinging
    return found


def _fitted(real: Floats, decoys: Floats, weights: Floats, columns: tuple[str, ...], method: Method) -> ProbabilityMap:
    """The map, with decoys that count `weights`; of the first column alone where that is better."""
    both = np.concatenate([real, decoys])
    labels = np.repeat([1.0, 0.0], [len(real), len(decoys)])
    count = np.append(np.ones(len(real)), weights * len(real) / weights.sum())
    way = np.array(fit_logistic(both, labels, columns, weights=count).weights)
    if len(columns) == 1 or (way < 0).any():
        score = real[:, 0]
        p = local_rates(score, decoys[:, 0], weights)
        return fit_map(pa.table({columns[0]: score}), p, method=_known(method), columns=columns[:1])
    line = fit_logistic((real @ way)[:, None], local_rates(real @ way, decoys @ way, weights))
    return Logistic(columns, tuple((way * line.weights[0]).tolist()), line.bias)


def _known(method: Method) -> Method:
    return "logistic" if method == "auto" else method


def local_rates(real: Floats, decoys: Floats, weights: Floats) -> Floats:
    """P(parallel) of each real pair: one less the local false discovery rate.

    With q(s) the share of decoys among all pairs near the score s, where all decoys together count as much as all real
    pairs (nonincreasing, by isotonic regression), and w the share of wrong pairs among the real ones:
    P(s) = 1 - w * q / (1 - q).

    Args:
        real: (n,) scores.
        decoys: (m,) scores.
        weights: (m,) how much each decoy counts.

    Returns:
        (n,) between 0 and 1.

    Source: Efron, Tibshirani, Storey & Tusher, "Empirical Bayes analysis of a microarray experiment", JASA 96, 2001.

    Raises:
        EvalError: decoys score as real pairs do.
    """
    wrong = 1 - parallel_share(real, decoys, weights)
    level, place = np.unique(np.concatenate([real, decoys]), return_inverse=True)
    count = np.append(np.ones(len(real)), np.maximum(weights, _LEAST) * len(real) / weights.sum())
    total = np.bincount(place, count).astype(np.float64)
    value, size = pooled(np.bincount(place[: len(real)], minlength=len(level)) / total, total)
    of_real = np.repeat(value, size)[place[: len(real)]]
    p: Floats = np.clip(1 - wrong * (1 - of_real) / np.maximum(of_real, _LEAST), 0, 1)
    if p.max() == p.min():
        raise EvalError(
            "decoys score as the real pairs do: no threshold parts them; is the encoder for these languages?"
        )
    return p


def parallel_share(real: Floats, decoys: Floats, weights: Floats) -> float:
    """The share of right pairs among real ones, 0 to 1.

    Half of the wrong ones score below the median of the decoys, and next to no right ones do: so twice the share of
    real scores below it are wrong.

    Source: Storey, "A direct approach to false discovery rates", J. Royal Statistical Society B 64, 2002.
    """
    order = np.argsort(decoys, kind="stable")
    reached = np.cumsum(weights[order])
    median = decoys[order][int(np.searchsorted(reached, reached[-1] / 2))]
    return max(0.0, 1 - 2 * float((real < median).mean()))


def best_expected(score: Floats, probability: Floats) -> float:
    """The threshold with the best expected F1: midway between a score and the next lower one.

    Args:
        score: (n,) at least one.
        probability: (n,) of being right.
    """
    order = np.argsort(-score, kind="stable")
    ordered, right = score[order], np.cumsum(probability[order])
    ends = np.append(np.flatnonzero(ordered[1:] != ordered[:-1]), len(score) - 1)
    end = int(ends[int(np.argmax(right[ends] / (ends + 1 + right[-1])))])
    below = ordered[end + 1] if end + 1 < len(ordered) else ordered[end]
    return float((ordered[end] + below) / 2)


def expected_at(score: Floats, probability: Floats, threshold: float) -> tuple[float, float, float]:
    """Expected precision, recall (of the right pairs among these alone) and F1 of the pairs that reach a threshold.

    Args:
        score: (n,).
        probability: (n,) of being right.
        threshold: pairs with ``score >= threshold`` are taken.

    Returns:
        Three numbers between 0 and 1; 0 where a divisor is 0.
    """
    taken = score >= threshold
    right, wanted, extracted = probability[taken].sum(), probability.sum(), taken.sum()
    if not right:
        return 0.0, 0.0, 0.0
    return float(right / extracted), float(right / wanted), float(2 * right / (extracted + wanted))
