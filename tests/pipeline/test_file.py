"""Pipeline files: what they say, what may be set from outside, and every mistake in one line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.pipeline.conftest import CALLS, Upper
from xret.errors import InputError, UsageError
from xret.pipeline import read_pipeline
from xret.pipeline.options import make_stage


def test_wrong_names_and_values_of_options() -> None:
    assert make_stage("upper", {"weight": 2, "tags": ["a"], "mode": "slow"}) == Upper(
        weight=2.0, tags=("a",), mode="slow"
    )
    for options, message in (
        ({"time": 2}, "no option 'time'; did you mean 'times'? known: times, mark, weight, mode, tags"),
        ({"times": "2"}, "option 'times': found '2', wanted a whole number"),
        ({"times": True}, "wanted a whole number"),
        ({"mode": "fats"}, "'fats' is not among its values; did you mean 'fast'?"),
        ({"tags": "a"}, "wanted a list"),
    ):
        with pytest.raises(UsageError) as caught:
            make_stage("upper", options)
        assert message in str(caught.value)
    with pytest.raises(UsageError, match="no stage 'uper'; did you mean 'upper'"):
        make_stage("uper", {})


FILE = """
[inputs]
src = "text.txt"

[[stage]]
use = "upper"
read = { corpus = "src" }
write = "loud"
times = 2

[[stage]]
use = "fold"
read = { corpus = "loud" }

[[stage]]
use = "count"

[outputs]
loud = "loud.tsv"
report = "report.json"
vectors = "vectors"
"""


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("eins\nzwei\n")
    path = tmp_path / "pipe.toml"
    path.write_text(FILE)
    return path


def test_a_pipeline_file_reads_runs_and_writes_beside_itself(toml: Path) -> None:
    for _ in range(2):  # the second time over its own outputs
        read_pipeline(toml).run()
        assert (toml.parent / "loud.tsv").read_text().splitlines()[1].split("\t")[:2] == ["1", "EINS!!"]
        assert json.loads((toml.parent / "report.json").read_text()) == [{"n": 2}]
        assert (toml.parent / "vectors" / "half").is_file()
    assert CALLS.count("upper") == 1 and (toml.parent / "pipe.work").is_dir()


def test_values_set_from_the_command_line(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (toml.parent / "elsewhere").mkdir()
    monkeypatch.chdir(toml.parent / "elsewhere")
    Path("mine.txt").write_text("drei\n")
    sets = ("times=1", "upper.mark=?", "inputs.src=mine.txt", "outputs.loud=loud.jsonl")
    read_pipeline(toml, overrides=sets).run()
    assert json.loads(Path("loud.jsonl").read_text())["text"] == "DREI?"
    for wrong, message in (
        ("tims=1", "did you mean 'times'"),
        ("upper.tims=1", "did you mean 'times'"),
        ("uper.times=1", "no such stage here; did you mean 'upper'"),
        ("inputs.scr=x", "no such input; did you mean 'src'"),
        ("times", "wanted key=value"),
    ):
        with pytest.raises(UsageError) as caught:
            read_pipeline(toml, overrides=[wrong])
        assert message in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[inputs]", "[inputs", "not TOML: .*line 2"),
        ("[inputs]", "[input]", "unknown section or key 'input'; did you mean 'inputs'"),
        ("[[stage]]", "[stage]", "not TOML|has no stages"),
        ('use = "fold"', 'use = "flod"', "line 11: no stage 'flod'; did you mean 'fold'"),
        ("times = 2", "tmes = 2", "line 5: stage 'upper' has no option 'tmes'; did you mean 'times'"),
        ("times = 2", 'times = "2"', "line 5: .*wanted a whole number"),
        ('read = { corpus = "src" }', 'read = "src"', "read wants names"),
        ('read = { corpus = "src" }', 'read = { korpus = "src" }', "no input 'korpus'; did you mean 'corpus'"),
        ('corpus = "loud"', 'corpus = "lout"', "reads 'lout'.*did you mean 'loud'"),
        ('src = "text.txt"', "src = 3", "input 'src': wanted a path"),
        (
            'src = "text.txt"',
            'src = { path = "text.txt", language = "de" }',
            "unknown key 'language'; did you mean 'lang'",
        ),
        ('src = "text.txt"', 'src = { path = "text.txt", kind = "corpsu" }', "did you mean 'corpus'"),
        ('report = "report.json"', 'rapport = "report.json"', "made by no stage; did you mean 'report'"),
    ],
)
def test_mistakes_in_a_pipeline_file(toml: Path, old: str, new: str, message: str) -> None:
    toml.write_text(FILE.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        read_pipeline(toml)
    assert str(caught.value).startswith(f"{toml}: ") and "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("text.txt", "gone.txt", "input 'src': .*gone.txt: no such file or folder"),
        ("loud.tsv", "gone/loud.tsv", "output 'loud': .*gone: no such folder"),
        (
            '"vectors"',
            '"vectors.txt"',
            "output 'vectors': .*vectors.txt: vectors go to a folder, and '.txt' is for files",
        ),
        ("loud.tsv", "loud.docx", "a table is not written to '.docx'; known: .tsv"),
    ],
)
def test_files_that_are_not_there(toml: Path, old: str, new: str, message: str) -> None:
    toml.write_text(FILE.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        read_pipeline(toml).run()
    assert not CALLS


def test_a_missing_or_binary_pipeline_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.toml: cannot be read"):
        read_pipeline(tmp_path / "none.toml")
    (tmp_path / "bad.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"bad\.toml: not UTF-8"):
        read_pipeline(tmp_path / "bad.toml")
