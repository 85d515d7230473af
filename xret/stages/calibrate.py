"""P(parallel) for every pair."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa

from xret.artifact import file_hash
from xret.bitext.calibration import Calibration
from xret.stages.stage import Stage

__all__ = ["Calibrate"]


@dataclass(frozen=True, kw_only=True)
class Calibrate(Stage):
    """Adds P(parallel) to pairs, by a map that ``xret tune`` made.

    Attributes:
        calibration: path of the file.
        keep: leave out pairs with a lower probability; ``auto`` is the calibration's own `least`; None keeps all.
    """

    name = "calibrate"
    inputs = ("pairs",)
    output = "pairs"
    apart = ("calibration",)
    version = 2

    calibration: str
    keep: float | Literal["auto"] | None = None

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs, in their order, with a column `probability: float32`."""
        calibration = Calibration.load(self.calibration)
        least = calibration.least if self.keep == "auto" else self.keep
        return calibration.with_probability(values[0], least=least)

    def contents(self) -> tuple[str, ...]:
        """The file's content, which counts instead of its name."""
        path = Path(self.calibration)
        return (file_hash(path),) if path.is_file() else ()
