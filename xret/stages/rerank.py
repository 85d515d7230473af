"""Reranking: the head of a run scored anew from the texts."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.encoders.reading.passages import Truncation, check_window
from xret.engines import current_engine
from xret.errors import EvalError, UsageError
from xret.runs import ordered
from xret.stages.maxp import RunOf, best_passages, to_passages
from xret.stages.pairscores import Texts, by_model, part_scores
from xret.stages.reranking import spread_scores
from xret.stages.stage import Stage

if TYPE_CHECKING:
    from xret.encoders import Encoder, Reranker

__all__ = ["Rerank"]

MAXSIM, LIGHT = "maxsim", "light"
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Rerank(Stage):
    """Scores the first `depth` documents of every query again; those beyond are dropped.

    Output: the run with new `score`, `rank` and `tag`; further columns stay.

    Attributes:
        model: ``maxsim``: exact MaxSim between token vectors; ``light``: the cosine of the texts' vectors plus MaxSim
            (see `xret.stages.light`); else the name of a cross-encoder, as for `load_reranker`.
            ``{dlang}`` and ``{qlang}`` in it stand for the language of the document and of the query:
            ``bert+adapters/{dlang}+adapters/ranking`` puts each document's language module under the ranking module
            (Litschko et al. 2022).
        encoder: for ``maxsim`` and ``light``: whose vectors; need not be the one that made the run.
        depth: documents (or passages, where the run is of these) per query.
        truncation: of documents that the model cannot read whole: ``first`` reads their beginning; ``windows`` reads
            all of them in overlapping windows, and the best one's score counts (MaxP, Dai & Callan 2019).
        window: tokens of a document in a window, or that ``first`` reads; None for as many as the model reads, or, for
            ``light`` with a model that has no head for MaxSim, 64.
        overlap: tokens that two windows share; None for half a window.
        weight: for ``light``: how much MaxSim counts beside the cosine; None for what `xret.stages.light` found best.
        maxp: the corpus holds passages, its `doc_id` their documents: every document of the result has the score of its
            best passage. The run may be of passages, or of documents, all of whose passages are then scored.
        run_of: for `maxp`: ``passages`` or ``documents``; None: as the run's ids say.
        batch: tokens scored at a time, padding included; None for what suits the device. No part of the result.
        device: ``auto``, ``cpu`` or ``cuda``. No part of the result.
        threads: CPU threads; None for all cores. No part of the result.
        progress: a bar on stderr, where that is a terminal. No part of the result.
    """

    name = "rerank"
    inputs = ("run", "queries", "corpus")
    output = "run"
    apart = ("model", "encoder", "batch", "device", "threads", "progress")
    version = 4

    model: str = MAXSIM
    encoder: str = "xret-mini"
    depth: int = 100
    truncation: Truncation = "first"
    window: int | None = None
    overlap: int | None = None
    weight: float | None = None
    maxp: bool = False
    run_of: RunOf | None = None
    batch: int | None = None
    device: Literal["auto", "cpu", "cuda"] = "auto"
    threads: int | None = None
    progress: bool = True

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.depth < 1:
            raise UsageError(f"depth is {self.depth}; rerank at least 1 document per query")
        if self.batch is not None and self.batch < 1:
            raise UsageError(f"the batch is {self.batch} tokens; give at least 1")
        if self.truncation not in ("first", "windows"):
            raise UsageError(f"truncation '{self.truncation}' is not known; known: first, windows")
        check_window(self.window, self.overlap)
        if self.run_of is not None and not self.maxp:
            raise UsageError("run_of says what maxp is to take the run for, which is not asked for; leave it out")
        if self.run_of not in (None, "passages", "documents"):
            raise UsageError(f"run_of is '{self.run_of}'; wanted passages or documents")
        if self.weight is not None and not math.isfinite(self.weight):
            raise UsageError(f"the weight is {self.weight}; give a number")
        if self.overlap is not None and self.truncation == "first":
            raise UsageError("the overlap is that of windows, and truncation 'first' has one; leave it out")

    @property
    def late(self) -> bool:
        """Whether it compares vectors, of texts read apart."""
        return self.model in (MAXSIM, LIGHT)

    def contents(self) -> tuple[str, ...]:
        """The method, and the model's content, which counts instead of its name."""
        from xret.encoders.composing.languages import identify_open, is_open
        from xret.encoders.load import identify

        if self.late:
            return self.model, identify(self.encoder)
        return "cross", identify_open(self.model) if is_open(self.model) else identify(self.model)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The reranked run, given a run, the queries and the corpus (both `id, text`, and `lang` where known).

        Raises:
            EvalError: a query or document of the run has no text, or passages have no `doc_id`; the model gives a score
            that is no number.
            ModelError: the model is not found, or not of the kind that is asked for.
        """
        run, queries, corpus = values
        run = ordered(run)
        run = run.filter(pc.less_equal(run["rank"], self.depth))
        if run.num_rows == 0:
            return run
        run = to_passages(run, corpus, of=self.run_of) if self.maxp else run
        engine = current_engine()
        if engine is None:
            scores = self.scores(run, queries, corpus)
        else:
            scores = spread_scores(self, run, queries, corpus, engine=engine, work=work)
        self._refuse_odd(scores, run)
        run = _replace(run, "score", pa.array(scores, pa.float64()))
        run = _replace(run, "tag", pa.array([self._tag()] * len(scores)))
        return best_passages(run, corpus) if self.maxp else ordered(run)

    def _refuse_odd(self, scores: Floats, run: pa.Table) -> None:
        bad = np.flatnonzero(~np.isfinite(scores))
        if len(bad):
            row, name = int(bad[0]), self.encoder if self.late else self.model
            raise EvalError(
                f"'{name}' scores document '{run['docid'][row]}' for query '{run['qid'][row]}' {scores[row]} "
                f"({len(bad):,} of {len(scores):,} scores are no numbers); its weights or modules may be damaged"
            )

    def scores(self, run: pa.Table, queries: pa.Table, corpus: pa.Table) -> Floats:
        """(rows,) scores; where the model's name leaves a language open, one model after the other.

        Args:
            run: `qid, docid`.
            queries: as for `run`.
            corpus: likewise.
        """
        scores = np.empty(run.num_rows)
        for stage, rows in by_model(self, run, queries, corpus):
            model = stage.loaded()
            own = run.select(["qid", "docid"]).take(pa.array(rows))
            texts = Texts.of(stage, model, own, queries, corpus)
            scores[rows] = part_scores(stage, model, texts)[1]
        return scores

    def loaded(self) -> Encoder | Reranker:
        """The model.

        Raises:
            ModelError: as `load_encoder` and `load_reranker`.
            UsageError: it is none of them.
        """
        from xret.encoders import load_encoder, load_reranker
        from xret.encoders.composing.names import split_modules
        from xret.encoders.names import split_precision

        model: Encoder | Reranker
        if self.late:
            model = load_encoder(self.encoder, device=self.device, threads=self.threads)
        else:
            base, _ = split_modules(split_precision(self.model)[0])
            if "/" not in str(base) and not Path(base).exists():
                raise UsageError(
                    f"'{self.model}' is no way to rerank; wanted {MAXSIM}, {LIGHT}, or a cross-encoder: its folder, or "
                    "a hub id like org/model"
                )
            model = load_reranker(self.model, device=self.device, threads=self.threads)
        if self.batch is not None:
            model.batch(self.batch)
        return model

    def _tag(self) -> str:
        """The run's name: TREC's format wants one word."""
        parts = (Path(part).name for part in self.model.split("+"))
        return re.sub(r"\s+", "_", "+".join(parts)) or MAXSIM


def _replace(run: pa.Table, name: str, column: pa.Array) -> pa.Table:
    if name not in run.column_names:
        return run.append_column(name, column)
    return run.set_column(run.column_names.index(name), name, column)
