"""The stages by name; each class is imported only when asked for.

A stage's name is what `use = "…"` says in a pipeline file and what names its results in a work folder.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from xret.errors import UsageError
from xret.suggest import did_you_mean

if TYPE_CHECKING:
    from xret.stages.stage import Stage

__all__ = ["STAGES", "stage_class"]

STAGES: dict[str, str] = {
    "encode": "xret.stages.encode:Encode",
    "neighbours": "xret.stages.neighbours:Neighbours",
    "mine": "xret.stages.mine:Mine",
    "score": "xret.stages.score:Score",
    "decoys": "xret.stages.decoys:Decoys",
    "tune": "xret.stages.tune:Tune",
    "calibrate": "xret.stages.calibrate:Calibrate",
    "filter": "xret.stages.filter:Filter",
    "sample-means": "xret.stages.means:SampleMeans",
    "segment": "xret.stages.segment:Segment",
    "pair-documents": "xret.stages.documents:PairDocuments",
    "align": "xret.stages.align:Align",
    "generate": "xret.stages.generate:Generate",
    "expand": "xret.stages.expand:Expand",
    "index": "xret.stages.index:Index",
    "load": "xret.stages.load:Load",
    "retrieve": "xret.stages.retrieve:Retrieve",
    "rerank": "xret.stages.rerank:Rerank",
    "fuse": "xret.stages.fuse:Fuse",
    "calibrate-run": "xret.stages.calibrate_run:CalibrateRun",
    "centre": "xret.stages.centre:Centre",
    "evaluate": "xret.stages.evaluate:Evaluate",
    "evaluate-bitext": "xret.stages.evaluate:EvaluateBitext",
}


def stage_class(name: str) -> type[Stage]:
    """The class of the stage called `name`.

    Raises:
        UsageError: no such stage; the message has the nearest name and all of them.
    """
    if name not in STAGES:
        raise UsageError(f"no stage '{name}'; {did_you_mean(name, STAGES)}")
    module, attribute = STAGES[name].split(":")
    found: type[Stage] = getattr(importlib.import_module(module), attribute)
    return found
