"""The protocol of BUCC 2018: the threshold from one set of pairs, precision, recall and F1 on another.

Four different numbers are called "BUCC F1"; what is printed should say which one it is:

(a) test F1 with the threshold of the training set: the shared task, and what `bucc` gives;
(b) F1 of the set that the threshold was tuned on: an upper bound (`xret.eval.bitext.best_threshold`);
(c) MTEB's: the nearest neighbour of each *gold* source, weighted F1, no threshold, nothing to reject;
(d) nearest neighbours forward and backward, each with a threshold of its own (the LaBSE paper).

(a) and (b) of mined pairs are computed here; (c) and (d) are other tasks.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.eval.bitext import BitextScores, best_threshold, bitext_scores
from xret.runs.codes import codes, pair_codes

__all__ = ["VARIANTS", "BuccScores", "bucc", "dev_part", "f1_interval", "gold_labels", "without_repeated"]

VARIANTS = {
    "a": "BUCC variant (a): test F1 at the threshold of dev",
    "b": "BUCC variant (b): F1 at the threshold tuned on the same gold, an upper bound",
}
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class BuccScores:
    """Both numbers.

    Attributes:
        dev: variant (b): at the best threshold of dev, on dev.
        test: variant (a): at that threshold, on test.
        low, high: 95 % interval of the test F1 (see `f1_interval`).
    """

    dev: BitextScores
    test: BitextScores
    low: float
    high: float


def bucc(dev_pairs: pa.Table, dev_gold: pa.Table, test_pairs: pa.Table, test_gold: pa.Table) -> BuccScores:
    """Tune on dev, report on test.

    Pairs and gold are compared by ids; a sentence that stands twice in a corpus is two sentences. LASER's script drops
    such sentences instead: call `without_repeated` first for its numbers.

    Args:
        dev_pairs: `score, src_id, tgt_id`, mined without a threshold.
        dev_gold: `src_id, tgt_id`.
        test_pairs: mined in the same way.
        test_gold: of the test pairs.

    Source: Zweigenbaum, Sharoff & Rapp, "Overview of the third BUCC shared task", 2018; LASER `tasks/bucc/bucc.py`.

    Raises:
        EvalError: no pairs or no gold in a part, or ids that do not meet.
    """
    dev = best_threshold(dev_pairs, dev_gold)
    test = bitext_scores(test_pairs, test_gold, threshold=dev.threshold)
    return BuccScores(dev, test, *f1_interval(test_pairs, test_gold, threshold=dev.threshold))


def dev_part(src_ids: pa.ChunkedArray, *, share: float = 0.5, seed: int = 0) -> Bools:
    """Which rows belong to dev, by their source ids alone, so that pairs and gold of a sentence stay together.

    Args:
        src_ids: (n,) strings.
        share: of the ids that go to dev, between 0 and 1.
        seed: another one parts otherwise.

    Returns:
        (n,) True for dev. An id goes to the same part whatever stands beside it.

    Raises:
        UsageError: a share that leaves one part empty.
    """
    if not 0 < share < 1:
        raise UsageError(f"dev share = {share}: wanted a number between 0 and 1, such as 0.5")
    limit = round(share * 2**64)
    ids = pc.unique(src_ids.cast(pa.string()))
    digests = (hashlib.blake2b(f"{seed} {each}".encode(), digest_size=8).digest() for each in ids.to_pylist())
    of_id = np.array([int.from_bytes(digest, "big") < limit for digest in digests], bool)
    part: Bools = of_id[codes(src_ids, ids)]
    return part


def gold_labels(pairs: pa.Table, gold: pa.Table) -> Bools:
    """(n,) whether each row of the pairs is in gold, by ids."""
    names = ("src_id", "tgt_id")
    both = pa.concat_tables(
        [pa.table({name: each[name].cast(pa.string()) for name in names}) for each in (pairs, gold)]
    )
    code = pair_codes(both["src_id"], both["tgt_id"])
    return np.isin(code[: pairs.num_rows], code[pairs.num_rows :])


def f1_interval(
    pairs: pa.Table, gold: pa.Table, *, threshold: float | None = None, samples: int = 2000, seed: int = 0
) -> tuple[float, float]:
    """95 % interval of F1 by the percentile bootstrap over source sentences.

    Resampled are the sources found or in gold, each with its counts of right, taken and gold pairs; sources of equal
    counts are drawn together, so time and memory do not grow with the corpus.

    Args:
        pairs: `score, src_id, tgt_id`.
        gold: `src_id, tgt_id`.
        threshold: pairs with ``score >= threshold`` are taken; None takes all.
        samples: resamplings.
        seed: of the draws.

    Source: Efron & Tibshirani, "An introduction to the bootstrap", 1993, chapter 13.

    Raises:
        EvalError: gold is empty.
    """
    taken = pairs if threshold is None else pairs.filter(pc.greater_equal(pairs["score"], threshold))
    counts = _counts(_distinct(taken), _distinct(gold))
    if not counts[:, 2].sum():
        raise EvalError("gold has no pairs; wanted lines of src_id and tgt_id")
    kinds, number = np.unique(counts, axis=0, return_counts=True)
    drawn = np.random.default_rng(seed).multinomial(number.sum(), number / number.sum(), size=samples)
    right, extracted, wanted = (drawn @ kinds).T
    low, high = np.quantile(2 * right / np.maximum(extracted + wanted, 1), [0.025, 0.975])
    return float(low), float(high)


def without_repeated(pairs: pa.Table, src_corpus: pa.Table, tgt_corpus: pa.Table) -> pa.Table:
    """The pairs of which neither sentence stands more than once in its corpus (white space at the ends aside).

    Gold pairs of such sentences stay in gold, and are lost. So does LASER's script, which knows sentences by text.

    Args:
        pairs: `src_id, tgt_id` and others.
        src_corpus: `id, text`.
        tgt_corpus: likewise.
    """
    kept = np.ones(pairs.num_rows, bool)
    for name, corpus in (("src_id", src_corpus), ("tgt_id", tgt_corpus)):
        number = codes(pc.utf8_trim_whitespace(corpus["text"]))
        repeated = (np.bincount(number) > 1)[number]
        lost = corpus["id"].filter(pa.array(repeated))
        kept &= ~pc.is_in(pairs[name], value_set=lost).to_numpy()
    return pairs.filter(pa.array(kept))


def _distinct(pairs: pa.Table) -> pa.Table:
    ids = pa.table({name: pairs[name].cast(pa.string()) for name in ("src_id", "tgt_id")})
    return ids.group_by(["src_id", "tgt_id"]).aggregate([])


def _counts(taken: pa.Table, gold: pa.Table) -> npt.NDArray[np.int64]:
    """(sources, 3) right, taken and gold pairs of each source."""
    both = pa.concat_tables([taken.select(["src_id", "tgt_id"]), gold.select(["src_id", "tgt_id"])])
    source = codes(both["src_id"])
    n = taken.num_rows
    most = int(source.max(initial=-1)) + 1
    right = source[:n][gold_labels(taken, gold)]
    return np.stack([np.bincount(each, minlength=most) for each in (right, source[:n], source[n:])], axis=1)
