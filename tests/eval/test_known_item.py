"""Known items: what becomes a query, what is relevant, what is left out."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.eval.test_protocols import Letters
from xret.artifact import read_manifest
from xret.corpus import open_corpus
from xret.errors import EvalError, UsageError
from xret.eval.benchmarks import Benchmark, load_benchmark
from xret.eval.known_item import known_items, search_known_items, write_known_items
from xret.eval.protocols import protocol
from xret.runs import read_qrels

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "help_clir"
ROWS = [
    ("a.de", "a", "de", "Der Fuchs", "Der Fuchs bellt im Wald. Er ist rot. Niemand weiß, warum."),
    ("a.en", "a", "en", "The fox", "The fox barks in the wood. It is red. Nobody knows why."),
    ("a.en.2", "a", "en", "The fox, part 2", "More about it. And more."),
    ("b.de", "b", "de", "Übersicht", "Jazz im Park! Heute um acht."),
    ("b.en", "b", "en", "Jazz in the park", "Jazz in the park! Tonight at eight."),
    ("c.de", "c", "de", "Übersicht", "Nur ein Satz"),
    ("c.en", "c", "en", "Hi", "Two sentences. They are here."),
    ("d.fr", "d", "fr", "", "Seul. Sans traduction."),
]


def corpus(rows: Sequence[tuple[str, ...]] = ROWS) -> pa.Table:
    names = ("id", "doc_id", "lang", "title", "text")
    return pa.table({name: [row[place] for row in rows] for place, name in enumerate(names)})


def test_a_title_finds_its_document_in_every_language() -> None:
    items = known_items(corpus())
    assert items.queries.to_pylist()[:2] == [
        {"id": "a.de", "text": "Der Fuchs", "lang": "de", "topic": "a"},
        {"id": "a.en", "text": "The fox", "lang": "en", "topic": "a"},  # of the first part
    ]
    assert items.queries["id"].to_pylist() == ["a.de", "a.en", "b.en"]
    assert items.left_out == {"ambiguous": 2, "empty": 1, "short": 1}
    judged = {(row["qid"], row["docid"]) for row in items.qrels.to_pylist()}
    assert judged == {(q, d) for q in ("a.de", "a.en") for d in ("a.de", "a.en", "a.en.2")} | {
        ("b.en", "b.de"),
        ("b.en", "b.en"),
    }
    assert known_items(corpus(), langs=["de"]).queries["id"].to_pylist() == ["a.de"]
    assert known_items(corpus(), langs=["en"], least=2).queries["id"].to_pylist() == ["a.en", "b.en", "c.en"]
    assert items.corpus["text"].to_pylist() == corpus()["text"].to_pylist()


def test_a_sentence_is_taken_out_of_its_text() -> None:
    items = known_items(corpus(), queries="sentence")
    texts = dict(zip(items.corpus["id"].to_pylist(), items.corpus["text"].to_pylist(), strict=True))
    before = {row[0]: row[4] for row in ROWS}
    for query in items.queries.to_pylist():
        assert query["text"] in before[query["id"]] and query["text"] not in texts[query["id"]]
        assert len(texts[query["id"]]) + len(query["text"]) + 1 == len(before[query["id"]])
    assert texts["c.de"] == "Nur ein Satz" and texts["a.en.2"] == before["a.en.2"]
    assert items.left_out == {"empty": 1}
    again = known_items(corpus(ROWS[::-1]), queries="sentence", langs=["de", "fr"])
    chosen = {row["id"]: row["text"] for row in items.queries.to_pylist()}
    assert all(chosen[row["id"]] == row["text"] for row in again.queries.to_pylist())  # by the id alone


def test_a_folder_is_what_search_and_evaluation_read(tmp_path: Path) -> None:
    items, used = known_items(corpus()), protocol("known-item").varied(least=9)
    write_known_items(items, tmp_path / "known", used=used)
    assert open_corpus(tmp_path / "known" / "docs.parquet")["doc_id"].to_pylist() == items.corpus["doc_id"].to_pylist()
    queries = open_corpus(tmp_path / "known" / "queries.tsv")
    assert queries.select(items.queries.column_names).to_pylist() == items.queries.to_pylist()
    assert read_qrels(tmp_path / "known" / "qrels.txt").to_pylist() == items.qrels.to_pylist()
    assert read_manifest(tmp_path / "known", kind="known-item")["queries"] == 3
    loaded = load_benchmark("xret", tmp_path / "known")
    assert (loaded.protocol, loaded.name) == (used, "known-item/known")
    (tmp_path / "known" / "manifest.json").write_text('{"kind": "known-item"}')
    with pytest.raises(EvalError, match="settings are not those of known-item"):
        load_benchmark("xret", tmp_path / "known")
    run = search_known_items(items, Letters(), depth=3)
    assert run.num_rows == 9
    benchmark = Benchmark(protocol=protocol("known-item"), name="k", queries=items.queries, qrels=items.qrels)
    row = benchmark.scored(search_known_items(items, Letters()), system="letters")
    assert row.measures["R@100"] == 1.0 and list(row.measures) == [*protocol("known-item").measures]


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        (corpus().drop_columns("doc_id"), {}, r"no column 'doc_id' \(id, lang, title, text\); add it"),
        (corpus().drop_columns("title"), {}, "no column 'title'"),
        (corpus(), {"separator": "@"}, "id 'a.de' has no '@'"),
        (corpus(), {"langs": ["it"]}, "no document is in 'it'; there are de, en, fr"),
        (corpus([("a", "", "de", "x", "y")]), {}, "row 1 of the corpus has no doc_id"),
        (corpus([("a", "a", "und", "x", "y")]), {}, "1 rows of the corpus have no language"),
        (corpus(ROWS[3:4] + ROWS[6:]), {}, "no document is there in two languages"),
        (corpus(), {"least": 99}, r"no title can be a query \(1 empty, 6 short\)"),
    ],
)
def test_corpora_that_do_not_fit_are_named(table: pa.Table, options: dict[str, Any], message: str) -> None:
    with pytest.raises(EvalError, match=message) as caught:
        known_items(table, **options)
    assert "\n" not in str(caught.value)
    with pytest.raises(UsageError, match="'qqq' is not a known language code"):
        known_items(corpus(), langs=["qqq"])


@pytest.mark.skipif(not DATA.is_dir(), reason="the evaluation sets are not here")
def test_a_set_made_elsewhere_comes_out_the_same() -> None:
    rows = [line.split("\t") for line in (DATA / "queries.tsv").read_text(encoding="utf-8").splitlines()]
    langs = sorted({lang for _, lang, _ in rows})
    items = known_items(open_corpus(DATA / "docs.parquet"), langs=langs, separator="@")
    columns = (items.queries[name].to_pylist() for name in ("id", "lang", "text"))
    assert set(zip(*columns, strict=True)) == set(map(tuple, rows))
    theirs = read_qrels(DATA / "qrels.txt")
    pairs = [
        set(zip(each["qid"].to_pylist(), each["docid"].to_pylist(), strict=True)) for each in (items.qrels, theirs)
    ]
    assert pairs[0] == pairs[1]
