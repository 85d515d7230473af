"""`xret filter`: pairs in, fewer pairs out, and not one lost without a word."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

import pyarrow as pa
import pytest

from tests.cli.conftest import Cli
from xret.bitext import read_pairs
from xret.cli.bitext_output import langs_of

ROWS = [
    (1.9, "Der Zug nach Hamburg hatte Verspätung.", "The train to Hamburg was late."),
    (1.8, "Der Zug nach Hamburg hatte Verspätung!", "the train to Hamburg was late"),
    (1.7, "LibreOffice 7.4", "LibreOffice 7.4"),
    (1.6, "12:30", "12.30"),
    (1.5, "The weather was much too warm for March.", "The weather was much too warm for March, they say."),
    (1.2, "Das Wetter war für März viel zu warm.", "The weather was much too warm for March."),
    (0.9, "Am Abend kamen die Nachbarn vorbei.", "In the evening the neighbours came by."),
]


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    lines = [f"{score}\ts{n}\tt{n}\t{src}\t{tgt}" for n, (score, src, tgt) in enumerate(ROWS)]
    Path("pairs.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return tmp_path


def test_everything_at_once(here: Path, cli: Cli) -> None:
    pytest.importorskip("py3langid")
    line = "filter pairs.tsv -o good.tmx --clean --lid auto --src-lang de --tgt-lang en --threshold 1 --max-repeats 1"
    called = cli(*line.split(), "--dropped", "bad.jsonl", "--report", "report.html", "--json")
    assert called.code == 0, called.err
    assert read_pairs("good.tmx")["src_id"].to_pylist() == ["s0", "s5"]
    bad = {row["src_id"]: row["dropped_by"] for row in read_pairs("bad.jsonl").to_pylist()}
    assert bad == {"s1": "near-duplicate", "s2": "copy", "s3": "letters", "s4": "language", "s6": "score-floor"}
    record = json.loads(called.out)
    assert (record["pairs"], record["kept"]) == (7, 2)
    assert {count["reason"]: count["dropped"] for count in record["filters"]} == {
        **dict.fromkeys(bad.values(), 1),
        "length-ratio": 0,
        "repeated": 0,
    }
    assert "copy: 1 of 5 dropped" in called.err and called.err.endswith("pairs.tsv: 2 of 7 pairs left in good.tmx\n")
    assert "<title>Sentence pairs de-en</title>" in Path("report.html").read_text(encoding="utf-8")


def test_without_options_all_pairs_pass_as_they_are(here: Path, cli: Cli) -> None:
    called = cli("filter", "pairs.tsv", "-o", "-")
    assert (called.code, called.out) == (0, Path("pairs.tsv").read_text(encoding="utf-8"))
    assert called.err == "pairs.tsv: 7 of 7 pairs left\n"


def test_options_given_beside_clean_win(here: Path, cli: Cli) -> None:
    for more, kept in (("", ["s0", "s4", "s5", "s6"]), ("--drop-copies 0.7", ["s0", "s5", "s6"])):
        assert cli(*f"filter pairs.tsv -o good.jsonl --clean {more}".split()).code == 0
        assert read_pairs("good.jsonl")["src_id"].to_pylist() == kept


def test_moses_makes_two_files(here: Path, cli: Cli) -> None:
    line = "filter pairs.tsv -o news --format moses --src-lang de --tgt-lang en --threshold 1.7"
    called = cli(*shlex.split(line))
    assert called.code == 0, called.err
    assert called.err.endswith("pairs left in news.de and news.en\n")
    texts = [Path(f"news.{lang}").read_text(encoding="utf-8").splitlines() for lang in ("de", "en")]
    assert list(zip(*texts, strict=True)) == [row[1:] for row in ROWS[:3]]


@pytest.mark.parametrize(
    ("line", "code", "message"),
    [
        ("pairs.tsv -o pairs.tsv", 2, "PAIRS and -o are both 'pairs.tsv'"),
        ("pairs.tsv -o x.tsv --report x.tsv", 2, "-o and --report are both 'x.tsv'"),
        ("pairs.tsv -o x.tsv --report x.pdf", 2, "x.pdf: a report is written as .html or .txt"),
        ("pairs.tsv -o x.tsv --dropped y.tsv", 2, "TSV has no place for the reasons"),
        ("pairs.tsv -o - --json", 2, "both want stdout"),
        ("pairs.tsv -o x.tmx --src-lang de", 2, "x.tmx: tmx names the languages of its texts; give --tgt-lang"),
        ("pairs.tsv -o pairs --format moses --src-lang tsv --tgt-lang en", 2, "would overwrite 'pairs.tsv'"),
        ("pairs.tsv -o x.tsv --lid auto --src-lang de", 2, "--lid auto: the languages are not known"),
        ("pairs.tsv -o x.tsv --lid de", 2, "--lid de: wanted two languages"),
        ("pairs.tsv -o x.tsv --lid de,xyzzy", 2, "--lid: 'xyzzy' is not a known language code"),
        ("pairs.tsv -o x.tsv --length-ratio long", 2, "'long' is neither a number nor auto."),
        ("pairs.tsv -o x.tsv --drop-duplicates 0.1", 2, "near-duplicates '0.1': wanted form, numbers, or 0.7"),
        ("pairs.tsv -o x.tsv --drop-copies 7", 2, "copies: the share that must be alike is 7.0"),
        ("none.tsv -o x.tsv", 1, "none.tsv: no such file"),
        ("pairs.tsv -o no/x.tsv", 1, "no/x.tsv: no folder 'no'"),
    ],
)
def test_mistakes(here: Path, cli: Cli, line: str, code: int, message: str) -> None:
    called = cli("filter", *line.split())
    assert (called.code, called.out) == (code, ""), called.err
    assert message in called.err and "Traceback" not in called.err
    assert [path.name for path in here.iterdir()] == ["pairs.tsv"]


def test_languages_are_asked_for_before_work_begins(here: Path, cli: Cli) -> None:
    called = cli("score", "pairs.tsv", "-o", "scored.tmx", "--tgt-lang", "en", "--encoder", "no-such-encoder")
    assert called.code == 2 and "give --src-lang" in called.err
    corpora = [pa.table({"lang": langs}) for langs in (["de", "de"], ["en", "fr"])]
    assert langs_of(*corpora) == ("de", "und")
