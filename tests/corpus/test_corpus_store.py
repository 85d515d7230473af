"""Importing and opening: mapped, cached by content, whole or not at all, also when killed or run twice at once."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xret.corpus import corpus_hash, import_corpus, open_corpus, read_corpus, store, texts, write_corpus
from xret.errors import CorpusError, InputError


def test_open_imports_and_maps(tmp_path: Path) -> None:
    (tmp_path / "c.de.txt").write_text("Hallo\nWelt\n")
    before = pa.total_allocated_bytes()
    table = open_corpus(tmp_path / "c.de.txt")
    assert pa.total_allocated_bytes() == before
    assert table.to_pydict() == {"id": ["1", "2"], "text": ["Hallo", "Welt"], "lang": ["de", "de"]}
    assert table.schema == pa.schema([(name, pa.string()) for name in ("id", "text", "lang")])
    assert texts(table, 1, 5) == ["Welt"]
    assert texts(table, 1, 1) == []


def test_sound_arrow_files_are_mapped_where_they_are(tmp_path: Path) -> None:
    columns = {"text": ["Hallo", "Welt"], "year": [1, 2], "lang": ["de", "en"], "id": ["a", "b"]}
    write_corpus(pa.table(columns), tmp_path / "c.arrow")
    table = open_corpus(tmp_path / "c.arrow", cache=tmp_path / "cache")
    assert table.column_names == ["id", "text", "lang", "year"]
    assert table.to_pydict() == columns
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize(
    "change",
    [
        {"lang": ["deu", "en"]},
        {"lang": [None, "en"]},
        {"id": [1, 2]},
        {"text": pa.array(["x", "y"]).dictionary_encode()},
    ],
)
def test_arrow_files_that_need_a_change_are_imported(tmp_path: Path, change: dict[str, object]) -> None:
    columns = {"id": ["1", "2"], "text": ["x", "y"], "lang": ["de", "en"]} | change
    write_corpus(pa.table(columns), tmp_path / "c.arrow")
    table = open_corpus(tmp_path / "c.arrow", lang="de", cache=tmp_path / "cache")
    assert table.to_pydict() == {"id": ["1", "2"], "text": ["x", "y"], "lang": ["de", "en"]}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_compressed_arrow_files_are_imported(tmp_path: Path) -> None:
    table = pa.table({"id": ["1"], "text": ["x" * 9999], "lang": ["de"]})
    with pa.ipc.new_file(
        str(tmp_path / "c.arrow"), table.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")
    ) as out:
        out.write_table(table)
    before = pa.total_allocated_bytes()
    assert open_corpus(tmp_path / "c.arrow").equals(table)
    assert pa.total_allocated_bytes() <= before + 99_999  # `table` itself, no more


def test_cache_is_found_again_by_content_and_options(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache = tmp_path / "deep" / "cache"
    (tmp_path / "c.txt").write_text("Hallo\n")
    first = open_corpus(tmp_path / "c.txt", cache=cache)
    assert len(list(cache.iterdir())) == 1
    with monkeypatch.context() as patched:
        patched.setattr("xret.corpus.store._import", None)
        (tmp_path / "d.txt").write_text("Hallo\n")
        assert open_corpus(tmp_path / "d.txt", cache=cache).equals(first)
    assert open_corpus(tmp_path / "c.txt", cache=cache, lang="de").column("lang").to_pylist() == ["de"]
    (tmp_path / "c.txt").write_text("Adieu\n")
    assert open_corpus(tmp_path / "c.txt", cache=cache).column("text").to_pylist() == ["Adieu"]
    assert len(list(cache.iterdir())) == 3
    assert first.column("text").to_pylist() == ["Hallo"]


def test_damaged_cache_is_made_again(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("Hallo\n")
    table = open_corpus(tmp_path / "c.txt", cache=tmp_path / "cache")
    (made,) = (tmp_path / "cache").iterdir()
    whole = (made / "corpus.arrow").read_bytes()
    for damaged in (b"ARROW1", whole.replace(b"Hallo", b"Hal\xfeo")):
        (made / "corpus.arrow").unlink()
        (made / "corpus.arrow").write_bytes(damaged)
        assert open_corpus(tmp_path / "c.txt", cache=tmp_path / "cache").equals(table)


def test_failed_import_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("Hallo\n" * 70_000 + "\n")
    target = tmp_path / "out" / "c.arrow"
    target.parent.mkdir()
    with pytest.raises(CorpusError, match=r"c\.txt:70001: line is empty"):
        import_corpus(tmp_path / "c.txt", target)
    with pytest.raises(CorpusError, match="line is empty"):
        open_corpus(tmp_path / "c.txt", cache=target.parent)
    assert list(target.parent.iterdir()) == []
    assert import_corpus(tmp_path / "c.txt", target, on_error="skip").counts == {"empty line": 1}
    assert open_corpus(target).num_rows == 70_000
    with pytest.raises(InputError, match=r"no[\\/]c\.arrow: cannot write here"):
        import_corpus(target, tmp_path / "no" / "c.arrow")


KILLED = """
import sys, time
from pathlib import Path
from typing import Any
import xret.corpus.store as store
class Reader(store.CorpusReader):
    def __next__(self):
        if getattr(self, "begun", False):
            print("begun", flush=True)
            time.sleep(60)
        self.begun = True
        return super().__next__()
store.CorpusReader = Reader
store.import_corpus(sys.argv[1], Path(sys.argv[2]))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="file locks tell the living from the dead on POSIX only")
def test_killed_import_leaves_no_file_and_its_rest_is_swept(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("Hallo\n")
    target = tmp_path / "out" / "c.arrow"
    target.parent.mkdir()
    command = [sys.executable, "-c", KILLED, str(tmp_path / "c.txt"), str(target)]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    ) as run:
        assert run.stdout is not None
        assert run.stdout.readline() == b"begun\n"
        assert not target.exists()
        (part,) = target.parent.iterdir()
        os.utime(part, (0, time.time() - 3600))
        import_corpus(tmp_path / "c.txt", target)
        assert part.exists()  # its writer lives
        target.unlink()
        run.send_signal(signal.SIGKILL)
    assert [path.name for path in target.parent.iterdir()] == [part.name]
    import_corpus(tmp_path / "c.txt", target)
    assert [path.name for path in target.parent.iterdir()] == ["c.arrow"]


def _open(source: Path, cache: Path) -> str:
    return corpus_hash(open_corpus(source, cache=cache))


def test_two_processes_at_once(tmp_path: Path) -> None:
    (tmp_path / "c.txt").write_text("".join(f"Satz {number}\n" for number in range(20_000)))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        hashes = pool.starmap(_open, [(tmp_path / "c.txt", tmp_path / "cache")] * 4)
    assert set(hashes) == {corpus_hash(open_corpus(tmp_path / "c.txt"))}
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_another_process_was_faster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "c.txt").write_text("Hallo\n")
    real = store._import

    def overtaken(*arguments: Any, **options: Any) -> object:
        monkeypatch.setattr("xret.corpus.store._import", real)
        open_corpus(tmp_path / "c.txt", cache=tmp_path / "cache")
        return real(*arguments, **options)

    monkeypatch.setattr("xret.corpus.store._import", overtaken)
    assert open_corpus(tmp_path / "c.txt", cache=tmp_path / "cache").column("text").to_pylist() == ["Hallo"]
    assert len(list((tmp_path / "cache").iterdir())) == 1


def test_columns_that_come_or_change_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("xret.corpus.lines.BLOCK", 64)
    lines: list[dict[str, object]] = [{"text": f"Satz {number}"} for number in range(20)]
    lines[12] |= {"title": "spät", "page": 3}
    lines[15] |= {"page": 4.5, "tags": ["a"]}
    lines[19] |= {"page": "v"}
    (tmp_path / "c.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    with pytest.raises(CorpusError, match=r"c\.jsonl:\d+: column '(title|page)' first appears"):
        list(read_corpus(tmp_path / "c.jsonl"))
    table = open_corpus(tmp_path / "c.jsonl")
    assert table.column_names == ["id", "text", "lang", "title", "page", "tags"]
    assert table.column("page").drop_null().to_pylist() == ["3", "4.5", "v"]
    assert [row for row, tags in enumerate(table.column("tags").to_pylist()) if tags == '["a"]'] == [15]


def test_shards_with_unlike_columns(tmp_path: Path) -> None:
    for name, extra in (("a", {"year": [1]}), ("b", {"year": [2], "note": ["x"]}), ("c", {})):
        write_corpus(pa.table({"id": [name], "text": ["t"], **extra}), tmp_path / f"{name}.parquet")
    table = open_corpus(tmp_path)
    assert table.column("year").to_pylist() == [1, 2, None]
    assert table.column("note").to_pylist() == [None, "x", None]
    write_corpus(pa.table({"id": ["d"], "text": ["t"], "year": [[1]]}), tmp_path / "d.parquet")
    with pytest.raises(
        CorpusError, match=r"d\.parquet: row 1: column 'year' is list.* here and int64 before; give it one"
    ):
        open_corpus(tmp_path)


def test_too_many_columns(tmp_path: Path) -> None:
    (tmp_path / "c.jsonl").write_text("".join(json.dumps({"text": "t", f"k{n}": n}) + "\n" for n in range(1001)))
    with pytest.raises(CorpusError, match="more than 1000 columns by now; put what varies into one object, 'metadata'"):
        open_corpus(tmp_path / "c.jsonl")
