"""Which units are still to do, and what became of those that went wrong."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any

from xret.errors import XretError

__all__ = ["LONG", "EngineError", "Ledger"]

logger = logging.getLogger("xret")
LONG, TIMES = 60.0, 10  # seconds, and times the longest unit that was done, after which a unit is talked about
MOST = 16  # failed units after which no more are begun: whatever it is, it concerns them all


class EngineError(XretError):
    """Units of a job failed, or nobody could work on them; what others made is kept."""


class Ledger:
    """The units of one job; may be used from several threads.

    Attributes:
        open: units that are neither done nor given up.
        executed: units done.
        given_up: number and cause of each that cannot be done.
    """

    def __init__(self, items: Sequence[Mapping[str, Any]], retries: int) -> None:
        """Every item is to do."""
        self.items, self.retries = items, retries
        self.open, self.executed = len(items), 0
        self._todo = deque(range(len(items)))
        self._tries = [0] * len(items)
        self.given_up: list[tuple[int, str]] = []
        self._deaths = 0  # in a row
        self._since: dict[int, float] = {}  # units at work, and when they were begun
        self._longest = 0.0
        self._lock = threading.Lock()

    def take(self) -> int | None:
        """The number of a unit to do; None when none waits."""
        with self._lock:
            if not self._todo or len(self.given_up) >= MOST:
                return None
            number = self._todo.popleft()
            self._since[number] = time.monotonic()
            return number

    def done(self, number: int) -> None:
        """A unit's result is there."""
        with self._lock:
            self._deaths = 0
            self.open -= 1
            self.executed += 1
            self._longest = max(self._longest, time.monotonic() - self._since.pop(number, math.inf))

    def lost(self, number: int, cause: str) -> None:
        """A unit's worker died: the unit waits again, or is given up.

        Raises:
            EngineError: workers die and nothing is ever done.
        """
        with self._lock:
            self._since.pop(number, None)
            self._tries[number] += 1
            self._deaths += 1
            if self._deaths > 2 * self.retries + 2:
                raise EngineError(f"workers die one after the other, the last one at {self.name(number)}: it {cause}")
            if self._tries[number] > self.retries:
                self._give_up(number, f"its worker {cause}, {self._tries[number]} times")
                return
            self._todo.append(number)
        logger.warning("%s: its worker %s; trying again", self.name(number), cause)

    def wrong(self, number: int, error: Mapping[str, Any]) -> None:
        """A unit met an error (see `xret.engines.calls.report`): it waits again where that may pass."""
        if not error["again"]:
            self.failed(number, error["message"])
            return
        with self._lock:
            self._since.pop(number, None)
            self._tries[number] += 1
            if self._tries[number] > self.retries:
                self._give_up(number, f"{error['message']}, {self._tries[number]} times")
                return
            self._todo.append(number)
        logger.warning("%s: %s; trying again", self.name(number), error["message"])

    def failed(self, number: int, cause: str) -> None:
        """A unit cannot be done."""
        with self._lock:
            self._give_up(number, cause)

    def remind(self) -> None:
        """Say which units take far longer than any that was done; once of each.

        There is no limit at which a unit is ended: nobody knows how long a good one takes on a slow machine, and one
        that was ended for being slow would be slow again.
        """
        with self._lock:
            limit, now = max(LONG, TIMES * self._longest), time.monotonic()
            late = {number: now - since for number, since in self._since.items() if now - since > limit}
            self._since |= dict.fromkeys(late, math.inf)
        for number, seconds in late.items():
            logger.warning(
                "%s: at work for %d minutes, the longest done so far took %.0f seconds; if its machine hangs, end it, "
                "and another takes over", self.name(number), seconds // 60, self._longest,
            )  # fmt: skip

    def name(self, number: int) -> str:
        """A unit, for messages."""
        return f"unit '{self.items[number].get('unit', number)}'"

    def settle(self) -> None:
        """Raise if some units failed.

        Raises:
            EngineError: names the first one and its cause.
        """
        if not self.given_up:
            return
        total, bad = len(self.items), len(self.given_up)
        number, cause = min(self.given_up)
        others = f"{bad} of {total} units failed" + ("" if bad < MOST else ", the rest was not begun")
        kept = "; those done are kept: mend it and run again" if self.executed else ""
        raise EngineError(f"{self.name(number)}: {cause.rstrip('.')} ({others}){kept}")

    def _give_up(self, number: int, cause: str) -> None:
        self._since.pop(number, None)
        self.given_up.append((number, cause))
        self.open -= 1
        if len(self.given_up) >= MOST:
            self.open -= len(self._todo)
            self._todo.clear()
