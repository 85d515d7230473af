"""One side of an alignment: its documents, what they say, and the vectors of their segments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from xret.align.beads import Blocks
from xret.align.blocks import embedded_blocks
from xret.align.coarse import length_logs, usual_ratio
from xret.align.costs import SAMPLE, Around
from xret.align.segments import document_starts
from xret.corpus import gather
from xret.errors import MismatchError
from xret.vectors import Vectors

__all__ = ["Collection", "DocumentPair", "batches", "document_pairs", "sample", "usual_ratios"]

MEASURED = 4096  # segments of both sides that lengths are measured on


class DocumentPair(NamedTuple):
    """Places of a source and of a target document in their collections, and the score of the pair if it has one."""

    src: int
    tgt: int
    score: float | None


@dataclass(frozen=True)
class Collection:
    """The segments of some documents, which lie one after the other.

    Attributes:
        table: `id, text, lang, doc_id`.
        vectors: of the segments.
        starts: (documents + 1,) rows with which documents begin, and the number of rows.
        places: the place of each document by its id.
    """

    table: pa.Table
    vectors: Vectors
    starts: NDArray[np.int64]
    places: dict[str, int] = field(repr=False)

    @classmethod
    def of(cls, side: str, table: pa.Table, vectors: Any) -> Collection:
        """Open one side.

        Args:
            side: its name, for messages.
            table: see `xret.align.segments`.
            vectors: what `Vectors.open` takes.

        Raises:
            MismatchError: a table without documents, or with scattered ones; vectors of something else.
        """
        if "doc_id" not in table.column_names:
            raise MismatchError(f"{side}: no column 'doc_id' says where documents begin; run the stage 'segment' first")
        opened = Vectors.open(vectors)
        if opened.rows != table.num_rows or not opened.ids().equals(table["id"]):
            raise MismatchError(
                f"{side}: {table.num_rows} segments, but {opened.rows} vectors or others; encode the segments again"
            )
        starts = document_starts(table)
        ids: list[str] = gather(table["doc_id"], starts[:-1]).to_pylist()
        places = {name: place for place, name in enumerate(ids)}
        if len(places) < len(ids):
            twice = next(name for place, name in enumerate(ids) if places[name] != place)
            raise MismatchError(f"{side}: the segments of '{twice}' are scattered; run the stage 'segment' first")
        return cls(table, opened, starts, places)

    def range(self, document: int) -> tuple[int, int]:
        """The first row of a document, and the one after its last."""
        return int(self.starts[document]), int(self.starts[document + 1])

    def lang(self, document: int) -> str:
        """The language of its first segment."""
        lang: str = self.table["lang"][int(self.starts[document])].as_py()
        return lang

    def singles(self, document: int) -> Blocks:
        """Its segments as blocks of one."""
        return embedded_blocks([self.read(document)], 1, _nothing)[0]

    def texts(self, document: int) -> list[str]:
        """The texts of its segments."""
        start, stop = self.range(document)
        texts: list[str] = self.table["text"].slice(start, stop - start).to_pylist()
        return texts

    def read(self, document: int) -> tuple[list[str], str, NDArray[np.float32]]:
        """Texts of its segments, the language of the first, and (segments, d) vectors of length 1."""
        start, stop = self.range(document)
        return self.texts(document), self.lang(document), _unit(self.vectors.block(start, stop))


def document_pairs(documents: pa.Table, src: Collection, tgt: Collection) -> list[DocumentPair]:
    """The distinct pairs of a table `src_id, tgt_id` and perhaps `score`, by place in the source, then in the target.

    Raises:
        MismatchError: a document that is not there.
    """
    scores = documents["score"].to_pylist() if "score" in documents.column_names else [None] * documents.num_rows
    names = (documents[column].to_pylist() for column in ("src_id", "tgt_id"))
    found: dict[tuple[int, int], float | None] = {}
    for src_id, tgt_id, score in zip(*names, scores, strict=True):
        for side, name, known in (("source", src_id, src.places), ("target", tgt_id, tgt.places)):
            if name not in known:
                some = ", ".join(repr(each) for each in list(known)[:2])
                raise MismatchError(f"no document '{name}' on the {side} side, which has {len(known)}, such as {some}")
        found.setdefault((src.places[src_id], tgt.places[tgt_id]), score)
    return [DocumentPair(*pair, found[pair]) for pair in sorted(found)]


def batches(
    pairs: Sequence[DocumentPair], src: Collection, tgt: Collection, segments: int
) -> Iterator[Sequence[DocumentPair]]:
    """Consecutive pairs with at most that many segments together; a longer pair comes alone."""
    first, total = 0, 0
    for place, pair in enumerate(pairs):
        ranges = src.range(pair.src), tgt.range(pair.tgt)
        size = sum(stop - start for start, stop in ranges)
        if total and total + size > segments:
            yield pairs[first:place]
            first, total = place, 0
        total += size
    if total:
        yield pairs[first:]


def usual_ratios(
    pairs: Sequence[DocumentPair], src: Collection, tgt: Collection, around: Around
) -> dict[tuple[str, str], float]:
    """Characters of the target for each of the source, by languages of source and target (see `length_logs`).

    Measured on pairs from all over, of about `MEASURED` segments for each two languages; 1 where none is sure.
    """
    by_languages: defaultdict[tuple[str, str], list[DocumentPair]] = defaultdict(list)
    for pair in pairs:
        by_languages[src.lang(pair.src), tgt.lang(pair.tgt)].append(pair)
    return {languages: _usual_ratio(some, src, tgt, around) for languages, some in by_languages.items()}


def _usual_ratio(pairs: Sequence[DocumentPair], src: Collection, tgt: Collection, around: Around) -> float:
    logs, left = [np.empty(0)], MEASURED
    for at in np.random.default_rng(0).permutation(len(pairs)).tolist():
        blocks = [side.singles(place) for side, place in zip((src, tgt), pairs[at][:2], strict=True)]
        logs.append(length_logs(*blocks, around=around))
        left -= blocks[0].segments + blocks[1].segments
        if left <= 0:
            break
    return usual_ratio(np.concatenate(logs)) or 1.0


def sample(side: Collection, documents: Sequence[int]) -> NDArray[np.float32]:
    """At most `SAMPLE` segments from all over some documents: (rows, d) of length 1."""
    inner = (np.linspace(*side.range(each), 5)[1:4].astype(int).tolist() for each in sorted(set(documents)))
    rows = sorted({row for each in inner for row in each})
    chosen = np.unique(np.linspace(0, max(len(rows) - 1, 0), min(SAMPLE, len(rows))).astype(int))
    found = [side.vectors.block(rows[place], rows[place] + 1) for place in chosen.tolist()]
    return _unit(np.concatenate(found)) if found else np.empty((0, side.vectors.dim), np.float32)


def _unit(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    length = np.linalg.norm(rows, axis=1, keepdims=True)
    return np.asarray(rows / np.maximum(length, 1e-12), np.float32)


def _nothing(texts: Sequence[str], langs: Sequence[str]) -> NDArray[np.float32]:
    return np.empty((0, 0), np.float32)
