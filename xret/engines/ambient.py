"""The engine in use: chosen once, above; stages ask for it and hand it on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from xret.engines.engine import Engine

__all__ = ["current_engine", "use_engine"]

_current: ContextVar[Engine | None] = ContextVar("xret.engine", default=None)


def current_engine() -> Engine | None:
    """The engine of this moment; None: do everything here, in one piece."""
    return _current.get()


@contextmanager
def use_engine(engine: Engine | None) -> Iterator[Engine | None]:
    """Let stages within use an engine; its workers end here."""
    token = _current.set(engine)
    try:
        yield engine
    finally:
        _current.reset(token)
        if engine is not None:
            engine.close()
