"""What a stage is: a frozen record of options that turns tables into one table (or one folder of them)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import pyarrow as pa

from xret.artifact import digest
from xret.errors import UsageError

if TYPE_CHECKING:  # names for type checkers; at run time nothing here knows of pipelines
    from xret.pipeline import Pipeline, Step

__all__ = ["Stage", "Value"]

Value: TypeAlias = pa.Table | Path
"""What flows between stages: a table (corpus, queries, pairs, run, qrels, report), or the folder of an artifact that is
too large for one (vectors, index). Tables may be memory-mapped."""


@dataclass(frozen=True, kw_only=True)
class Stage(ABC):
    """One step of a pipeline.

    A subclass is a frozen, keyword-only dataclass whose fields are its options (plain values, so that they can be
    written in TOML, printed and hashed). It declares `name`, the values it reads (`inputs`, in the order `run` takes
    them; a trailing ``?`` marks one that may be absent and is then None) and the one it makes (`output`).

    Contract: `run` depends on its inputs and options alone, never changes its inputs, and gives rows in a
    deterministic order.
    """

    name: ClassVar[str]
    inputs: ClassVar[tuple[str, ...]]
    output: ClassVar[str]
    compose: ClassVar[Callable[..., Any] | None] = None  # set by `xret.pipeline`
    apart: ClassVar[tuple[str, ...]] = ()  # options that are no part of the result, such as threads
    mends: ClassVar[bool] = False  # whether `run`, over a damaged result in `work`, makes again only what is damaged
    version: ClassVar[int] = 1  # raised when the same options and inputs begin to give other rows: empties caches

    @abstractmethod
    def run(self, *values: Any, work: Path) -> Value:
        """The output, from the values named by `inputs`.

        Args:
            values: one `Value` (or None for an absent optional one) per name in `inputs`, in that order.
            work: an existing folder that is this call's own and survives an interruption: partial state for resuming
                goes here, and so does the folder returned, where the output is one.
        """

    def options(self) -> dict[str, Any]:
        """The options as plain values."""
        return asdict(self)

    def key(self) -> str:
        """SHA-256 of what decides the result besides the inputs: the stage's share of a cache key."""
        options = {name: value for name, value in self.options().items() if name not in self.apart}
        return digest(self.name, self.version, options, *self.contents())

    def contents(self) -> tuple[str, ...]:
        """Hashes of what an option in `apart` names, where the content counts instead of the name."""
        return ()

    def changed_outside(self, output: Path) -> str:
        """What has become of what `output`, made before, leads to outside of the work folder; empty if nothing has.

        Raises:
            InputError: it is gone.
        """
        return ""

    def __rshift__(self, other: Stage | Step | Pipeline) -> Pipeline:
        """Compose: ``retrieve >> rerank`` runs `retrieve`, then `rerank` on its output and on what came before.

        Raises:
            UsageError: nobody has imported `xret.pipeline` (importing a stage from `xret` does).
        """
        if Stage.compose is None:
            raise UsageError("stages are composed by xret.pipeline: import it, or import the stages from xret")
        made: Pipeline = Stage.compose(self, other)
        return made
