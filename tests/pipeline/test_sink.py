"""Outputs: names that fit the kind of value, and folders that are replaced only when they are ours."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from tests.pipeline.conftest import CALLS
from xret.artifact import write_manifest
from xret.bitext import read_pairs
from xret.errors import InputError
from xret.pipeline import read_pipeline
from xret.pipeline.sink import check_target, write_value
from xret.runs import read_run

PIPE = """
[inputs]
corpus = "text.txt"
[[stage]]
use = "fold"
[outputs]
vectors = "out"
"""
RUN = pa.table({"qid": ["q"], "docid": ["d"], "score": [0.5], "rank": pa.array([1], pa.int32()), "tag": ["t"]})
PAIRS = pa.table({"score": [1.5], "src_id": ["1"], "tgt_id": ["2"], "src_text": ["eins"], "tgt_text": ["one"]})


@pytest.fixture
def toml(tmp_path: Path) -> Path:
    (tmp_path / "text.txt").write_text("eins\nzwei\n")
    path = tmp_path / "pipe.toml"
    path.write_text(PIPE)
    return path


@pytest.mark.parametrize("manifest", [None, "{", '{"name": "a web extension"}', '{"kind": "index"}'])
def test_a_foreign_folder_is_refused_before_anything_runs(toml: Path, manifest: str | None) -> None:
    folder = toml.parent / "out"
    folder.mkdir()
    (folder / "precious").write_text("mine")
    if manifest is not None:
        (folder / "manifest.json").write_text(manifest)
    with pytest.raises(InputError, match=r"output 'vectors': .*out.*not replaced: remove it or choose another name"):
        read_pipeline(toml).run()
    assert (folder / "precious").read_text() == "mine" and not CALLS
    with pytest.raises(InputError, match="not replaced"):  # nor when it comes there while the stages run
        write_value(_vectors(toml.parent / "made"), folder, kind="vectors")
    assert (folder / "precious").read_text() == "mine"


def _vectors(folder: Path) -> Path:
    folder.mkdir()
    write_manifest(folder, {"kind": "vectors", "rows": 2})
    return folder


def test_a_folder_of_the_same_kind_is_replaced_whole_or_kept(toml: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = _vectors(toml.parent / "out")
    (folder / "old").touch()
    copytree = shutil.copytree

    def full(*arguments: Any, **options: Any) -> None:
        copytree(*arguments, **options)
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch, pytest.raises(InputError, match="out: writing failed"):
        patch.setattr(shutil, "copytree", full)
        read_pipeline(toml).run()
    assert (folder / "old").exists()
    before = set(toml.parent.iterdir())
    read_pipeline(toml).run()
    assert (folder / "half").is_file() and not (folder / "old").exists()
    assert set(toml.parent.iterdir()) == before


def test_a_folder_onto_or_into_itself(tmp_path: Path) -> None:
    folder = _vectors(tmp_path / "vectors")
    write_value(folder, folder, kind="vectors")
    with pytest.raises(InputError, match="lies in"):
        write_value(folder, folder / "copy", kind="vectors")
    assert [path.name for path in folder.iterdir()] == ["manifest.json"]


def test_names_fit_the_kind_of_value(tmp_path: Path) -> None:
    fitting = {
        "run": "run run.trec run.txt run.run run.jsonl run.parquet run.arrow run.trec.gz run.jsonl.zst",
        "pairs": "pairs pairs.tsv pairs.jsonl pairs.parquet pairs.tsv.gz pairs.json pairs.arrow",
        "report": "report.tsv report.json report.jsonl report.parquet report.arrow",
        "index": "out.index out v1.2",
        "vectors": "out.vectors out",
    }
    wrong = {
        "run": "run.tsv run.json run.docx run.parquet.gz",
        "pairs": "pairs.txt pairs.trec pairs.parquet.zst",
        "report": "report report.txt report.tsv.gz report.trec",
        "index": "out.txt out.tsv out.gz",
        "vectors": "vec.txt vec.parquet",
    }
    for kind in fitting:
        for name in fitting[kind].split():
            check_target("x", tmp_path / name, kind)
        for name in wrong[kind].split():
            with pytest.raises(InputError, match=f"output 'x': .*{name}: .* (known: .|another name)"):
                check_target("x", tmp_path / name, kind)
            assert not list(tmp_path.iterdir())
    with pytest.raises(InputError, match=r"a run is not written to '\.tsv'; known: \.trec \.txt \.run"):
        check_target("x", tmp_path / "run.tsv", "run")
    with pytest.raises(InputError, match="is a folder; give the name of a file"):
        (tmp_path / "taken.tsv").mkdir()
        check_target("x", tmp_path / "taken.tsv", "pairs")
    with pytest.raises(InputError, match="is no folder"):
        (tmp_path / "taken").touch()
        check_target("x", tmp_path / "taken", "index")


def test_what_is_written_can_be_read_by_its_name(tmp_path: Path) -> None:
    for name in ("run", "run.txt", "run.jsonl", "run.parquet", "run.arrow", "run.trec.gz"):
        write_value(RUN, tmp_path / name, kind="run")
        assert read_run(tmp_path / name).select(RUN.column_names).equals(RUN), name
    for name in ("pairs", "pairs.tsv", "pairs.jsonl.gz", "pairs.parquet"):
        write_value(PAIRS, tmp_path / name, kind="pairs")
        assert read_pairs(tmp_path / name).select(PAIRS.column_names).equals(PAIRS), name
    write_value(PAIRS, tmp_path / "pairs.json", kind="pairs")
    assert json.loads((tmp_path / "pairs.json").read_text()) == PAIRS.to_pylist()
