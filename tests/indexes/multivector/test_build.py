"""Building: the same bytes at any number of threads and after a kill, codecs, narrow vectors, bad input."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.indexes.multivector.sets import agreement, collection, maxsim, queries, unit
from xret.errors import InputError, UsageError, VectorsError
from xret.indexes.multivector import build as building
from xret.indexes.multivector import growing
from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.check import check_index
from xret.indexes.multivector.codec import CODECS, CodecName
from xret.indexes.multivector.layout import Manifest
from xret.indexes.multivector.opened import open_index
from xret.indexes.multivector.reading import blocks
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.segments import write_segment
from xret.indexes.multivector.tokens import ArrayTokens, ArrowTokens
from xret.indexes.multivector.training import _sample as sampled

SOURCE = collection(600)
SMALL = 1 << 16  # bytes, so that there are several parts


def bytes_of(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


@pytest.mark.parametrize("codec", CODECS)
def test_same_bytes_at_any_number_of_threads(codec: CodecName, tmp_path: Path) -> None:
    for threads in (1, 3):
        build_index(tmp_path / str(threads), SOURCE, codec=codec, memory=SMALL, threads=threads)
    assert bytes_of(tmp_path / "1") == bytes_of(tmp_path / "3")
    checked = check_index(tmp_path / "1")
    assert (checked.rows, checked.tokens) == (600, len(SOURCE.vectors))


def test_finer_codes_find_more(tmp_path: Path) -> None:
    asked = queries(SOURCE, 30)
    true = [maxsim(SOURCE, query) for query in asked]
    shares, told = {}, {}
    for codec in CODECS:
        made = build_index(tmp_path / codec, SOURCE, codec=codec, threads=1)
        found = search_index(open_index(tmp_path / codec), asked, k=100, exact=True)
        shares[codec] = agreement([each.rows for each in found], true, 100)
        assert made.ceiling is not None and made.ceiling.recall_100 is not None
        told[codec] = made.ceiling.recall_100
    assert shares["1bit"] < shares["2bit"] < shares["4bit"] < shares["exact"] > 0.99
    assert shares["small"] >= shares["2bit"] - 0.02
    assert all(abs(told[codec] - shares[codec]) < 0.1 for codec in CODECS), (told, shares)


def test_a_killed_build_goes_on_and_gives_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, target = tmp_path / "whole", tmp_path / "killed"
    build_index(whole, SOURCE, memory=SMALL, threads=1)
    real, calls = write_segment, 0

    def killed(*arguments: Any) -> Manifest:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise KeyboardInterrupt
        return real(*arguments)

    with monkeypatch.context() as patch:
        patch.setattr(growing, "write_segment", killed)
        with pytest.raises(KeyboardInterrupt):
            build_index(target, SOURCE, memory=SMALL, threads=1)
    partial = target.with_name("killed.partial")
    assert not target.exists() and (partial / "part-00001.codes.npy").exists()
    with pytest.raises(InputError, match="never finished"):
        open_index(partial)
    with pytest.raises(InputError, match=r"killed.partial: holds an interrupted build of other documents"):
        build_index(target, SOURCE, memory=SMALL, codec="2bit", threads=1)
    monkeypatch.setattr(building, "trained", None)  # the centroids are there already
    build_index(target, SOURCE, memory=SMALL, threads=2)
    assert bytes_of(target) == bytes_of(whole)
    assert not partial.exists()


def test_what_another_build_left_is_refused(tmp_path: Path) -> None:
    """A build that was killed before its folder had its name, and what others may have put there."""
    target, partial = tmp_path / "index", tmp_path / "index.partial"
    build_index(target, SOURCE, memory=SMALL, threads=1)
    target.rename(partial)
    with pytest.raises(InputError, match=r"index\.partial: holds an interrupted build of other documents"):
        build_index(target, collection(600, seed=1), memory=SMALL, threads=1)
    build_index(target, SOURCE, memory=SMALL, threads=1)
    target.rename(partial)
    fields = json.loads((partial / "manifest.json").read_text())
    (partial / "manifest.json").write_text(json.dumps({**fields, "stamp": None}))
    with pytest.raises(InputError, match="holds an interrupted build of other documents"):
        build_index(target, SOURCE, memory=SMALL, threads=1)
    (partial / "manifest.json").write_text("{")
    with pytest.raises(InputError, match=r"index\.partial: holds an interrupted build that is damaged; remove it"):
        build_index(target, SOURCE, memory=SMALL, threads=1)
    for path in partial.iterdir():
        path.unlink()
    (partial / "mine.txt").write_text("a file of somebody's")
    bad = replace(SOURCE, vectors=np.full_like(SOURCE.vectors, np.nan))
    with pytest.raises(VectorsError):
        build_index(target, bad, threads=1)
    assert (partial / "mine.txt").exists()
    shutil.rmtree(partial)
    partial.touch()
    with pytest.raises(InputError, match=r"index\.partial: is a file"):
        build_index(target, SOURCE, threads=1)


def test_failures_are_told_by_what_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Unreadable(ArrayTokens):
        def read(self, rows: Any) -> list[Any]:
            raise OSError(5, "Input/output error")

    with pytest.raises(InputError, match=r"token vectors of ids 'd\d+' to 'd\d+' cannot be had \(.*Input/output"):
        build_index(tmp_path / "index", Unreadable(SOURCE.vectors, SOURCE.starts, SOURCE.table), threads=1)

    def meanwhile(*arguments: Any) -> Any:
        (tmp_path / "index" / "sub").mkdir(parents=True, exist_ok=True)
        return grow(*arguments[:3], skip=0)

    grow = growing.grow
    monkeypatch.setattr(building, "grow", lambda *arguments, skip: meanwhile(*arguments))
    with pytest.raises(InputError, match=r"was made by someone else meanwhile.*remove the other one"):
        build_index(tmp_path / "index", SOURCE, threads=1)


def test_memory_bounds_the_sample_and_what_is_read(tmp_path: Path) -> None:
    source, most = collection(900, longest=400), 1 << 22
    got, counts = sampled(source, 1, most, 0, None)  # type: ignore[arg-type]
    assert len(got) == counts.sum() == most // (12 * 24)
    runs = list(blocks(source, np.arange(900), SMALL))
    assert np.concatenate(runs).tolist() == list(range(900)) and max(map(len, runs)) > 1
    assert max(int(source.most_tokens(run).sum()) for run in runs) <= 4096
    for at in (3, 7):  # where a run begins decides where the later ones end
        again = list(blocks(source, np.arange(runs[at][0], 900), SMALL))
        assert [run[0] for run in again] == [run[0] for run in runs[at:]]


def test_memory_is_that_of_a_block_and_a_part(tmp_path: Path) -> None:
    seen: list[int] = []

    class Counted(ArrayTokens):
        def read(self, rows: Any) -> list[Any]:
            seen.append(len(rows))
            return super().read(rows)

    source = Counted(SOURCE.vectors, SOURCE.starts, SOURCE.table)
    made = build_index(tmp_path / "index", source, memory=SMALL, threads=1)
    assert max(seen) <= 256 and sum(seen) <= 1200 + 256
    assert all(part.tokens <= 4096 + 256 * 30 for part in made.parts) and len(made.parts) > 1


def test_vectors_that_fill_fewer_dimensions_are_stored_in_fewer(tmp_path: Path) -> None:
    turn, _ = np.linalg.qr(np.random.default_rng(1).normal(size=(48, 48)))
    wide = replace(SOURCE, vectors=(SOURCE.vectors @ turn[:24]).astype(np.float32))
    made = build_index(tmp_path / "wide", wide, codec="exact", threads=1)
    assert (made.dim, made.width) == (48, 24)
    asked = [(query @ turn[:24]).astype(np.float32) for query in queries(SOURCE)]
    outside = [query + 3 * unit(np.ones((len(query), 24))) @ turn[24:] for query in asked]
    for own in (asked, outside):  # what of a query lies outside the subspace changes nothing
        found = search_index(open_index(tmp_path / "wide"), [each.astype(np.float32) for each in own], k=1, exact=True)
        for each, query in zip(found, queries(SOURCE), strict=True):
            assert each.scores[0] == pytest.approx(maxsim(SOURCE, query).max(), abs=0.05)


@pytest.mark.parametrize("dim", [1, 3, 7, 96])
@pytest.mark.parametrize("codec", ["1bit", "small", "4bit"])
def test_any_width(dim: int, codec: CodecName, tmp_path: Path) -> None:
    source = collection(40, dim=dim)
    build_index(tmp_path / "index", source, codec=codec, threads=1)
    assert len(search_index(open_index(tmp_path / "index"), queries(source, 3), k=5)[0].rows) >= 5


def test_pooling_keeps_fewer_vectors(tmp_path: Path) -> None:
    made = build_index(tmp_path / "index", SOURCE, codec="exact", pool=3, threads=1)
    assert made.tokens == int(np.ceil(np.diff(SOURCE.starts) / 3).sum())
    asked = queries(SOURCE)
    found = search_index(open_index(tmp_path / "index"), asked, k=10, exact=True)
    assert agreement([each.rows for each in found], [maxsim(SOURCE, query) for query in asked], 10) > 0.3


def test_arrow_gives_what_arrays_give(tmp_path: Path) -> None:
    documents = [own.tolist() for own in SOURCE.read(np.arange(600))]
    kind = pa.list_(pa.list_(pa.float32(), 24))
    chunks = pa.chunked_array([pa.array(documents[:250], kind), pa.array(documents[250:], kind)])
    arrow = ArrowTokens(SOURCE.table.append_column("tokens", chunks))
    build_index(tmp_path / "arrow", arrow, threads=1)
    build_index(tmp_path / "array", SOURCE, threads=1)
    arrow_bytes, array_bytes = bytes_of(tmp_path / "arrow"), bytes_of(tmp_path / "array")
    assert arrow_bytes.pop("manifest.json") != array_bytes.pop("manifest.json")  # which says what it was built of
    assert arrow_bytes == array_bytes
    with pytest.raises(InputError, match="column 'tokens' is list<item: string>"):
        ArrowTokens(pa.table({"id": ["a"], "tokens": [["b"]]}))


def test_arrow_tables_that_are_none() -> None:
    kind = pa.list_(pa.list_(pa.float32(), 2))
    tokens = pa.array([[[1, 0]], None, [[0, 1], None], [[1, 1]]], kind)
    table = pa.table({"id": ["a", "b", "c", "d"], "tokens": tokens, "lang": ["deu", None, "", "zh_hant"]})
    source = ArrowTokens(table)
    assert source.table["lang"].to_pylist() == ["de", "und", "und", "zh-Hant"]
    with pytest.raises(VectorsError, match="a token vector of id 'c' is null"):
        source.read(np.arange(4))
    assert [len(each) for each in source.read(np.array([3, 1, 0]))] == [1, 0, 1]
    wrong: list[tuple[pa.Table, str]] = [
        (table.set_column(0, "id", pa.array(["a", None, "c", "d"])), "row 2 of the table of token vectors has no id"),
        (table.set_column(0, "id", pa.array([["a"]] * 4)), "column 'id' .* is list<item: string>, wanted string"),
        (table.set_column(2, "lang", pa.array([1.5] * 4)), "column 'lang' .* is double, wanted string"),
        (pa.table({"id": ["a"], "tokens": pa.array([[[]]], pa.list_(pa.list_(pa.float32(), 0)))}), "have no values"),
        (table.set_column(2, "lang", pa.array(["de", "de", "klingonisch", "de"])), "'klingonisch' is not a known"),
    ]
    for bad, said in wrong:
        with pytest.raises(InputError, match=said):
            assert ArrowTokens(bad).table.num_rows


def wrong() -> Iterator[tuple[str, Any, type[Exception], str]]:
    bad = SOURCE.vectors.copy()
    bad[SOURCE.starts[3]] = np.nan
    none = collection(3)
    yield "nan", replace(SOURCE, vectors=bad), VectorsError, "token vectors of id 'd3' are not all finite"
    yield (
        "twice",
        replace(SOURCE, table=SOURCE.table.set_column(0, "id", pa.array(["x"] * 600))),
        InputError,
        "'x' stands",
    )
    yield "empty", ArrayTokens(bad[:0], np.zeros(1, int), SOURCE.table.slice(0, 0)), InputError, "no rows to index"
    yield "tokens", ArrayTokens(bad[:0], np.zeros(4, int), none.table), InputError, "no token in the documents"


@pytest.mark.parametrize(("source", "kind", "said"), [row[1:] for row in wrong()], ids=[row[0] for row in wrong()])
def test_bad_input_is_told_and_leaves_nothing(source: Any, kind: type[Exception], said: str, tmp_path: Path) -> None:
    with pytest.raises(kind, match=said):
        build_index(tmp_path / "index", source, threads=1)
    assert list(tmp_path.iterdir()) == []


def test_bad_options(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="codec '3bit' is not known; known: 4bit"):
        build_index(tmp_path / "index", SOURCE, codec="3bit")  # type: ignore[arg-type]
    (tmp_path / "index").mkdir()
    with pytest.raises(InputError, match="exists already"):
        build_index(tmp_path / "index", SOURCE)
    with pytest.raises(InputError, match="do not fit a table of 600 rows"):
        ArrayTokens(SOURCE.vectors, SOURCE.starts[:-1], SOURCE.table)
