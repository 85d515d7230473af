"""The kinds of systems by their names in a file."""

from __future__ import annotations

from xret.pipeline.suite.derived import Calibrated, Fused, Given, Reranked
from xret.pipeline.suite.searches import Dense, Lexical, Multivector
from xret.pipeline.suite.system import System

__all__ = ["KINDS"]

KINDS: dict[str, type[System]] = {
    each.kind: each for each in (Lexical, Dense, Multivector, Reranked, Fused, Calibrated, Given)
}
"""Kind -> its class."""
