"""xret: cross-lingual retrieval. Mine parallel corpora, search multilingual collections, evaluate both.

The names below are the public face; each is imported from its module when first used, so that `import xret` loads
neither NumPy nor Arrow.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.corpus import open_corpus as open_corpus
    from xret.encoders import encode_corpus as encode_corpus
    from xret.encoders import load_encoder as load_encoder
    from xret.errors import XretError as XretError
    from xret.indexes.twoway import two_way_knn as two_way_knn
    from xret.pipeline import Pipeline as Pipeline
    from xret.pipeline import Step as Step
    from xret.pipeline import read_pipeline as read_pipeline
    from xret.runs import read_qrels as read_qrels
    from xret.runs import read_run as read_run
    from xret.runs import write_run as write_run
    from xret.stages.align import Align as Align
    from xret.stages.calibrate_run import CalibrateRun as CalibrateRun
    from xret.stages.centre import Centre as Centre
    from xret.stages.encode import Encode as Encode
    from xret.stages.evaluate import Evaluate as Evaluate
    from xret.stages.expand import Expand as Expand
    from xret.stages.filter import Filter as Filter
    from xret.stages.fuse import Fuse as Fuse
    from xret.stages.generate import Generate as Generate
    from xret.stages.index import Index as Index
    from xret.stages.mine import Mine as Mine
    from xret.stages.rerank import Rerank as Rerank
    from xret.stages.retrieve import Retrieve as Retrieve

_HOME = {
    "Align": "xret.stages.align",
    "CalibrateRun": "xret.stages.calibrate_run",
    "Centre": "xret.stages.centre",
    "Encode": "xret.stages.encode",
    "Evaluate": "xret.stages.evaluate",
    "Expand": "xret.stages.expand",
    "Filter": "xret.stages.filter",
    "Fuse": "xret.stages.fuse",
    "Generate": "xret.stages.generate",
    "Index": "xret.stages.index",
    "Mine": "xret.stages.mine",
    "Pipeline": "xret.pipeline",
    "Rerank": "xret.stages.rerank",
    "Retrieve": "xret.stages.retrieve",
    "Step": "xret.pipeline",
    "XretError": "xret.errors",
    "encode_corpus": "xret.encoders",
    "load_encoder": "xret.encoders",
    "open_corpus": "xret.corpus",
    "read_pipeline": "xret.pipeline",
    "read_qrels": "xret.runs",
    "read_run": "xret.runs",
    "two_way_knn": "xret.indexes.twoway",
    "write_run": "xret.runs",
}

__version__ = "0.2.0"  # the same as in pyproject.toml: a test compares them

__all__ = [
    "Align",
    "CalibrateRun",
    "Centre",
    "Encode",
    "Evaluate",
    "Expand",
    "Filter",
    "Fuse",
    "Generate",
    "Index",
    "Mine",
    "Pipeline",
    "Rerank",
    "Retrieve",
    "Step",
    "XretError",
    "__version__",
    "encode_corpus",
    "load_encoder",
    "open_corpus",
    "read_pipeline",
    "read_qrels",
    "read_run",
    "two_way_knn",
    "write_run",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module 'xret' has no attribute '{name}'")
    if _HOME[name].startswith("xret.stages."):
        importlib.import_module("xret.pipeline")  # gives stages their `>>`
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
