"""Exit codes, and how commands end when they are told to."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

import xret.cli.root
from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("code", "wanted"), [(None, 0), (0, 0), (3, 3), ("out of tea", 1)])
def test_the_exit_code_of_a_command_is_kept(
    code: int | str | None, wanted: int, cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    def leave(*_: object, **__: object) -> None:
        sys.exit(code)

    monkeypatch.setattr(xret.cli.root, "xret", leave)
    called = cli()
    assert (called.code, called.err) == (wanted, "xret: out of tea\n" if isinstance(code, str) else "")


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
def test_the_handler_of_the_host_program_is_left_alone(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(xret.cli.root, "xret", lambda *_, **__: seen.append(signal.getsignal(signal.SIGTERM)))
    before = signal.getsignal(signal.SIGTERM)
    for handler in (signal.SIG_DFL, signal.SIG_IGN):
        signal.signal(signal.SIGTERM, handler)
        try:
            assert cli().code == 0
            assert signal.getsignal(signal.SIGTERM) is handler
        finally:
            signal.signal(signal.SIGTERM, before)
    assert callable(seen[0]) and seen[1] is signal.SIG_IGN


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
@pytest.mark.parametrize("line", ["encode - -o out", "mine - en.txt -o out"])
def test_sigterm_removes_temporary_files(line: str, tmp_path: Path) -> None:
    (tmp_path / "en.txt").write_text("one\n")
    command = [sys.executable, "-c", "from xret.cli import main; main()", *line.split()]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE, cwd=tmp_path, env=environment) as it:
        assert it.stdin
        it.stdin.write(b"eins\n" * 500_000)
        while not any(path.stat().st_size for path in tmp_path.glob("xret-stdin-*")):  # it reads by now
            assert it.poll() is None, it.stderr and it.stderr.read()
            time.sleep(0.01)
        assert list(tmp_path.glob(".out.*.part"))
        it.terminate()
        assert it.wait() == 128 + signal.SIGTERM
        assert it.stderr and b"Traceback" not in it.stderr.read()
    assert not [*tmp_path.glob(".out*"), *tmp_path.glob("out*"), *tmp_path.glob("xret-*")]


@pytest.mark.skipif(sys.platform == "win32", reason="no SIGTERM")
@pytest.mark.parametrize(
    ("deed", "code"),
    [
        ("os.kill(os.getpid(), signal.SIGTERM); time.sleep(600)", 143),
        ("signal.pthread_sigmask(signal.SIG_BLOCK, [15]); threading.Timer(0, os.kill, (os.getpid(), 15)).start(); "
         "time.sleep(600)", 143),  # another thread gets it
        ("child = os.fork() or time.sleep(600); os.kill(child, 15); os.waitpid(child, 0)", 0),  # the child's is its own
        ("terminate.GRACE = 0.2\nwhile 1:\n try: os.kill(os.getpid(), 15); time.sleep(600)\n except SystemExit: pass",
         143),
    ],
)  # fmt: skip
def test_sigterm_ends_this_process_soon_and_no_other(deed: str, code: int) -> None:
    script = f"""
import os, signal, threading, time
from xret.cli import terminate
with terminate.terminable():
    exec({deed!r})
"""
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, stderr=subprocess.DEVNULL).returncode == code


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell that closes streams")
@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("models list >&-", "stdout is closed"),
        ("encode - -o out <&-", "<stdin>: is closed"),
        ("eval run qrels.txt - <&-", "<stdin>: is closed"),
        ("score - -o out <&-", "<stdin>: is closed"),
        ("search docs.index - <&-", "<stdin>: is closed"),
        ("index delete docs.index - <&-", "<stdin>: is closed"),
        ("encode nowhere.txt -o out 2>&-", None),
    ],
)
def test_closed_streams_are_one_line(line: str, said: str | None, sandbox: Path) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "PYTHON": sys.executable}
    command = f"exec \"$PYTHON\" -c 'from xret.cli import main; main()' {line}"
    done = subprocess.run(["sh", "-c", command], cwd=sandbox, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and not Path("out").exists()
    assert done.stderr.count("\n") == (1 if said else 0) and (said or "") in done.stderr, done.stderr


def test_the_package_runs_as_a_module() -> None:
    done = subprocess.run([sys.executable, "-m", "xret", "--version"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0 and "xret" in done.stdout
    done = subprocess.run([sys.executable, "-m", "xret", "nothing"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2 and "Usage: xret" in done.stderr
