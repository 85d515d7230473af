"""`xret eval protocols`, rows that commands save, and the commands of the sets of passages and sentences."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest
from click.testing import CliRunner

import xret.encoders
from tests.cli.test_eval import DEV, ENGLISH, GERMAN, Letters
from tests.eval.test_belebele import both
from tests.eval.test_mfaq import page, write
from xret.cli.eval import evaluate
from xret.errors import InputError, MismatchError, UsageError, XretError
from xret.eval.protocols import PROTOCOLS, protocol, read_scored


@pytest.fixture(autouse=True)
def _sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(xret.encoders, "load_encoder", lambda *_, **__: Letters())
    Path("de.txt").write_text("\n".join(GERMAN))
    Path("en.txt").write_text("\n".join(ENGLISH))
    Path("gold.tsv").write_text("d1\te1\nd2\te2\n")
    Path("pairs.tsv").write_text("1.2\td1\te1\teins\tone\n1.0\td2\te9\tzwei\tnine\n")
    columns = {"lang": ["deu"] * 5, "line": list(range(5)), "eng": ENGLISH, "text": GERMAN}
    pa.parquet.write_table(pa.table(columns), "tatoeba.parquet")
    for folder, names in (("fl/devtest", "{}.devtest"), ("nt/NTREX-128", "newstest2019-{}.txt")):
        Path(folder).mkdir(parents=True)
        codes = ("deu_Latn", "eng_Latn") if folder == "fl/devtest" else ("ref.deu", "src.eng")
        for code, lines in zip(codes, (GERMAN, ENGLISH), strict=True):
            Path(folder, names.format(code)).write_text("\n".join(lines))
    Path("bb").mkdir()
    both(Path("bb"))
    write(Path("faq/de.jsonl"), page(7, ("Wer bellt?", "Der Fuchs."), ("Wo?", "Im Wald.")))
    rows = [{"id": f"{n}@{lang}", "lang": lang, "title": f"{text} {n}", "text": f"{text}. Mehr {n}."}
            for lang, texts in (("de", GERMAN), ("en", ENGLISH)) for n, text in enumerate(texts)]  # fmt: skip
    Path("docs.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    for lang, (sentence, question) in {"de": ("Der Fuchs bellt.", "Wer?"), "en": ("A fox barks.", "Who?")}.items():
        qas = [{"id": "1", "question": question, "answers": [{"answer_start": 0, "text": ""}]}]
        paragraph = {"context": sentence, "sentence_breaks": [[0, len(sentence)]], "qas": qas}
        Path("xq").mkdir(exist_ok=True)
        Path("xq", f"{lang}.json").write_text(json.dumps({"data": [{"paragraphs": [paragraph]}]}))


def call(*arguments: str) -> str:
    result = CliRunner().invoke(evaluate, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_the_list_and_the_definitions() -> None:
    text = call("protocols")
    assert all(name in text for name in PROTOCOLS)
    assert (
        call("protocols", "miracl", "xsim").rstrip()
        == f"{protocol('miracl').definition()}\n\n{protocol('xsim').definition()}"
    )
    assert json.loads(call("protocols", "miracl", "--json"))["identity"] == protocol("miracl").identity
    assert len(json.loads(call("protocols", "--json"))) == len(PROTOCOLS)
    with pytest.raises(UsageError, match="did you mean 'miracl'"):
        call("protocols", "mircl")


@pytest.mark.parametrize(
    ("arguments", "name", "headline"),
    [
        (["tatoeba", "tatoeba.parquet"], "tatoeba-laser", lambda found: found["all"]["mean"]),
        (["bitext", "gold.tsv", "pairs.tsv", *DEV], "bucc", lambda found: found["test"]["f1"]),
        (["bitext", "gold.tsv", "pairs.tsv"], "bucc", lambda found: found["best"]["f1"]),
        (["bitext", "gold.tsv", "pairs.tsv", "--dev-share", "0.5"], "bucc", lambda found: found["test"]["f1"]),
        (["bitext", "gold.tsv", "pairs.tsv", "--threshold", "1.1"], "bucc", lambda found: found["given"]["f1"]),
        (["xsim", "de.txt", "en.txt"], "xsim", lambda found: found["error"]),
        (
            ["xsim", "de.txt", "en.txt", "--tgt-lang", "en", "--negatives", "made"],
            "xsim++",
            lambda found: found["error"],
        ),
        (["pxsim", "de.txt", "en.txt", "--aux-encoder", "x", "--alpha", "0.2"], "pxsim", lambda found: found["error"]),
        (["nway", "de.txt", "en.txt"], "nway", lambda found: found["mean"]),
        (["flores", "fl"], "flores", lambda found: found["mean"]),
        (["ntrex", "nt"], "ntrex", lambda found: found["mean"]),
        (["xquad-r", "xq"], "xquad-r", lambda found: found["map"]),
        (["belebele", "bb"], "belebele", lambda found: found["measures"]["mono nDCG@10"]),
        (["mfaq", "faq"], "mfaq", lambda found: found["global_mrr"]),
        (["known-item", "docs.jsonl", "--id-separator", "@"], "known-item", lambda found: found["measures"]["nDCG@20"]),
    ],
)
def test_what_is_printed_is_what_is_saved(arguments: list[str], name: str, headline: Callable[[Any], float]) -> None:
    found = json.loads(call(*arguments, "--save", "row.json", "--json"))
    row = read_scored("row.json")
    assert found["protocol"] == {
        "name": name,
        "identity": row.protocol_identity,
        "settings": dict(row.protocol.options),
    }
    assert headline(found) == row.measures[protocol(name).headline]
    assert row.hashes and set(row.hashes) <= {"corpus", "queries", "qrels"}
    assert not row.per_query.num_rows or protocol(name).headline in row.per_query["measure"].to_pylist()
    for measure in set(row.per_query["measure"].to_pylist()) & row.measures.keys():
        mine = [each["value"] for each in row.per_query.to_pylist() if each["measure"] == measure]
        assert np.mean(mine) == pytest.approx(row.measures[measure])
    assert protocol(name).title in call(arguments[0], "--protocol")
    call(*arguments, "--save", "again.json")
    assert "again.json" not in call("protocols", "compare", "row.json", "again.json")


def test_languages_are_called_as_elsewhere() -> None:
    found = json.loads(call("belebele", "bb", "--save", "row.json", "--json"))
    assert [each["lang"] for each in found["languages"]] == list(found["pairs"]) == ["de", "en"]
    row = read_scored("row.json")
    assert row.benchmark == "belebele/de,en" and set(row.per_query["lang"].to_pylist()) == {"de", "en"}


@pytest.mark.parametrize(
    ("arguments", "groups"),
    [
        (["xquad-r", "xq"], [["de:0", "en:1"]]),
        (["belebele", "bb"], [["de:0", "de:2", "en:0", "en:2"], ["de:1", "en:1"]]),
    ],
)
def test_rows_know_translations(arguments: list[str], groups: list[list[str]]) -> None:
    call(*arguments, "--save", "row.json")
    topics: dict[str, set[str]] = {}
    for each in read_scored("row.json").per_query.to_pylist():
        topics.setdefault(each["topic"], set()).add(each["qid"])
    assert sorted(sorted(found) for found in topics.values()) == groups


@pytest.mark.parametrize(
    ("command", "name"),
    [
        ("tatoeba", "tatoeba-laser"),
        ("bitext", "bucc"),
        ("flores", "flores"),
        ("ntrex", "ntrex"),
        ("xquad-r", "xquad-r"),
        ("belebele", "belebele"),
        ("mfaq", "mfaq"),
    ],
)
def test_help_says_where_the_data_is(command: str, name: str) -> None:
    link = re.search(r"https://[^\s,;]+", protocol(name).data)
    assert link and "/".join(link.group().split("/")[:5]) in call(command, "--help")


def test_rows_that_are_not_alike_are_refused(cli: Any) -> None:
    call("xsim", "de.txt", "en.txt", "--save", "a.json")
    call("xsim", "de.txt", "en.txt", "--save", "b.json")
    call("xsim", "de.txt", "en.txt", "--k", "2", "--save", "k.json")
    call("xsim", "en.txt", "de.txt", "-o", "other.json")
    lines = call("protocols", "compare", "a.json", "b.json").splitlines()
    assert (
        lines[0].split() == ["system", "error"] and lines[-1] == f"xsim ({protocol('xsim').identity}) on de.txt en.txt"
    )
    assert len(json.loads(call("protocols", "compare", "a.json", "b.json", "--json"))["rows"]) == 2
    with pytest.raises(MismatchError, match=r"a.json and k.json cannot be compared: xsim with k = 4 against 2"):
        call("protocols", "compare", "a.json", "b.json", "k.json")
    called = cli("eval", "protocols", "compare", "a.json", "other.json")
    assert (called.code, called.out) == (1, "")
    assert called.err.startswith(
        "xret: a.json and other.json cannot be compared: different corpora of de.txt en.txt and en.txt"
    )
    assert len(called.err.splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["xsim", "de.txt", "en.txt", "-o", "en.txt"], UsageError, "--save en.txt: would overwrite 'en.txt'"),
        (["xsim", "de.txt", "en.txt", "-o", "-"], UsageError, "--save -: a row goes into a file"),
        (["tatoeba", "tatoeba.parquet", "-o", "gone/row.json"], InputError, "no folder 'gone'"),
        (["protocols", "compare", "docs.jsonl", "x.json"], XretError, "docs.jsonl: not JSON"),
        (["protocols", "compare"], UsageError, "found 0 rows"),
        (["bitext", "gold.tsv", "pairs.tsv", "--dev-share", "0.5", *DEV], UsageError, "--dev-share tunes on a part"),
        (["flores", "fl", "--langs", "fr"], XretError, "has no file of the language 'fr'"),
        (["ntrex", "fl"], XretError, "has no files such as newstest2019-ref.deu.txt"),
        (["belebele", "gone"], XretError, "gone: no such file or folder; wanted Belebele"),
        (["mfaq", "docs.jsonl"], XretError, "docs.jsonl:1: has no id or no qa_pairs"),
        (["known-item", "docs.jsonl"], XretError, "no column 'doc_id'"),
        (["known-item", "docs.jsonl", "--no-score"], UsageError, "--no-score writes the set alone"),
        (["known-item", "docs.jsonl", "-o", "bb"], InputError, "bb: exists already"),
        (
            ["known-item", "docs.jsonl", "--id-separator", "@", "--run", "gone.trec"],
            XretError,
            "gone.trec: no such file",
        ),
    ],
)
def test_mistakes_are_told_in_one_line(arguments: list[str], error: type[XretError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        call(*arguments)
    assert "\n" not in str(caught.value)


def test_known_items_are_written_and_a_run_of_them_scored() -> None:
    text = call("known-item", "docs.jsonl", "--id-separator", "@", "-o", "known", "--no-score")
    assert text == "" and sorted(each.name for each in Path("known").iterdir()) == [
        "docs.parquet",
        "manifest.json",
        "qrels.txt",
        "queries.tsv",
    ]
    run = [f"{n}@{lang} Q0 {n}@de 1 2 x\n" for n in range(5) for lang in ("de", "en")]
    Path("run.trec").write_text("".join(run))
    options = ("known-item", "docs.jsonl", "--id-separator", "@", "--run", "run.trec", "--json")
    assert json.loads(call(*options))["measures"]["RR@10"] == 1.0
    assert "10 documents, 10 queries (left out: none), run.trec" in call(*options[:-1])
