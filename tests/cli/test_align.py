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


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ("de.jsonl de.jsonl -o x.tsv", 2, "SRC and TGT are both 'de.jsonl'"),
        ("de.jsonl en.jsonl -o en.jsonl", 2, "would overwrite 'en.jsonl'"),
        ("de.jsonl en.jsonl -o x.tsv --src-lang de --tgt-lang de", 2, "are both 'de'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-pairs docs.gold.tsv --doc-threshold 1", 2, "leave it out with --doc-pairs"),
        ("de.jsonl en.jsonl -o x.tsv --documents column", 1, "no column 'doc_id'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-pairs gold.tsv", 1, "no document '0.de:2' on the source side"),
        ("de.jsonl en.jsonl -o x.tsv --doc-output x.tsv", 2, "would overwrite 'x.tsv'"),
        ("de.jsonl en.jsonl -o x.tsv --doc-output docs.tmx", 2, "pairs of documents are TSV, JSONL or Parquet"),
        ("de.jsonl en.jsonl -o gone/x.tsv", 1, "no folder 'gone'"),
    ],
)
def test_mistakes_are_one_line(options: str, code: int, message: str, pages: Path, cli: Cli) -> None:
    called = cli("align", *options.split())
    assert (called.code, called.out) == (code, "") and message in called.err, called.err
    assert called.err.count("\n") == 1 and not Path("x.tsv").exists()
