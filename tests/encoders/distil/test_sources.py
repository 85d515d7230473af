"""Where pairs come from: formats, columns, languages, weights; and files that are no pairs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

pytest.importorskip("torch", reason="needs the extra 'train'")

from xret.encoders.distil.config import DistilConfig, read_config
from xret.encoders.distil.pairs import load_pairs
from xret.encoders.distil.preparation import Preparation
from xret.encoders.distil.sources import PairSource, as_source, read_texts
from xret.errors import CorpusError, UsageError

ENGLISH, GERMAN = ["good day", "the red house"], ["guten Tag", "das rote Haus"]
ROWS = [{"en": en, "text": de, "lang": "de", "source": "x"} for en, de in zip(ENGLISH, GERMAN, strict=True)]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.txt").write_text("\n".join(ENGLISH) + "\n", encoding="utf-8")
    (tmp_path / "b.txt").write_text("\r\n".join(GERMAN) + "\r\n", encoding="utf-8")
    (tmp_path / "c.de").write_text("\n".join(GERMAN), encoding="utf-8")
    lines = "".join(json.dumps(row) + "\n" for row in ROWS)
    (tmp_path / "x.jsonl").write_text(lines, encoding="utf-8")
    with gzip.open("x.tsv.gz", "wt", encoding="utf-8") as stream:
        stream.write("".join("\t".join(row.values()) + "\n" for row in ROWS))
    pq.write_table(pa.table({"src_text": ENGLISH, "tgt_text": GERMAN, "score": [1.0, 0.9]}), "mined.parquet")
    pq.write_table(pa.table({"left": GERMAN, "right": ENGLISH, "lg": ["de", "de"]}), "named.parquet")
    rows = [f'7,"{de}",{en}\n' for en, de in zip(ENGLISH, GERMAN, strict=True)]
    (tmp_path / "wide.csv").write_text("number,german,english\n" + "".join(rows), encoding="utf-8")
    (tmp_path / "two.tsv").write_text("".join(f"{a}\t{b}\n" for a, b in zip(ENGLISH, GERMAN, strict=True)), "utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("given", "source"),
    [
        ("a.txt,b.txt:de", "a"),
        ("a.txt,c.de", "a"),
        ("x.jsonl", "x"),
        ("x.tsv.gz", "x"),
        ("mined.parquet:de", "mined"),
        ("two.tsv:de", "two"),
        ({"path": ["a.txt", "b.txt"], "lang": "de", "source": "mine"}, "mine"),
        ({"path": "wide.csv", "columns": {"en": "english", "text": "german"}, "lang": "de"}, "wide"),
        ({"path": "named.parquet", "columns": {"en": "right", "text": "left", "lang": "lg"}}, "named"),
    ],
)
def test_every_format_gives_the_same_pairs(folder: Path, given: str | dict[str, object], source: str) -> None:
    table = load_pairs([as_source(given)])
    assert table.to_pylist() == [{**row, "source": source} for row in ROWS]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("a.txt,none.txt:de", "none.txt: no such file"),
        ("a.txt,b.txt", "of which language is the second"),
        ("a.txt,short.txt:de", "have 2 and 1 lines"),
        ("a.txt,blank.txt:de", "'text', the student's side, is empty in every row"),
        ("blank.txt,b.txt:de", "'en', the teacher's side, is empty in every row"),
        ("empty.txt,empty.txt:de", "holds no pairs"),
        ("empty.tsv", "holds no pairs"),
        ("two.tsv", "but no lang"),
        ("null.jsonl", "row 2 has no 'text'"),
        ("latin.txt,b.txt:de", "not UTF-8"),
        ("klingon.tsv", "lang 'no such' is no language; wanted BCP 47"),
        ("lists.parquet:de", "are not all text"),
    ],
)
def test_files_that_are_no_pairs(folder: Path, given: str, message: str) -> None:
    (folder / "short.txt").write_text("guten Tag\n", encoding="utf-8")
    (folder / "blank.txt").write_text("\n \n", encoding="utf-8")
    (folder / "latin.txt").write_bytes("schön\nBär\n".encode("latin-1"))
    (folder / "klingon.tsv").write_text("good day\tguten Tag\tno such\n", encoding="utf-8")
    pq.write_table(pa.table({"en": [["good", "day"]], "text": [["guten", "Tag"]]}), "lists.parquet")
    for name in ("empty.txt", "empty.tsv"):
        (folder / name).write_bytes(b"")
    rows = [ROWS[0], {**ROWS[1], "text": None}]
    (folder / "null.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    with pytest.raises(CorpusError, match=message) as raised:
        load_pairs([given])
    assert "\n" not in str(raised.value)


def test_a_byte_order_mark_is_no_part_of_a_header_and_rows_may_be_long(folder: Path) -> None:
    long = "so " * 700_000
    text = f"en\ttext\tlang\r\ngood day\tguten Tag\tde\r\n{long}\tja\tde\r\n"
    (folder / "windows.tsv").write_bytes(b"\xef\xbb\xbf" + text.encode())
    assert load_pairs(["windows.tsv"])["text"].to_pylist() == ["guten Tag", "ja"]


def test_tables_of_a_recipe_are_checked(folder: Path) -> None:
    (folder / "r.toml").write_text('[[pairs]]\npath = ["a.txt", "b.txt"]\nlang = "de"\nweight = 2\n', "utf-8")
    (table,) = read_config(folder / "r.toml", {}).pairs
    assert as_source(table) == PairSource(paths=(Path("a.txt"), Path("b.txt")), lang="de", weight=2)
    wrongs: list[dict[str, object]] = [{"paths": "a"}, {"path": 3}, {"path": []}, {"path": "x", "weight": "much"}]
    wrongs += [{"path": "x", "weight": weight} for weight in (0, -1.0, float("nan"))]
    for wrong in wrongs:
        with pytest.raises(UsageError, match="pairs: "):
            as_source(wrong)


def test_a_sources_weight_says_how_often_it_is_drawn(folder: Path) -> None:
    many = [f"number n{i} of them" for i in range(100)]
    for name in "pq":
        table = pa.table({"en": many, "text": [f"{name} nummer {i} davon" for i in range(100)], "lang": ["de"] * 100})
        pq.write_table(table, f"{name}.parquet")
    config = DistilConfig(pairs=({"path": "q.parquet", "weight": 4.0},), one_source_share=0.0)
    steps = Preparation(["p.parquet"], config, folder / "work", threads=1)
    train, _ = steps.pairs()
    drawn = np.asarray(train["source"])[steps._sampler(train).batch(0, 5000)]
    assert np.mean(drawn == "q") == pytest.approx(0.8, abs=0.03)
    with pytest.raises(UsageError, match="no pairs to train on"):
        Preparation([], DistilConfig(), folder / "work", threads=1)


def test_monolingual_text(folder: Path) -> None:
    assert read_texts(["a.txt", "x.jsonl", "a.txt"]).to_pylist() == [*ENGLISH, *GERMAN]
    (folder / "blank.txt").write_text("\n\n", encoding="utf-8")
    with pytest.raises(CorpusError, match="holds no text"):
        read_texts(["blank.txt"])
    with pytest.raises(CorpusError, match="no such file"):
        read_texts(["none.txt"])
