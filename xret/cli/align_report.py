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

__all__ = ["check_golds", "judge", "say_left_out", "summary", "write_documents"]


def check_golds(gold: pa.Table | None, doc_gold: pa.Table | None, src: pa.Table, tgt: pa.Table) -> None:
    """Before hours of work: is gold about these texts?

    Args:
        gold: true pairs of segments, several ids joined.
        doc_gold: true pairs of documents.
        src: the segments of the source, `id, doc_id`.
        tgt: those of the target.

    Raises:
        EvalError: none of gold's ids is there; a warning is logged when that is so on one side only.
    """
    import pyarrow as pa

    from xret.align import joined_ids
    from xret.eval.bitext import check_gold

    if gold is not None:
        first = [[side[0] for side in pair] for pair in joined_ids(gold)]
        table = pa.table({name: [pair[at] for pair in first] for at, name in enumerate(("src_id", "tgt_id"))})
        check_gold(table, src["id"], tgt["id"])
    if doc_gold is not None:
        check_gold(doc_gold, src["doc_id"], tgt["doc_id"])


def say_left_out(*sources: str) -> None:
    """Say what is not read of a folder: empty files, and folders in it."""
    for source in sources:
        if not Path(source).is_dir():
            continue
        inside = [path for path in sorted(Path(source).iterdir()) if not path.name.startswith((".", "_"))]
        for what, some in (
            ("empty files", [path.name for path in inside if path.is_file() and not path.stat().st_size]),
            ("folders, which are not looked into", [path.name for path in inside if path.is_dir()]),
        ):
            if some:
                announce(f"{source}: left out {len(some):,} {what}, such as '{some[0]}'")


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
    """One line: what was read, what came of it, and how much was left over.

    A document, or a segment, that stands in several pairs counts once.
    """
    import pyarrow.compute as pc

    from xret.align import joined_ids

    pairs = bag["pairs"]
    sizes = " x ".join(
        f"{name} ({pc.count_distinct(bag[side]['doc_id']).as_py():,} documents, {bag[side].num_rows:,} segments)"
        for name, side in ((src, "src_corpus"), (tgt, "tgt_corpus"))
    )
    kinds = Counter(zip(pairs["src_count"].to_pylist(), pairs["tgt_count"].to_pylist(), strict=True)).most_common()
    shapes = ", ".join(f"{count:,} {a}-{b}" for (a, b), count in kinds)
    taken: tuple[set[str], set[str]] = set(), set()
    for ids in joined_ids(pairs):
        for side, some in zip(taken, ids, strict=True):
            side.update(some)
    alone = [bag[f"{side}_corpus"].num_rows - len(some) for side, some in zip(("src", "tgt"), taken, strict=True)]
    documents = bag["documents"].group_by(["src_id", "tgt_id"]).aggregate([]).num_rows
    return (
        f"{sizes}: {documents:,} pairs of documents, {pairs.num_rows:,} of segments"
        f"{f' ({shapes})' if shapes else ''}; {alone[0]:,} and {alone[1]:,} segments without a pair"
        f"{'' if output == '-' else f'; in {output}'}"
    )
