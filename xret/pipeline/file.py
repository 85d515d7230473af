"""Pipeline files: `[inputs]`, one `[[stage]]` after another, `[outputs]`.

[inputs]
src = "news.de.txt"                             # a path, from the folder of this file
tgt = { path = "news.en.txt", lang = "en" }     # or with what the file does not say itself

[[stage]]
use = "encode"                                  # a stage's name
read = { corpus = "src" }                       # the stage's input `corpus` is our `src`
write = "src_vectors"                           # its output is called so from here on
encoder = "xret-mini"                           # everything else is an option of the stage

[outputs]
pairs = "pairs.tsv"                             # format by extension

[engine]                                        # who does the work; the results are the same. May be left out
use = "local"                                   # processes of this machine; or "ray": the cluster at RAY_ADDRESS
workers = 4
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.engines import ENGINES, current_engine, make_engine, use_engine
from xret.errors import InputError, UsageError
from xret.pipeline.compose import Pipeline, Step
from xret.pipeline.kinds import kind_word
from xret.pipeline.options import make_record, make_stage
from xret.pipeline.overrides import Override, override, parse_override
from xret.pipeline.sink import check_target, folder_kind, write_value
from xret.pipeline.source import Source, kind_of
from xret.pipeline.store import StepReport
from xret.stages.stage import Value
from xret.suggest import did_you_mean

__all__ = ["PipelineFile", "read_pipeline"]

SECTIONS = ("inputs", "stage", "outputs", "engine")


@dataclass(frozen=True, kw_only=True)
class EngineChoice:
    """The section `[engine]`.

    Attributes:
        use: a name in `xret.engines.ENGINES`.
        workers: how many; None for as many as there is room for.
    """

    use: str
    workers: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no engine is called."""
        if self.use not in ENGINES:
            raise UsageError(f"[engine]: no engine '{self.use}'; {did_you_mean(self.use, ENGINES)}")
        if self.workers is not None and self.workers < 1:
            raise UsageError(f"[engine]: workers {self.workers} must be positive")


@dataclass(frozen=True)
class PipelineFile:
    """A pipeline with its inputs and outputs.

    Attributes:
        path: the file it was read from.
        inputs: where each named input lies.
        outputs: where each named value goes; a subset of what inputs and stages name.
        engine: who does the work, where nobody says otherwise; None: this process.
    """

    path: Path
    pipeline: Pipeline
    inputs: Mapping[str, Source]
    outputs: Mapping[str, Path]
    engine: EngineChoice | None = None

    @property
    def work(self) -> Path:
        """The default work folder: ``mine.toml`` works in ``mine.work`` beside it."""
        return self.path.with_suffix(".work")

    def run(
        self,
        *,
        work: Path | None = None,
        resume: bool = True,
        on_step: Callable[[StepReport], None] | None = None,
    ) -> dict[str, Value]:
        """Run the pipeline, write its outputs, and give every named value; arguments as for `Pipeline`."""
        kinds = self.check_outputs()
        with self._engine():
            place = self.work if work is None else work
            values = self.pipeline(self.inputs, work=place, resume=resume, on_step=on_step)
        for name, path in self.outputs.items():
            write_value(values[name], path, kind=kinds[name])
        return values

    def check_outputs(self) -> dict[str, str]:
        """The kind of each output.

        Raises:
            InputError: one of them could not be written.
        """
        kinds = {name: self._kind(name) for name in self.outputs}
        for name, path in self.outputs.items():
            check_target(name, path, kinds[name])
        return kinds

    def _engine(self) -> AbstractContextManager[object]:
        if self.engine is None or current_engine() is not None:
            return nullcontext()
        return use_engine(make_engine(self.engine.use, self.engine.workers))

    def _kind(self, name: str) -> str:
        """Of the value with that name in the end: what the last stage that writes it makes, else that of the input."""
        for step in reversed(self.pipeline.steps):
            if step.writes == name:
                return kind_word(step.stage.output)
        source = self.inputs[name]
        kind = source.kind or kind_of(name, source.path)
        return folder_kind(source.path) if kind == "folder" else kind


def read_pipeline(path: str | Path, *, overrides: Iterable[str] = ()) -> PipelineFile:
    """Read and check a pipeline file; nothing is run and no input is opened.

    Args:
        path: the TOML file.
        overrides: ``"encoder=my-model"`` (in every stage that has the option), ``"mine.k=8"`` (the stage used or
            written by that name), ``"inputs.src=other.txt"``, ``"outputs.pairs=other.tsv"``; values as in TOML, a bare
            word being text, and these paths from the current folder.

    Raises:
        InputError: the file is missing or malformed, or names something unknown; the message has the file and the line.
        UsageError: an override that fits nothing.
    """
    path = Path(path)
    text = _text(path)
    try:
        fields = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{path}: not TOML: {error}") from error
    parsed = [parse_override(each) for each in overrides]
    lines = [n for n, line in enumerate(text.splitlines(), start=1) if re.match(r"\s*\[\[\s*stage\s*\]\]", line)]
    try:
        _check_sections(fields)
        stages = fields["stage"]
        for each in parsed:
            override(each, fields)
        steps = [_step(table, lines[n] if n < len(lines) else None) for n, table in enumerate(stages)]
        made = PipelineFile(
            path,
            Pipeline(steps),
            {name: _source(name, value, path.parent) for name, value in fields.get("inputs", {}).items()},
            {name: _target(name, value, path.parent) for name, value in fields.get("outputs", {}).items()},
            make_record(EngineChoice, fields["engine"], "[engine]") if "engine" in fields else None,
        )
        made.pipeline.check(made.inputs)
        _check_outputs(made)
    except Override as error:
        raise UsageError(str(error)) from error
    except UsageError as error:
        raise InputError(f"{path}: {error}") from error
    return made


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not UTF-8 (byte {error.start}); a pipeline file is TOML text") from error
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}); wanted a pipeline file in TOML") from error


def _check_sections(fields: Mapping[str, Any]) -> None:
    for name in fields:
        if name not in SECTIONS:
            raise UsageError(f"unknown section or key '{name}'; {did_you_mean(name, SECTIONS)}")
    stages = fields.get("stage")
    if not isinstance(stages, list) or not all(isinstance(each, dict) for each in stages):
        raise UsageError('has no stages; write each under a line [[stage]], with use = "…"')
    for name in ("inputs", "outputs", "engine"):
        if not isinstance(fields.get(name, {}), dict):
            raise UsageError(f"'{name}' is no section; write [{name}] on a line and name = \"path\" under it")


def _step(table: dict[str, Any], line: int | None) -> Step:
    table = dict(table)
    use, read, write = table.pop("use", None), table.pop("read", {}), table.pop("write", "")
    where = f"line {line}: " if line else ""
    if not isinstance(use, str):
        raise UsageError(f'{where}[[stage]] without use = "…", the name of the stage')
    if not isinstance(read, dict) or not all(isinstance(each, str) for each in read.values()):
        raise UsageError(f"{where}stage '{use}': read wants names, as in read = {{ corpus = \"src\" }}")
    if not isinstance(write, str):
        raise UsageError(f"{where}stage '{use}': write wants a name, as in write = \"src_vectors\"")
    try:
        return Step(make_stage(use, table), read, write)
    except UsageError as error:
        raise UsageError(f"{where}{error}") from error


def _source(name: str, value: Any, folder: Path) -> Source:
    table = {"path": value} if isinstance(value, str) else value
    if not isinstance(table, dict) or not isinstance(table.get("path"), str):
        raise UsageError(f'input \'{name}\': wanted a path, or {{ path = "…", lang = "de" }}; found {value!r}')
    known = ("path", "kind", "lang", "on_error")
    for key, each in table.items():
        if key not in known:
            raise UsageError(f"input '{name}': unknown key '{key}'; {did_you_mean(key, known)}")
        if not isinstance(each, str):
            raise UsageError(f"input '{name}': {key} wants text; found {each!r}")
    return Source(**{**table, "path": folder / table["path"]})


def _target(name: str, value: Any, folder: Path) -> Path:
    if not isinstance(value, str) or not value:
        raise UsageError(f"output '{name}': wanted a path; found {value!r}")
    return folder / value


def _check_outputs(made: PipelineFile) -> None:
    known = [*made.inputs, *(step.writes for step in made.pipeline.steps)]
    for name in made.outputs:
        if name not in known:
            raise UsageError(f"output '{name}' is made by no stage; {did_you_mean(name, known)}")
