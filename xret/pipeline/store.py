"""Results of steps on disk: found again by the hash of a stage's options and the contents of its inputs."""

from __future__ import annotations

import json
import logging
import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import MANIFEST, atomic_file, digest, read_manifest, write_manifest
from xret.errors import InputError
from xret.mapped import write_batches
from xret.pipeline.hashes import value_hash
from xret.pipeline.lock import only_one
from xret.pipeline.made import made_here
from xret.stages.stage import Stage, Value

__all__ = ["StepReport", "StepStore", "file_sizes", "rows_of", "stated"]

RESULT = "output.arrow"
log = logging.getLogger("xret")


@dataclass(frozen=True)
class StepReport:
    """What became of one step."""

    stage: str
    writes: str
    status: str  # "computed" or "cached"
    rows: int | None  # None for a folder whose manifest does not say
    seconds: float
    folder: Path | None  # where the result lies; None when nothing was kept

    def __str__(self) -> str:
        """One line for people."""
        rows = "" if self.rows is None else f"{self.rows:,} rows, "
        return f"{self.stage} -> {self.writes}: {self.status}, {rows}{self.seconds:.2f} s"


@dataclass(frozen=True)
class StepStore:
    """A folder with one sub-folder ``<stage>-<12 hex of the key>`` per result.

    In it: ``work/``, the stage's own, kept from one interrupted call to the next; ``output.arrow``, where the result is
    a table; and ``manifest.json``, written last, without which the result does not count. Processes may share the
    folder: a result is computed by one of them, for which the others wait.
    """

    folder: Path
    resume: bool = True
    keep: bool = True

    def run(
        self,
        stage: Stage,
        sources: Sequence[tuple[str, bool]],
        bag: Mapping[str, Value],
        hashes: dict[str, str],
        *,
        writes: str,
    ) -> tuple[Value, StepReport]:
        """The result of a stage, computed or found.

        Args:
            stage: what to run.
            sources: names in `bag` of the stage's inputs, each with whether it must be there.
            bag: the values so far.
            hashes: content hashes of values in `bag`, filled as they become known and kept true for `writes`.
            writes: the name that the result will have.
        """
        start = time.perf_counter()
        values = [bag.get(name) for name, _ in sources]
        if not self.keep:
            return self._unkept(stage, values, writes, start)
        for (name, _), value in zip(sources, values, strict=True):
            if name not in hashes:
                hashes[name] = value_hash(value)
        inputs = {name: hashes[name] for name, _ in sources if name in bag}
        key = digest(stage.key(), [hashes[name] for name, _ in sources])
        home = self._home(stage, key)
        with only_one(home):
            found = self._found(stage, home, key) if self.resume else None
            status = "cached" if found is not None else "computed"
            value, hashes[writes] = found or self._compute(stage, values, home, {"key": key, "inputs": inputs})
        return value, StepReport(stage.name, writes, status, rows_of(value), time.perf_counter() - start, home)

    def find(self, stage: Stage, inputs: Sequence[str]) -> tuple[Value, str, Path] | None:
        """The finished result over inputs of these content hashes, its own hash and its folder; nothing is computed."""
        key = digest(stage.key(), list(inputs))
        home = self._home(stage, key)
        found = self._found(stage, home, key)
        return None if found is None else (*found, home)

    def _home(self, stage: Stage, key: str) -> Path:
        return self.folder / f"{stage.name}-{key[:12]}"

    def _unkept(
        self, stage: Stage, values: Sequence[Value | None], writes: str, start: float
    ) -> tuple[Value, StepReport]:
        place = self.folder / f"{len(list(self.folder.iterdir()))}-{stage.name}"
        place.mkdir()
        value = stage.run(*values, work=place)
        return value, StepReport(stage.name, writes, "computed", rows_of(value), time.perf_counter() - start, None)

    def _found(self, stage: Stage, home: Path, key: str) -> tuple[Value, str] | None:
        """The finished result under this key with its content hash; None when there is none, or it has changed."""
        if not (home / MANIFEST).is_file():
            return None
        try:
            fields = read_manifest(home, kind="step")
            place = home / str(fields["output"])
            if fields["key"] != key or not place.exists():
                return None
            _check_sizes(place, fields.get("files", {}))
            if fields["type"] == "table":
                return _map(place), str(fields["hash"])
            if value_hash(place) != fields["hash"]:
                return None
            if changed := stage.changed_outside(place):
                raise InputError(changed)
            return place, str(fields["hash"])
        except InputError as error:
            log.warning("%s; it is computed again", error)
            return None

    def _compute(
        self, stage: Stage, values: Sequence[Value | None], home: Path, fields: dict[str, Any]
    ) -> tuple[Value, str]:
        if not self.resume or (home / MANIFEST).exists():
            if self.resume and stage.mends:
                (home / MANIFEST).unlink()
            else:
                shutil.rmtree(home, ignore_errors=True)
        own = home / "work"
        own.mkdir(parents=True, exist_ok=True)
        start = time.perf_counter()
        value = stage.run(*values, work=own)
        if not isinstance(value, Path):
            value = _save(value, home / RESULT)
            shutil.rmtree(own, ignore_errors=True)  # partial state of a finished step
        place = value if isinstance(value, Path) else home / RESULT
        made = value_hash(value)
        write_manifest(
            home,
            {
                **fields,
                "kind": "step",
                "stage": stage.name,
                "version": stage.version,
                "options": stage.options(),
                "type": "folder" if isinstance(value, Path) else "table",
                "output": str(place.relative_to(home)) if place.is_relative_to(home) else str(place.resolve()),
                "hash": made,
                "files": file_sizes(place),
                "rows": rows_of(value),
                "seconds": round(time.perf_counter() - start, 3),
                "made": made_here(),
            },
        )
        return value, made


def _save(table: pa.Table, path: Path) -> pa.Table:
    with atomic_file(path) as temporary:
        write_batches(temporary, table.to_batches(), table.schema)
    return _map(path)


def _map(path: Path) -> pa.Table:
    try:
        return pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    except (pa.ArrowInvalid, OSError) as error:
        raise InputError(f"{path}: damaged ({error})") from error


def file_sizes(place: Path) -> dict[str, int]:
    """Bytes of a file (under no name), or of each file in a folder: what was cut off or lost shows in them."""
    if place.is_file():
        return {"": place.stat().st_size}
    files = sorted(each for each in place.rglob("*") if each.is_file())
    return {each.relative_to(place).as_posix(): each.stat().st_size for each in files}


def _check_sizes(place: Path, written: Mapping[str, int]) -> None:
    """Refuse files that are lost or of other sizes than were written; more files do not matter."""
    found = file_sizes(place)
    for name, size in written.items():
        if found.get(name) != size:
            state = "is gone" if name not in found else f"has {found[name]:,} bytes of {size:,}"
            raise InputError(f"{place / name if name else place}: {state}")


def rows_of(value: Value) -> int | None:
    """Rows of a table, or what an artifact's manifest says of them; None where it says nothing."""
    return stated(value, "rows") if isinstance(value, Path) else int(value.num_rows)


def stated(folder: Path, name: str) -> int | None:
    """A number in the manifest of an artifact; None where it says nothing."""
    try:
        found = json.loads((folder / MANIFEST).read_text(encoding="utf-8")).get(name)
    except (OSError, ValueError):
        return None
    return found if isinstance(found, int) else None
