"""Topic files in the layouts of pyserini, anserini, TREC and CLEF."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.eval.benchmarks.makers import write
from xret.errors import EvalError
from xret.eval.benchmarks import load_benchmark
from xret.eval.benchmarks.topics import Reading, read_topics

TREC = """<top>
<num> Number: 301
<title> Rivers &amp; lakes

<desc> Description:
Where do they
flow?

<narr> Narrative:
Any river.
</top>
<top>

<num> Number: 302
<title> Topic: Birds
<desc> Description:
Which fly?
<top>
<num> Number: 303 <title> Without an end before <desc> Description: Of two. </top>
"""
XML = """<?xml version="1.0" encoding="UTF-8"?>
<topics><topic lang="en"><identifier>10.2452/451-AH</identifier><title>Rivers &amp; lakes</title>
<description>Where do they flow?</description></topic></topics>"""
FIRE = "<topics>\n<top lang='en'>\n<num>176</num>\n<title>Rivers</title>\n<desc>Where?</desc>\n</top>\n</topics>\n"
LAYOUTS = {
    "tsv": ("301\tRivers\tand lakes\n", ("title",), {"301": "Rivers and lakes"}),
    "header": ("id\ttext\n301\tRivers\n", ("title",), {"301": "Rivers"}),
    "trec": (TREC, ("title", "description"), {"301": "Rivers & lakes Where do they flow?", "302": "Birds Which fly?",
                                              "303": "Without an end before Of two."}),
    "narr": (TREC.partition("<top>\n\n")[0], ("narrative",), {"301": "Any river."}),
    "xml": (XML, ("title", "description"), {"10.2452/451-AH": "Rivers & lakes Where do they flow?"}),
    "fire": (FIRE, ("title",), {"176": "Rivers"}),
    "clef": ("<top>\n<num> C141 </num>\n<DE-title> Flüsse </DE-title>\n<DE-desc> Wo? </DE-desc>\n</top>\n",
             ("title", "description"), {"141": "Flüsse Wo?"}),
    "jsonl": (
        '{"qid": 7, "query": "rivers"}\n{"qid": 8, "query": "birds"}\n', ("title",), {"7": "rivers", "8": "birds"},
    ),
    "fielded": (
        '{"id": "7", "title": "rivers", "description": "where?"}\n', ("title", "description"), {"7": "rivers where?"},
    ),
    "object": (
        json.dumps({"1": {"title": "rivers"}, "2": {"title": "birds"}}), ("title",), {"1": "rivers", "2": "birds"},
    ),
}  # fmt: skip


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("packed", ["", ".gz"])
def test_layouts(layout: str, packed: str, tmp_path: Path) -> None:
    text, fields, wanted = LAYOUTS[layout]
    found = read_topics(write(tmp_path / f"topics.txt{packed}", text), Reading(lang="en", fields=fields))
    assert dict(zip(found["id"].to_pylist(), found["text"].to_pylist(), strict=True)) == wanted
    assert set(found["lang"].to_pylist()) == {"en"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("301\tRivers\n302\t \n", r"topics.txt:2: query '302' is empty"),
        ("301\tRivers\n301\tBirds\n", r"topics.txt:2: query '301' stands at .*topics.txt:1 too"),
        ("just words\n", r"topics.txt:1: neither 'id<TAB>text' nor JSON lines nor <top> elements"),
        ('{"id": "1", "text": "a"}\n{"id": "2", "text": \n', r"topics.txt:2: broken JSON"),
        ('{"id": "1", "text": "a"}\n["2"]\n', r"topics.txt:2: holds a list, wanted an object"),
        ('{"id": "1", "words": "a"}\n', r"topics.txt:1: has no 'text'; found: id, words"),
        ("<top>\n<num> 1\n<desc> Only this.\n</top>", r"topic 1: has no title; found: num, description"),
        ("", r"topics.txt: is empty"),
    ],
)
def test_mistakes(text: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(EvalError, match=message):
        read_topics(write(tmp_path / "topics.txt", text), Reading(lang="en"))


def test_another_encoding(tmp_path: Path) -> None:
    path = tmp_path / "topics.txt"
    path.write_bytes("<top>\n<num> 1\n<title> Flüsse\n</top>".encode("latin-1"))
    with pytest.raises(EvalError, match=r"topics.txt:3: byte 0xfc is not utf-8; say --encoding latin-1"):
        read_topics(path, Reading(lang="de"))
    assert read_topics(path, Reading(lang="de", encoding="latin-1"))["text"].to_pylist() == ["Flüsse"]
    path.write_bytes("1\tFlüsse\n".encode("latin-1"))
    with pytest.raises(EvalError, match=r"topics.txt:1: byte 5 of the line is 0xfc, which is not UTF-8"):
        read_topics(path, Reading(lang="de"))


def test_letters_before_numbers_that_the_judgements_lack(tmp_path: Path) -> None:
    topics = write(tmp_path / "t.tsv", "AR26\trivers\nAR27\tbirds\n")
    given = {"queries": topics, "qrels": write(tmp_path / "q.txt", "26 0 a 1\n27 0 b 1\n")}
    assert load_benchmark("trec", given, lang="ar").queries["id"].to_pylist() == ["26", "27"]
    given["qrels"] = write(tmp_path / "r.txt", "AR26 0 a 1\n")
    assert load_benchmark("trec", given, lang="ar").queries["id"].to_pylist() == ["AR26", "AR27"]


def test_files_by_role(tmp_path: Path) -> None:
    """Anything that pyserini reads, with judgements and documents in any layout."""
    topics = write(tmp_path / "t.txt", TREC)
    qrels = write(tmp_path / "q.gz", "301 0 a 1\n302 0 b 2\n")
    corpus = write(tmp_path / "c.jsonl", '{"id": "a", "text": "A river."}\n{"id": "b", "text": "A bird."}\n')
    given = {"queries": topics, "qrels": qrels, "corpus": corpus}
    found = load_benchmark("trec", given, lang="en", fields=("title",))
    assert found.queries["text"].to_pylist() == ["Rivers & lakes", "Birds", "Without an end before"]
    assert found.documents is not None
    assert found.documents.survey.languages == {"en": 2}
