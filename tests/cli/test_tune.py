"""`xret tune`: with gold, without, and what it says of options that do not go together."""

from __future__ import annotations

import json
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from tests.cli.conftest import Cli
from xret.bitext import read_pairs
from xret.bitext.calibration import Calibration, Isotonic, Logistic
from xret.cli.calibrating import calibrated, calibration_option, open_calibration
from xret.errors import MismatchError, UsageError

TEST = ("--test", "pairs.tsv", "--test-gold", "gold.tsv")
SWAPPED = ("--src", "news.en.txt", "--tgt", "news.de.txt")
WRONG = ("--src", "aligned.de.txt", "--tgt", "aligned.en.txt")
CORPORA = ("--src", "news.de.txt", "--tgt", "news.en.txt", "--src-lang", "de", "--tgt-lang", "en")


def test_gold_tunes_on_one_half_and_reports_on_the_other(sandbox: Path, cli: Cli) -> None:
    assert cli("mine", "news.de.txt", "news.en.txt", "-o", "pairs.jsonl").code == 0
    shown = cli("tune", "pairs.jsonl", "--gold", "gold.tsv", "-o", "c.json")
    assert shown.code == 0 and "c.json: threshold and logistic map" in shown.err
    lines = [line.split() for line in shown.out.splitlines()]
    wanted = [[*part, by] for by in ("score", "P") for part in (("dev", "(b)"), ("test", "(a)"))]
    assert [line[:3] for line in lines[2:6]] == wanted
    assert "BUCC variant (a): test F1 at the threshold of dev" in shown.out
    found = json.loads(cli("tune", "pairs.jsonl", "--gold", "gold.tsv", "--json").out)
    kept = Calibration.load("c.json")
    assert (found["threshold"], found["least"]) == (kept.threshold, kept.least)
    assert found["map"]["columns"] == ["score", "cosine"] and kept.margin == "ratio"
    assert found["by_score"]["test"]["variant"] == "a"
    assert kept.fitted["gold"] == "gold.tsv" and kept.fitted["test"]["f1"] == found["by_score"]["test"]["f1"]
    chosen = kept.kept(read_pairs("pairs.jsonl"))
    assert 0 < chosen.num_rows < read_pairs("pairs.jsonl").num_rows


def test_a_test_set_of_its_own_and_repeated_sentences(sandbox: Path, cli: Cli) -> None:
    found = json.loads(
        cli("tune", "pairs.tsv", "--gold", "gold.tsv", "--test", "pairs.tsv", "--test-gold", "gold.tsv", "--json").out
    )
    dev, test = found["by_score"]["dev"], found["by_score"]["test"]
    assert {name: test[name] for name in ("correct", "extracted", "gold", "f1")}.items() <= dev.items()
    assert found["map"]["columns"] == ["score"]  # TSV has no cosine
    told = cli("tune", "pairs.tsv", "--gold", "gold.tsv", "--margin", "distance", "-o", "c.json")
    assert told.code == 0 and "taken" not in told.err and Calibration.load("c.json").margin == "distance"
    said = cli("tune", "pairs.tsv", "--gold", "gold.tsv", "--rescore", "tokens", "-o", "c.json")
    assert said.code == 0 and Calibration.load("c.json").margin == "ratio+tokens"
    guessed = cli("tune", "pairs.tsv", "--gold", "gold.tsv", "-o", "c.json")
    assert "taken to be ratio" in guessed.err and Calibration.load("c.json").margin == "ratio"
    drop = ("--repeated", "drop", "--src", "news.de.txt", "--tgt", "news.en.txt")
    dropped = json.loads(cli("tune", "pairs.tsv", "--gold", "gold.tsv", *drop, "--json").out)
    assert dropped["by_score"]["dev"]["gold"] + dropped["by_score"]["test"]["gold"] == dev["gold"]


def test_without_gold_from_the_corpora_or_from_the_pairs_alone(sandbox: Path, cli: Cli) -> None:
    found = json.loads(cli("tune", "pairs.tsv", *CORPORA, "--json", "-o", "blind.json").out)
    assert 0.5 < found["parallel"] <= 1 and set(found["passing"]) == {"absent", "number", "entity", "negation"}
    assert found["passing"]["absent"] < found["passing"]["number"]
    assert Calibration.load("blind.json").fitted["encoder"] == "xret-mini"
    assert cli("tune", "pairs.tsv", *CORPORA, "--json").out == cli("tune", "pairs.tsv", *CORPORA, "--json").out
    shown = cli("tune", "pairs.tsv", "--work", "kept", "--near-misses", "0.5")
    assert shown.code == 0 and "reach that P" in shown.out
    assert cli("tune", "pairs.tsv", "--work", "kept", "--near-misses", "0.5").out == shown.out


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["none.tsv"], 1, "none.tsv: no such file"),
        (["pairs.tsv", "--gold", "none.tsv"], 1, "none.tsv: no such file"),
        (["pairs.tsv", "--gold", "gold.tsv", "--encoder", "xret-mini"], 2, "--encoder is for tuning without --gold"),
        (["pairs.tsv", "--dev-share", "0.3"], 2, "--dev-share is for tuning with --gold"),
        (["pairs.tsv", "--gold", "gold.tsv", "--test", "pairs.tsv"], 2, "--test and --test-gold go together"),
        (["pairs.tsv", "--src", "news.de.txt"], 2, "--src and --tgt go together"),
        (["pairs.tsv", "--gold", "gold.tsv", "--repeated", "drop"], 2, "--repeated drop needs --src and --tgt"),
        (["pairs.tsv", "--gold", "gold.tsv", *CORPORA[:4]], 2, "for --repeated drop alone"),
        (["pairs.tsv", "--gold", "gold.tsv", "-o", "gold.tsv"], 2, "would overwrite 'gold.tsv'"),
        (["pairs.tsv", "--gold", "gold.tsv", "-o", "-"], 2, "stdout holds the report"),
        (["pairs.tsv", "--gold", "gold.tsv", "-o", "gone/c.json"], 1, "no folder"),
        (["pairs.tsv", "--gold", "gold.tsv", "--columns", "score, cosine"], 1, "without 'cosine'"),
        (["pairs.tsv", "--gold", "gold.tsv", "--columns", "score,score"], 2, "wanted different names"),
        (["pairs.tsv", "--gold", "gold.tsv", "--columns", "score,"], 2, "wanted different names"),
        (["pairs.tsv", "--rescore", "tokens"], 2, "--rescore is for tuning with --gold"),
        (["pairs.tsv", "--gold", "foreign.tsv"], 1, "share no id of either side"),
        (["pairs.tsv", "--gold", "gold.tsv", *TEST, "--dev-share", "0.3"], 2, "--dev-share says how PAIRS are parted"),
        (["pairs.tsv", "--gold", "gold.tsv", *TEST, "--seed", "3"], 2, "--seed says how PAIRS are parted"),
        (["pairs.tsv", *SWAPPED], 1, "is another sentence in the source corpus; give the corpora that"),
        (["pairs.tsv", *WRONG], 1, "the source corpus has no '"),
        (["pairs.tsv", "--gold", "gold.tsv", "--repeated", "drop", *SWAPPED], 1, "is another sentence in the source"),
        (["pairs.jsonl", "--gold", "gold.tsv", "--margin", "distance"], 1, "are by ratio margin, not distance"),
        (["pairs.jsonl", "--margin", "distance"], 1, "but the scores are by ratio margin; give --margin ratio"),
    ],
)
def test_mistakes(arguments: list[str], code: int, message: str, sandbox: Path, cli: Cli) -> None:
    Path("foreign.tsv").write_text("".join(f"x{row}\ty{row}\n" for row in range(40)))
    if arguments[0] == "pairs.jsonl":
        assert cli("mine", "news.de.txt", "news.en.txt", "-o", "pairs.jsonl").code == 0
    called = cli("tune", *arguments)
    assert (called.code, called.out) == (code, "")
    last = called.err.splitlines()[-1]
    assert message in last and len([line for line in called.err.splitlines() if "taken to be" not in line]) == 1


def test_the_option_for_commands_that_make_pairs(sandbox: Path) -> None:
    Calibration(Isotonic((1.0, 2.0), (0.0, 1.0)), 1.2, 0.4, "ratio").save("c.json")
    taken: dict[str, object] = {}

    @click.command()
    @calibration_option
    def command(calibration: str | None) -> None:
        taken["path"] = calibration

    assert "xret tune" in CliRunner().invoke(command, ["--help"]).output
    assert CliRunner().invoke(command, ["--calibration", "c.json"]).exit_code == 0 and taken["path"] == "c.json"
    found = open_calibration("c.json", "out.jsonl", None, "ratio")
    pairs = read_pairs("pairs.tsv")
    assert calibrated(pairs, None) is pairs
    assert calibrated(pairs, found).column_names == [*pairs.column_names, "probability"]
    with pytest.raises(UsageError, match="tsv has no column for P"):
        open_calibration("c.json", "out.jsonl", "tsv", "ratio")
    assert open_calibration("c.json", "out.tsv", None, "ratio", cuts=True) == found
    with pytest.raises(MismatchError, match=r"c.json: is of ratio scores, --margin is distance"):
        open_calibration("c.json", "out.parquet", None, "distance")


def test_a_calibration_of_other_pairs_is_told_before_the_work(sandbox: Path, cli: Cli) -> None:
    """What it reads must be there; what it was fitted on may differ, but not in silence."""
    fitted = {"encoder": "another", "k": 4, "retrieval": "forward"}
    Calibration(Logistic(("score", "tokens"), (1.0, 1.0), 0.0), 1.2, 0.4, "ratio").save("tokens.json")
    Calibration(Isotonic((1.0, 2.0), (0.0, 1.0)), 1.2, 0.4, None, fitted).save("other.json")
    for command in (["mine", "news.de.txt", "news.en.txt"], ["score", "pairs.tsv"]):
        called = cli(*command, "-o", "out.jsonl", "--calibration", "tokens.json", "--work", "never")
        assert called.code == 1 and called.err.count("\n") == 1 and not Path("never").exists()
        assert "tokens.json: reads 'tokens', which these pairs will not have; they have score" in called.err
        called = cli(*command, "-o", "out.jsonl", "--calibration", "other.json")
        (said,) = [line for line in called.err.splitlines() if "P(parallel) may be wrong" in line]
        assert "encoder another, not xret-mini" in said and "perhaps not ratio" in said and " k 4" not in said
        assert ("retrieval forward, not max" in said) == (command[0] == "mine")


def test_tuning_as_steps_of_a_pipeline_file(sandbox: Path, cli: Cli) -> None:
    Calibration(Isotonic((1.0, 2.0), (0.0, 1.0)), 1.2, 0.2).save("c.json")
    Path("p.toml").write_text(PIPELINE)
    called = cli("run", "p.toml")
    assert called.code == 0, called.err
    assert "tune" in called.out
    assert min(read_pairs("kept.jsonl")["probability"].to_pylist()) >= 0.2


PIPELINE = """
[inputs]
pairs = "pairs.tsv"
gold = "gold.tsv"

[outputs]
pairs = "kept.jsonl"

[[stage]]
use = "tune"

[[stage]]
use = "calibrate"
calibration = "c.json"
keep = "auto"
"""
