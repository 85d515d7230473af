"""What a pipeline would do: rows, sizes, and what of it is there already; no stage is run and nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xret.artifact import digest
from xret.errors import InputError, UsageError
from xret.pipeline.compose import Step
from xret.pipeline.hashes import value_hash
from xret.pipeline.kinds import check_kind
from xret.pipeline.source import read_source
from xret.pipeline.store import StepStore, rows_of
from xret.stages.stage import Stage, Value

if TYPE_CHECKING:
    from xret.pipeline.file import PipelineFile

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
        bytes: of the result on disk; before it is made, known for vectors alone.
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
    """

    inputs: tuple[PreviewedInput, ...]
    steps: tuple[PreviewedStep, ...]
    outputs: tuple[tuple[str, Path, bool], ...]
    engine: str


def preview(file: PipelineFile, *, work: Path | None = None, resume: bool = True, engine: str = "") -> Preview:
    """Look at every step of a pipeline file.

    Inputs are read and checked. Where an earlier step is to do, what comes after it is, too: its input is not known.

    Args:
        file: the pipeline.
        work: its work folder, where it is not the default one.
        resume: False: everything is to do.
        engine: in words, where it was chosen by an option.

    Raises:
        InputError: an input is missing or malformed, or an encoder is not there.
        UsageError: a step would read what is not of its kind.
    """
    folder = file.work if work is None else work
    store = StepStore(folder, resume=resume)
    cache = folder / "inputs" if folder.is_dir() else None
    bag: dict[str, Value] = {name: read_source(name, source, cache=cache) for name, source in file.inputs.items()}
    inputs = tuple(
        PreviewedInput(name, source.path, rows_of(bag[name]), _size(source.path))
        for name, source in file.inputs.items()
    )
    known = _Known(store, dict(bag), {}, {each.name: (each.rows, False) for each in inputs})
    steps = tuple(known.look(number, step) for number, step in enumerate(file.pipeline.steps, start=1))
    outputs = tuple((name, path, path.exists()) for name, path in file.outputs.items())
    return Preview(inputs, steps, outputs, engine or _engine(file))


@dataclass
class _Known:
    """Values, their hashes and rows, as far as they are known before anything runs."""

    store: StepStore
    bag: dict[str, Value]
    hashes: dict[str, str]
    rows: dict[str, tuple[int | None, bool]]

    def look(self, number: int, step: Step) -> PreviewedStep:
        """One step; what it writes is known from here on if it is cached."""
        stage, named = step.stage, [name for name, _ in step.sources]
        for declared, name in zip(stage.inputs, named, strict=True):
            declared = declared.removesuffix("?")
            where = f"stage {number} ('{stage.name}') reads '{name}' as its '{declared}'"
            check_kind(where, declared, self.bag.get(name))
        status, store = "to do", str(getattr(stage, "to", ""))
        key = stage.key()  # asks for the encoder: a missing one is told now, whatever comes before
        unknown = any(name in self.rows and name not in self.bag for name in named)
        if self.store.resume and not unknown:
            wanted = [self._hash(name) for name in named]
            found = self.store.find(stage, wanted)
            if found is not None:
                value, self.hashes[step.writes], home = found
                self.bag[step.writes] = value
                self.rows[step.writes] = rows_of(value), False
                place = value if isinstance(value, Path) else home / "output.arrow"
                return PreviewedStep(stage.name, step.writes, "cached", rows_of(value), False, _size(place), store)
            own = self.store.folder / f"{stage.name}-{digest(key, wanted)[:12]}" / "work"
            status = "begun" if own.is_dir() and any(own.iterdir()) else "to do"
        told = [self.rows.get(name, (None, False)) for name in named]
        rows, at_most = _expected(stage, dict(zip(_declared(stage), told, strict=True)))
        self.bag.pop(step.writes, None)
        self.hashes.pop(step.writes, None)
        self.rows[step.writes] = rows, at_most
        return PreviewedStep(stage.name, step.writes, status, rows, at_most, _expected_bytes(stage, rows), store)

    def _hash(self, name: str) -> str:
        if name not in self.hashes:
            self.hashes[name] = value_hash(self.bag.get(name))
        return self.hashes[name]


def _declared(stage: Stage) -> list[str]:
    return [name.removesuffix("?") for name in stage.inputs]


def _expected(stage: Stage, rows: Mapping[str, tuple[int | None, bool]]) -> tuple[int | None, bool]:
    """Rows that a stage will make of so many; None where that cannot be said before."""
    same = {"encode": "corpus", "index": "corpus", "load": "corpus"}
    fewer = {"rerank": "run", "calibrate-run": "run", "filter": "pairs", "score": "pairs"}
    if stage.name in same:
        return rows[same[stage.name]]
    if stage.name in fewer and fewer[stage.name] in rows:
        return rows[fewer[stage.name]][0], True
    queries = rows.get("queries", (None, False))[0]
    if stage.name == "retrieve" and queries is not None:
        return queries * int(getattr(stage, "k", 0)), True
    return None, False


def _expected_bytes(stage: Stage, rows: int | None) -> int | None:
    """Of vectors: rows, dimensions and bytes of a number."""
    if stage.name != "encode" or rows is None:
        return None
    dim = getattr(stage, "dim", None) or _width(str(getattr(stage, "encoder", "")))
    return None if dim is None else rows * dim * (2 if getattr(stage, "dtype", "") == "float16" else 4)


def _width(encoder: str) -> int | None:
    from xret.encoders.composing.composed import open_named

    try:
        checkpoint = open_named(encoder)
        found = checkpoint.config.get("output_size") or checkpoint.config.get("hidden_size")
    except (InputError, UsageError):  # a folder of several, say: then its size is not told
        return None
    return found if isinstance(found, int) else None


def _engine(file: PipelineFile) -> str:
    if file.engine is None:
        return "this process"
    workers = (
        "as many workers as there is room for" if file.engine.workers is None else f"{file.engine.workers} workers"
    )
    return f"{file.engine.use}, {workers}"


def _size(path: Path) -> int:
    """Bytes of a file, or of all files in a folder."""
    files = [path] if path.is_file() else [each for each in path.rglob("*") if each.is_file()]
    return sum(each.stat().st_size for each in files)
