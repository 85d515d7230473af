"""Building: the same bytes at any number of threads and after a kill, codecs, narrow vectors, bad input."""

from __future__ import annotations

import hashlib
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
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.segments import write_segment
from xret.indexes.multivector.tokens import ArrayTokens, ArrowTokens

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
    assert bytes_of(tmp_path / "arrow") == bytes_of(tmp_path / "array")
    with pytest.raises(InputError, match="column 'tokens' is list<item: string>"):
        ArrowTokens(pa.table({"id": ["a"], "tokens": [["b"]]}))


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
