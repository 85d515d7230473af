"""Engines by name."""

from __future__ import annotations

from xret.engines.engine import Engine
from xret.engines.local import LocalEngine
from xret.errors import UsageError
from xret.suggest import did_you_mean

__all__ = ["ENGINES", "make_engine"]

ENGINES = ("local", "ray")


def make_engine(name: str, workers: int | None = None) -> Engine:
    """An engine; workers are started when there is work.

    Args:
        name: one of `ENGINES`.
        workers: how many; None: on this machine one per core, in a cluster that exists already all its places.

    Raises:
        UsageError: an unknown name, or no worker.
        MissingExtraError: Ray is not installed.
    """
    if workers is not None and workers < 1:
        raise UsageError(f"workers {workers} must be positive")
    if name == "local":
        return LocalEngine(workers)
    if name == "ray":
        from xret.engines.ray import RayEngine

        return RayEngine(workers)
    raise UsageError(f"engine '{name}' is not known; {did_you_mean(name, ENGINES)}")
