"""`xret models trim` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from tests.cli.conftest import Cli
from xret.encoders import load_encoder


def test_trimming_the_bundled_model(sample: Path, cli: Cli) -> None:
    called = cli("models", "trim", "xret-mini", "-o", "small", "--corpus", "news.de.txt", "--corpus", "news.en.txt")
    assert called.code == 0 and "Traceback" not in called.err
    assert "100.00 %" in called.out and called.out.rstrip().endswith("are identical")
    assert "left out, as of the old vocabulary: quality.json" in called.err
    texts = (sample / "news.de.txt").read_text().splitlines()
    whole, small = (load_encoder(name, device="cpu") for name in ("xret-mini", "small"))
    np.testing.assert_array_equal(whole.encode(texts), small.encode(texts))
    told = cli("models", "info", "small", "--json")
    assert json.loads(told.out)["size"] < 5e6


def test_json_and_options(sample: Path, cli: Cli) -> None:
    options = ["--min-count", "2", "--max-vocab", "300", "--check", "5", "--keep-languages", "de", "--threads", "1"]
    called = cli(
        "models",
        "trim",
        "xret-mini",
        "-o",
        "a",
        "--corpus",
        "news.de.txt",
        "--corpus",
        "news.en.txt",
        "--json",
        *options,
    )
    assert called.code == 0
    told = json.loads(called.out)
    assert told["vocabulary"] <= 300 and [each["texts"] > 0 for each in told["corpora"]] == [True, False]
    assert told["checked"] <= 5


def test_mistakes(sample: Path, cli: Cli) -> None:
    for arguments, code, message in [
        (["xret-mini", "-o", "x"], 2, "--corpus"),
        (["xret-mini", "-o", "-", "--corpus", "news.de.txt"], 2, "stdout cannot take"),
        (["xret-mini", "-o", "x", "--corpus", "none.txt"], 1, "none.txt: no such file"),
        (["xret-mini", "-o", ".", "--corpus", "news.de.txt"], 1, "exists already"),
        (["xret-mini", "-o", "x", "--corpus", "news.de.txt", "--max-vocab", "1"], 1, "is too few"),
    ]:
        called = cli("models", "trim", *arguments)
        assert (called.code, called.out) == (code, "") and message in called.err and "Traceback" not in called.err
        assert not (sample / "x").exists()
