"""Scores of pairs that are known to be wrong, from mining corpora that were spoilt on purpose.

Where a sentence's counterpart is taken away, or its wording changed, whatever mining then gives for that sentence is
wrong: a decoy. Decoys show what wrong pairs score, without any gold.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from xret.bitext.negatives import EDITS
from xret.corpus import gather
from xret.errors import InputError, UsageError
from xret.indexes.twoway import Rows, two_way_knn
from xret.stages.distinct import copy_keys, distinct_texts
from xret.stages.extract import Retrieval, extract
from xret.stages.margin import Candidates, Margin, scored_lists, without_copies
from xret.stages.spoiling import ABSENT, Pools
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["ABSENT", "KINDS", "REAL", "Decoys", "negative_corpus"]

logger = logging.getLogger("xret")
Ints = NDArray[np.int64]
REAL = "real"
KINDS = (ABSENT, *EDITS)
"""Kinds of decoys: the counterpart taken away, or changed in a number, a name, or by a negation."""
_CHANGED = 20_000  # distinct sentences that are changed at most: a fifth of them stand in each round
_ENOUGH = 5000  # decoys of a kind: then no more rounds
_ROUNDS = 5  # each spoils other pairs
NEGATIVE = pa.schema(
    [("id", pa.string()), ("text", pa.string()), ("lang", pa.string()), ("edit", pa.string()), ("row", pa.int64())]
)
"""A corpus of changed target sentences: `edit` is the kind, `row` that of the original in the target corpus."""


def negative_corpus(
    tgt_corpus: pa.Table,
    *,
    edits: tuple[str, ...] = EDITS,
    seed: int = 0,
    among: Ints | None = None,
    most: int = _CHANGED,
) -> pa.Table:
    """Changed sentences of a corpus, each distinct text at most once per kind of change (see `xret.bitext.negatives`).

    Args:
        tgt_corpus: `id, text, lang`.
        edits: kinds of changes.
        seed: another one makes other changes, of others.
        among: rows to choose from, such as those that are paired; None: all.
        most: distinct texts to change, drawn at random where there are more.

    Returns:
        A table of schema `NEGATIVE`, by `row` and kind.
    """
    from xret.bitext.negatives import make_negatives

    distinct = distinct_texts(tgt_corpus["text"])
    first = distinct.first if among is None else distinct.first[np.unique(distinct.number[among])]
    if len(first) > most:
        first = np.sort(np.random.default_rng(seed).choice(first, most, replace=False))
    texts = gather(tgt_corpus["text"], first).to_pylist()
    langs = np.array(gather(tgt_corpus["lang"], first).to_pylist(), object)
    columns: dict[str, list[Any]] = {name: [] for name in NEGATIVE.names}
    for lang in dict.fromkeys(langs):
        rows = np.flatnonzero(langs == lang)
        made = make_negatives([texts[row] for row in rows], lang, edits=[e for e in EDITS if e in edits], seed=seed)
        columns["text"] += made.texts
        columns["lang"] += [lang] * len(made.texts)
        columns["edit"] += made.edits
        columns["row"] += first[rows[made.rows]].tolist()
    table = pa.table(columns | {"id": columns["text"]}, schema=NEGATIVE).sort_by([("row", "ascending")])
    return table.set_column(0, "id", pa.array([str(number + 1) for number in range(table.num_rows)], pa.string()))


@dataclass(frozen=True, kw_only=True)
class Decoys(Stage):
    """Mines two corpora as they are, then several times spoilt: the scores of what is found, and of what must be wrong.

    In each round a tenth of the pairs, found one to one, lose their target sentence, another tenth their source
    sentence, and a fifth have the target changed in a number, a name or by a negation. All that is mined for sentences
    left alone is a decoy of kind ``absent``; a sentence that is paired with its own counterpart, changed, is one of the
    kind of the change. Sentences that have a copy on the other side are left out, unless copies are kept.

    Attributes:
        k: neighbours per sentence, as in the mining to tune.
        margin: likewise.
        retrieval: likewise.
        keep_copies: likewise.
        seed: which pairs are spoilt together.
        threads: CPU threads; None for all cores. No part of the result.

    Source of the idea: Elias & Gygi, "Target-decoy search strategy", Nature Methods 4, 2007.
    """

    name = "decoys"
    inputs = ("src_corpus", "tgt_corpus", "negative_corpus", "src_vectors", "tgt_vectors", "negative_vectors?")
    output = "decoys"
    apart = ("threads",)

    k: int = 4
    margin: Margin = "ratio"
    retrieval: Retrieval = "max"
    keep_copies: bool = False
    seed: int = 0
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """Scores of real pairs and of decoys.

        Args:
            values: both corpora, the `negative_corpus` of the target, and the vectors of all three (the last may be
                None where there are no negatives).
            work: not used.

        Returns:
            `kind: string` (``real``, then those of `KINDS`, in that order), `score: float64`, `cosine: float32`, and
            `origin_score`, `origin_cosine` of the real pair that was spoilt (of a real pair: its own).

        Raises:
            InputError: fewer than two pairs can be mined.
        """
        src_corpus, tgt_corpus, negative = values[:3]
        vectors = [None if value is None else Vectors.open(value) for value in values[3:]]
        src, tgt = _usable(src_corpus["text"], tgt_corpus["text"], self.keep_copies)
        pools = Pools(src, tgt, vectors, negative)
        lists = self._lists(pools.src(src), pools.tgt(tgt)) if len(src) and len(tgt) else None
        if lists is None or len((matched := extract(*lists, "max")).src) < 2:
            raise InputError("fewer than two pairs can be mined from these texts; nothing to tune on")
        real = extract(*lists, self.retrieval)
        found = {REAL: [_rows(REAL, real, real)]} | {kind: [] for kind in KINDS}
        order = np.random.default_rng(self.seed).permutation(len(matched.src))
        for number in range(_ROUNDS):
            spoilt = pools.spoilt(matched, order, number)
            mined = extract(*self._lists(spoilt.x, spoilt.y), self.retrieval)
            for kind, (decoys, places) in spoilt.decoys(mined, matched).items():
                found[kind].append(_rows(kind, decoys, matched.take(places)))
            if sum(part.num_rows for part in found[ABSENT]) >= _ENOUGH:
                break
        table = pa.concat_tables([part for parts in found.values() for part in parts])
        logger.info("; ".join(f"{kind}: {pc.sum(pc.equal(table['kind'], kind)).as_py() or 0:,}" for kind in found))
        return table

    def _lists(self, x: Rows, y: Rows) -> tuple[Candidates, Candidates]:
        found = two_way_knn(x, y, k=self.k, threads=self.threads, progress=True)
        forward, backward = without_copies(found.forward, self.k), without_copies(found.backward, self.k)
        return scored_lists(forward, backward, self.margin)[:2]


def _rows(kind: str, found: Candidates, origin: Candidates) -> pa.Table:
    kinds = pa.array([kind] * len(found.src), pa.string())
    columns = {"kind": kinds, "score": found.score, "cosine": found.cosine}
    return pa.table(columns | {"origin_score": origin.score, "origin_cosine": origin.cosine})


def _usable(src: pa.ChunkedArray, tgt: pa.ChunkedArray, keep_copies: bool) -> tuple[Ints, Ints]:
    """First rows of the distinct texts; without those that have a copy on the other side, unless they are kept."""
    first = distinct_texts(src).first, distinct_texts(tgt).first
    if keep_copies:
        return first
    keys = copy_keys(src, tgt)
    x, y = keys[0][first[0]], keys[1][first[1]]
    return first[0][~np.isin(x, y)], first[1][~np.isin(y, x)]
