"""A suite run for real on the sample: nothing twice, nothing lost by a kill, and only what changed again."""

from __future__ import annotations

import dataclasses
import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as parquet
import pytest

from xret.errors import InputError, MismatchError, UsageError
from xret.eval.protocols.comparison import compare
from xret.eval.scores import score_run
from xret.pipeline.suite import Progress, SuiteResults, load_results, open_suite, read_suite, save_results
from xret.runs import read_qrels, read_run
from xret.sample import export_sample

ROOT = Path(__file__).resolve().parents[3]
SUITE = """
measures = ["nDCG@10", "R@10"]
k = 30

[[benchmark]]
name = "docs"
corpus = "docs.jsonl"
queries = "queries.tsv"
qrels = "qrels.txt"

[[benchmark]]
name = "half"
corpus = "docs.jsonl"
queries = "queries.tsv"
qrels = "qrels.txt"
sample = 15
seed = 3

[[benchmark]]
name = "lines"
protocol = "tatoeba-laser"
path = "tatoeba"

[[system]]
name = "bm25"
kind = "lexical"
k1 = 0.9

[[system]]
name = "dense"
kind = "dense"

[[system]]
name = "both"
kind = "fuse"
of = ["bm25", "dense"]

[[system]]
name = "fair"
kind = "calibrate"
of = "both"
method = "logistic"
folds = 3
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Progress]]:
    """The sample with a suite that has run, and what was told of each unit."""
    folder = tmp_path_factory.mktemp("suite")
    export_sample(folder)
    (folder / "my.toml").write_text(SUITE)
    return folder, run(folder)[1]


@pytest.fixture
def folder(finished: tuple[Path, list[Progress]], tmp_path: Path) -> Path:
    """A copy of it: results are found wherever their folder lies."""
    return Path(shutil.copytree(finished[0], tmp_path / "copy"))


def run(folder: Path, **options: object) -> tuple[SuiteResults, list[Progress]]:
    """Run the suite and save its results; also what was told of each unit."""
    told: list[Progress] = []
    suite = read_suite(folder / "my.toml")
    results = open_suite(suite, threads=1, **options).run(told.append)  # type: ignore[arg-type]
    save_results(results, folder / "my.results")
    return results, told


def computed(told: list[Progress]) -> list[str]:
    return [each.what for each in told if each.status == "computed"]


def written(folder: Path) -> list[bytes]:
    return [(folder / "my.results" / name).read_bytes() for name in ("results.json", "results.parquet")]


def test_a_second_run_does_nothing_and_a_change_only_what_depends_on_it(
    finished: tuple[Path, list[Progress]], folder: Path
) -> None:
    told, first = finished[1], load_results(folder / "my.results")
    assert len(told) == told[-1].total == told[-1].number
    same = {"bm25/half: index", "dense/half: encode corpus", "dense/half: index"}  # one corpus under two names
    assert {each.what for each in told if each.status == "cached"} == same
    before = written(folder)
    assert computed(run(folder)[1]) == [] and written(folder) == before
    assert {unit.cached for unit in open_suite(read_suite(folder / "my.toml"), threads=1).plan()} == {True}

    (folder / "my.toml").write_text(SUITE.replace("k1 = 0.9", "k1 = 2.5"))
    second, told = run(folder)
    wanted = {f"{system}/{name}: {what}" for name in ("docs", "half") for system, what in (
        ("bm25", "search"), ("bm25", "score"), ("both", "fuse"), ("both", "score"),
        ("fair", "calibrate"), ("fair", "score"))}  # fmt: skip
    assert set(computed(told)) == wanted  # neither the index nor anything dense
    kept = {(row.system, row.benchmark): row.measures for row in first.rows}
    for row in second.rows:
        if row.system == "dense":
            assert row.measures == kept[row.system, row.benchmark]

    (folder / "my.toml").write_text(SUITE.replace('"dense"', '"vectors"').replace('kind = "vectors"', 'kind = "dense"'))
    renamed, told = run(folder)
    assert computed(told) == [] and "vectors" in renamed.systems
    (folder / "my.toml").write_text(SUITE)
    assert computed(run(folder)[1]) == [] and written(folder) == before


def test_one_damaged_result_is_made_again_and_nothing_else(folder: Path) -> None:
    before = written(folder)
    work = folder / "my.work"
    for pattern, unit in (
        ("fuse-*/output.arrow", "fuse"),
        ("index-*/work/index/*.faiss", "index"),
        ("score-run-*/manifest.json", "score"),
    ):
        found = sorted(work.glob(pattern), key=lambda path: -path.stat().st_size)[0]
        found.write_bytes(found.read_bytes()[:-30])
        again = computed(run(folder)[1])
        assert len(again) == 1 and again[0].endswith(f": {unit}")
        assert written(folder) == before


def test_a_killed_suite_goes_on_and_comes_to_the_same_bytes(folder: Path) -> None:
    whole = written(folder)
    shutil.rmtree(folder / "my.work")
    shutil.rmtree(folder / "my.results")
    command = [sys.executable, "-c", "from xret.cli import main; main()", "eval", "suite", "my.toml", "--threads", "1"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment) as process:
        assert process.stderr is not None
        seen = []
        for line in process.stderr:
            seen.append(line)
            if line.startswith("[5/"):
                process.send_signal(signal.SIGKILL)
                break
    assert seen[-1].startswith("[5/") and not (folder / "my.results").exists()

    def interrupt(progress: Progress) -> None:
        if progress.number == 9:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        open_suite(read_suite(folder / "my.toml"), threads=1).run(interrupt)
    _, told = run(folder)
    assert [each.status for each in told[:9]] == ["cached"] * 9 and computed(told)
    assert written(folder) == whole


def test_numbers_are_those_of_the_parts_and_hashes_tell_them_apart(folder: Path) -> None:
    results, _ = run(folder)
    rows = {(row.system, row.benchmark): row for row in results.rows}
    row = rows["both", "docs"]
    step = next(each for each in results.steps if each["stage"] == "fuse" and "both/docs" in each["for"])
    found = read_run(folder / "my.work" / step["folder"] / "output.arrow")
    means = score_run(found, read_qrels(folder / "qrels.txt"), ("nDCG@10", "R@10")).means()
    assert row.measures == pytest.approx(means, abs=1e-12)
    assert {"corpus", "queries", "qrels", "model", "index 1", "index 2", "run"} <= row.hashes.keys()
    assert rows["bm25", "docs"].hashes.keys() & {"model", "index"} == {"index"}
    assert row.versions["xret"] and row.versions["cpu"] and step["date"] and step["seconds"] >= 0

    sampled = rows["both", "half (queries 15 of 30, seed 3)"]
    assert sampled.hashes["corpus"] == row.hashes["corpus"] and sampled.hashes["qrels"] != row.hashes["qrels"]
    with pytest.raises(MismatchError, match="different queries"):
        compare([row, sampled])
    table = parquet.read_table(folder / "my.results" / "results.parquet")
    mine = table.filter(pc.equal(table["benchmark"], sampled.benchmark))
    full = table.filter(pc.equal(table["benchmark"], "docs"))
    assert len(set(mine["qid"].to_pylist())) == 15 and set(mine["qid"].to_pylist()) < set(full["qid"].to_pylist())
    assert {each.benchmark for each in results.skipped if each.system == "bm25"} == {"lines"}

    loaded = load_results(folder / "my.results")
    assert loaded.hash == results.hash and loaded.systems == ["bm25", "dense", "both", "fair"]
    assert [each.measures for each in loaded.rows] == [each.measures for each in results.rows]
    assert loaded.rows[0].per_query.equals(results.rows[0].per_query)
    path = folder / "my.results" / "results.json"
    fields = json.loads(path.read_text())
    fields["rows"][0]["measures"]["nDCG@10"] = 0.99
    path.write_text(json.dumps(fields))
    with pytest.raises(InputError, match="were changed or do not belong together"):
        load_results(path.parent)


def test_a_full_disk_leaves_the_results_that_were_there(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place, results = folder / "my.results", load_results(folder / "my.results")
    before = {path.name: path.read_bytes() for path in place.iterdir()}

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patched:
        patched.setattr(parquet, "write_table", full)
        with pytest.raises(InputError, match=r"results.parquet: writing failed \(No space left"):
            save_results(dataclasses.replace(results, title="new", steps=[]), place)
    assert {path.name: path.read_bytes() for path in place.iterdir()} == before

    names: list[str] = []
    swap = os.replace

    def seen(one: Path, other: Path) -> None:
        names.append(other.name)
        swap(one, other)

    monkeypatch.setattr(os, "replace", seen)
    save_results(results, place)
    assert names == ["results.parquet", "steps.json", "results.json"]


def test_results_of_before_rows_had_topics_are_read(folder: Path) -> None:
    path = folder / "my.results" / "results.parquet"
    table = parquet.read_table(path)
    assert table.column_names[-1] == "topic"
    topics = load_results(path.parent)
    assert all(row.per_query["topic"].null_count == 0 for row in topics.rows if row.benchmark == "docs")
    plain = [
        dataclasses.replace(row, per_query=row.per_query.drop_columns(["topic"]), topics="") for row in topics.rows
    ]
    save_results(dataclasses.replace(topics, rows=plain), path.parent)
    parquet.write_table(parquet.read_table(path).drop_columns(["topic"]), path)
    assert load_results(path.parent).hash == dataclasses.replace(topics, rows=plain).hash


def test_a_failure_loses_only_what_needs_it(folder: Path) -> None:
    (folder / "bad.txt").write_text("q1 0 d1\n")
    text = SUITE + '[[system]]\nname = "odd"\nkind = "rerank"\nof = "dense"\nmodel = "no/such"\n'
    text += '[[system]]\nname = "odd too"\nkind = "calibrate"\nof = "odd"\n'
    text += '[[benchmark]]\nname = "bad"\ncorpus = "docs.jsonl"\nqueries = "queries.tsv"\nqrels = "bad.txt"\n'
    text += '[[system]]\nname = "given"\nkind = "run"\nruns = { docs = "bad.txt" }\n'
    (folder / "my.toml").write_text(text)
    results, _ = run(folder)
    failed = {(each.system, each.benchmark): each.why for each in results.failed}
    assert failed.keys() == {
        *(("odd", name) for name in ("docs", "half", "bad")), *(("odd too", name) for name in ("docs", "half", "bad")),
        *((name, "bad") for name in ("bm25", "dense", "both", "fair")), ("given", "docs"), ("given", "bad"),
    }  # fmt: skip
    assert "no/such" in failed["odd", "docs"] == failed["odd too", "docs"] and "bad.txt" in failed["dense", "bad"]
    assert len(results.rows) == 9 and all("\n" not in why for why in failed.values())
    (folder / "my.toml").write_text(SUITE)
    assert computed(run(folder)[1]) == []


def test_only_what_is_asked_for_is_computed_and_what_is_there_is_kept(folder: Path) -> None:
    shutil.rmtree(folder / "my.work")
    results, told = run(folder, only=["bm25/docs"])
    assert [each.what for each in told] == ["bm25/docs: index", "bm25/docs: search", "bm25/docs: score"]
    assert [(row.system, row.benchmark) for row in results.rows] == [("bm25", "docs")]
    results, told = run(folder, only=["*/h*", "dense/l*"])
    assert {each.what.partition(":")[0].partition("/")[2] for each in told} == {"half", "lines"}
    assert len(results.rows) == 5
    results, told = run(folder, only=["dense/docs"])  # bm25 is done already, "both" only as far as "half" goes
    assert [(row.system, row.benchmark) for row in results.rows] == [("bm25", "docs"), ("dense", "docs")]
    with pytest.raises(UsageError, match=r"--only dnse: no such system in the suite; did you mean 'dense'\?"):
        run(folder, only=["dnse"])
