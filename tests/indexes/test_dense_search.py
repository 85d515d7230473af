"""Searching an index folder, against NumPy over all rows and Python's own sort."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from xret.errors import InputError, MismatchError, UsageError, VectorsError
from xret.indexes import DenseIndex, add_to_index, build_index, delete_from_index, open_index, search_index
from xret.vectors import Vectors

Floats = npt.NDArray[np.float32]
DIM, LANGUAGES = 16, ("de", "fr", "sw", "zh-Hant")


def unit(rows: int, seed: int, *, dim: int = DIM) -> Floats:
    x = np.random.default_rng(seed).standard_normal((rows, dim)).astype(np.float32)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    return x


def corpus_of(rows: int, *, first: int = 0) -> pa.Table:
    numbers = range(first, first + rows)
    return pa.table(
        {
            "id": [f"d{number}" for number in numbers],
            "text": [f"text {number}" for number in numbers],
            "lang": [LANGUAGES[3 if number % 97 == 0 else number % 3] for number in numbers],  # few of the last one
        }
    )


def vectors_of(corpus: pa.Table, x: Floats) -> Vectors:
    return Vectors.open(
        pa.table({"id": corpus["id"], "vector": pa.FixedSizeListArray.from_arrays(x.ravel(), x.shape[1])})
    )


def brute(
    corpus: pa.Table, x: Floats, queries: Floats, k: int, keep: npt.NDArray[np.bool_]
) -> tuple[list[list[str]], Floats]:
    """Ids and scores by (score descending, id descending), scores added in float64."""
    ids = corpus["id"].to_pylist()
    scores = (x.astype(np.float64)[None] * queries.astype(np.float64)[:, None]).sum(axis=2).astype(np.float32)
    by_id = sorted(np.flatnonzero(keep), key=lambda row: ids[row], reverse=True)
    best = [sorted(by_id, key=lambda row: -line[row])[:k] for line in scores]
    return [[ids[row] for row in rows] for rows in best], np.array(
        [line[rows] for line, rows in zip(scores, best, strict=True)]
    )


def named(index: DenseIndex, rows: npt.NDArray[np.int64]) -> list[list[str]]:
    return [index.table["id"].take(pa.array(line[line >= 0])).to_pylist() for line in rows]


@pytest.mark.parametrize(
    "factory", ["Flat", "IVF16,Flat", "IVF16_HNSW8,Flat", "HNSW16", "SQfp16", "IVF8,SQ8", "IVF8,PQ8x4fs"]
)
@pytest.mark.parametrize("memory", [8 << 30, 1 << 14])  # one part; several
def test_every_kind_agrees_with_brute_force(tmp_path: Path, factory: str, memory: int) -> None:
    corpus, x, queries = corpus_of(3000), unit(3000, 1), unit(40, 2)
    build_index(tmp_path / "i", vectors_of(corpus, x), corpus=corpus, factory=factory, memory=memory)
    index = open_index(tmp_path / "i")
    assert len(index.shelves) == (1 if memory > 1 << 20 else 3)
    nprobe = 16 if "IVF" in factory else None
    for languages in (None, ["fr"], ["sw", "zh-Hant"], ["zh"]):
        keep = np.isin(
            [tag.split("-")[0] for tag in corpus["lang"].to_pylist()], [tag[:2] for tag in languages or LANGUAGES]
        )
        hits = search_index(index, queries, k=10, languages=languages, nprobe=nprobe)
        ids, scores = brute(corpus, x, queries, 10, keep)
        assert (hits.rows >= 0).all() and keep[hits.rows].all()
        if factory.endswith("Flat"):
            assert named(index, hits.rows) == ids
            assert np.abs(hits.scores - scores).max() <= 1e-5
        else:
            floor = 0.4 if "PQ" in factory else 0.85  # 4 bits for two numbers lose much
            shared = [len(set(a) & set(b)) for a, b in zip(named(index, hits.rows), ids, strict=True)]
            assert sum(shared) / (10 * len(queries)) >= floor


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_ties_filters_additions_and_deletions(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """Few distinct vectors, so that ties are everywhere; rows in two portions; some deleted."""
    rows = data.draw(st.integers(2, 120), label="rows")
    distinct = data.draw(st.integers(1, 8), label="distinct")
    seed = data.draw(st.integers(0, 1000), label="seed")
    random = np.random.default_rng(seed)
    x = unit(distinct, seed)[random.integers(0, distinct, rows)]
    corpus, split = corpus_of(rows), data.draw(st.integers(1, rows), label="split")
    folder = tmp_path_factory.mktemp("index") / "i"
    lists = data.draw(st.sampled_from(["Flat", "IVF1,Flat"]), label="factory")
    build_index(folder, vectors_of(corpus.slice(0, split), x[:split]), corpus=corpus.slice(0, split), factory=lists)
    if split < rows:
        add_to_index(folder, vectors_of(corpus.slice(split), x[split:]), corpus=corpus.slice(split))
    gone = sorted(data.draw(st.sets(st.integers(0, rows - 1), max_size=rows // 2), label="gone"))
    if gone:
        delete_from_index(folder, [f"d{row}" for row in gone])
    index = open_index(folder)
    keep = ~np.isin(np.arange(rows), gone)
    languages = data.draw(st.sampled_from([None, *index.manifest.languages]), label="language")
    if languages is not None:
        keep &= np.array(corpus["lang"].to_pylist()) == languages
    k, queries = data.draw(st.integers(1, 12), label="k"), unit(3, seed + 1)
    hits = search_index(index, queries, k=k, languages=None if languages is None else [languages])
    ids, scores = brute(corpus, x, queries, k, keep)
    assert named(index, hits.rows) == ids
    assert np.allclose(hits.scores[:, : scores.shape[1]], scores, atol=1e-5)
    assert (hits.rows[:, scores.shape[1] :] == -1).all() and np.isneginf(hits.scores[:, scores.shape[1] :]).all()


def test_thousands_of_equal_rows_still_come_in_one_order(tmp_path: Path) -> None:
    corpus, x = corpus_of(3000), np.tile(unit(1, 1), (3000, 1))
    build_index(tmp_path / "i", vectors_of(corpus, x), corpus=corpus, memory=1 << 14)
    index = open_index(tmp_path / "i")
    assert named(index, search_index(index, x[:1], k=5).rows) == [sorted(corpus["id"].to_pylist(), reverse=True)[:5]]


def test_a_query_scores_the_same_alone_and_among_others(tmp_path: Path) -> None:
    corpus, x, queries = corpus_of(2000), unit(2000, 1), unit(30, 2)
    for factory in ("Flat", "IVF8,SQ8"):
        build_index(tmp_path / factory, vectors_of(corpus, x), corpus=corpus, factory=factory)
        index = open_index(tmp_path / factory)
        together = search_index(index, queries, k=7)
        for number, query in enumerate(queries):
            alone = search_index(index, query[None], k=7)
            assert np.array_equal(alone.rows[0], together.rows[number])
            assert np.array_equal(alone.scores[0], together.scores[number])


@pytest.mark.parametrize("factory", ["IVF32,Flat", "HNSW8"])
def test_a_rare_language_is_found_whole(tmp_path: Path, factory: str) -> None:
    """31 rows in 3,000: nearly none of them in the lists that a query looks into, or near its walk through a graph."""
    corpus, x, queries = corpus_of(3000), unit(3000, 1), unit(20, 2)
    build_index(tmp_path / "i", vectors_of(corpus, x), corpus=corpus, factory=factory)
    index = open_index(tmp_path / "i")
    keep = np.array(corpus["lang"].to_pylist()) == "zh-Hant"
    hits = search_index(index, queries, k=40, languages=["zh-Hant"], nprobe=1 if "IVF" in factory else None)
    assert named(index, hits.rows) == brute(corpus, x, queries, 40, keep)[0]
    assert (hits.rows[:, 31:] == -1).all()


def test_k_beyond_the_rows_takes_no_room(tmp_path: Path) -> None:
    corpus, x = corpus_of(150), unit(150, 1)
    build_index(tmp_path / "i", vectors_of(corpus, x), corpus=corpus)
    assert search_index(open_index(tmp_path / "i"), x[:2], k=5_000_000).rows.shape == (2, 150)
    assert search_index(open_index(tmp_path / "i"), x[:2], k=5_000_000, languages=["zh"]).rows.shape == (2, 2)
    delete_from_index(tmp_path / "i", corpus["id"].to_pylist())
    assert search_index(open_index(tmp_path / "i"), x[:2], k=5).scores.shape == (2, 0)


def test_what_cannot_be_searched(tmp_path: Path) -> None:
    corpus, x = corpus_of(50), unit(50, 1)
    build_index(tmp_path / "i", vectors_of(corpus, x), corpus=corpus)
    index = open_index(tmp_path / "i")
    with pytest.raises(UsageError, match="k is 0; ask for at least 1"):
        search_index(index, x[:1], k=0)
    with pytest.raises(UsageError, match=r"nprobe is for indexes with lists, .* is 'Flat'"):
        search_index(index, x[:1], nprobe=4)
    with pytest.raises(MismatchError, match="vectors of 16 dimensions, the queries have 8"):
        search_index(index, x[:1, :8])
    with pytest.raises(InputError, match="no rows in language 'xx'; it has de 16, fr 17, sw 16, zh-Hant 1"):
        search_index(index, x[:1], languages=["xx"])
    with pytest.raises(VectorsError, match=r"vector 1 .* NaN"):
        search_index(index, x[:1] * np.float32("nan"))
