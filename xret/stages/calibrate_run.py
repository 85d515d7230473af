"""Calibration of a run as a stage: one fair list over many languages."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.errors import UsageError
from xret.stages.merging import Calibration, RelevanceMap, calibrate_run, fit_relevance
from xret.stages.merging.calibrate import check_calibration
from xret.stages.merging.languages import check_spoken, with_document_languages
from xret.stages.stage import Stage

__all__ = ["CalibrateRun"]


@dataclass(frozen=True, kw_only=True)
class CalibrateRun(Stage):
    """Ranks the documents of a run anew so that no language is ahead for its scores alone (see `calibrate_run`).

    Output: a run. Languages come from the run (`dlang`), else from the corpus; ``logistic`` is fitted on `dev_run` and
    `dev_qrels`, which should be of other queries.

    Attributes:
        method: raw, zscore, minmax, rrf, round-robin, quota or logistic.
        prior: language -> share, for ``quota``.
        by_language: for ``logistic``: a map for every language (see `fit_relevance`).
        k: the constant of ``rrf``.
        depth: documents per query that are kept; None keeps all.
        tag: the name of the new run; None: as it was.
    """

    name = "calibrate-run"
    inputs = ("run", "corpus?", "dev_run?", "dev_qrels?")
    output = "run"

    method: Calibration = "zscore"
    prior: dict[str, float] | None = None
    by_language: bool = True
    k: int = 60
    depth: int | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        fitted = True if self.method == "logistic" else None
        check_calibration(self.method, prior=self.prior, model=fitted, k=self.k, depth=self.depth)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run, ranked anew.

        Raises:
            UsageError: ``logistic`` without a dev run and its judgements, or a prior of other languages than the run's.
            EvalError: as `calibrate_run`.
        """
        run, corpus, dev_run, dev_qrels = (*values, None, None, None)[:4]
        run = with_document_languages(run, corpus)
        check_spoken(run, self.prior)
        return calibrate_run(
            run, self.method, prior=self.prior, model=self._fitted(dev_run, dev_qrels), k=self.k, depth=self.depth,
            tag=self.tag,
        )  # fmt: skip

    def _fitted(self, run: pa.Table | None, qrels: pa.Table | None) -> RelevanceMap | None:
        if self.method != "logistic":
            return None
        if run is None or qrels is None:
            raise UsageError("logistic is fitted on judged queries: give dev_run and dev_qrels, or another method")
        return fit_relevance(run, qrels, by_language=self.by_language)
