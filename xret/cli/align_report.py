"""What `xret align` says and writes besides the pairs."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.cli.bitext_output import announce

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.align import AlignmentScores
    from xret.eval.bitext import BitextScores

__all__ = ["judge", "summary", "write_documents"]


def judge(bag: dict[str, Any], gold: pa.Table | None, doc_gold: pa.Table | None) -> None:
    """Print on stderr what pairs of documents and of segments are worth, where there is gold.

    Args:
        bag: `documents` and `pairs`.
        gold: true pairs of segments, several ids joined.
        doc_gold: true pairs of documents.
    """
    if doc_gold is not None:
        from xret.eval.bitext import bitext_scores

        announce(f"documents: {_worth(bitext_scores(_scored(bag['documents']), doc_gold))}")
    if gold is not None:
        from xret.align import alignment_scores, joined_ids

        scores = alignment_scores(joined_ids(bag["pairs"]), joined_ids(gold))
        announce(f"segments: {_worth(scores)}")
        announce(
            f"segments, lax: precision {scores.lax_precision:.4f}, recall {scores.lax_recall:.4f}, "
            f"F1 {scores.lax_f1:.4f}"
        )


def _scored(documents: pa.Table) -> pa.Table:
    import numpy as np

    if "score" in documents.column_names:
        return documents
    return documents.append_column("score", [np.ones(documents.num_rows)])


def _worth(scores: AlignmentScores | BitextScores) -> str:
    found = scores.extracted if hasattr(scores, "extracted") else scores.found
    return (
        f"precision {scores.precision:.4f}, recall {scores.recall:.4f}, F1 {scores.f1:.4f} "
        f"({scores.correct:,} right of {found:,}, {scores.gold:,} in gold)"
    )


def write_documents(documents: pa.Table, path: Path) -> None:
    """Pairs of documents in a form that ``--doc-pairs`` reads; TSV without scores."""
    import json

    import pyarrow.parquet

    from xret.artifact import atomic_file
    from xret.bitext import format_of
    from xret.packed import packing, written

    format = format_of(path)
    with atomic_file(path) as temporary:
        if format == "parquet":
            pyarrow.parquet.write_table(documents, temporary)
            return
        with written(temporary, packing(path)) as stream:
            for row in documents.to_pylist():
                line = json.dumps(row, ensure_ascii=False) if format == "jsonl" else f"{row['src_id']}\t{row['tgt_id']}"
                stream.write(f"{line}\n".encode())


def summary(bag: dict[str, Any], src: str, tgt: str, output: str) -> str:
    """One line: what was read, what came of it, and how much was left over."""
    import pyarrow.compute as pc

    pairs = bag["pairs"]
    sizes = " x ".join(
        f"{name} ({pc.count_distinct(bag[side]['doc_id']).as_py():,} documents, {bag[side].num_rows:,} segments)"
        for name, side in ((src, "src_corpus"), (tgt, "tgt_corpus"))
    )
    kinds = Counter(zip(pairs["src_count"].to_pylist(), pairs["tgt_count"].to_pylist(), strict=True)).most_common()
    shapes = ", ".join(f"{count:,} {a}-{b}" for (a, b), count in kinds)
    alone = [bag[f"{side}_corpus"].num_rows - (pc.sum(pairs[f"{side}_count"]).as_py() or 0) for side in ("src", "tgt")]
    return (
        f"{sizes}: {bag['documents'].num_rows:,} pairs of documents, {pairs.num_rows:,} of segments"
        f"{f' ({shapes})' if shapes else ''}; {alone[0]:,} and {alone[1]:,} segments without a pair"
        f"{'' if output == '-' else f'; in {output}'}"
    )
