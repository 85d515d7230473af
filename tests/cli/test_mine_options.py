"""`xret mine` beyond the plain case: one file twice, other inputs, filters, reports, probabilities, tokens, means."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from tests.cli.conftest import ENGLISH, GERMAN, Cli
from xret.bitext import read_pairs
from xret.margins import MARGINS
from xret.stages.margin import DEFAULT_THRESHOLDS
from xret.stages.rescoring import RESCORED_THRESHOLDS


def rows(name: str) -> list[dict[str, object]]:
    found: list[dict[str, object]] = read_pairs(name).to_pylist()
    return found


def test_one_file_twice_finds_sentences_that_say_the_same(toy: Path, cli: Cli) -> None:
    Path("one.txt").write_text("red cat\nblue dog\ncat red\nold house\nhouse old old\nRed  cat\n")
    called = cli("mine", "one.txt", "./one.txt", "-o", "alike.jsonl", "--encoder", toy, "-k", "2")
    assert called.code == 0 and called.err == "one.txt (6 sentences) with itself: 2 pairs in alike.jsonl\n"
    found = {(row["src_text"], row["tgt_text"]) for row in rows("alike.jsonl")}
    assert ("old house", "house old old") in found
    assert all(row["src_id"] < row["tgt_id"] for row in rows("alike.jsonl"))  # type: ignore[operator]
    Path("alike.tsv").write_text("5\t4\n1\t3\n")
    judged = cli("mine", "one.txt", "one.txt", "-o", "-", "--encoder", toy, "-k", "2", "--gold", "alike.tsv")
    assert "F1 1.0000 (2 right of 2, 2 in gold)" in judged.err
    every = cli("mine", "one.txt", "one.txt", "-o", "-", "--encoder", toy, "--retrieval", "all", "--keep-copies")
    assert "\t1\t6\tred cat\tRed  cat\n" in every.out
    again = cli("mine", "one.txt", "one.txt", "-o", "-", "--encoder", toy, "--tgt-lang", "en")
    assert again.code == 2 and "--tgt-lang: SRC and TGT are one file" in again.err


def test_inputs_of_every_kind_give_the_same_pairs(toy: Path, cli: Cli) -> None:
    wanted = cli("mine", "de.txt", "en.txt", "-o", "-", "--encoder", toy).out
    ids = [str(row + 1) for row in range(len(GERMAN))]
    Path("de.tsv").write_text("".join(f"{id}\t{text}\n" for id, text in zip(ids, GERMAN, strict=True)))
    with gzip.open("de.jsonl.gz", "wt") as stream:
        stream.writelines(json.dumps({"id": id, "text": text}) + "\n" for id, text in zip(ids, GERMAN, strict=True))
    Path("de.zst").mkdir()
    half = len(ids) // 2
    for number, part in enumerate((slice(None, half), slice(half, None))):
        lines = "".join(f"{id}\t{text}\n" for id, text in zip(ids[part], GERMAN[part], strict=True))
        with pa.CompressedOutputStream(f"de.zst/{number}.tsv.zst", "zstd") as packed:
            packed.write(lines.encode())
    Path("shards").mkdir()
    for number in (0, 1):
        english = {"id": [str(row + 1) for row in range(number, len(ENGLISH), 2)], "text": ENGLISH[number::2]}
        pyarrow.parquet.write_table(pa.table(english), f"shards/{number}.parquet")
    for src in ("de.tsv", "de.jsonl.gz", "de.zst"):
        called = cli("mine", src, "shards", "-o", "-", "--encoder", toy)
        assert (called.code, called.out) == (0, wanted), called.err


def test_best_and_threshold_in_every_retrieval(toy: Path, cli: Cli) -> None:
    sizes = {}
    for retrieval in ("max", "intersect", "forward", "backward", "union", "all"):
        options = ("--encoder", toy, "--retrieval", retrieval, "--threshold", "0.9", "-k", "3")
        called = cli("mine", "de.txt", "en.txt", "-o", "out.jsonl", *options)
        assert called.code == 0 and all(row["score"] >= 0.9 for row in rows("out.jsonl"))  # type: ignore[operator]
        sizes[retrieval] = len(rows("out.jsonl"))
    assert sizes["max"] <= sizes["union"] <= sizes["all"] and sizes["intersect"] <= sizes["forward"] <= sizes["union"]
    three = cli(
        "mine",
        "de.txt",
        "en.txt",
        "-o",
        "three.jsonl",
        "--encoder",
        toy,
        "--retrieval",
        "forward",
        "--best",
        "3",
        "-k",
        "3",
    )
    assert three.code == 0
    counts = [sum(row["src_id"] == id for row in rows("three.jsonl")) for id in ("1", "2", "3")]
    assert counts == [3, 3, 3]


def test_filters_report_and_languages(toy: Path, cli: Cli) -> None:
    options = "--encoder toy --src-lang de --tgt-lang en --threshold 1 --drop-copies form --max-repeats 1"
    Path("de.txt").write_text("\n".join([*GERMAN, "red cat"]) + "\n")
    called = cli(*f"mine de.txt en.txt -o out.tmx {options} --report report.txt".split())
    assert called.code == 0, called.err
    assert "copy: " in called.err and "repeated: " in called.err and "score-floor: " in called.err
    assert len({row["src_text"] for row in rows("out.tmx")}) == len(rows("out.tmx"))
    report = Path("report.txt").read_text()
    assert "de-en" in report and "mined by  ratio margin, k = 4, max" in report
    called = cli(*f"mine de.txt en.txt -o out --format moses {options}".split())
    assert called.code == 0 and len(Path("out.de").read_text().splitlines()) == len(rows("out.tmx"))
    for output, options in (
        ("out.tmx", "--tgt-lang und"),
        ("out.tsv", "--report report.pdf"),
        ("x.html", "--report x.html"),
    ):
        before = sorted(path.name for path in Path().iterdir())
        called = cli(*f"mine de.txt en.txt -o {output} {options} --encoder toy".split())
        assert called.code == 2 and called.err.count("\n") == 1
        assert sorted(path.name for path in Path().iterdir()) == before
    called = cli("mine", "de.txt", "en.txt", "-o", "out.tsv", "--report", "de.txt", "--encoder", "toy")
    assert called.err == "xret: --report de.txt: would overwrite 'de.txt', which is to be read; give another name\n"


def test_gold_judges_before_and_after_the_filters(toy: Path, cli: Cli) -> None:
    called = cli(
        "mine", "de.txt", "en.txt", "-o", "o.tsv", "--encoder", "toy", "--gold", "gold.tsv", "--max-repeats", "1"
    )
    lines = [line.partition(":")[0] for line in called.err.splitlines()]
    assert lines[0] == "all pairs" and "after the filters" in lines[-3:-1] and "repeated" in lines
    f1 = [float(line.partition("F1 ")[2].split()[0]) for line in called.err.splitlines() if "after the filters" in line]
    assert f1 == sorted(set(f1)) and len(f1) in (1, 2), "the best threshold is told where it helps"


def test_probabilities_and_the_threshold_of_a_calibration(sandbox: Path, cli: Cli) -> None:
    assert cli("mine", "news.de.txt", "news.en.txt", "-o", "pairs.jsonl").code == 0
    assert cli("tune", "pairs.jsonl", "--gold", "gold.tsv", "-o", "c.json").code == 0
    mining = ("mine", "news.de.txt", "news.en.txt", "--calibration", "c.json")
    assert cli(*mining, "-o", "p.parquet").code == 0
    probabilities = read_pairs("p.parquet")["probability"].to_pylist()
    called = cli(*mining, "-o", "kept.tsv", "--threshold", "auto")
    least = json.loads(Path("c.json").read_text())["least"]
    kept = sum(p >= least for p in probabilities)
    assert 0 < kept == len(rows("kept.tsv")) < len(probabilities)
    assert f"{len(probabilities) - kept} pairs dropped" in called.err
    refused = cli(*mining, "-o", "p.tsv")
    assert refused.code == 2 and "no column for P(parallel)" in refused.err


def test_tokens_means_and_the_columns_of_a_pair(sandbox: Path, cli: Cli) -> None:
    mining = ("mine", "news.de.txt", "news.en.txt")
    called = cli(*mining, "-o", "t.parquet", "--rescore", "tokens", "--threshold", "auto")
    assert called.code == 0 and "threshold 1.55: usual for ratio with tokens" in called.err
    assert {"margin", "tokens", "src_rank", "tgt_rank", "cosine", "src_mean"} <= set(
        read_pairs("t.parquet").column_names
    )
    whole = cli(*mining, "-o", "-", "--retrieval", "forward").out
    assert cli(*mining, "-o", "-", "--retrieval", "forward", "--src-sample", "news.de.txt").out == whole
    assert cli(*mining, "-o", "back.parquet", "--retrieval", "backward").code == 0
    again = cli(*mining, "-o", "-", "--retrieval", "forward", "--tgt-means", "back.parquet").out
    assert [line.split("\t")[1:3] for line in again.splitlines()] == [
        line.split("\t")[1:3] for line in whole.splitlines()
    ]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ("--best 5", "must be from 1 to k"),
        ("--src-sample a --tgt-means b", "leave one out"),
        ("--margin absolute --tgt-means b.jsonl", "takes no neighbour means"),
        ("--lid auto --src-lang und", "the languages are not known"),
        ("--threshold 2 --max-score 1", "no pair would be left"),
    ],
)
def test_options_that_do_not_go_together(toy: Path, cli: Cli, options: str, words: str) -> None:
    pytest.importorskip("py3langid")
    called = cli(*f"mine de.txt en.txt -o out.tsv --encoder toy {options}".split())
    assert called.code == 2 and words in called.err and called.err.count("\n") == 1


def test_a_calibration_of_scores_with_tokens_is_for_such_scores_alone(sandbox: Path, cli: Cli) -> None:
    mining = ("mine", "news.de.txt", "news.en.txt", "-o", "t.jsonl")
    assert cli(*mining, "--rescore", "tokens").code == 0
    assert cli("tune", "t.jsonl", "--gold", "gold.tsv", "-o", "c.json").code == 0
    called = cli(*mining, "--calibration", "c.json")
    assert called.code == 1 and "c.json: is of ratio+tokens scores, --margin is ratio" in called.err
    assert cli(*mining, "--calibration", "c.json", "--rescore", "tokens").code == 0
    called = cli("tune", "t.jsonl", "--src-lang", "de")
    assert called.code == 2 and "can be tuned on --gold alone" in called.err


def test_the_help_tells_the_usual_thresholds(cli: Cli) -> None:
    shown = " ".join(cli("mine", "--help").out.split())
    plain, again = (
        ", ".join(f"{usual[each]}" for each in MARGINS) for usual in (DEFAULT_THRESHOLDS, RESCORED_THRESHOLDS)
    )
    assert "{} for ratio, {} for distance, {} for absolute".format(*plain.split(", ")) in shown
    assert f"(with --rescore {again})" in shown
