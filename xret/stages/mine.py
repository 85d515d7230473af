"""Mining: two corpora and their vectors in, sentence pairs out."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.engines import current_engine
from xret.errors import MismatchError, UsageError
from xret.indexes.twoway import TwoWay, select
from xret.indexes.twoway.shards import open_neighbours
from xret.stages.choosing import Choice, choose
from xret.stages.extract import Retrieval
from xret.stages.margin import DEFAULT_THRESHOLDS, Margin
from xret.stages.means import means_of
from xret.stages.neighbours import checked_vectors, same_encoder, searched
from xret.stages.rescoring import RESCORED_THRESHOLDS
from xret.stages.sides import Sides
from xret.stages.stage import Stage
from xret.stages.tokenscores import token_scores
from xret.stages.tokenunits import spread_token_scores

__all__ = ["Mine", "same_encoder"]


@dataclass(frozen=True, kw_only=True)
class Mine(Stage):
    """Finds sentence pairs by margin score.

    Equal lines of one side are one sentence while mining; a pair found comes back as the pairs of all their ids, with
    the same score. Copies (same text on both sides but for case and white space) are no pairs unless `keep_copies`, and
    then they are also left out of each other's neighbours: a sentence that has both a copy and a translation is scored,
    and paired, as if the copy did not exist. Where source and target are one corpus, no sentence is paired with itself,
    and each pair comes once.

    Attributes:
        k: neighbours per sentence, in the margin and as candidates.
        margin: ``ratio``, ``distance`` or ``absolute`` (see `xret.margins`).
        retrieval: how pairs are chosen (see `xret.stages.extract`).
        best: how many candidates of a sentence are its best.
        threshold: keep pairs with ``score >= threshold``; None keeps all, ``auto`` is the margin's usual one.
        keep_copies: treat copies like other sentences.
        rescore: ``tokens`` scores the best candidates again with token vectors (see `xret.stages.rescoring`).
        encoder: whose token vectors.
        device: for these. No part of the result.
        threads: CPU threads; None for all cores. No part of the result.
    """

    name = "mine"
    inputs = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors", "tgt_means?", "neighbours?")
    output = "pairs"
    apart = ("encoder", "device", "threads")
    version = 2

    k: int = 4
    margin: Margin = "ratio"
    retrieval: Retrieval = "max"
    best: int = 1
    threshold: float | Literal["auto"] | None = None
    keep_copies: bool = False
    rescore: Literal["tokens"] | None = None
    encoder: str = "xret-mini"
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        self.choice()
        if self.rescore not in (None, "tokens"):
            raise UsageError(f"rescore is '{self.rescore}'; wanted 'tokens'")

    def limit(self) -> float | None:
        """The threshold as a number."""
        usual = DEFAULT_THRESHOLDS if self.rescore is None else RESCORED_THRESHOLDS
        return usual[self.margin] if self.threshold == "auto" else self.threshold

    def choice(self) -> Choice:
        """How pairs are scored and chosen."""
        return Choice(k=self.k, margin=self.margin, retrieval=self.retrieval, best=self.best, threshold=self.limit())

    def contents(self) -> tuple[str, ...]:
        """The content of the encoder of token vectors, which counts instead of its name."""
        from xret.encoders.load import identify

        return () if self.rescore is None else (identify(self.encoder),)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs of two corpora with their vectors (row i of the vectors is row i of the corpus).

        Args:
            values: both corpora, their vectors, and, where given, the target's neighbour means from elsewhere
                (`text, mean`; see `xret.stages.means`), and the neighbours of the same corpora, with the same
                `keep_copies` and at least this k (see `xret.stages.neighbours`); without them they are searched for.
            work: for a temporary file of token vectors.

        Returns:
            `score: float64, src_id, tgt_id, src_text, tgt_text: string, cosine, src_mean, tgt_mean: float32, src_rank,
            tgt_rank: int32`, with `rescore` also `margin: float64, tokens: float32`, by (score descending, src_id,
            tgt_id), ids compared as strings.

        Raises:
            MismatchError: vectors of another corpus, or of different encoders on the two sides; neighbours of other
                corpora.
        """
        src_corpus, tgt_corpus = values[:2]
        src_vectors, tgt_vectors = checked_vectors(*values[:4])
        sides = Sides.of(src_corpus, tgt_corpus, keep_copies=self.keep_copies)
        elsewhere, neighbours = (*values[4:], None, None)[:2]
        if neighbours is None:
            x, y = select(src_vectors, sides.src.first), select(tgt_vectors, sides.tgt.first)
            found = searched(x, y, k=self.k + sides.extra, threads=self.threads, work=Path(work))
        else:
            found = _fitting(open_neighbours(neighbours), sides, self.k)
        means = None if elsewhere is None else means_of(tgt_corpus, sides.tgt, elsewhere)
        tokens = None if self.rescore is None else partial(self._tokens, (src_corpus, tgt_corpus), work)
        return choose(
            found, sides, (src_corpus, tgt_corpus), self.choice(), tgt_means=means, tokens=tokens,
            engine=current_engine(), work=Path(work),
        )  # fmt: skip

    def _tokens(
        self, corpora: tuple[pa.Table, pa.Table], work: Path, src: NDArray[np.int64], tgt: NDArray[np.int64]
    ) -> NDArray[np.float32]:
        from xret.encoders import load_encoder
        from xret.encoders.corpora.workers import encoder_here

        engine = current_engine()
        if engine is not None:
            told = encoder_here(self.encoder, self.device)
            return spread_token_scores(told, *corpora, (src, tgt), engine=engine, work=work, threads=self.threads)
        encoder = load_encoder(self.encoder, device=self.device, threads=self.threads)
        return token_scores(encoder, *corpora, (src, tgt), work=work, progress=True)


def _fitting(found: TwoWay, sides: Sides, k: int) -> TwoWay:
    """The neighbours, if they can be those of these sentences."""
    sizes = len(sides.src.first), len(sides.tgt.first)
    for lists, own, other in ((found.forward, sizes[0], sizes[1]), (found.backward, sizes[1], sizes[0])):
        wanted = min(k + sides.extra, other)
        if len(lists.ids) != own or lists.ids.shape[1] < wanted:
            raise MismatchError(
                f"the neighbours are lists of {lists.ids.shape[1]} for {len(lists.ids):,} sentences, wanted {wanted} "
                f"for {own:,}; search again"
            )
    return found
