"""From neighbours to the table of mined pairs: copies dropped, scored, chosen, with what is known of each pair."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.bitext.filters import hub_doubts, hubs
from xret.errors import UsageError
from xret.indexes.twoway import TwoWay
from xret.stages.extract import Retrieval, extract
from xret.stages.margin import Candidates, Lists, Margin, margin_scores, scored_lists, without_copies
from xret.stages.marginunits import Scoring, spread_margins
from xret.stages.pairs import Side, pairs_table
from xret.stages.ranks import neighbour_ranks
from xret.stages.rescoring import FEW, TOKEN_WEIGHTS, Rescored, rescored
from xret.stages.sides import Sides

if TYPE_CHECKING:
    from xret.engines import Engine

__all__ = ["Choice", "choose"]

logger = logging.getLogger("xret")
Ints = NDArray[np.int64]
UNUSUAL = 5  # times the mean number of lists that a sentence stands in


@dataclass(frozen=True, kw_only=True)
class Choice:
    """How pairs are scored and chosen.

    Attributes:
        k: neighbours per sentence, in the margin and as candidates.
        margin: ``ratio``, ``distance`` or ``absolute`` (see `xret.margins`).
        retrieval: how pairs are chosen (see `xret.stages.extract`).
        best: how many candidates of a sentence are its best.
        threshold: keep pairs with ``score >= threshold``; None keeps all.
    """

    k: int = 4
    margin: Margin = "ratio"
    retrieval: Retrieval = "max"
    best: int = 1
    threshold: float | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.k < 1:
            raise UsageError(f"k = {self.k}: must be at least 1")
        if not 1 <= self.best <= self.k:
            raise UsageError(f"best = {self.best}: must be from 1 to k, which is {self.k}")
        if self.best > 1 and self.retrieval == "all":
            raise UsageError(f"best = {self.best}: retrieval 'all' gives every neighbour; leave one of the two out")

    def scoring(self, *, rescored: bool) -> Scoring:
        """What must be known of pairs to choose so, where they are to be scored again or not."""
        few = max(FEW, self.best) if rescored else self.best
        return Scoring(
            k=self.k, margin=self.margin, most=None if self.retrieval == "all" else few,
            threshold=None if rescored else self.threshold,
        )  # fmt: skip


def choose(
    found: TwoWay,
    sides: Sides,
    corpora: tuple[pa.Table, pa.Table],
    choice: Choice,
    *,
    tgt_means: NDArray[np.float64] | None = None,
    tokens: Callable[[Ints, Ints], NDArray[np.float32]] | None = None,
    engine: Engine | None = None,
    work: Path | None = None,
) -> pa.Table:
    """The pairs among neighbours of distinct sentences.

    Args:
        found: at least ``k + sides.extra`` neighbours of each distinct sentence (or all there are).
        sides: of the corpora.
        corpora: source and target, with `id` and `text`.
        choice: how.
        tgt_means: mean cosines of the distinct target sentences to their neighbours, in place of those found here;
            NaN where it has none.
        tokens: from (n,) source and (n,) target rows of pairs to (n,) token scores, which then count besides.
        engine: shares the scoring by margin out (see `xret.engines`), to the same pairs.
        work: with an engine, a folder that all workers can open.

    Returns:
        Columns and order of `pairs_table`, then `src_rank, tgt_rank: int32` (see `neighbour_ranks`); with `tokens` also
        `margin: float64`, what the score would be without, and `tokens: float32`.
    """
    forward = without_copies(found.forward, choice.k, sides.src_keys, sides.tgt_keys)
    backward = without_copies(found.backward, choice.k, sides.tgt_keys, sides.src_keys)
    _warn_of_hubs(forward, backward, sides, corpora)
    if engine is None or work is None:
        ahead, back, src_mean, tgt_mean = scored_lists(forward, backward, choice.margin, tgt_means=tgt_means)
    else:
        scoring = choice.scoring(rescored=tokens is not None)
        ahead, back, src_mean, tgt_mean = spread_margins(
            found, sides, scoring, engine=engine, work=work, tgt_means=tgt_means
        )
    again: Rescored | None = None
    if tokens is not None:
        again = _rescored(ahead, back, sides, choice, tokens)
        ahead, back = again.ahead, again.back
    chosen = extract(
        ahead, back, choice.retrieval, threshold=choice.threshold, best=choice.best, same=sides.same
    )  # fmt: skip
    limit = "no threshold" if choice.threshold is None else f"threshold {choice.threshold}"
    logger.info(f"{len(chosen.src)} pairs by {choice.margin} margin, k = {choice.k}, {choice.retrieval}, {limit}")
    others: dict[str, object] = {
        "src_rank": neighbour_ranks(forward, chosen.src, chosen.tgt),
        "tgt_rank": neighbour_ranks(backward, chosen.tgt, chosen.src),
    }
    if again is not None:
        means = src_mean[chosen.src], tgt_mean[chosen.tgt]
        others |= {"margin": margin_scores(chosen.cosine, *means, choice.margin), "tokens": again.of(chosen)}
    src, tgt = Side(corpora[0], sides.src, src_mean), Side(corpora[1], sides.tgt, tgt_mean)
    return pairs_table(src, tgt, chosen, others)


def _rescored(
    ahead: Candidates,
    back: Candidates,
    sides: Sides,
    choice: Choice,
    tokens: Callable[[Ints, Ints], NDArray[np.float32]],
) -> Rescored:
    return rescored(
        ahead,
        back,
        lambda src, tgt: tokens(sides.src.first[src], sides.tgt.first[tgt]),
        weight=TOKEN_WEIGHTS[choice.margin],
        best=choice.best,
        every=choice.retrieval == "all",
        same=sides.same,
    )


def _warn_of_hubs(forward: Lists, backward: Lists, sides: Sides, corpora: tuple[pa.Table, pa.Table]) -> None:
    """Say which sentences are everybody's neighbours."""
    for doubt in _hub_doubts(forward, backward, sides, corpora):
        logger.warning(doubt)


def _hub_doubts(forward: Lists, backward: Lists, sides: Sides, corpora: tuple[pa.Table, pa.Table]) -> Iterator[str]:
    others = [("tgt", forward, corpora[1], sides.tgt.first), ("src", backward, corpora[0], sides.src.first)]
    for side, lists, corpus, first in others[: 1 if sides.same else 2]:
        found = hubs(np.where(lists.valid, lists.ids, -1), len(first))
        usual = lists.valid.sum() / len(first)  # where there are few to choose from, each stands in many lists
        found = replace(found, rows=found.rows[found.counts[found.rows] > UNUSUAL * usual])
        texts = {row: corpus["text"][int(first[row])] for row in found.rows.tolist()}
        yield from (f"{side}: {doubt}" for doubt in hub_doubts(found, texts, len(lists.ids)))
