"""What the parts of a running server share."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from xret.serving.keys import Key
from xret.serving.limits import Limits
from xret.serving.metrics import Metrics

if TYPE_CHECKING:
    from xret.encoders import Reranker
    from xret.serving.batching import Batcher
    from xret.serving.generations import Systems

__all__ = ["State"]


@dataclass(eq=False)
class State:
    """A server.

    Attributes:
        systems: what can be asked.
        limits: what it takes on.
        metrics: what it counts.
        key: who may ask; None for everybody.
        hosts: names by which it may be called (the Host of a request); None for any. Where there is no key, a page of
            somebody else's must not reach it under a name that was made to point here.
        batcher: set before the first request.
        threads: of a search.
        reranker: a cross-encoder, for those who ask for it.
        check: whether an index is read whole before it is swapped in.
        stopping: nothing new is taken on.
        active: requests that were taken on and are not answered.
        accepted: requests that were ever taken on.
        answered: those of them that got an answer.
    """

    systems: Systems
    limits: Limits
    metrics: Metrics
    key: Key | None = None
    hosts: frozenset[str] | None = None
    batcher: Batcher | None = None
    threads: int | None = None
    reranker: Reranker | None = None
    check: bool = True
    stopping: threading.Event = field(default_factory=threading.Event)
    active: int = 0
    accepted: int = 0
    answered: int = 0
