"""Calibration fitted on the queries of other topics of the same benchmark."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import UsageError
from xret.stages.merging import cross_fitted, with_languages
from xret.stages.merging.compare import document_languages
from xret.stages.merging.languages import with_document_languages
from xret.stages.stage import Stage

__all__ = ["CrossFit"]


@dataclass(frozen=True, kw_only=True)
class CrossFit(Stage):
    """Ranks every query of a run anew by what is fitted on the topics of the other folds (see `cross_fitted`).

    Output: a run; queries without judgements are left out.

    Attributes:
        method: ``logistic``, or ``quota`` by the languages' shares of what is relevant.
        by_language: for ``logistic``: a map for every language.
        folds: of topics: queries that share relevant documents stay together.
        depth: documents per query that are kept; None keeps all.
    """

    name = "cross-fit"
    inputs = ("run", "qrels", "corpus?")
    output = "run"

    method: Literal["logistic", "quota"] = "logistic"
    by_language: bool = True
    folds: int = 5
    depth: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.folds < 2:
            raise UsageError(f"folds is {self.folds}; wanted at least 2")

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The run, ranked anew."""
        run, qrels, corpus = values
        run = with_languages(run, corpus) if corpus is not None else with_document_languages(run)
        found = cross_fitted(
            run, qrels, self.method, languages=document_languages([run], corpus), by_language=self.by_language,
            folds=self.folds,
        )  # fmt: skip
        return found if self.depth is None else found.filter(pc.less_equal(found["rank"], self.depth))
