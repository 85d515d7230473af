"""Every kind of system and benchmark once, on the sample, against what the stages themselves give."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path

import pytest

from xret.eval.protocols import protocol
from xret.eval.tatoeba import read_tatoeba, score_tatoeba
from xret.pipeline.suite import SuiteResults, open_suite, read_suite
from xret.runs import ordered, write_run
from xret.sample import export_sample

SYSTEMS = """
[[system]]
name = "dense"
kind = "dense"

[[system]]
name = "expanded"
kind = "dense"
expand = { queries = "more.tsv", alpha = 0.5 }
on = ["docs"]

[[system]]
name = "light"
kind = "rerank"
of = "dense"
model = "light"
depth = 5
on = ["docs"]

[[system]]
name = "weighed"
kind = "fuse"
of = ["dense", "light"]
method = "zscore"
weights = [1, 0]
on = ["docs"]

[[system]]
name = "fitted"
kind = "calibrate"
of = "dense"
method = "logistic"
by_language = false
fit_on = "other"
on = ["docs"]

[[system]]
name = "elsewhere"
kind = "run"
runs = { docs = "given.trec" }
"""
DOCS = 'corpus = "docs.jsonl"\nqueries = "queries.tsv"\nqrels = "qrels.txt"\n'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    export_sample(tmp_path)
    return tmp_path


def run(folder: Path, text: str) -> SuiteResults:
    (folder / "my.toml").write_text(text)
    return open_suite(read_suite(folder / "my.toml"), threads=1).run()


def test_every_kind_of_system(folder: Path) -> None:
    text = f'k = 20\nmeasures = ["nDCG@5", "AP"]\nfairness = true\n[[benchmark]]\nname = "docs"\n{DOCS}'
    text += f'[[benchmark]]\nname = "other"\n{DOCS}sample = 12\n'
    documents = [json.loads(line) for line in (folder / "docs.jsonl").read_text().splitlines()]
    lines = [f"{each['id']}\t{each['lang']}\t{each['text'].split('.')[0]}\n" for each in documents]
    (folder / "more.tsv").write_text("".join(lines))
    (folder / "given.trec").write_text("q01 Q0 bees-en 1 1.0 x\n")
    first = run(folder, text + SYSTEMS)
    assert not first.failed
    rows = {row.system: row for row in first.rows if row.benchmark == "docs"}
    assert list(rows) == ["dense", "expanded", "light", "weighed", "fitted", "elsewhere"]
    assert {each.system for each in first.skipped} == {"expanded", "light", "weighed", "fitted", "elsewhere"}
    found = {system: row.measures["AP"] for system, row in rows.items()}
    assert found["weighed"] == found["dense"] != found["light"]  # whose weight is 0
    assert 0 < found["elsewhere"] < 0.02  # one document of one query
    assert rows["expanded"].hashes["index"] != rows["dense"].hashes["index"]
    assert {"PEER@20", "AWRF@20", "own-first"} <= rows["dense"].measures.keys()

    step = next(each for each in first.steps if "dense/docs" in each["for"] and each["stage"] == "retrieve")
    from xret.runs import read_run

    write_run(ordered(read_run(folder / "my.work" / step["folder"] / "output.arrow")), folder / "given.trec")
    again = {row.system: row for row in run(folder, text + SYSTEMS).rows if row.benchmark == "docs"}
    assert again["elsewhere"].measures == pytest.approx(rows["dense"].measures, abs=1e-4, nan_ok=True)  # rounded
    assert again["dense"].hashes == rows["dense"].hashes


def test_what_is_fitted_must_not_be_judged_by_the_same(folder: Path) -> None:
    text = f'[[benchmark]]\nname = "docs"\n{DOCS}[[system]]\nname = "dense"\nkind = "dense"\n'
    text += '[[system]]\nname = "fitted"\nkind = "calibrate"\nof = "dense"\nmethod = "logistic"\nfit_on = "docs"\n'
    (problem,) = run(folder, text).failed
    assert problem.system == "fitted" and "would be judged by what it was fitted on" in problem.why


def test_sentences_and_mining_are_scored_as_their_commands_do(folder: Path) -> None:
    mining = folder / "de-en"
    mining.mkdir()
    for lang in ("de", "en"):
        texts = (folder / f"news.{lang}.txt").read_text().splitlines()
        (mining / f"{lang}.tsv").write_text("".join(f"{n}\t{each}\n" for n, each in enumerate(texts, 1)))
    (mining / "gold.tsv").write_text((folder / "gold.tsv").read_text())
    text = '[[benchmark]]\nname = "lines"\nprotocol = "tatoeba-laser"\npath = "tatoeba"\n'
    text += '[[benchmark]]\nname = "news"\nprotocol = "bucc"\npath = "de-en"\n'
    results = run(folder, text + '[[system]]\nname = "dense"\nkind = "dense"\n')
    assert not results.failed
    lines, news = results.rows
    from xret.encoders import load_encoder

    scores = score_tatoeba(read_tatoeba(folder / "tatoeba"), load_encoder("xret-mini", threads=1))
    assert lines.by_language.equals(scores) and lines.protocol == protocol("tatoeba-laser")
    assert news.measures["f1"] > 0.7 and news.measures["f1_low"] <= news.measures["f1"] <= news.measures["f1_high"]
    assert news.protocol.name == "bucc" and news.protocol_identity != protocol("bucc").identity


def test_collections_of_a_published_set_stand_alone_and_together(folder: Path) -> None:
    texts = {"sw": ["mji mkuu ni Dodoma", "mto mrefu ni Naili"], "yo": ["olu ilu ni Abuja", "odo nla ni Oya"]}
    for lang, lines in texts.items():
        parts = {"topics": f"1\t{lines[0]}\n2\t{lines[1]}\n", "qrels": f"1 Q0 {lang}#0 1\n2 Q0 {lang}#1 1\n"}
        for kind, content in parts.items():
            place = folder / "set" / f"miracl-v1.0-{lang}" / kind / f"{kind}.miracl-v1.0-{lang}-dev.tsv"
            place.parent.mkdir(parents=True)
            place.write_text(content)
        passages = folder / "set" / f"miracl-corpus-v1.0-{lang}" / "docs-0.jsonl.gz"
        passages.parent.mkdir()
        with gzip.open(passages, "wt") as out:
            for n, line in enumerate(lines):
                out.write(json.dumps({"docid": f"{lang}#{n}", "title": "x", "text": line}) + "\n")
    text = '[[benchmark]]\nname = "m"\nprotocol = "miracl"\npath = "set"\ncollections = ["sw", "yo"]\n'
    text += '[[system]]\nname = "bm25"\nkind = "lexical"\nanalyzers = ["sw=words", "yo=words"]\non = ["m"]\n'
    results = run(folder, text)
    assert not results.failed
    assert [row.benchmark for row in results.rows] == ["m sw", "m yo", "m"]
    whole = results.rows[-1]
    assert whole.protocol == protocol("miracl") and not math.isnan(whole.measures["nDCG@10"])
    assert whole.measures["nDCG@10"] == sum(row.measures["nDCG@10"] for row in results.rows[:2]) / 2


def test_pools_parallel_files_and_known_items(folder: Path) -> None:
    lines = {"deu_Latn": ["Der Fluss ist lang.", "Die Stadt ist alt."],
             "eng_Latn": ["The river is long.", "The city is old."]}  # fmt: skip
    for lang, (first, second) in lines.items():
        for split in ("dev", "devtest"):
            (folder / "flores" / split).mkdir(parents=True, exist_ok=True)
            (folder / "flores" / split / f"{lang}.{split}").write_text(f"{first}\n{second}\n")
        question = {"deu_Latn": "Was ist lang?", "eng_Latn": "What is long?"}[lang]
        rows = [{"link": str(n), "question_number": 1, "flores_passage": text, "question": question, "dialect": lang,
                 **{f"mc_answer{k}": "x" for k in range(1, 5)}, "correct_answer_num": "1"}
                for n, text in enumerate((first, second))]  # fmt: skip
        (folder / "belebele").mkdir(exist_ok=True)
        (folder / "belebele" / f"{lang}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    pairs = [{"question": "What is long?", "answer": "The river."}, {"question": "What is old?", "answer": "The city."}]
    (folder / "en.jsonl").write_text(json.dumps({"id": 1, "qa_pairs": pairs}) + "\n")
    text = ""
    for name, path in (
        ("flores", "flores"),
        ("belebele", "belebele"),
        ("mfaq", "en.jsonl"),
        ("known-item", "docs.jsonl"),
    ):
        text += f'[[benchmark]]\nname = "{name}"\nprotocol = "{name}"\npath = "{path}"\n'
    text += 'options = { queries = "sentence", separator = "-" }\nk = 100\n'
    text += '[[system]]\nname = "dense"\nkind = "dense"\n[[system]]\nname = "bm25"\nkind = "lexical"\n'
    results = run(folder, text)
    assert not results.failed
    found = {(row.system, row.benchmark): row for row in results.rows}
    assert found.keys() == {*(("dense", name) for name in ("flores", "belebele", "mfaq", "known-item")),
                           ("bm25", "known-item")}  # fmt: skip
    assert found["dense", "flores"].measures == {"mean": 0.0} and found["dense", "mfaq"].measures["global_mrr"] > 0.4
    assert all(value > 0 for value in found["dense", "belebele"].measures.values())
    assert found["dense", "known-item"].protocol == protocol("known-item").varied(queries="sentence")
    assert found["dense", "known-item"].measures["R@100"] > found["bm25", "known-item"].measures["R@100"]
