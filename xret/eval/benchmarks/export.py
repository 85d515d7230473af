"""A benchmark in xret's own formats, so that indexing, searching and every other command work on it."""

from __future__ import annotations

from pathlib import Path

from xret.artifact import MANIFEST, atomic_folder
from xret.corpus import write_corpus
from xret.eval.benchmarks.benchmark import Benchmark
from xret.eval.protocols import Protocol
from xret.runs import write_qrels

__all__ = ["export"]


def export(benchmark: Benchmark, folder: str | Path) -> list[str]:
    """Write ``docs.parquet``, ``queries.tsv``, ``qrels.txt`` and ``protocol.txt``, of those that there are.

    Documents are streamed. Answers go into ``answers.jsonl``: ``{"id", "answers"}`` a line.

    Args:
        benchmark: what to write.
        folder: made anew; it appears when it is complete.

    Returns:
        The names of the files.

    Raises:
        InputError: the folder is there already, or cannot be written.
    """
    with atomic_folder(Path(folder)) as place:
        if benchmark.documents is not None:
            write_corpus(benchmark.batches(), place / "docs.parquet")
        write_corpus(benchmark.queries, place / "queries.tsv")
        if benchmark.qrels is not None:
            write_qrels(benchmark.qrels, place / "qrels.txt")
        if benchmark.answers is not None:
            _write_answers(benchmark.answers, place / "answers.jsonl")
        (place / "protocol.txt").write_text(_definition(benchmark.protocol, benchmark.name), encoding="utf-8")
        return sorted(path.name for path in place.iterdir() if path.name != MANIFEST)


def _write_answers(answers: dict[str, list[str]], path: Path) -> None:
    import json

    lines = (json.dumps({"id": name, "answers": found}, ensure_ascii=False) for name, found in answers.items())
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def _definition(protocol: Protocol, name: str) -> str:
    return f"{name}\n{protocol.definition()}\n"
