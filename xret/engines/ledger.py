"""Which units are still to do, and what became of those that went wrong."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from xret.errors import XretError

__all__ = ["EngineError", "Ledger"]

logger = logging.getLogger("xret")
MOST = 16  # failed units after which no more are begun: whatever it is, it concerns them all


class EngineError(XretError):
    """Units of a job failed, or nobody could work on them; what others made is kept."""


class Ledger:
    """The units of one job; may be used from several threads.

    Attributes:
        open: units that are neither done nor given up.
        executed: units done.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], retries: int) -> None:
        """Every item is to do."""
        self.items, self.retries = items, retries
        self.open, self.executed = len(items), 0
        self._todo = deque(range(len(items)))
        self._tries = [0] * len(items)
        self._failed: list[tuple[int, str]] = []
        self._deaths = 0  # in a row
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """The number of a unit to do; None when none waits."""
        with self._lock:
            if not self._todo or len(self._failed) >= MOST:
                return None
            return self._todo.popleft()

    def done(self, number: int) -> None:
        """A unit's result is there."""
        with self._lock:
            self._deaths = 0
            self.open -= 1
            self.executed += 1

    def lost(self, number: int, cause: str) -> None:
        """A unit's worker died, or stumbled over something that may pass: the unit waits again, or is given up.

        Raises:
            EngineError: workers die and nothing is ever done.
        """
        with self._lock:
            self._tries[number] += 1
            self._deaths += 1
            if self._deaths > 2 * self.retries + 2:
                raise EngineError(f"workers die one after the other, the last one at {self.name(number)}: it {cause}")
            if self._tries[number] > self.retries:
                self._give_up(number, f"its worker {cause}, {self._tries[number]} times")
                return
            self._todo.append(number)
        logger.warning("%s: its worker %s; trying again", self.name(number), cause)

    def failed(self, number: int, cause: str) -> None:
        """A unit cannot be done."""
        with self._lock:
            self._give_up(number, cause)

    def stumbled(self, number: int, cause: str) -> None:
        """A unit met an error that nobody expected: it waits again, or is given up."""
        with self._lock:
            self._tries[number] += 1
            if self._tries[number] > self.retries:
                self._give_up(number, f"{cause}, {self._tries[number]} times")
                return
            self._todo.append(number)
        logger.warning("%s: %s; trying again", self.name(number), cause)

    def name(self, number: int) -> str:
        """A unit, for messages."""
        return f"unit '{self.items[number].get('unit', number)}'"

    def settle(self) -> None:
        """Raise if some units failed.

        Raises:
            EngineError: names the first one and its cause.
        """
        if not self._failed:
            return
        total, bad = len(self.items), len(self._failed)
        number, cause = min(self._failed)
        others = f"{bad} of {total} units failed" + ("" if bad < MOST else ", the rest was not begun")
        kept = "; those done are kept: mend it and run again" if self.executed else ""
        raise EngineError(f"{self.name(number)}: {cause.rstrip('.')} ({others}){kept}")

    def _give_up(self, number: int, cause: str) -> None:
        self._failed.append((number, cause))
        self.open -= 1
        if len(self._failed) >= MOST:
            self.open -= len(self._todo)
            self._todo.clear()
