"""Centring as a stage: vectors of documents without what their languages add to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import MismatchError, UsageError
from xret.stages.merging.offsets import BLOCK, Offsets, mean_offsets, parallel_offsets
from xret.stages.stage import Stage
from xret.vectors import Vectors, write_vectors

__all__ = ["Centre"]

_KEPT = ("encoder", "encoder_hash", "corpus_hash", "role", "expansion")


@dataclass(frozen=True, kw_only=True)
class Centre(Stage):
    """Takes the offset of its language off every document vector, before they are indexed.

    Output: the vectors folder ``work/vectors``; its manifest says `centred`. Queries stay as they are. Documents added
    to such an index later would need the same offsets: build it again instead.

    Attributes:
        method: ``mean`` (centring) or ``shift`` (SHIFT); see `xret.stages.merging.offsets`. The latter reads parallel
            texts, rows with the same `doc_id` being translations, and their vectors.
        source: the language to which ``shift`` moves all.
    """

    name = "centre"
    inputs = ("corpus", "vectors", "parallel_corpus?", "parallel_vectors?")
    output = "vectors"

    method: Literal["mean", "shift"] = "mean"
    source: str = "en"

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if self.method not in ("mean", "shift"):
            raise UsageError(f"no method '{self.method}'; known: mean, shift")

    def run(self, *values: Any, work: Path) -> Path:
        """The folder of the vectors of a corpus, moved.

        Raises:
            MismatchError: vectors of another corpus.
            UsageError: ``shift`` without parallel texts, or these without `doc_id`.
        """
        corpus, vectors = values[0], Vectors.open(values[1])
        _check_same(vectors, corpus, "corpus")
        out = Path(work) / "vectors"
        if not out.exists():  # it appears complete or not at all
            fields = {key: vectors.manifest[key] for key in _KEPT if key in vectors.manifest} | {"centred": self.method}
            blocks = _blocks(vectors, corpus["lang"], self._offsets(corpus, vectors, values[2:]))
            write_vectors(out, blocks, dim=vectors.dim, dtype=vectors.dtype.name, fields=fields)
        return out

    def _offsets(self, corpus: pa.Table, vectors: Vectors, parallel: tuple[Any, ...]) -> Offsets:
        if self.method == "mean":
            return mean_offsets(vectors, corpus["lang"])
        if len(parallel) < 2 or parallel[0] is None or parallel[1] is None:
            raise UsageError("shift needs parallel texts: give parallel_corpus and parallel_vectors, or take mean")
        if "doc_id" not in parallel[0].column_names:
            raise UsageError("the parallel corpus has no column 'doc_id'; give translations of one text the same one")
        texts, found = parallel[0], Vectors.open(parallel[1])
        _check_same(found, texts, "parallel corpus")
        return parallel_offsets(found, texts["lang"], texts["doc_id"], source=self.source)


def _check_same(vectors: Vectors, corpus: pa.Table, what: str) -> None:
    """Refuse vectors of other texts, whose languages would be taken for theirs.

    Raises:
        MismatchError: another number of rows, or other ids.
    """
    if vectors.rows != corpus.num_rows:
        raise MismatchError(f"{vectors.rows:,} vectors for {corpus.num_rows:,} texts; encode this corpus again")
    same = pc.equal(vectors.ids().cast(pa.string()), corpus["id"].cast(pa.string()))
    row = pc.index(same, False).as_py()
    if row >= 0:
        raise MismatchError(
            f"row {row} of the vectors is of '{vectors.ids()[row]}', row {row} of the {what} is '{corpus['id'][row]}'; "
            f"encode this {what} again"
        )


def _blocks(
    vectors: Vectors, lang: pa.ChunkedArray, offsets: Offsets
) -> Iterator[tuple[list[str], npt.NDArray[np.float32]]]:
    for start in range(0, vectors.rows, BLOCK):
        stop = min(start + BLOCK, vectors.rows)
        ids = vectors.ids().slice(start, stop - start).to_pylist()
        yield ids, offsets.removed(vectors.block(start, stop), lang.slice(start, stop - start))
