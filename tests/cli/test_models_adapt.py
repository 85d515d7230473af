"""`xret models adapt` as a user types it, and what other commands make of the folder."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from tests.cli.conftest import Cli

ADAPT = ("models", "adapt", "xret-mini", "--pairs", "training-pairs.tsv", "--device", "cpu", "--threads", 1)


def test_the_table_tells_before_and_after_and_nothing_is_kept(sample: Path, cli: Cli) -> None:
    before = sorted(sample.iterdir())
    called = cli(*ADAPT, "--outliers", "standardise")
    assert called.code == 0, called.err
    assert "nothing was kept; give -o FOLDER" in called.err
    header, _, german, *rest = called.out.splitlines()
    assert header.split() == ["lang", "pairs", "to", "en", "after", "from", "en", "after"]
    assert german.split()[:2] == ["de", "3"]
    assert [line.partition(":")[0] for line in rest if line] == [
        "mean of both", "all languages in one pool", "mean cosine of two texts", "largest shares of it",
    ]  # fmt: skip
    assert sorted(sample.iterdir()) == before
    assert cli(*ADAPT, "--outliers", "standardise").out == called.out


def test_numbers_out_of_their_range_are_the_command_lines(cli: Cli) -> None:
    for option, value in (("--seed", -1), ("--limit", 0), ("--remove-top", -2)):
        called = cli("models", "adapt", "xret-mini", "--pairs", "p.tsv", option, value)
        assert called.code == 2 and f"Invalid value for '{option}'" in called.err and "Traceback" not in called.err


def test_the_folder_is_an_encoder_for_every_command(sample: Path, cli: Cli) -> None:
    called = cli(*ADAPT, "--centre", "--whiten", "--dim", 64, "--shrinkage", 0.5, "-o", "new", "--json")
    assert called.code == 0, called.err
    told = json.loads(called.out)
    assert told["dim"] == 64 and told["fitted_to"] == {"de": 57, "en": 57}
    info = json.loads(cli("models", "info", "new", "--json").out)
    assert info["hash"] == told["hash"] and info["recipe"]["post_map"]["rows"] == [1, 2, 0]
    assert (
        "map         to 64 values: language means subtracted, whitened to 64 of 384" in cli("models", "info", "new").out
    )
    encode = ("encode", "news.de.txt", "--lang", "de", "--encoder", "new", "--dtype", "float32", "--device", "cpu")
    for options in (("-o", "one.npy"), ("-o", "two.npy", "--workers", 2, "--shard-rows", 30)):
        called = cli(*encode, *options)
        assert called.code == 0, called.err
    from xret.encoders import load_encoder

    lines = Path("news.de.txt").read_text(encoding="utf-8").splitlines()
    wanted = load_encoder("new", device="cpu").encode(lines, lang=["de"] * len(lines))
    assert np.abs(np.load("one.npy") - wanted).max() < 1e-6
    assert np.abs(np.load("two.npy") - wanted).max() < 1e-6
    assert cli("models", "export", "new", "-o", "ready").code == 0
    assert json.loads(cli("models", "info", "ready", "--json").out)["hash"] == told["hash"]
    called = cli("index", "build", "docs.jsonl", "--encoder", "new", "-o", "new.index")
    assert called.code == 0, called.err
    found = cli("search", "new.index", "--queries", "queries.tsv", "--format", "trec", "-o", "run.trec")
    assert found.code == 0, found.err


@pytest.mark.parametrize(
    ("options", "code", "message"),
    [
        ((), 2, "no map to fit"),
        (("--orthogonal", "--linear"), 2, "two ways to one matrix"),
        (("--centre", "-o", "-"), 2, "-o -"),
        (("--centre", "-o", "docs.jsonl"), 1, "exists already"),
        (("--centre", "-o", "gone/new"), 1, "gone/new: cannot write here (no folder gone)"),
        (("--centre", "--dev", "none.tsv"), 1, "none.tsv"),
        (("--centre", "--languages", "fr"), 1, "no text in 'fr'"),
        (("--orthogonal", "--ridge", "0"), 1, "114 texts do not determine an orthogonal map of 384 values"),
        (("--whiten", "--shrinkage", "0"), 1, "too few to whiten 384 values"),
        (("--linear", "--to", "none"), 1, "none: no such encoder"),
        (("--centre", "--to", "xret-mini"), 2, "a matrix leads there"),
        (("--centre", "--dev", "training-pairs.tsv"), 1, "all text that was given to fit to is among"),
        (("--centre", "--languages", ""), 1, "'' is not a known language"),
    ],
)
def test_mistakes(sample: Path, cli: Cli, options: tuple[str, ...], code: int, message: str) -> None:
    before = sorted(sample.iterdir())
    called = cli(*ADAPT, *options)
    assert (called.code, called.out) == (code, "")
    assert message in called.err and "Traceback" not in called.err and len(called.err.splitlines()) == 1, called.err
    assert sorted(sample.iterdir()) == before
