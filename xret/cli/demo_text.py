"""What `xret demo` says: the results of the three pipelines as text for a terminal 100 columns wide."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.cli.table import clip, render

__all__ = ["narrate"]

COLUMNS = 100
PAIRS, HITS = 5, 5
QUERIES = ("q19", "q05", "q29")  # Spanish, Japanese, Turkish: of middling difficulty for xret-mini

NEXT = """\
NEXT
  xret demo --export sample && cd sample     this sample and its pipeline files, to play with
  xret run mine.toml                         the first part again, step by step, into pairs.tsv
  xret mine news.de.txt news.en.txt -o pairs.tsv --gold gold.tsv
  xret index build docs.jsonl -o docs.index
  xret search docs.index "your question, in your language"
  xret eval --help                           measures and protocols; every command has --help
Then put files of your own in place of these: .txt, .tsv, .jsonl, .parquet and .arrow all do."""


def narrate(results: dict[str, dict[str, Any]], *, encoder: str, seconds: float) -> str:
    """The whole tour.

    Args:
        results: the named values of the pipelines ``mine``, ``search`` and ``eval`` of the sample.
        encoder: its name, for the title.
        seconds: what everything took.
    """
    parts = (
        _mining(results["mine"]),
        _search(results["search"], results["eval"]["qrels"]),
        _evaluation(results["eval"]),
    )
    title = f"xret demo: three jobs on a bundled sample, with {Path(encoder).name}, on this machine alone"
    return "\n\n".join([title, *("\n".join(part) for part in parts), f"{NEXT}\n\n({seconds:.1f} s in all)"])


def _mining(values: dict[str, Any]) -> Iterator[str]:
    src, tgt, gold = values["src"].num_rows, values["tgt"].num_rows, values["gold"].num_rows
    yield "1  MINING: which lines of two files are translations of each other?"
    yield f"   {src} German and {tgt} English lines of news; {gold} have a translation on the other side."
    yield ""
    found = {(row["measure"], row["slice"]): row for row in values["report"].to_pylist()}
    rows = []
    for name, where in (("every pair that margin scoring gives", "all"), ("best threshold", "best")):
        if ("F1", where) not in found:
            continue
        threshold = found["threshold", where]["value"]
        label = name if threshold is None else f"pairs scored {threshold:.3f} or more, the {name}"
        figures = [f"{100 * found[measure, where]['value']:.1f}" for measure in ("precision", "recall", "F1")]
        rows.append((label, found["F1", where]["pairs"], *figures))
    yield _indented(render(rows, ("", "pairs", "precision %", "recall %", "F1 %"), right=(1, 2, 3, 4)))
    yield ""
    yield "   score  first pairs (✓ = as in the gold file)"
    true = set(zip(values["gold"]["src_id"].to_pylist(), values["gold"]["tgt_id"].to_pylist(), strict=True))
    for pair in values["pairs"].slice(0, PAIRS).to_pylist():
        mark = "✓" if (pair["src_id"], pair["tgt_id"]) in true else " "
        yield f"   {pair['score']:.3f}{mark} {clip(pair['src_text'], COLUMNS - 11)}"
        yield f"          {clip(pair['tgt_text'], COLUMNS - 11)}"


def _search(values: dict[str, Any], qrels: pa.Table) -> Iterator[str]:
    corpus, queries, run = values["corpus"], values["queries"], values["run"]
    languages = pc.count_distinct(corpus["lang"]).as_py()
    yield "2  SEARCH: a question in one language, answers in all of them"
    yield f"   {corpus.num_rows} documents on 30 subjects in {languages} languages; ids are subject-language."
    relevant = set(zip(qrels["qid"].to_pylist(), qrels["docid"].to_pylist(), strict=True))
    documents = {row["id"]: row for row in corpus.to_pylist()}
    asked = {row["id"]: row for row in queries.to_pylist()}
    for qid in QUERIES:
        yield ""
        yield f"   “{asked[qid]['text']}” ({asked[qid]['lang']})"
        hits = run.filter(pc.field("qid") == qid).sort_by("rank").slice(0, HITS).to_pylist()
        yield _indented(_hits(hits, documents, {docid for query, docid in relevant if query == qid}))
    yield "   (✓ = judged relevant)"


def _hits(hits: list[dict[str, Any]], documents: dict[str, dict[str, Any]], relevant: set[str]) -> str:
    widest = max((len(hit["docid"]) for hit in hits), default=0)
    rows = []
    for hit in hits:
        text = clip(documents[hit["docid"]]["text"], COLUMNS - 3 - 5 - 2 - widest - 2 - 7)
        rows.append((hit["rank"], f"{hit['score']:.3f}", "✓" if hit["docid"] in relevant else "", hit["docid"], text))
    return render(rows, ("", "score", "", "document", ""), right=(0, 1))


def _evaluation(values: dict[str, Any]) -> Iterator[str]:
    yield "3  EVALUATION: how good is that, for queries of each language?"
    yield f"   {values['queries'].num_rows} queries, each with five relevant documents in as many languages."
    yield ""
    yield _indented(_by_language(values["report"]))


def _by_language(report: pa.Table) -> str:
    rows = report.to_pylist()
    measures = list(dict.fromkeys(row["measure"] for row in rows))
    values = {(row["slice"], row["measure"]): row for row in rows}
    slices = sorted({row["slice"] for row in rows if row["slice"].startswith("lang:")})
    table = []
    for where in [*slices, "all"]:
        name = where.removeprefix("lang:")
        cells = [f"{values[where, measure]['value']:.3f}" for measure in measures]
        table.append((name, values[where, measures[0]]["queries"], *cells))
    return render(table, ("query language", "queries", *measures), right=range(1, 2 + len(measures)))


def _indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())
