"""Stages composed: each step reads named values from a bag and adds one to it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from xret.errors import UsageError
from xret.pipeline.kinds import check_kind
from xret.pipeline.scratch import Scratch
from xret.pipeline.source import Source, read_source
from xret.pipeline.store import StepReport, StepStore
from xret.stages.stage import Stage, Value
from xret.suggest import did_you_mean

__all__ = ["Pipeline", "Step"]

log = logging.getLogger("xret")


@dataclass(frozen=True)
class Step:
    """A stage and the names under which it reads and writes; by default those that the stage itself declares.

    Args:
        stage: what to run.
        reads: other names for some of the stage's inputs, e.g. ``{"corpus": "src"}``.
        writes: another name for its output.

    Raises:
        UsageError: `reads` names an input that the stage does not have.
    """

    stage: Stage
    reads: Mapping[str, str] = field(default_factory=dict)
    writes: str = ""

    def __post_init__(self) -> None:
        """Fill in the name of the output; refuse renamed inputs that do not exist."""
        declared = [name.removesuffix("?") for name in self.stage.inputs]
        for name in self.reads:
            if name not in declared:
                raise UsageError(f"stage '{self.stage.name}' has no input '{name}'; {did_you_mean(name, declared)}")
        object.__setattr__(self, "writes", self.writes or self.stage.output)

    @property
    def sources(self) -> tuple[tuple[str, bool], ...]:
        """(name in the bag, whether it must be there) for each input of the stage, in the order `run` takes them."""
        declared = [(name.removesuffix("?"), not name.endswith("?")) for name in self.stage.inputs]
        return tuple((self.reads.get(name, name), needed or name in self.reads) for name, needed in declared)

    def __rshift__(self, other: Stage | Step | Pipeline) -> Pipeline:
        """Compose with what comes next."""
        return Pipeline((self,)) >> other


@dataclass(frozen=True)
class Pipeline:
    """Steps run one after the other over a bag of named values; stages are wrapped into steps.

    ``Pipeline((a, b, c))`` is ``a >> b >> c``. A later step may overwrite a name: a reranker reads and writes ``run``.
    """

    steps: tuple[Step, ...]

    def __init__(self, stages: Iterable[Stage | Step]) -> None:
        """Wrap bare stages into steps that keep the names which the stages declare."""
        steps = tuple(each if isinstance(each, Step) else Step(each) for each in stages)
        object.__setattr__(self, "steps", steps)

    def __rshift__(self, other: Stage | Step | Pipeline) -> Pipeline:
        """This pipeline, then `other`."""
        return Pipeline((*self.steps, *(other.steps if isinstance(other, Pipeline) else (other,))))

    def __call__(
        self,
        inputs: Mapping[str, Value | Source | str],
        *,
        work: Path | None = None,
        scratch: Path | None = None,
        resume: bool = True,
        on_step: Callable[[StepReport], None] | None = None,
    ) -> dict[str, Value]:
        """Run all steps and give every named value, inputs included.

        Args:
            inputs: values, or files to read them from: a `Source`, or a path, whose kind `kind_of` guesses.
            work: folder that keeps each step's result under a hash of options and input contents; made if absent.
                None keeps nothing: folders in the result (vectors, index) are then temporary, and go with the last
                path to them that was returned here or derived from one of these by ``/``.
            scratch: an existing folder for what is large, when there is no `work`; left to the caller to remove, with
                the folders of the result in it. None makes a temporary one.
            resume: use results that `work` already holds; False computes all of them again.
            on_step: called after each step with its report.

        Raises:
            UsageError: a step reads a name that nobody gives, or only a later step, or a value of the wrong kind.
            InputError: an input file cannot be read; likewise whatever the stages themselves raise.
        """
        self.check(inputs)
        if work is not None:
            work.mkdir(parents=True, exist_ok=True)
            return self._run(inputs, StepStore(work, resume=resume), on_step)
        if scratch is not None:
            return self._run(inputs, StepStore(scratch, keep=False), on_step)
        own = Scratch()
        return own.keep(self._run(inputs, StepStore(own.folder, keep=False), on_step))

    def _run(
        self,
        inputs: Mapping[str, Value | Source | str],
        store: StepStore,
        on_step: Callable[[StepReport], None] | None,
    ) -> dict[str, Value]:
        cache = store.folder / "inputs"
        bag = {name: read_source(name, value, cache=cache) for name, value in inputs.items()}
        hashes: dict[str, str] = {}
        for number, step in enumerate(self.steps, start=1):
            self._check_kinds(number, bag)
            bag[step.writes], report = store.run(step.stage, step.sources, bag, hashes, writes=step.writes)
            log.info("%s", report)
            if on_step:
                on_step(report)
        return bag

    def check(self, given: Iterable[str]) -> None:
        """Refuse a pipeline in which some step would miss an input.

        Raises:
            UsageError: names the step, the missing value and who makes it, if anybody.
        """
        known = set(given)
        for number, step in enumerate(self.steps, start=1):
            for name, needed in step.sources:
                if needed and name not in known:
                    raise UsageError(
                        f"stage {number} ('{step.stage.name}') reads '{name}', {self._why(number, name, known)}"
                    )
            known.add(step.writes)

    def _check_kinds(self, number: int, bag: Mapping[str, Value]) -> None:
        step = self.steps[number - 1]
        for declared, (name, _) in zip(step.stage.inputs, step.sources, strict=True):
            declared = declared.removesuffix("?")
            where = f"stage {number} ('{step.stage.name}') reads '{name}' as its '{declared}'"
            check_kind(where, declared, bag.get(name))

    def _why(self, number: int, name: str, known: set[str]) -> str:
        makers = [n for n, step in enumerate(self.steps, start=1) if n >= number and step.writes == name]
        if not makers:
            return f"which no input and no stage before it gives; {did_you_mean(name, sorted(known))}"
        if makers[0] == number:
            return "which only it makes itself; give that value as an input, or read another"
        maker = f"stage {makers[0]} ('{self.steps[makers[0] - 1].stage.name}')"
        if self._depends(makers[0], number):
            return f"made by {maker}, which in turn needs its output '{self.steps[number - 1].writes}': a cycle"
        return f"made only by {maker}, which comes later; move that stage up"

    def _depends(self, later: int, earlier: int) -> bool:
        """Whether step `later` (counted from 1) reads, directly or through the steps between, what `earlier` writes."""
        wanted = {name for name, _ in self.steps[later - 1].sources}
        for step in reversed(self.steps[earlier : later - 1]):
            if step.writes in wanted:
                wanted |= {name for name, _ in step.sources}
        return self.steps[earlier - 1].writes in wanted


def _compose(first: Stage, other: Stage | Step | Pipeline) -> Pipeline:
    return Pipeline((first,)) >> other


Stage.compose = _compose  # stages know nothing of pipelines; the operator comes to them from here
