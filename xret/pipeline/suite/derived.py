"""Systems made of others' runs: reranked, fused, calibrated; and runs made elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, Self

from xret.errors import UsageError
from xret.pipeline.suite.crossfit import CrossFit
from xret.pipeline.suite.system import Making, System
from xret.stages.calibrate_run import CalibrateRun
from xret.stages.fuse import Fuse, Fusion
from xret.stages.merging import Calibration
from xret.stages.rerank import Rerank

__all__ = ["Calibrated", "Fused", "Given", "Reranked"]


@dataclass(frozen=True, kw_only=True)
class Reranked(System):
    """The head of another system's run, scored anew. Options: see the stage `rerank`.

    Attributes:
        encoder: of ``light`` and ``maxsim``; None: that of the system reranked, where it has one.
    """

    kind = "rerank"
    of: str
    model: str = "maxsim"
    encoder: str | None = None
    depth: int = 100
    truncation: Literal["first", "windows"] = "first"
    window: int | None = None
    overlap: int | None = None
    weight: float | None = None
    maxp: bool = False

    def check(self) -> None:
        """See `System`."""
        self._stage("xret-mini")

    @property
    def parents(self) -> tuple[str, ...]:
        """The system reranked."""
        return (self.of,)

    def make(self, making: Making) -> str:
        """Take its run and the texts."""
        encoder = self.encoder or making.encoder_of(self.of) or "xret-mini"
        sources = making.run_of(self.of), making.input("queries"), making.input("corpus")
        return making.add(self._stage(encoder), *sources, what="rerank")

    def _stage(self, encoder: str) -> Rerank:
        options = self._options("model", "depth", "truncation", "window", "overlap", "maxp")
        if self.weight is not None:
            options["weight"] = self.weight
        return Rerank(encoder=encoder, **options)


@dataclass(frozen=True, kw_only=True)
class Fused(System):
    """Two to four systems' runs merged. Options: see the stage `fuse`."""

    kind = "fuse"
    of: tuple[str, ...]
    method: Fusion = "rrf"
    k: int = 60
    weights: tuple[float, ...] | None = None
    depth: int | None = None

    def check(self) -> None:
        """See `System`."""
        if not 2 <= len(self.of) <= 4 or len(set(self.of)) < len(self.of):
            raise UsageError(f'of names {", ".join(self.of) or "none"}; wanted 2 to 4 systems, as in ["bm25", "dense"]')
        if self.weights is not None and len(self.weights) != len(self.of):
            raise UsageError(f"{len(self.weights)} weights for {len(self.of)} systems; give one for each, in order")
        self._stage()

    @property
    def parents(self) -> tuple[str, ...]:
        """The systems merged."""
        return self.of

    def make(self, making: Making) -> str:
        """Merge their runs."""
        runs = [making.run_of(each) for each in self.of]
        return making.add(self._stage(), *runs, *[""] * (4 - len(runs)), what="fuse")

    def _stage(self) -> Fuse:
        return Fuse(**self._options("method", "k", "weights", "depth"))


@dataclass(frozen=True, kw_only=True)
class Calibrated(System):
    """One list over many languages from another system's run. Options: see the stage `calibrate-run`.

    Attributes:
        fit_on: for ``logistic``: the benchmark whose run and judgements the maps are fitted on. None: cross-fitted
            (every query by the topics of other folds), and so are the shares of ``quota`` without `prior`.
        folds: of the cross-fitting.
    """

    kind = "calibrate"
    of: str
    method: Calibration = "zscore"
    prior: Mapping[str, float] | None = None
    by_language: bool = True
    k: int = 60
    depth: int | None = None
    fit_on: str | None = None
    folds: int = 5

    def check(self) -> None:
        """See `System`."""
        if self.fit_on is not None and self.method != "logistic":
            raise UsageError(f"fit_on is for method 'logistic', not '{self.method}'; leave it out")
        if self.folds < 2:
            raise UsageError(f"folds is {self.folds}; wanted at least 2")
        if not self._crossed:
            self._stage()

    @property
    def parents(self) -> tuple[str, ...]:
        """The system calibrated."""
        return (self.of,)

    @property
    def elsewhere(self) -> tuple[str, ...]:
        """What it is fitted on."""
        return () if self.fit_on is None else (self.fit_on,)

    @property
    def _crossed(self) -> bool:
        return (self.method == "logistic" and self.fit_on is None) or (self.method == "quota" and self.prior is None)

    def make(self, making: Making) -> str:
        """Take its run, and what the method is fitted on."""
        run, corpus = making.run_of(self.of), making.input("corpus")
        if self._crossed:
            stage = CrossFit(**self._options("method", "by_language", "folds", "depth"))
            return making.add(stage, run, making.input("qrels"), corpus, what="calibrate")
        fitted = ("", "")
        if self.fit_on is not None:
            if self.fit_on == making.benchmark:
                raise UsageError(
                    f"system '{self.name}' is fitted on benchmark '{self.fit_on}', and would be judged by what it was "
                    "fitted on; leave fit_on out to cross-fit, or keep it off that benchmark with on = [...]"
                )
            fitted = (making.run_of(self.of, self.fit_on), making.input("qrels", self.fit_on))
        return making.add(self._stage(), run, corpus, *fitted, what="calibrate")

    def _stage(self) -> CalibrateRun:
        options = self._options("method", "by_language", "k", "depth")
        prior = None if self.prior is None else dict(self.prior)
        return CalibrateRun(prior=prior, **options)


@dataclass(frozen=True, kw_only=True)
class Given(System):
    """Runs made elsewhere.

    Attributes:
        runs: benchmark -> file, in any format that xret reads.
    """

    kind = "run"
    runs: Mapping[str, str]

    def check(self) -> None:
        """See `System`."""
        if not self.runs or not all(isinstance(path, str) for path in self.runs.values()):
            raise UsageError('runs wants a file for each benchmark, as in runs = { news = "news.trec" }')

    def located(self, folder: Path) -> Self:
        """See `System`."""
        return replace(self, runs={name: self._there(folder, "runs", path) for name, path in self.runs.items()})

    def make(self, making: Making) -> str:
        """Read it."""
        return making.file(Path(self.runs[making.benchmark]), "run")
