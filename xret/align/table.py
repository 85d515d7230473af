"""Beads as a table of sentence pairs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa

from xret.align.beads import Bead
from xret.align.blocks import joined
from xret.align.collection import Collection, DocumentPair
from xret.align.segments import SEPARATOR

__all__ = ["SCHEMA", "bead_table", "joined_ids"]

SCHEMA = pa.schema(
    [
        ("score", pa.float64()),
        ("src_id", pa.string()),
        ("tgt_id", pa.string()),
        ("src_text", pa.string()),
        ("tgt_text", pa.string()),
        ("cosine", pa.float32()),
        ("src_doc", pa.string()),
        ("tgt_doc", pa.string()),
        ("doc_score", pa.float64()),
        ("src_count", pa.int32()),
        ("tgt_count", pa.int32()),
    ]
)
"""What aligned pairs have: ids of several segments are joined by `SEPARATOR`, `src_count` and `tgt_count` are their
numbers, `doc_score` is that of the pair of documents, null where none was given."""


def bead_table(beads: Sequence[Bead], pair: DocumentPair, src: Collection, tgt: Collection) -> pa.Table:
    """The beads of a pair of documents that have segments on both sides, with the columns of `SCHEMA`."""
    both = [bead for bead in beads if all(bead.kind)]
    columns: dict[str, Any] = {"score": [bead.score for bead in both], "cosine": [bead.cosine for bead in both]}
    columns["doc_score"] = [pair.score] * len(both)
    columns |= _side("src", src, pair.src, [(bead.src_start, bead.src_stop) for bead in both])
    columns |= _side("tgt", tgt, pair.tgt, [(bead.tgt_start, bead.tgt_stop) for bead in both])
    return pa.table({field.name: pa.array(columns[field.name], field.type) for field in SCHEMA}, SCHEMA)


def _side(name: str, side: Collection, document: int, runs: Sequence[tuple[int, int]]) -> dict[str, Any]:
    start, stop = side.range(document)
    ids: list[str] = side.table["id"].slice(start, stop - start).to_pylist()
    texts, lang = side.texts(document), side.lang(document)
    return {
        f"{name}_id": [SEPARATOR.join(ids[first:last]) for first, last in runs],
        f"{name}_text": [joined(texts[first:last], lang) for first, last in runs],
        f"{name}_doc": [side.table["doc_id"][start].as_py()] * len(runs),
        f"{name}_count": [last - first for first, last in runs],
    }


def joined_ids(pairs: pa.Table) -> list[tuple[tuple[str, ...], tuple[str, ...]]]:
    """The ids of each pair's segments, for `xret.align.scores`, from a table with `src_id` and `tgt_id`."""
    src, tgt = ([tuple(ids.split(SEPARATOR)) for ids in pairs[name].to_pylist()] for name in ("src_id", "tgt_id"))
    return list(zip(src, tgt, strict=True))
