"""`xret align` on the sample's translated sentences: whole files, pages in JSONL, gold, mistakes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from xret.bitext import read_pairs
from xret.cli.align import align
from xret.stages.align import Align


@pytest.fixture
def pages(sample: Path) -> Path:
    """Six pages of ten lines each as de.jsonl and en.jsonl, and gold for both; line 1 of page 0 has no English."""
    lines = {lang: Path(f"aligned.{lang}.txt").read_text().splitlines() for lang in ("de", "en")}
    for lang, every in lines.items():
        texts = ["\n".join(every[10 * page + (lang == "en" and page == 0) : 10 * page + 10]) for page in range(6)]
        rows = [{"id": f"{page}.{lang}", "lang": lang, "text": text} for page, text in enumerate(texts)]
        Path(f"{lang}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    Path("docs.gold.tsv").write_text("".join(f"{page}.de\t{page}.en\n" for page in range(6)))
    gold = [f"0.de:{n + 1}\t0.en:{n}" for n in range(1, 10)]
    gold += [f"{page}.de:{n}\t{page}.en:{n}" for page in range(1, 6) for n in range(1, 11)]
    Path("gold.tsv").write_text("\n".join(gold) + "\n")
    return sample


def test_the_options_have_the_defaults_of_the_stage() -> None:
    defaults = {parameter.name: parameter.default for parameter in align.params}
    stage = Align()
    assert {name: defaults[name] for name in ("most", "skip")} == {"most": stage.most, "skip": stage.skip}


def test_two_text_files_are_two_documents(sample: Path, cli: Cli) -> None:
    called = cli("align", "aligned.de.txt", "aligned.en.txt", "-o", "pairs.tsv")
    assert (called.code, called.out) == (0, "")
    assert "1 pairs of documents, 60 of segments (60 1-1); 0 and 0 segments without a pair; in pairs.tsv" in called.err
    rows = read_pairs("pairs.tsv").to_pylist()
    assert [(row["src_id"], row["tgt_id"]) for row in rows] == [(str(n), str(n)) for n in range(1, 61)]
    assert all(0 < row["score"] < 1 for row in rows)
    called = cli("align", "aligned.de.txt", "aligned.en.txt", "-o", "-", "--format", "tmx")
    assert called.code == 0 and called.out.count("<tu ") == called.out.count('xml:lang="de"') == 60


def test_pages_are_paired_aligned_and_judged(pages: Path, cli: Cli) -> None:
    options = ("--gold", "gold.tsv", "--doc-gold", "docs.gold.tsv", "--doc-output", "docs.tsv", "--work", "work")
    called = cli("align", "de.jsonl", "en.jsonl", "-o", "pairs.jsonl", *options)
    assert called.code == 0, called.err
    documents, strict, lax, said = called.err.splitlines()
    assert documents == "documents: precision 1.0000, recall 1.0000, F1 1.0000 (6 right of 6, 6 in gold)"
    assert strict.startswith("segments: precision 1.0000, recall 1.0000, F1 1.0000 (59 right of 59")
    assert lax.startswith("segments, lax: precision 1.0000")
    assert said.endswith("(59 1-1); 1 and 0 segments without a pair; in pairs.jsonl")
    row = json.loads(Path("pairs.jsonl").read_text().splitlines()[0])
    assert (row["src_id"], row["src_doc"], row["tgt_count"]) == ("0.de:2", "0.de", 1)
    given = cli("align", "de.jsonl", "en.jsonl", "-o", "-", "--doc-pairs", "docs.tsv", "--format", "tsv", "--most", "2")
    assert given.code == 0 and len(given.out.splitlines()) == 59
    assert given.out.split("\t")[1:3] == ["0.de:2", "0.en:1"]
    again = cli("align", "de.jsonl", "en.jsonl", "-o", "again.jsonl", *options, "-v")
    assert again.err.count("cached") >= 6
    assert Path("again.jsonl").read_bytes() == Path("pairs.jsonl").read_bytes()


def test_blank_lines_between_documents(sample: Path, cli: Cli) -> None:
    for lang in ("de", "en"):
        lines = Path(f"aligned.{lang}.txt").read_text().splitlines()
        parts = ["\n".join(lines[10 * page : 10 * page + 10]) for page in range(6)]
        Path(f"pages.{lang}.txt").write_text("\n \n\n".join(parts[:: 1 if lang == "de" else -1]) + "\n\n")
    called = cli("align", "pages.de.txt", "pages.en.txt", "-o", "x.jsonl", "--documents", "blank")
    assert called.code == 0 and called.err.count("\n") == 1, called.err
    assert (
        "(6 documents, 60 segments)" in called.err and ": 6 pairs of documents, 60 of segments (60 1-1)" in called.err
    )
    rows = [json.loads(line) for line in Path("x.jsonl").read_text().splitlines()]
    assert {(row["src_doc"], row["tgt_doc"]) for row in rows} == {
        (f"pages.de.txt#{n}", f"pages.en.txt#{7 - n}") for n in range(1, 7)
    }
    with Path("pages.de.txt").open("ab") as file:
        file.write(b"\xff\n")
    called = cli("align", "pages.de.txt", "pages.en.txt", "-o", "y.jsonl", "--documents", "blank")
    assert called.code == 1 and "malformed lines (skipped 1 malformed row: 1 invalid UTF-8)" in called.err
    called = cli("align", "docs.jsonl", "pages.en.txt", "-o", "y.jsonl", "--documents", "blank")
    assert called.code == 2 and "'docs.jsonl' is no text file" in called.err


def test_documents_in_several_pairs_are_counted_once(pages: Path, cli: Cli) -> None:
    """Gold of documents that stand in several pairs, one of them twice; and what is given up in a folder is said."""
    Path("docs.tsv").write_text("0.de\t0.en\n0.de\t1.en\n1.de\t0.en\n1.de\t1.en\n0.de\t0.en\n")
    called = cli("align", "de.jsonl", "en.jsonl", "-o", "x.tsv", "--doc-pairs", "docs.tsv", "--skip", "1")
    assert called.code == 0 and ": 4 pairs of documents, " in called.err
    rows = [line.split("\t")[1:3] for line in Path("x.tsv").read_text().splitlines()]
    used = [len({one for row in rows for one in row[at].split(" + ")}) for at in (0, 1)]
    assert f"; {60 - used[0]} and {59 - used[1]} segments without a pair" in called.err
    assert sum(len(row[0].split(" + ")) for row in rows) > 20 >= used[0]


def test_what_a_folder_holds_besides_documents_is_said(sample: Path, cli: Cli) -> None:
    for lang in ("de", "en"):
        Path(lang, "more").mkdir(parents=True)
        Path(lang, f"one.{lang}.txt").write_text(Path(f"aligned.{lang}.txt").read_text())
        Path(lang, f"empty.{lang}.txt").write_text("")
    called = cli("align", "de", "en", "-o", "-")
    assert called.code == 0
    assert "de: left out 1 empty files, such as 'empty.de.txt'\n" in called.err
    assert "en: left out 1 folders, which are not looked into, such as 'more'\n" in called.err
    for where in ("-o de/new.tsv", "-o new.tsv --doc-output en/new.tsv"):
        called = cli("align", "de", "en", *where.split())
        assert called.code == 2 and "new.tsv: lies in '" in called.err and called.err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("de.jsonl de.jsonl -o x.tsv", 2, "SRC and TGT are both 'de.jsonl'"),
        ("de.jsonl en.jsonl -o en.jsonl", 2, "would overwrite 'en.jsonl'"),
        ("de.jsonl en.jsonl -o x.tsv --src-lang de --tgt-lang de", 2, "are both 'de'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-pairs docs.gold.tsv --doc-threshold 1", 2, "leave it out with --doc-pairs"),
        ("de.jsonl en.jsonl -o x.tsv --documents column", 1, "no column 'doc_id'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-pairs gold.tsv", 1, "no document '0.de:2' on the source side"),
        ("de.jsonl en.jsonl -o x.tsv --doc-output x.tsv", 2, "-o and --doc-output are both 'x.tsv'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-output ./x.tsv", 2, "-o and --doc-output are both './x.tsv'"),
        ("de.jsonl en.jsonl -o x.tsv --threshold nan", 2, "--threshold nan: no score reaches that"),
        ("de.jsonl en.jsonl -o x.tsv --doc-threshold nan", 2, "--doc-threshold nan: no score reaches that"),
        ("de.jsonl en.jsonl -o x.tsv --work w --gold docs.gold.tsv", 1, "gold and the corpora share no id"),
        ("de.jsonl en.jsonl -o x.tsv --work w --doc-gold gold.tsv", 1, "gold and the corpora share no id"),
        ("de.jsonl en.jsonl -o x.tsv --doc-output docs.tmx", 2, "pairs of documents are TSV, JSONL or Parquet"),
        ("de.jsonl en.jsonl -o gone/x.tsv", 1, "no folder 'gone'"),
    ],
)
def test_mistakes_are_one_line(options: str, code: int, message: str, pages: Path, cli: Cli) -> None:
    called = cli("align", *options.split())
    assert (called.code, called.out) == (code, "") and message in called.err, called.err
    assert called.err.count("\n") == 1 and not Path("x.tsv").exists()
    assert not list(Path().glob("w/*encode*"))  # told before anything is encoded
