"""The systems of a server: named indexes, each in one state at a time, which is replaced as a whole.

A request leases the state that is there when it arrives and keeps it to its end; a state that was replaced is closed
when nobody leases it any more.
"""

from __future__ import annotations

import gc
import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING

from xret.errors import UsageError, XretError
from xret.indexes.kinds import index_kind, verbs
from xret.serving.failures import Refusal
from xret.serving.generation import Generation, Place, open_generation, version_of

if TYPE_CHECKING:
    from pathlib import Path

    from xret.encoders import Encoder
    from xret.serving.metrics import Metrics

__all__ = ["Systems"]

logger = logging.getLogger("xret")
Load = Callable[[str], "Encoder"]


class Systems:
    """All systems of a server, in the order of the command line."""

    def __init__(self, places: Sequence[Place], load: Load, *, metrics: Metrics) -> None:
        """Open all.

        Args:
            places: at least one.
            load: an encoder by its name, anew at every call.
            metrics: told of rows and swaps.

        Raises:
            UsageError: two of one name.
            InputError: no index there; errors of opening.
            MismatchError: an encoder that did not make the index.
        """
        names = [place.name for place in places]
        twice = next((name for name in names if names.count(name) > 1), None)
        if twice is not None:
            raise UsageError(f"two indexes are called '{twice}'; name them apart: NAME=FOLDER")
        self._load, self._metrics = load, metrics
        self._encoders: dict[str, Encoder] = {}
        self._swapping = threading.Lock()
        self._current = {place.name: self._opened(place) for place in places}
        for each in self.current():
            metrics.rows.labels(each.place.name).set(each.rows)

    @property
    def names(self) -> list[str]:
        """Of all systems."""
        return list(self._current)

    def current(self) -> list[Generation]:
        """The state of each."""
        return list(self._current.values())

    @contextmanager
    def lease(self, names: Sequence[str] | None = None) -> Iterator[tuple[Generation, ...]]:
        """The states of some systems (None: the first), which stay open within.

        Raises:
            Refusal: no such system.
        """
        with ExitStack() as held:
            yield tuple(held.enter_context(self._leased(name)) for name in names or self.names[:1])

    def with_encoder(self, name: str | None) -> str:
        """The name of a system with an encoder of sentences: the one named, or the first that has one.

        Raises:
            Refusal: there is none.
        """
        if name is not None and name not in self._current:
            raise _unknown(name, self.names)
        for one in [name] if name else self.names:
            if self._current[one].encoder is not None:
                return one
        raise Refusal(422, "no_encoder", "no system here has an encoder; ask a server with a dense index")

    def swap(self, name: str | None = None, *, check: bool = True) -> dict[str, str]:
        """Open systems again, verify them, and put them in the places of those that are there.

        Args:
            name: which; None for all that have changed on disk.
            check: read all of the new files and compare them with the manifest.

        Returns:
            Versions by name.

        Raises:
            XretError: what is there now cannot be used; everything stays as it was.
            Refusal: no such system.
        """
        if name is not None and name not in self._current:
            raise _unknown(name, self.names)
        with self._swapping:
            places = [self._current[one].place for one in ([name] if name else self.names)]
            fresh = [each for each in places if name or self.changed(each)]
            made: list[Generation] = []
            try:
                for place in fresh:
                    made.append(self._verified(place, check=check))
            except BaseException:
                for unused in made:
                    self._retire(unused)
                raise
            for new in made:
                old, self._current[new.place.name] = self._current[new.place.name], new
                self._metrics.rows.labels(new.place.name).set(new.rows)
                self._metrics.swaps.labels(new.place.name, "done").inc()
                logger.info("serve: '%s' is now %s, was %s", new.place.name, new.version, old.version)
                self._retire(old)
            self._forget_encoders()
            return {one.place.name: one.version for one in self.current()}

    def changed(self, place: Place) -> bool:
        """Whether another state lies in the folder than the one that is open."""
        try:
            return version_of(place.folder) != self._current[place.name].version
        except (OSError, XretError):  # not there, or a store that cannot be reached: what is open stays
            return False

    def close(self) -> None:
        """Let go of all."""
        for each in self.current():
            self._retire(each)

    @contextmanager
    def _leased(self, name: str) -> Iterator[Generation]:
        while True:
            found = self._current.get(name)
            if found is None:
                raise _unknown(name, self.names)
            with found.lock:
                if not found.retired:
                    found.leases += 1
                    break
        try:
            yield found
        finally:
            with found.lock:
                found.leases -= 1
                last = found.retired and not found.leases
            if last:
                _closed(found)

    def _retire(self, old: Generation) -> None:
        with old.lock:
            old.retired = True
            last = not old.leases
        if last:
            _closed(old)

    def _verified(self, place: Place, *, check: bool) -> Generation:
        try:
            folder = place.fixed  # once: what is opened is what was verified, wherever the link leads by then
            if check:
                verbs(index_kind(folder)).check(folder)
            return self._opened(place, folder)
        except XretError:
            self._metrics.swaps.labels(place.name, "refused").inc()
            raise

    def _opened(self, place: Place, folder: Path | None = None) -> Generation:
        made = open_generation(place, self._encoder, folder)
        logger.info(
            "serve: '%s': %s index, %s documents, version %s", place.name, made.kind, f"{made.rows:,}", made.version
        )
        return made

    def _encoder(self, name: str, hash: str | None) -> Encoder:
        """The encoder that is loaded already, or, where that one is another, a new one of this name."""
        found = self._encoders.get(name)
        if found is None or (hash and found.hash != hash):
            found = self._encoders[name] = self._load(name)
        return found

    def _forget_encoders(self) -> None:
        used = {id(one.encoder) for one in self.current()}
        self._encoders = {name: one for name, one in self._encoders.items() if id(one) in used}


def _closed(old: Generation) -> None:
    """Drop the files: the last references go, and with them the memory maps."""
    logger.info("serve: closed %s of '%s'", old.version, old.place.name)
    old.index = old.encoder = None
    gc.collect()


def _unknown(name: str, names: Sequence[str]) -> Refusal:
    return Refusal(404, "unknown_system", f"there is no system '{name[:64]}'; there are: {', '.join(names)}")
