"""`xret mine --shard` on several machines and `xret merge`: the bytes of one run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli

OPTIONS = ("--retrieval", "union", "-k", "2", "--threshold", "0.5")


def shards(cli: Cli, toy: Path, *numbers: str, work: str = "work") -> None:
    for number in numbers:
        called = cli("mine", "de.txt", "en.txt", "--encoder", toy, *OPTIONS, "--shard", number, "--work", work)
        assert (called.code, called.out) == (0, ""), called.err
        assert f"shard {number}" in called.err


@pytest.mark.parametrize("output", ["pairs.tsv", "pairs.jsonl", "pairs.parquet"])
def test_shards_give_the_bytes_of_one_run(output: str, toy: Path, cli: Cli) -> None:
    one = cli("mine", "de.txt", "en.txt", "--encoder", toy, *OPTIONS, "-o", f"one-{output}")
    assert one.code == 0, one.err
    shards(cli, toy, "1/3", "3/3")
    shards(cli, toy, "2/3", work="other")  # another machine
    merged = cli("merge", "other", "--work", "work", "-o", output)
    assert (merged.code, merged.out) == (0, ""), merged.err
    assert Path(output).read_bytes() == Path(f"one-{output}").read_bytes()
    assert merged.err.splitlines()[-1].replace(output, "") == one.err.splitlines()[-1].replace(f"one-{output}", "")
    again = cli("mine", "de.txt", "en.txt", "--encoder", toy, *OPTIONS, "--work", "work", "-o", f"again-{output}")
    assert again.code == 0, again.err
    assert Path(output).read_bytes() == Path(f"again-{output}").read_bytes()


def test_what_is_missing_is_named(toy: Path, cli: Cli) -> None:
    called = cli("merge", "--work", "nowhere", "-o", "pairs.tsv")
    assert (called.code, called.err) == (
        1,
        "xret: nowhere: has no mining.json; give the --work folder of 'xret mine … --shard I/N'\n",
    )
    shards(cli, toy, "1/3")
    called = cli("merge", "--work", "work", "-o", "pairs.tsv")
    assert called.code == 1
    assert called.err == "xret: work: shards 2/3, 3/3 are missing: run 'xret mine' with --shard for each\n"
    called = cli("mine", "de.txt", "en.txt", "--encoder", toy, "--shard", "2/3", "--work", "work")
    assert called.code == 2
    assert called.err.startswith("xret: work: holds shards of another mining run, whose 'k' is 2, not 4; give another")
    called = cli("merge", "--work", "work", "nodir", "-o", "pairs.tsv")
    assert (called.code, called.err) == (1, "xret: nodir: no such folder; give work folders with shards\n")
    for text, words in (("{", "broken JSON ("), ("[]", "names no source"), ('{"src": "de.txt"}', "names no source")):
        Path("work", "mining.json").write_text(text)
        called = cli("merge", "--work", "work", "-o", "pairs.tsv")
        assert (called.code, called.err.count("\n")) == (1, 1)
        assert called.err.startswith(f"xret: work/mining.json: {words}")


def test_what_cannot_be_read_blocks_no_work_folder(toy: Path, cli: Cli) -> None:
    for mistake in (("da.txt", "en.txt", "--encoder", toy), ("de.txt", "en.txt", "--encoder", "toi")):
        assert cli("mine", *mistake, *OPTIONS, "--shard", "1/2", "--work", "work").code == 1
    shards(cli, toy, "1/2", "2/2")


def test_options_of_what_comes_after_the_neighbours_may_change(toy: Path, cli: Cli) -> None:
    shards(cli, toy, "1/2")
    called = cli(
        *("mine", "de.txt", "en.txt", "--encoder", toy, *OPTIONS, "--shard", "2/2", "--work", "work"),
        *("--margin", "absolute", "--report", "r.txt"),
    )
    assert called.code == 0, called.err
    assert "'margin' 'absolute' instead of 'ratio', 'report' 'r.txt' instead of None: 'xret merge' will" in called.err
    assert cli("merge", "--work", "work", "-o", "pairs.tsv").code == 0
    assert "absolute margin" in Path("r.txt").read_text()


def test_inputs_are_found_from_another_folder(toy: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    shards(cli, toy, "1/1")
    Path("deeper").mkdir()
    monkeypatch.chdir("deeper")
    called = cli("merge", "--work", "../work", "-o", "pairs.tsv")
    assert called.code == 0, called.err
    Path("../de.txt").unlink()
    called = cli("merge", "--work", "../work", "-o", "pairs.tsv")
    assert called.code == 1
    assert called.err.startswith("xret: de.txt: no such file, here or in '")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--shard", "1/2"), "--shard leaves its share in a work folder; give --work DIR"),
        (("--shard", "3/2", "--work", "w"), "shard '3/2': write I/N"),
        (("--shard", "1/2", "--work", "w", "-o", "p.tsv"), "--shard gives no pairs yet; leave -o out"),
        (("--shard", "1/2", "--work", "w", "--search", "IVF64,Flat"), "only exact searches are divided into shards"),
        ((), "no output; give -o OUT"),
        (("-o", "p.tsv", "--memory", "much"), "memory 'much' is no size"),
        (("-o", "p.tsv", "--search", "IVF64,Nothing"), "--search: index factory 'IVF64,Nothing' is not known"),
        (("-o", "p.tsv", "--search", "Flat"), "--search Flat: looks at all vectors; write exact"),
    ],
)
def test_refuses(options: tuple[str, ...], words: str, toy: Path, cli: Cli) -> None:
    called = cli("mine", "de.txt", "en.txt", "--encoder", toy, *options)
    assert (called.code, called.out) == (2, "")
    assert words in called.err
    assert called.err.count("\n") == 1


def test_stdin_has_no_shards(toy: Path, cli: Cli) -> None:
    called = cli("mine", "-", "en.txt", "--encoder", toy, "--shard", "1/2", "--work", "work")
    assert (called.code, called.err) == (2, "xret: --shard: 'xret merge' could not read stdin again; give files\n")


def test_too_little_memory_says_how_much_is_needed(toy: Path, cli: Cli) -> None:
    called = cli("mine", "de.txt", "en.txt", "--encoder", toy, "-o", "p.tsv", "--memory", "1M")
    assert called.code == 2
    assert "xret: memory of 1.0 MiB: 6 x 6 vectors" in called.err
    assert "need at least" in called.err
    assert not Path("p.tsv").exists()


def test_approximate_neighbours_tell_their_recall(toy: Path, cli: Cli) -> None:
    called = cli("mine", "de.txt", "en.txt", "--encoder", toy, "-o", "p.tsv", "--search", "IVF2,Flat")
    assert called.code == 0, called.err
    assert "of the exact 5 nearest neighbours, measured on 6 + 6 sentences" in called.err  # 4, and a copy set aside
    assert cli("mine", "de.txt", "en.txt", "--encoder", toy, "-o", "q.tsv").code == 0
    assert Path("p.tsv").read_text().splitlines()[0] == Path("q.tsv").read_text().splitlines()[0]
