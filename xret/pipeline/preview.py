"""What a pipeline would do: rows, sizes, and what of it is there already; no stage is run and nothing is written."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xret.artifact import MANIFEST, digest
from xret.engines import make_engine
from xret.pipeline.compose import Step
from xret.pipeline.expected import Expected, expected, of_value
from xret.pipeline.hashes import value_hash
from xret.pipeline.kinds import check_kind
from xret.pipeline.source import read_source
from xret.pipeline.store import RESULT, StepStore, file_sizes, rows_of
from xret.stages.load import Load
from xret.stages.stage import Value
from xret.stores.place import is_remote

if TYPE_CHECKING:
    from xret.pipeline.file import EngineChoice, PipelineFile

__all__ = ["Preview", "PreviewedInput", "PreviewedStep", "preview"]


@dataclass(frozen=True)
class PreviewedInput:
    """An input: its file, rows (None where nothing says) and bytes on disk."""

    name: str
    path: Path
    rows: int | None
    bytes: int


@dataclass(frozen=True)
class PreviewedStep:
    """A step that would run, or is there.

    Attributes:
        stage: its name.
        writes: the name of its result.
        status: ``cached``; ``begun``, where an interrupted run left work behind; or ``to do``.
        rows: of the result; before it is made, what they will be, or at most.
        at_most: whether `rows` is a bound.
        bytes: of the result on disk, of a store in a folder those of that; before it is made, known for vectors and
            dense indexes alone, and without what holds them together.
        store: the store outside of the work folder that it fills; empty for most.
    """

    stage: str
    writes: str
    status: str
    rows: int | None
    at_most: bool
    bytes: int | None
    store: str = ""


@dataclass(frozen=True)
class Preview:
    """The plan of a pipeline.

    Attributes:
        outputs: name, path, and whether there is something that would be replaced.
        engine: who would do the work, in words.
        work: the work folder.
        free: bytes that its disk has left.
    """

    inputs: tuple[PreviewedInput, ...]
    steps: tuple[PreviewedStep, ...]
    outputs: tuple[tuple[str, Path, bool], ...]
    engine: str
    work: Path
    free: int

    @property
    def needed(self) -> int:
        """Bytes that the work folder will take more, as far as they are known."""
        return sum(each.bytes or 0 for each in self.steps if each.status != "cached" and not each.store)


def preview(
    file: PipelineFile, *, work: Path | None = None, resume: bool = True, engine: EngineChoice | None = None
) -> Preview:
    """Look at every step of a pipeline file.

    Inputs are read and checked. Where an earlier step is to do, what comes after it is, too: its input is not known.

    Args:
        file: the pipeline.
        work: its work folder, where it is not the default one.
        resume: False: everything is to do.
        engine: chosen by an option, in place of the file's.

    Raises:
        InputError: an input is missing or malformed, an encoder is not there, an index cannot be made of these rows, or
            an output could not be written.
        UsageError: a step would read what is not of its kind.
        MissingExtraError: the engine is not installed.
    """
    file.check_outputs()
    told = _engine(engine or file.engine)
    folder = file.work if work is None else work
    store = StepStore(folder, resume=resume)
    cache = folder / "inputs" if folder.is_dir() else None
    bag: dict[str, Value] = {name: read_source(name, source, cache=cache) for name, source in file.inputs.items()}
    inputs = tuple(
        PreviewedInput(name, source.path, rows_of(bag[name]), _size(source.path))
        for name, source in file.inputs.items()
    )
    known = _Known(store, dict(bag), {}, {name: of_value(value) for name, value in bag.items()})
    steps = tuple(known.look(number, step) for number, step in enumerate(file.pipeline.steps, start=1))
    outputs = tuple((name, path, path.exists()) for name, path in file.outputs.items())
    return Preview(inputs, steps, outputs, told, folder, _free(folder))


@dataclass
class _Known:
    """Values, their hashes, and what is expected of them, as far as that is known before anything runs."""

    store: StepStore
    bag: dict[str, Value]
    hashes: dict[str, str]
    expected: dict[str, Expected]

    def look(self, number: int, step: Step) -> PreviewedStep:
        """One step; what it writes is known from here on if it is cached."""
        stage, named = step.stage, [name for name, _ in step.sources]
        declared = [name.removesuffix("?") for name in stage.inputs]
        for kind, name in zip(declared, named, strict=True):
            check_kind(f"stage {number} ('{stage.name}') reads '{name}' as its '{kind}'", kind, self.bag.get(name))
        store = stage.to if isinstance(stage, Load) else ""
        key = stage.key()  # asks for the encoder: a missing one is told now, whatever comes before
        status = "to do"
        if self.store.resume and all(name in self.bag or name not in self.expected for name in named):
            wanted = [self._hash(name) for name in named]
            found = self.store.find(stage, wanted)
            if found is not None:
                value, self.hashes[step.writes], home = found
                self.bag[step.writes] = value
                self.expected[step.writes] = of_value(value)
                size = _size(value) if isinstance(value, Path) else _size(home / RESULT)
                return PreviewedStep(
                    stage.name, step.writes, "cached", rows_of(value), False, _stored(store) if store else size, store
                )
            home = self.store.folder / f"{stage.name}-{digest(key, wanted)[:12]}"
            begun = not (home / MANIFEST).exists() and any(home.glob("work/*"))  # with one, it has become useless
            status = "begun" if begun else "to do"
        known = {kind: self.expected[name] for kind, name in zip(declared, named, strict=True) if name in self.expected}
        made = self.expected[step.writes] = expected(stage, known)
        self.bag.pop(step.writes, None)
        self.hashes.pop(step.writes, None)
        return PreviewedStep(stage.name, step.writes, status, made.rows, made.at_most, made.bytes, store)

    def _hash(self, name: str) -> str:
        if name not in self.hashes:
            self.hashes[name] = value_hash(self.bag.get(name))
        return self.hashes[name]


def _engine(chosen: EngineChoice | None) -> str:
    """Who would do the work, in words; nothing is started."""
    if chosen is None:
        return "this process"
    make_engine(chosen.use, chosen.workers)
    if chosen.workers is None:
        return f"{chosen.use}, as many workers as there is room for"
    return f"{chosen.use}, {chosen.workers} worker{'s' if chosen.workers > 1 else ''}"


def _stored(store: str) -> int | None:
    """Bytes of a store in a folder; None where a server has it."""
    return None if is_remote(store) or not Path(store).is_dir() else _size(Path(store))


def _free(folder: Path) -> int:
    """Bytes left on the disk that a folder is on, or will be."""
    there = next(each for each in (folder.absolute(), *folder.absolute().parents) if each.exists())
    return shutil.disk_usage(there).free


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    return sum(file_sizes(path).values())
