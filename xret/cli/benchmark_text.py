"""What `xret eval benchmark` tells of a set: how to get it, and what was read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.eval.benchmarks import Benchmark

__all__ = ["about_name", "described", "summary"]


def about_name(name: str) -> dict[str, Any]:
    """Definition, files and splits of a benchmark.

    Raises:
        UsageError: there is none of this name.
    """
    from xret.eval.benchmarks.load import family_of, protocol_of

    family = family_of(name)
    layout = "none: ids of ir_datasets, as DATA" if name == "ir-datasets" else family.layout
    return {
        "name": name,
        "definition": protocol_of(name).definition(),
        "splits": [split or "any" for split in family.splits],
        "layout": "\n".join(f"  {line}" for line in layout.splitlines()),
    }


def summary(benchmark: Benchmark) -> dict[str, Any]:
    """Counts, hashes and files."""
    import pyarrow.compute as pc

    documents, qrels = benchmark.documents, benchmark.qrels
    survey = None if documents is None else documents.survey
    labels = (
        {}
        if qrels is None
        else {each["values"]: each["counts"] for each in pc.value_counts(qrels["relevance"]).to_pylist()}
    )
    return {
        "benchmark": benchmark.name,
        "protocol": {"name": benchmark.protocol.name, "identity": benchmark.protocol.identity},
        "queries": {"all": benchmark.queries.num_rows, "languages": benchmark.languages},
        "documents": None
        if survey is None
        else {"all": survey.rows, "languages": survey.languages, "without_text": survey.empty},
        "judgements": None
        if qrels is None
        else {
            "all": qrels.num_rows,
            "queries": len(pc.unique(qrels["qid"])),
            "with_relevant": len(pc.unique(qrels.filter(pc.greater(qrels["relevance"], 0))["qid"])),
            "labels": {str(label): labels[label] for label in sorted(labels)},
        },
        "answers": None if benchmark.answers is None else sum(map(len, benchmark.answers.values())),
        "hashes": benchmark.hashes,
        "files": {role: list(paths) for role, paths in benchmark.files},
    }


def described(benchmark: Benchmark) -> str:
    """The same for reading."""
    told = summary(benchmark)
    lines = {"queries": _counted(told["queries"])}
    if told["documents"] is not None:
        empty = told["documents"]["without_text"]
        lines["documents"] = _counted(told["documents"]) + (f"; {empty:,} without text left out" if empty else "")
    else:
        lines["documents"] = "none found: enough to score runs of judged documents"
    if (judged := told["judgements"]) is not None:
        labels = ", ".join(f"{count:,} of {label}" for label, count in judged["labels"].items())
        found = f"{judged['queries']:,} queries, {judged['with_relevant']:,} with a relevant one"
        lines["judgements"] = f"{judged['all']:,} ({labels}) for {found}"
    if told["answers"] is not None:
        lines["answers"] = f"{told['answers']:,}"
    lines["hashes"] = ", ".join(f"{name} {value[:12]}" for name, value in sorted(told["hashes"].items()))
    for role, paths in told["files"].items():
        more = f" and {len(paths) - 1} more" if len(paths) > 1 else ""
        lines[f"{role} file"] = f"{paths[0]}{more}"
    return "\n".join([told["benchmark"], *(f"  {name:<14}{text}" for name, text in lines.items())])


def _counted(part: dict[str, Any]) -> str:
    each = ", ".join(f"{lang} {count:,}" for lang, count in part["languages"].items())
    return f"{part['all']:,} ({each})"
