"""The command line as a whole: every command is documented, its examples run, and mistakes are told in one line."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from tests.cli.conftest import Cli
from xret.cli.root import COMMANDS
from xret.cli.root import xret as root

ROOT = Path(__file__).resolve().parents[2]


def walk(command: click.Command, names: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    yield names, command
    if isinstance(command, click.Group):
        context = click.Context(command)
        for name in command.list_commands(context):
            found = command.get_command(context, name)
            assert found is not None
            yield from walk(found, (*names, name))


ALL = {" ".join(("xret", *names)): command for names, command in walk(root)}


def command_lines(text: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", text)
    return [line.strip() for line in joined.splitlines() if line.strip().startswith("xret ")]


def examples(command: click.Command) -> list[str]:
    """The command lines below ``Examples:`` at the end of a help text, continued lines joined."""
    _, found, tail = (command.epilog or "").rpartition("Example")
    return command_lines(tail) if found else []


@pytest.mark.parametrize("name", ALL)
def test_every_command_and_option_is_documented(name: str) -> None:
    command = ALL[name]
    assert command.help and command.help.strip().split("\n\n")[0].endswith((".", "?"))
    assert examples(command), "the help must end in examples"
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            assert parameter.help, f"{name} {parameter.opts[0]} has no help"
    if not isinstance(command, click.Group):
        assert any("-v" in parameter.opts for parameter in command.params), "wants verbose_option"
    shown = command.get_help(click.Context(command, info_name=name, max_content_width=100)).rstrip()
    assert shown.splitlines()[-1].strip().startswith("xret ")
    assert max(map(len, shown.rpartition("Example")[0].splitlines())) <= 110


def test_the_table_of_commands_repeats_their_help() -> None:
    for name in COMMANDS:
        assert f"xret {name}" in ALL


@pytest.mark.parametrize("name", ALL)
def test_the_examples_run_in_a_fresh_sample(name: str, sample: Path, tmp_path: Path, cli: Cli) -> None:
    # Below "First", above "Examples", stand the commands that make what the sample does not have.
    for line in command_lines(ALL[name].epilog or ""):
        code, err = _in_a_shell(line, tmp_path) if re.search(r"[|<>]", line) else _in_here(line, cli)
        assert (code, "Traceback" in err) == (0, False), f"{line}\n{err}"


def _in_here(line: str, cli: Cli) -> tuple[int, str]:
    called = cli(*shlex.split(line)[1:])
    return called.code, called.err


def _in_a_shell(line: str, folder: Path) -> tuple[int, str]:
    command = folder / "bin" / "xret"
    command.parent.mkdir(exist_ok=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -c "from xret.cli import main; main()" "$@"\n')
    command.chmod(0o755)
    path = {"PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, env={**os.environ, **path})
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["mien"], 2, "no command 'mien'; did you mean 'mine'?"),
        (["run"], 2, "Missing argument 'PIPELINE.toml'"),
        (["run", "none.toml"], 1, "xret: none.toml: cannot be read"),
        (["run", "docs.jsonl"], 1, "xret: docs.jsonl: not TOML"),
        (["run", "mine.toml", "--set", "kk=3"], 2, "xret: --set kk: no stage has this option; did you mean 'k'?"),
        (["run", "mine.toml", "--set", "inputs.src=none.txt"], 1, "none.txt: no such file"),
        (["demo", "--export", "."], 1, "exists already; give a new folder"),
        (["demo", "--encoder", "xret-mni"], 1, "xret: xret-mni: no such encoder"),
        (["mine", "none.txt", "news.en.txt", "-o", "x.tsv"], 1, "none.txt"),
        (["search", "docs.jsonl", "query"], 1, "docs.jsonl"),
        (["eval", "run", "qrels.txt", "none.trec"], 1, "none.trec"),
        (["index", "build", "docs.jsonl", "-o", "gone/docs.index"], 1, "gone"),
    ],
)
def test_mistakes_give_one_line_and_an_exit_code(
    arguments: list[str], code: int, message: str, sandbox: Path, cli: Cli
) -> None:
    called = cli(*arguments)
    assert (called.code, called.out) == (code, "")
    assert message in called.err and "Traceback" not in called.err
    assert len(called.err.splitlines()) == (1 if called.err.startswith("xret: ") else 4), called.err


@pytest.mark.parametrize("line", ["--help", "search docs.index --queries queries.tsv --format jsonl"])
def test_a_reader_that_goes_away_is_no_error(line: str, sandbox: Path) -> None:
    command = [sys.executable, "-c", "from xret.cli import main; main()", *line.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as process:
        assert process.stdout and process.stderr
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 0


def test_verbose_says_what_is_decided_and_silence_is_the_default(sandbox: Path, cli: Cli) -> None:
    quiet = cli("run", "mine.toml")
    assert quiet.err == "" and "evaluate-bitext" in quiet.out
    loud = cli("run", "mine.toml", "-v")
    assert "cached" in loud.err
