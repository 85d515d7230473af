"""What every store must do, whatever is behind it: one file for all of them."""

from __future__ import annotations

import threading

import numpy as np
import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, LANGS, rows, unit
from xret.errors import InputError, MismatchError, UsageError, VectorsError, XretError
from xret.runs import ordered
from xret.stores import Place, Recipe, Store, create_store, drop_store, load, open_store, verify
from xret.stores.rows import as_column
from xret.stores.store import Floats
from xret.vectors import Vectors


def exact(vectors: Floats, queries: Floats, k: int) -> list[list[str]]:
    """Ids by brute force."""
    return [[f"d{row}" for row in np.argsort(-scores, kind="stable")[:k]] for scores in queries @ vectors.T]


def found(run: pa.Table, queries: int) -> list[list[str]]:
    """The ids of each query of a run, best first."""
    pairs = list(zip(run["qid"].to_pylist(), run["docid"].to_pylist(), strict=True))
    return [[docid for qid, docid in pairs if qid == str(query)] for query in range(1, queries + 1)]


def test_ids_and_scores_are_those_of_an_exact_search(store: Store) -> None:
    vectors, queries = unit(500), unit(20, seed=1)
    assert store.upsert(rows(vectors)) == 500
    run = store.search(queries, k=10, text=True)
    assert found(run, 20) == exact(vectors, queries, 10)
    scores = np.sort(queries @ vectors.T, axis=1)[:, ::-1][:, :10]
    assert np.abs(run["score"].to_numpy().reshape(20, 10) - scores).max() < 1e-5
    assert run.column_names == ["qid", "docid", "score", "rank", "dlang", "text"]
    assert ordered(run).equals(run)
    assert all(row["text"] == f"text {row['docid']}" for row in run.to_pylist())
    assert all(row["dlang"] == LANGS[int(row["docid"][1:]) % 3] for row in run.to_pylist())


def test_vectors_of_any_length_are_compared_by_their_cosine(store: Store) -> None:
    vectors, queries = unit(50), unit(5, seed=1)
    store.upsert(rows(vectors * np.linspace(0.1, 9, 50, dtype=np.float32)[:, None]))
    run = store.search(queries * 7, k=10)
    assert found(run, 5) == exact(vectors, queries, 10)
    assert run["score"].to_numpy().max() < 1 + 1e-5


@pytest.mark.parametrize("index", ["IVF16,Flat", "HNSW16"])
def test_recall_of_approximate_indexes(base: Place, index: str) -> None:
    vectors, queries = unit(2000), unit(50, seed=1)
    table = rows(vectors)
    load(base, Vectors.open(table.select(["id", "vector"])), corpus=table.drop_columns(["vector"]), index=index)
    store = open_store(base)
    assert store.recipe.index == index
    given = found(store.search(queries, k=10), 50)
    hits = sum(len(set(a) & set(b)) for a, b in zip(given, exact(vectors, queries, 10), strict=True))
    assert hits / 500 >= 0.7
    if "IVF" in index:  # all lists looked into: an exact search, so the lists asked for were made
        assert found(store.search(queries, k=10, nprobe=16), 50) == exact(vectors, queries, 10)
    store.close()


def test_languages_are_filtered_inside_the_search(store: Store) -> None:
    vectors, queries = unit(300), unit(4, seed=1)
    store.upsert(rows(vectors))
    for wanted, tags in ((["zh"], {"zh-Hant"}), (["ZH-hant", "en"], {"zh-Hant", "en"}), (["de"], {"de"})):
        run = store.search(queries, k=20, languages=wanted)
        assert run.num_rows == 80
        assert set(run["dlang"].to_pylist()) <= tags
    with pytest.raises(InputError, match="no rows in language 'fr'; it has de"):
        store.search(queries, k=5, languages=["fr"])
    assert store.languages() == {"de": 100, "en": 100, "zh-Hant": 100}


def test_a_language_that_came_later_is_found(store: Store) -> None:
    store.upsert(rows(unit(3)))
    other = open_store(store.place)
    store.upsert(rows(unit(1, seed=5), prefix="x").set_column(1, "lang", pa.array(["zh-Hans"])))
    assert set(other.search(unit(1), k=9, languages=["zh"])["docid"].to_pylist()) == {"d2", "x0"}
    other.close()


def test_only_given_ids(store: Store) -> None:
    vectors = unit(300)
    store.upsert(rows(vectors))
    wanted = [f"d{row}" for row in range(0, 300, 7)]
    run = store.search(vectors[:3], k=100, docids=[*wanted, "absent"])
    assert all(sorted(each) == sorted(wanted) for each in found(run, 3))
    assert store.search(vectors[:1], k=5, docids=[]).num_rows == 0
    assert store.search(vectors[:1], k=5, docids=["d1", "d2"], languages=["en"])["docid"].to_pylist() == ["d1"]


def test_upsert_replaces(store: Store) -> None:
    store.upsert(rows(unit(50)))
    new = rows(unit(10, seed=9)).set_column(1, "lang", pa.array(["fr"] * 10))
    store.upsert(new)
    store.upsert(new)  # and again: the same
    assert store.count() == 50
    run = store.search(unit(10, seed=9), k=1)
    assert run["docid"].to_pylist() == [f"d{row}" for row in range(10)]
    assert set(run["dlang"].to_pylist()) == {"fr"}
    assert store.languages() == {"de": 13, "en": 14, "fr": 10, "zh-Hant": 13}


def test_delete_deletes(store: Store) -> None:
    vectors = unit(50)
    store.upsert(rows(vectors))
    assert store.delete(["d3", "d7", "never was"]) == 2
    assert store.delete(["d3"]) == 0
    assert store.count() == 48
    assert not {"d3", "d7"} & set(store.search(vectors, k=48)["docid"].to_pylist())
    store.upsert(rows(vectors[3:4], start=3))
    assert store.search(vectors[3:4], k=1)["docid"].to_pylist() == ["d3"]


def test_nothing_there_gives_nothing(store: Store) -> None:
    empty = store.search(unit(2), k=5, text=True)
    assert empty.num_rows == 0
    assert empty.column_names == ["qid", "docid", "score", "rank", "dlang", "text"]
    assert (store.count(), store.languages(), store.sample(5).num_rows) == (0, {}, 0)
    assert store.upsert(rows(unit(0))) == 0
    store.upsert(rows(unit(3)))
    assert store.search(np.empty((0, DIM), np.float32), k=5).num_rows == 0
    assert store.search(unit(1), k=5).num_rows == 3
    store.delete(["d0", "d1", "d2"])
    assert store.search(unit(1), k=5).num_rows == 0


def test_ids_and_texts_of_every_script(store: Store) -> None:
    names = [
        "ü ß",
        "Привет",
        "東京/1",
        'a"b',
        "it's",
        "back\\slash",
        "مرحبا",
        "🙂",
        "{x}",
        "a,b",
        "%_",
        "[",
        "''",
        "\\\\'",
    ]
    texts = ['Zeile\nzwei\t"x"', *[f"текст {name}" for name in names[1:]]]
    vectors = unit(len(names))
    table = pa.table({"id": names, "lang": ["und"] * len(names), "vector": as_column(vectors), "text": texts})
    store.upsert(table)
    run = store.search(vectors, k=1, qids=names, text=True)
    assert run["docid"].to_pylist() == run["qid"].to_pylist() == names
    assert run["text"].to_pylist() == texts
    for name in names:
        assert store.search(vectors[:1], k=5, docids=[name])["docid"].to_pylist() == [name]
    kept = store.documents([*names, "absent"]).sort_by("id")
    assert kept["id"].to_pylist() == sorted(names, key=str.encode)
    assert store.delete(names) == len(names)
    assert store.count() == 0


def test_texts_of_any_length(store: Store) -> None:
    """Beyond what one field of a server holds, and cut nowhere within a character."""
    texts = ["", "ß" * 40_000, "a" + "🙂" * 60_000, "x" * 65_535, "nul \x00 and \u2028 and \ufeff", "é" * 3]
    store.upsert(rows(unit(6)).set_column(3, "text", pa.array(texts)))
    run = store.search(unit(6), k=1, text=True)
    assert run["text"].to_pylist() == texts
    kept = store.documents([f"d{row}" for row in range(6)]).to_pylist()
    assert {row["id"]: row["text"] for row in kept} == {f"d{row}": text for row, text in enumerate(texts)}


def test_equal_scores_come_in_the_order_of_runs(store: Store) -> None:
    vectors = np.repeat(unit(2), 20, axis=0)
    store.upsert(rows(vectors))
    run = store.search(unit(2)[:1], k=5)
    assert found(run, 1) == [sorted((f"d{row}" for row in range(20)), reverse=True)[:5]]


def bad_value(value: float) -> pa.Table:
    vectors = unit(3)
    vectors[1, 4] = value
    return rows(vectors)


MISFITS: list[tuple[pa.Table, type[XretError], str]] = [
    (rows(unit(3, dim=DIM + 1)), MismatchError, "of 16 dimensions, the rows given have 17"),
    (bad_value(np.nan), VectorsError, "holds NaN or infinity"),
    (bad_value(np.inf), VectorsError, "holds NaN or infinity"),
    (rows(np.zeros((2, DIM), np.float32)), VectorsError, "vector of id 'd0' is zero"),
    (rows(unit(2)).set_column(0, "id", pa.array(["a", "a"])), InputError, "id 'a' stands twice"),
    (rows(unit(2)).set_column(0, "id", pa.array(["a", ""])), InputError, "row 2 of those given has an empty id"),
    (rows(unit(2)).set_column(0, "id", pa.array(["a", None])), InputError, "row 2 of those given has no id"),
    (rows(unit(2)).set_column(0, "id", pa.array(["a", "b\n"])), InputError, "holds a control character"),
    (rows(unit(2)).drop_columns(["text"]), InputError, "have no 'text'"),
]


def test_rows_that_do_not_fit_are_refused_in_one_line(store: Store) -> None:
    store.upsert(rows(unit(5), prefix="old"))
    for table, error, said in MISFITS:
        with pytest.raises(error, match=said) as caught:
            store.upsert(table)
        assert "\n" not in str(caught.value)
        assert store.count() == 5


def test_searches_that_do_not_fit_are_refused_in_one_line(store: Store) -> None:
    store.upsert(rows(unit(5)))
    with pytest.raises(MismatchError, match="of 16 dimensions, the queries have 8"):
        store.search(unit(1, dim=8), k=3)
    with pytest.raises(VectorsError, match="query vector 2 holds NaN"):
        store.search(np.array([[1.0] * DIM, [np.nan] * DIM], np.float32), k=3)
    with pytest.raises(UsageError, match="k is 0"):
        store.search(unit(1), k=0)
    with pytest.raises(UsageError, match="2 query vectors and 1 different names"):
        store.search(unit(2), k=1, qids=["a", "a"])
    with pytest.raises(UsageError, match="nprobe is for indexes with lists"):
        store.search(unit(1), k=1, nprobe=4)
    with pytest.raises(UsageError, match="keeps no words"):
        store.hybrid(unit(1), ["a word"], k=1)


def test_stores_that_are_there_and_not_there(base: Place, store: Store) -> None:
    with pytest.raises(InputError, match="exists already"):
        create_store(base, Recipe(dim=DIM))
    with pytest.raises(InputError, match="no such"):
        open_store(base.beside("nowhere"))
    drop_store(base)
    with pytest.raises(InputError, match="no such"):
        open_store(base)


def test_the_recipe_is_kept(base: Place, store: Store) -> None:
    again = open_store(base)
    assert again.recipe == store.recipe
    assert (again.recipe.encoder, again.recipe.encoder_hash, again.recipe.text) == ("tiny", "a" * 64, True)
    store.upsert(rows(unit(7)))
    info = again.info()
    assert (info["rows"], info["dim"], info["index"], info["encoder"]) == (7, DIM, "Flat", "tiny")
    with pytest.raises(MismatchError, match=r"of encoder 'tiny' \(aaaaaaaaaaaa\), those given come from 'other'"):
        again.recipe.refuse_other_encoder(base, "other", "b" * 64)
    again.close()


def test_threads_write_and_search_at_once(store: Store) -> None:
    """Every acknowledged row is found by the next search, whoever else writes."""
    vectors = unit(160)
    failed: list[BaseException] = []

    def write(part: int) -> None:
        try:
            for start in range(part * 40, part * 40 + 40, 10):
                lang = pa.array([f"l{part}"] * 10)  # a language of its own, so that all note new ones at once
                store.upsert(rows(vectors[start : start + 10], start=start).set_column(1, "lang", lang))
                found_now = store.search(vectors[start : start + 10], k=1, languages=[f"l{part}"])
                assert found_now["docid"].to_pylist() == [f"d{row}" for row in range(start, start + 10)]
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed, failed
    assert store.languages() == {f"l{part}": 40 for part in range(4)}


def test_verify_finds_what_is_not_there(store: Store) -> None:
    store.upsert(rows(unit(100)))
    assert verify(store, rows=100).found == 1.0
    absent = pa.table({"id": [f"z{row}" for row in range(20)], "vector": as_column(unit(20, seed=7))})
    with pytest.raises(InputError, match="only 0% of 20 rows find themselves"):
        verify(store, sample=absent)
