"""Index folders: what was added to, deleted from, compacted or killed gives what one built anew gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.lexical.corpora import queries_of, texts_of
from xret.errors import InputError, MismatchError
from xret.indexes.kinds import verbs
from xret.indexes.lexical import build as building
from xret.indexes.lexical import change as changing
from xret.indexes.lexical import inversion
from xret.indexes.lexical.build import build_index
from xret.indexes.lexical.change import add_to_index, compact_index, delete_from_index
from xret.indexes.lexical.check import check_index
from xret.indexes.lexical.layout import Manifest
from xret.indexes.lexical.opened import open_index
from xret.indexes.lexical.search import search_index
from xret.mapped import write_batches

LEXICAL = verbs("lexical")
CORPUS, QUERIES = texts_of(200), queries_of(12)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def found(folder: Path) -> pa.Table:
    return search_index(open_index(folder), QUERIES, k=1000, text=True)


def same(folder: Path, corpus: pa.Table, beside: Path) -> bool:
    """Whether searches give what they give in an index built of `corpus`, and all checks pass."""
    build_index(beside, corpus)
    checked = check_index(folder)
    wanted, got = found(beside), found(folder)
    near = np.allclose(wanted["score"].to_numpy(), got["score"].to_numpy(), rtol=1e-12, atol=0)
    columns = ["qid", "docid", "rank", "qlang", "dlang", "text"]
    return checked.rows == corpus.num_rows and near and wanted.select(columns).equals(got.select(columns))


def test_two_builds_are_equal_byte_by_byte(tmp_path: Path) -> None:
    for name in ("a", "b"):
        build_index(tmp_path / name, CORPUS)
    assert contents(tmp_path / "a") == contents(tmp_path / "b")


def test_many_segments_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(building, "FULL", 100)
    monkeypatch.setattr(building, "BATCH", 16)
    made = build_index(tmp_path / "many", CORPUS)
    assert len(made.segments) > 5
    monkeypatch.undo()
    assert same(tmp_path / "many", CORPUS, tmp_path / "one")
    assert len(compact_index(tmp_path / "many").segments) == 1
    assert found(tmp_path / "many").equals(found(tmp_path / "one"))
    assert contents(tmp_path / "many").keys() == {"manifest.json", *open_index(tmp_path / "many").manifest.files}


def test_any_changes_end_in_what_would_have_been_built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(changing, "SMALL", 40)  # some additions join segments, some do not
    random = np.random.default_rng(3)
    folder = tmp_path / "i"
    build_index(folder, CORPUS.slice(0, 50))
    rows = {row["id"]: row for row in CORPUS.slice(0, 50).to_pylist()}
    for step in range(6):
        more = CORPUS.slice(50 + 25 * step, 25)
        add_to_index(folder, more)
        rows |= {row["id"]: row for row in more.to_pylist()}
        gone = random.choice(sorted(rows), 12, replace=False).tolist()
        delete_from_index(folder, gone)
        rows = {id: row for id, row in rows.items() if id not in gone}
        if step % 2:
            again = texts_of(5, seed=step).to_pylist()
            for row, id in zip(again, random.choice(sorted(rows), 5, replace=False).tolist(), strict=True):
                row["id"] = id
                rows.pop(id)
                rows[id] = row
            add_to_index(folder, pa.Table.from_pylist(again), replacing=True)
        if step == 3:
            compact_index(folder)
        assert same(folder, pa.Table.from_pylist(list(rows.values())), tmp_path / f"anew{step}")
    compact_index(folder)
    build_index(tmp_path / "last", pa.Table.from_pylist(list(rows.values())))
    assert not open_index(folder).manifest.deleted
    assert found(folder).equals(found(tmp_path / "last"))


def test_a_change_that_fails_or_is_killed_leaves_the_index_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "i"
    build_index(folder, CORPUS.slice(0, 100))
    before, was = contents(folder), found(folder)

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Manifest, "write", full)
    with pytest.raises(InputError, match="stays as it was; free some space"):
        add_to_index(folder, CORPUS.slice(100))
    assert contents(folder) == before
    with pytest.raises(InputError, match="stays as it was; free some space"):
        delete_from_index(folder, ["d1"])
    assert contents(folder) == before

    def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Manifest, "write", killed)
    with pytest.raises(KeyboardInterrupt):
        add_to_index(folder, CORPUS.slice(100))
    monkeypatch.undo()
    assert found(folder).equals(was)
    add_to_index(folder, CORPUS.slice(100))
    assert same(folder, CORPUS, tmp_path / "anew")
    assert set(contents(folder)) == {"manifest.json", *open_index(folder).manifest.files}  # the leavings are gone


def test_an_index_that_is_open_stays_as_it_was(tmp_path: Path) -> None:
    build_index(tmp_path / "i", CORPUS)
    opened = open_index(tmp_path / "i")
    before = search_index(opened, QUERIES, k=50)
    delete_from_index(tmp_path / "i", CORPUS["id"].to_pylist()[:150])
    compact_index(tmp_path / "i")
    assert search_index(opened, QUERIES, k=50).equals(before)


def test_an_emptied_index_finds_nothing_and_takes_rows_again(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build_index(folder, CORPUS)
    delete_from_index(folder, CORPUS["id"].to_pylist())
    assert (found(folder).num_rows, check_index(folder).rows) == (0, 0)
    compact_index(folder)
    assert (found(folder).num_rows, check_index(folder).rows) == (0, 0)
    add_to_index(folder, CORPUS)
    assert same(folder, CORPUS, tmp_path / "anew")


def test_what_cannot_be_added_or_deleted(tmp_path: Path) -> None:
    folder = tmp_path / "i"
    build_index(folder, CORPUS, analyzers={"und": "words"})
    for wrong, message in (
        (CORPUS.slice(0, 2), "holds 2 of the ids to add already .'d0', 'd1'"),
        (CORPUS.slice(0, 0), "no rows to index"),
        (pa.table({"id": ["x", "x"], "text": ["a", "b"], "lang": ["de", "de"]}), "id 'x' stands twice"),
        (pa.table({"id": ["x"], "text": ["a"], "lang": ["tlh"]}), "no analyzer for language 'tlh'"),
    ):
        with pytest.raises(InputError, match=message):
            add_to_index(folder, wrong)
    with pytest.raises(InputError, match=r"does not hold 1 of the ids to delete .'nobody'.; nothing was deleted"):
        delete_from_index(folder, ["d1", "nobody"])
    one = pa.table({"id": ["x"], "text": ["a"], "lang": ["de"]})
    with pytest.raises(MismatchError, match="analyses language 'de' with stem:german, asked for is words"):
        add_to_index(folder, one, analyzers={"de": "words"})
    with pytest.raises(InputError, match="exists already"):
        build_index(folder, CORPUS)
    assert add_to_index(folder, pa.table({"id": ["u"], "text": ["a"], "lang": ["und"]})).rows == 201


@pytest.mark.parametrize("part", ["rows", "terms", "postings"])
def test_damage_is_told(tmp_path: Path, part: str) -> None:
    folder = tmp_path / "i"
    build_index(folder, CORPUS)
    path = folder / f"{part}-00001.arrow"
    good = path.read_bytes()
    path.write_bytes(good[:-8])
    with pytest.raises(InputError, match="truncated or overwritten"):
        open_index(folder)
    middle = len(good) // 2
    path.write_bytes(good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :])
    with pytest.raises(InputError, match="wrong checksum"):
        check_index(folder)
    path.unlink()
    with pytest.raises(InputError, match="missing from the index"):
        open_index(folder)


def test_counts_that_do_not_fit_are_told_though_checksums_do(tmp_path: Path) -> None:
    build_index(tmp_path / "i", CORPUS)
    fields = json.loads((tmp_path / "i/manifest.json").read_text())
    fields["languages"]["de"] += 1
    (tmp_path / "i/manifest.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match="rows per language"):
        check_index(tmp_path / "i")
    fields["rows"] += 1
    (tmp_path / "i/manifest.json").write_text(json.dumps(fields))
    with pytest.raises(InputError, match="the manifest says 201"):
        open_index(tmp_path / "i")


def test_memory_is_bounded_by_tokens_and_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Counted in many pieces, a row at least each, documents give the bytes that they give at once."""
    build_index(tmp_path / "once", CORPUS)
    waiting: list[int] = []
    settle = inversion._Language.settle

    def counted(language: Any) -> int:
        waiting.append(len(language.tokens))
        return settle(language)

    monkeypatch.setattr(inversion._Language, "settle", counted)
    monkeypatch.setattr(inversion, "TOKENS", 20)
    monkeypatch.setattr(building, "BYTES", 1000)
    assert max(rows.num_rows for rows in building._batches(CORPUS)) < 100
    build_index(tmp_path / "pieces", CORPUS)
    assert contents(tmp_path / "once") == contents(tmp_path / "pieces")
    assert max(waiting) < 60


def test_damage_is_told_by_searches_too(tmp_path: Path) -> None:
    damages: tuple[tuple[str, Callable[[pa.Table], pa.Table], str], ...] = (
        ("postings", lambda table: table.set_column(0, "row", pa.array([10**6] * len(table), pa.int32())), "damaged"),
        ("postings", lambda table: table.rename_columns(["x", "count"]), "has no row; build"),
        ("terms", lambda table: table.rename_columns(["term", "x"]), "has no end; build"),
    )
    for name, change, said in damages:
        folder = tmp_path / f"{name}{len(said)}"
        build_index(folder, CORPUS)
        path = next(folder.glob(f"*{name}*"))
        table = change(pa.ipc.open_file(path.read_bytes()).read_all().combine_chunks())
        write_batches(path, table.to_batches(), table.schema)
        fields = json.loads((folder / "manifest.json").read_text())
        fields["files"][path.name]["bytes"] = path.stat().st_size
        (folder / "manifest.json").write_text(json.dumps(fields))
        with pytest.raises(InputError, match=said):
            found(folder)


def test_two_analyzers_for_one_language_are_refused(tmp_path: Path) -> None:
    given = ["de=words", "de-AT=grams:4"]
    with pytest.raises(InputError, match="language 'de' has one analyzer, and two are given: de=words and de-AT=grams"):
        LEXICAL.build(tmp_path / "i", CORPUS, analyzers=given)
    assert LEXICAL.build(tmp_path / "i", CORPUS, analyzers=["de-AT=words", "de=words"])["rows"] == 200
    more = pa.table({"id": ["new"], "text": ["Haus"], "lang": ["de-AT"]})
    with pytest.raises(MismatchError, match="analyses language 'de' with words, asked for is grams:4"):
        LEXICAL.add(tmp_path / "i", more, analyzers=["de-AT=grams:4"])


def test_compacting_what_is_compact_writes_nothing(tmp_path: Path) -> None:
    build_index(tmp_path / "i", CORPUS)
    before = (tmp_path / "i" / "manifest.json").stat()
    compact_index(tmp_path / "i")
    assert (tmp_path / "i" / "manifest.json").stat().st_ino == before.st_ino
