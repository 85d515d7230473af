"""Documents into segments, as a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.align.segments import Documents, Split, segments
from xret.stages.stage import Stage

__all__ = ["Segment"]


@dataclass(frozen=True, kw_only=True)
class Segment(Stage):
    """Makes a corpus of documents one of segments (see `xret.align.segments`): `id, text, lang, doc_id`.

    Attributes:
        documents: what a document is: ``column``, ``row``, ``file``, ``blank`` or ``auto``.
        split: of its rows: ``none``, ``lines``, ``sentences`` or ``auto``.
        title: the name of the only document of a single file, and the beginning of those that blank lines part.
    """

    name = "segment"
    inputs = ("corpus",)
    output = "corpus"

    documents: Documents = "auto"
    split: Split = "auto"
    title: str = "text"

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The segments of the corpus, document by document."""
        return segments(values[0], documents=self.documents, split=self.split, name=self.title)
