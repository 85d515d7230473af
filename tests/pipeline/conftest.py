"""Toy stages that note when they are called, in place of the real ones."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import pyarrow as pa
import pytest

import xret.stages
from xret.artifact import file_hash, write_manifest
from xret.stages.stage import Stage

CALLS: list[str] = []


@dataclass(frozen=True, kw_only=True)
class Upper(Stage):
    name = "upper"
    inputs = ("corpus",)
    output = "corpus"

    times: int = 1
    mark: str = "!"
    weight: float | None = None
    mode: Literal["fast", "slow"] = "fast"
    tags: tuple[str, ...] = ()

    def run(self, *values: Any, work: Path) -> pa.Table:
        (corpus,) = values
        CALLS.append(self.name)
        texts = [text.upper() + self.mark * self.times for text in corpus["text"].to_pylist()]
        return corpus.set_column(corpus.column_names.index("text"), "text", pa.array(texts))


@dataclass(frozen=True, kw_only=True)
class Fold(Stage):
    """Makes a folder, in two halves, the first of which survives an interruption."""

    name = "fold"
    inputs = ("corpus", "extra?")
    output = "vectors"

    def run(self, *values: Any, work: Path) -> Path:
        corpus, extra = values
        CALLS.append(self.name)
        folder = work / "vectors"
        folder.mkdir(exist_ok=True)
        if not (folder / "half").exists():
            CALLS.append("first half")
            (folder / "half").write_text(json.dumps(corpus["text"].to_pylist()))
        if (work.parent.parent / "interrupt").exists():
            raise KeyboardInterrupt
        checksum = file_hash(folder / "half")  # as real artifacts have it: a folder is as good as its manifest
        write_manifest(
            folder, {"kind": "vectors", "rows": corpus.num_rows, "extra": extra is not None, "checksum": checksum}
        )
        return folder


@dataclass(frozen=True, kw_only=True)
class Count(Stage):
    name = "count"
    inputs = ("vectors",)
    output = "report"

    def run(self, *values: Any, work: Path) -> pa.Table:
        (vectors,) = values
        CALLS.append(self.name)
        return pa.table({"n": [len(json.loads((vectors / "half").read_text()))]})


@pytest.fixture(autouse=True)
def _stages(monkeypatch: pytest.MonkeyPatch) -> None:
    CALLS.clear()
    ours = {cls.name: f"{__name__}:{cls.__name__}" for cls in (Upper, Fold, Count)}
    monkeypatch.setattr(xret.stages, "STAGES", ours)


def corpus(*texts: str) -> pa.Table:
    return pa.table({"id": [str(n) for n in range(len(texts))], "text": list(texts), "lang": ["und"] * len(texts)})
