"""`xret eval suite` on the sample: the plan, the table, JSON, and exit codes."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cli.conftest import Cli
from xret.pipeline.suite import load_results


def test_the_sample_suite_is_planned_then_run_then_there(sample: Path, cli: Cli) -> None:
    only = ("--only", "bm25", "--only", "dense/docs", "--threads", "1")
    planned = cli("eval", "suite", "suite.toml", "--dry-run", *only)
    assert planned.code == 0 and "8 units, 0 cached, 8 to do" in planned.out
    assert not Path("suite.results").exists()
    called = cli("eval", "suite", "suite.toml", *only)
    assert called.code == 0, called.err
    assert next(line.split(":")[0] for line in called.err.splitlines() if line.startswith("[")) == "[1/8] bm25/docs"
    assert called.out.startswith("docs: files ") and "nDCG@10" in called.out and "corpus " in called.out
    assert [row.system for row in load_results("suite.results").rows] == ["bm25", "dense"]
    again = cli("eval", "suite", "suite.toml", "--json", "--report", "suite.md", *only)
    assert "dense" in Path("suite.md").read_text()
    assert "computed" not in again.err
    found = json.loads(again.out)
    assert found["hash"] == load_results("suite.results").hash
    assert [(row["system"], row["benchmark"]) for row in found["rows"]] == [("bm25", "docs"), ("dense", "docs")]
    assert found["rows"][1]["measures"]["nDCG@10"] > 0.5 and "model" in found["rows"][1]["hashes"]
    planned = cli("eval", "suite", "suite.toml", "--dry-run", "--json", *only)
    assert {unit["cached"] for unit in json.loads(planned.out)} == {True}


def test_mistakes_and_failures_end_in_exit_code_1(sample: Path, cli: Cli) -> None:
    called = cli("eval", "suite", "none.toml")
    assert (called.code, called.out) == (1, "") and "none.toml: cannot be read" in called.err
    text = Path("suite.toml").read_text()
    Path("bad.toml").write_text(text.replace("kind = ", "knd = "))
    called = cli("eval", "suite", "bad.toml")
    assert called.code == 1 and len(called.err.splitlines()) == 1 and "has no kind" in called.err
    Path("odd.toml").write_text(text.replace('encoder = "xret-mini"', 'encoder = "xret-mni"', 1))
    called = cli("eval", "suite", "odd.toml", "--only", "dense/docs", "--only", "bm25/docs", "-o", "odd")
    assert called.code == 1 and "failed: dense/docs: xret-mni: no such encoder" in called.err
    assert [row.system for row in load_results("odd").rows] == ["bm25"]
