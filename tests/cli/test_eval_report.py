"""`--report` of the commands that evaluate, and `xret eval report`."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Cli


@pytest.fixture
def files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Two runs over documents in two languages, queries in two, pairs and gold; the date is fixed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1767225600")
    queries, documents = [f"q{n}" for n in range(12)], [f"d{n}" for n in range(20)]
    lines = [(qid, docid, (7 * q + 3 * d) % 11) for q, qid in enumerate(queries) for d, docid in enumerate(documents)]
    for name, turn in (("one", 1), ("<two>", -1)):
        text = "".join(f"{qid} Q0 {docid} 1 {turn * score + 20} x\n" for qid, docid, score in lines)
        (tmp_path / f"{name}.trec").write_text(text, encoding="utf-8")
    (tmp_path / "qrels.txt").write_text("".join(f"{q} 0 {d} {int(s > 7)}\n" for q, d, s in lines), encoding="utf-8")
    for name, ids in (("queries", queries), ("docs", documents)):
        rows = "".join(f"{one}\t{('de', 'sw')[n % 2]}\ttext {n}\n" for n, one in enumerate(ids))
        (tmp_path / f"{name}.tsv").write_text(f"id\tlang\ttext\n{rows}", encoding="utf-8")
    pairs = "".join(f"{1.5 - n / 100}\ts{n}\tt{n}\tein {n}\tone {n}\n" for n in range(40))
    (tmp_path / "pairs.tsv").write_text(pairs, encoding="utf-8")
    (tmp_path / "gold.tsv").write_text("".join(f"s{n}\tt{n}\n" for n in range(25)), encoding="utf-8")
    return tmp_path


SIDES = ("--queries", "queries.tsv", "--corpus", "docs.tsv")


def test_a_run_in_every_format(files: Path, cli: Cli) -> None:
    pytest.importorskip("matplotlib")
    texts = {}
    for suffix in ("html", "md", "tex", "txt"):
        command = ("eval", "run", "qrels.txt", "one.trec", "<two>.trec", *SIDES, "--compare", "--report")
        assert cli(*command, f"r.{suffix}").code == 0
        texts[suffix] = (files / f"r.{suffix}").read_text(encoding="utf-8")
        assert cli(*command, f"again.{suffix}").code == 0
        assert (files / f"again.{suffix}").read_text(encoding="utf-8") == texts[suffix]
        assert "2026-01-01" in texts[suffix] and "Attention over what is due" in texts[suffix]
    assert "&lt;two&gt;" in texts["html"] and "<two>" not in texts["html"]
    assert "\\<two\\>" in texts["md"] and r"\textless{}two\textgreater{}" in texts["tex"]
    plain = texts["txt"].splitlines()
    said = cli("eval", "run", "qrels.txt", "one.trec", "<two>.trec").out.splitlines()
    mean = next(line.split()[1] for line in said if line.startswith("one.trec"))
    assert any(line.startswith("one ") and mean in line for line in plain)
    assert any(line.startswith("run one  ") and "SHA-256" in line for line in plain)


def test_without_languages_there_is_less(files: Path, cli: Cli) -> None:
    assert cli("eval", "run", "qrels.txt", "one.trec", "--report", "r.txt").code == 0
    text = (files / "r.txt").read_text(encoding="utf-8")
    assert "Means over the queries" in text and "language" not in text and "Significance" not in text


def test_pairs_and_rows(files: Path, cli: Cli) -> None:
    assert cli("eval", "bitext", "gold.tsv", "pairs.tsv", "--report", "pairs.md", "--save", "row.json").code == 0
    text = (files / "pairs.md").read_text(encoding="utf-8")
    assert "### Scores of the pairs" in text and "### Precision and recall" in text
    assert "| best threshold | 1.2550 | 1.0000 | 1.0000 | 1.0000 | 25 | 25 | 25 |" in text
    assert cli("eval", "report", "row.json", "-o", "row.txt", "--title", "Mine").code == 0
    rows = (files / "row.txt").read_text(encoding="utf-8")
    assert rows.startswith("Mine\n====\n2026-01-01\n") and "bucc: mining parallel sentences" in rows


def test_calibrations(files: Path, cli: Cli) -> None:
    done = cli("eval", "calibration", "qrels.txt", "one.trec", *SIDES, "--method", "raw", "--method", "zscore",
               "--report", "r.tex")  # fmt: skip
    assert done.code == 0
    text = (files / "r.tex").read_text(encoding="utf-8")
    assert "Calibrations of one.trec" in text and "nDCG@20 against AWRF@20" in text


@pytest.mark.parametrize(
    ("report", "code", "said"),
    [
        ("r.docx", 2, "a report is written as .html, .md, .tex or .txt; give a name that ends so"),
        ("none/r.md", 2, "no folder 'none' for the report; make it first"),
        ("queries.tsv", 2, "a report is written as"),
    ],
)
def test_bad_places_are_told_before_any_work(files: Path, cli: Cli, report: str, code: int, said: str) -> None:
    for command in (
        ("eval", "run", "absent.txt", "one.trec", "--report", report),
        ("eval", "bitext", "absent.tsv", "pairs.tsv", "--report", report),
        ("eval", "calibration", "absent.txt", "one.trec", "--report", report),
        ("eval", "report", "absent.json", "-o", report),
    ):
        done = cli(*command)
        assert done.code == code and said in done.err and "absent" not in done.err
        assert len(done.err.strip().splitlines()) == 1


def test_bad_input(files: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "gold.txt").write_text("x", encoding="utf-8")
    done = cli("eval", "report", "gold.txt", "-o", "gold.txt")
    assert done.code == 2 and "-o gold.txt: would overwrite 'gold.txt'" in done.err
    done = cli("eval", "report", "gold.txt", "-o", "r.md")
    assert done.code == 1 and "gold.txt: not JSON" in done.err and not (files / "r.md").exists()
    done = cli("eval", "report", ".", "-o", "r.md")
    assert done.code == 1 and "holds no results of 'xret eval suite'" in done.err
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "soon")
    done = cli("eval", "run", "qrels.txt", "one.trec", "--report", "r.md")
    assert done.code == 2 and "SOURCE_DATE_EPOCH is 'soon'" in done.err
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    done = cli("eval", "run", "qrels.txt", "one.trec", "--report", "r.html")
    assert done.code == 1 and "pip install 'xret[report]'" in done.err and len(done.err.strip().splitlines()) == 1
