"""`xret mine` and `xret score` with a toy encoder whose words of two languages share vectors."""

from __future__ import annotations

import io
import tempfile
from pathlib import Path

import pytest

from tests.cli.conftest import GERMAN, Cli
from xret.bitext import read_pairs


def test_mines_to_every_format_and_to_stdout(toy: Path, cli: Cli) -> None:
    for output in ("pairs.tsv", "pairs.jsonl", "pairs.parquet", "pairs.tsv.gz"):
        called = cli("mine", "de.txt", "en.txt", "-o", output, "--encoder", toy)
        assert (called.code, called.out) == (0, ""), called.err
    tables = [
        read_pairs(name).select(range(5)) for name in ("pairs.tsv", "pairs.jsonl", "pairs.parquet", "pairs.tsv.gz")
    ]
    assert all(table.equals(tables[0]) for table in tables)
    rows = tables[0].to_pylist()
    assert {(row["src_id"], row["tgt_id"]) for row in rows} >= {("1", "2"), ("4", "2"), ("2", "4"), ("3", "1")}
    assert not any(row["src_text"] == "ok hallo" and row["tgt_text"] == "OK  hallo" for row in rows)
    assert rows == sorted(rows, key=lambda row: (-row["score"], row["src_id"], row["tgt_id"]))
    called = cli("mine", "de.txt", "en.txt", "-o", "-", "--encoder", toy, "--format", "tsv")
    assert called.out == Path("pairs.tsv").read_text()
    assert "7 sentences" in called.err and called.err.count("\n") == 1
    called = cli("mine", "de.txt", "en.txt", "-o", "-", "--encoder", toy, "--keep-copies")
    assert "\tok hallo\tOK  hallo\n" in called.out


def test_work_folder_gives_the_same_bytes_again(toy: Path, cli: Cli) -> None:
    for name in ("one.tsv", "two.tsv"):
        called = cli("mine", "de.txt", "en.txt", "-o", name, "--encoder", toy, "--work", "work", "-v")
        assert called.code == 0
    assert called.err.count("cached") >= 3
    assert Path("one.tsv").read_bytes() == Path("two.tsv").read_bytes()


def test_tsv_on_stdin_keeps_its_ids(toy: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = "".join(f"d{place}\t{text}\n" for place, text in enumerate(GERMAN))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(lines.encode())))
    called = cli("mine", "-", "en.txt", "-o", "pairs.tsv", "--encoder", toy)
    assert called.code == 0 and "read as tsv" in called.err
    found = {(row["src_id"], row["src_text"]) for row in read_pairs("pairs.tsv").to_pylist()}
    assert found <= {(f"d{place}", text) for place, text in enumerate(GERMAN)} and ("d1", "blauer Hund") in found


def test_gold_tunes_and_judges(toy: Path, cli: Cli) -> None:
    given = ("mine", "de.txt", "en.txt", "--encoder", toy, "--gold", "gold.tsv")
    called = cli(*given, "-o", "tuned.tsv", "--threshold", "auto")
    assert "tuned on this gold: precision 1.0000, recall 1.0000, F1 1.0000 (5 right of 5, 5 in gold)" in called.err
    assert len(Path("tuned.tsv").read_text().splitlines()) == 5
    called = cli(*given, "-o", "all.tsv")
    assert "all pairs: precision 0.8333, recall 1.0000" in called.err
    assert ", the best: precision 1.0000" in called.err
    called = cli(*given, "-o", "none.tsv", "--threshold", "99")
    assert "threshold 99: precision 0.0000, recall 0.0000, F1 0.0000 (0 right of 0, 5 in gold)" in called.err
    assert Path("none.tsv").read_text() == ""
    called = cli("mine", "de.txt", "en.txt", "--encoder", toy, "-o", "auto.tsv", "--threshold", "auto")
    assert "threshold 1.13: usual for ratio; --gold tunes it" in called.err
    assert all(float(line.split("\t")[0]) >= 1.13 for line in Path("auto.tsv").read_text().splitlines())


def test_scores_given_pairs_in_their_order(toy: Path, cli: Cli) -> None:
    Path("given.tsv").write_text(
        "rote Katze\tred cat\nblauer Hund\tgreen tree\nrote Katze\tred cat\nalter Fluss\told house\n"
    )
    called = cli("score", "given.tsv", "-o", "scored.tsv", "--encoder", toy, "-k", "2")
    assert (called.code, called.out) == (0, ""), called.err
    rows = read_pairs("scored.tsv").to_pylist()
    assert [row["src_id"] for row in rows] == ["1", "2", "3", "4"]
    assert rows[0]["score"] == rows[2]["score"] > 1 > rows[1]["score"]
    called = cli("score", "scored.tsv", "-o", "-", "--encoder", toy, "-k", "2")
    assert called.out == Path("scored.tsv").read_text()
    Path("empty.tsv").write_text("")
    assert cli("score", "empty.tsv", "-o", "-", "--encoder", toy).code == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        ("mine de.txt ./copy.txt -o out.tsv", 2, "hold the same sentences"),
        ("mine de.txt en.txt -o ./en.txt", 2, "would overwrite"),
        ("mine de.txt en.txt -o gold.tsv --gold gold.tsv", 2, "would overwrite 'gold.tsv'"),
        ("mine de.txt en.txt -o out.tsv --src-lang en --tgt-lang eng", 2, "--src-lang and --tgt-lang are both 'en'"),
        ("mine de.txt en.txt -o out.tsv --src-lang klingonish", 2, "--src-lang: 'klingonish' is not a known language"),
        ("score gold.tsv -o ./gold.tsv", 2, "would overwrite 'gold.tsv'"),
        ("mine nowhere.txt en.txt -o out.tsv", 1, "nowhere.txt: no such file"),
        ("mine de.txt en.txt -o no/where/out.tsv", 1, "no folder 'no/where'"),
        ("mine de.txt en.txt -o .", 1, "is a folder"),
        ("mine de.txt en.txt -o out.tsv --search best", 2, "best"),
        ("mine de.txt en.txt", 2, "no output; give -o OUT"),
        ("mine de.txt en.txt -o out.tsv --gold nowhere.tsv", 1, "nowhere.tsv: no such file"),
        ("mine de.txt en.txt -o out.tsv --gold de.txt", 1, "de.txt:1: found 1 columns, wanted src_id<TAB>tgt_id"),
        ("mine de.txt en.txt -o out.tsv --encoder nothing/here", 1, "nothing/here"),
        ("mine de.txt bad.txt -o out.tsv", 1, "bad.txt:2: "),
        ("mine de.txt en.txt -o out.parquet.gz", 1, "leave out '.gz'"),
        ("score de.txt -o out.tsv", 1, "de.txt:1: found 1 columns"),
        ("score nowhere.tsv -o out.tsv --src-lang zz9", 2, "'zz9' is not a known language code"),
        ("score nowhere.tsv -o out.tsv", 1, "nowhere.tsv: no such file"),
    ],
)
def test_mistakes_are_told_in_one_line(toy: Path, cli: Cli, arguments: str, code: int, words: str) -> None:
    Path("copy.txt").write_text(Path("de.txt").read_text())
    Path("bad.txt").write_bytes(b"one\n\xff\xfe\n")
    encoder = () if "--encoder" in arguments else ("--encoder", toy)
    called = cli(*arguments.split(), *encoder)
    assert (called.code, called.out) == (code, "")
    assert words in called.err and called.err.count("\n") == 1
    assert not Path("out.tsv").exists()


@pytest.mark.parametrize(
    "arguments", ["--threshold much", "--threshold nan", "-k 0", "--margin cosine", "--retrieval best"]
)
def test_wrong_options_are_usage(toy: Path, cli: Cli, arguments: str) -> None:
    called = cli("mine", "de.txt", "en.txt", "-o", "out.tsv", *arguments.split())
    assert called.code == 2 and "Traceback" not in called.err


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no /dev/stdout")
def test_outputs_that_are_no_files(toy: Path, cli: Cli) -> None:
    wanted = cli("mine", "de.txt", "en.txt", "-o", "-", "--encoder", toy)
    for output, out in (("/dev/stdout", wanted.out), ("/dev/null", "")):
        called = cli("mine", "de.txt", "en.txt", "-o", output, "--encoder", toy)
        assert (called.code, called.out) == (0, out), called.err
        assert cli("score", "de.txt", "-o", output).code == 1  # refused for what it reads, not for where it writes
    assert Path("/dev/null").is_char_device()
    Path("far").mkdir()
    Path("link.tsv").symlink_to("far/pairs.tsv")
    assert cli("mine", "de.txt", "en.txt", "-o", "link.tsv", "--encoder", toy).code == 0
    assert Path("far/pairs.tsv").read_text() == wanted.out and Path("link.tsv").is_symlink()


def test_temporary_files_lie_beside_the_output(toy: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    Path("out").mkdir()
    for line in (
        "mine de.txt en.txt -o out/pairs.tsv",
        "encode de.txt -o out/vectors",
        "score out/pairs.tsv -o out/again",
    ):
        with monkeypatch.context() as patch:
            patch.setattr(tempfile, "tempdir", str(Path("none").absolute()))  # every use of it fails
            called = cli(*line.split(), "--encoder", toy)
        assert called.code == 0, called.err
    assert {path.name for path in Path("out").iterdir()} == {"pairs.tsv", "vectors", "again"}
