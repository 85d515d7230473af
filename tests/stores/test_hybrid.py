"""Hybrid searches: every kind of store against brute force, through upserts, replacements, deletions and kills."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from tests.stores.conftest import DIM, rows, unit, vectors_folder
from xret.errors import InputError, UsageError
from xret.runs import ordered
from xret.stores import Place, Recipe, create_store, load, open_store
from xret.stores.rows import WEIGHTS
from xret.stores.store import Floats

SAID = ["rain", "wind", "sun", "snow", "fog", "ice", "storm", "cloud"]
Weights = dict[int, float]


def weights(count: int, *, seed: int = 0) -> list[Weights]:
    """Six tokens of forty each."""
    rng = np.random.default_rng(seed)
    return [
        {
            int(token): float(weight)
            for token, weight in zip(rng.choice(40, 6, replace=False), rng.random(6), strict=True)
        }
        for _ in range(count)
    ]


def texts(count: int, *, seed: int = 0) -> list[str]:
    """Three words of eight each."""
    drawn = np.random.default_rng(seed).integers(len(SAID), size=(count, 3))
    return [" ".join(SAID[word] for word in each) for each in drawn]


def with_weights(table: pa.Table, given: Sequence[Weights | None]) -> pa.Table:
    """Rows with their token weights."""
    maps = [None if each is None else list(each.items()) for each in given]
    return table.append_column("sparse", pa.array(maps, WEIGHTS))


def with_texts(table: pa.Table, given: Sequence[str]) -> pa.Table:
    """Rows with other texts, all in English."""
    return table.set_column(3, "text", pa.array(given)).set_column(1, "lang", pa.array(["en"] * len(given)))


def run_of(scores: dict[str, dict[str, float]], k: int) -> pa.Table:
    """The best k hits of every query."""
    found = [{"qid": q, "docid": d, "score": s} for q, hits in scores.items() for d, s in hits.items()]
    schema = pa.schema([("qid", pa.string()), ("docid", pa.string()), ("score", pa.float64())])
    run = ordered(pa.Table.from_pylist(found, schema))
    return run.filter(pa.compute.less_equal(run["rank"], k))


def merged(dense: pa.Table, other: pa.Table, weigh: Any = None) -> pa.Table:
    """Two runs by the formula: of ranks, or, with two functions, of scores."""
    scores: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for side, run in enumerate((dense, other)):
        for row in run.to_pylist():
            scores[row["qid"]][row["docid"]] += weigh[side](row["score"]) if weigh else 1 / (60 + row["rank"])
    return run_of(scores, 10**6)


def by_weights(there: dict[str, Weights], queries: Sequence[Weights], k: int) -> pa.Table:
    """The best k by inner products of token weights, of all that share a token."""
    return run_of(
        {
            str(number): {
                id: sum(weight * query[token] for token, weight in own.items() if token in query)
                for id, own in there.items()
                if own.keys() & query.keys()
            }
            for number, query in enumerate(queries, start=1)
        },
        k,
    )


def near(there: dict[str, np.ndarray], queries: Floats, k: int) -> pa.Table:
    """The best k by vectors."""
    return run_of(
        {str(at): {id: float(own @ query) for id, own in there.items()} for at, query in enumerate(queries, 1)}, k
    )


def same(run: pa.Table, wanted: pa.Table, k: int) -> None:
    """The best k of what is wanted, but for the order of scores that are equal in float32, in which servers add up."""
    best = wanted.filter(pa.compute.less_equal(wanted["rank"], k))
    assert [run[name].to_pylist() for name in ("qid", "rank")] == [best[name].to_pylist() for name in ("qid", "rank")]
    assert np.allclose(run["score"].to_numpy(), best["score"].to_numpy(), atol=1e-6)
    scores = {(row["qid"], row["docid"]): row["score"] for row in wanted.to_pylist()}
    found = [scores[row["qid"], row["docid"]] for row in run.to_pylist()]
    assert np.allclose(run["score"].to_numpy(), found, atol=1e-6)


def test_token_weights_through_many_changes(base: Place) -> None:
    """Whatever came, was replaced and went: hybrid searches are those of the formula over exact rankings."""
    store = create_store(base, Recipe(dim=DIM, text=True, sparse=True))
    vectors_there: dict[str, np.ndarray] = {}
    weights_there: dict[str, Weights] = {}
    rng, asked, queries = np.random.default_rng(3), [*weights(2, seed=9), {}], unit(3, seed=9)
    assert store.hybrid(queries, asked, k=3).num_rows == 0
    assert store.hybrid(queries[:0], [], k=3, text=True).num_rows == 0
    for change in range(4):
        names = [f"d{row}" for row in rng.choice(60, 25, replace=False)]
        own, tokens = unit(25, seed=change), weights(25, seed=change)
        table = rows(own).set_column(0, "id", pa.array(names))
        store.upsert(with_weights(table, [*tokens[:-1], None]))  # one has none
        vectors_there |= dict(zip(names, own, strict=True))
        weights_there |= dict(zip(names, [*tokens[:-1], {}], strict=True))
        gone = [f"d{row}" for row in rng.choice(60, 5, replace=False)]
        assert store.delete(gone) == len(vectors_there.keys() & set(gone))
        for id in gone:
            vectors_there.pop(id, None)
            weights_there.pop(id, None)
        opened = store if change % 2 else open_store(base)
        sides = near(vectors_there, queries, 10), by_weights(weights_there, asked, 10)
        same(opened.hybrid(queries, asked, k=5, depth=10), merged(*sides), 5)
        arc = tuple(lambda score, w=w: w * (0.5 + math.atan(score) / math.pi) for w in (0.3, 0.7))
        weighted = opened.hybrid(queries, asked, k=5, depth=10, fusion="weighted", weights=(0.3, 0.7))
        same(weighted, merged(*sides, arc), 5)
        only = sorted(vectors_there)[::3]
        some = {id: vectors_there[id] for id in only}, {id: weights_there[id] for id in only}
        limited = near(some[0], queries, 10), by_weights(some[1], asked, 10)
        same(opened.hybrid(queries, asked, k=5, depth=10, docids=only), merged(*limited), 5)
    run = store.hybrid(queries, asked, k=5, languages=["en"], text=True, qids=["b", "a", "c"])
    assert run.column_names == ["qid", "docid", "score", "rank", "dlang", "text"]
    assert run["qid"].unique().to_pylist() == ["b", "a", "c"]
    assert set(run["dlang"].to_pylist()) == {"en"}
    assert run["text"].null_count == 0
    store.close()


def test_words_are_a_side_of_their_own(base: Place) -> None:
    """By words alone, and merged: by rank, of the store's own two sides."""
    store = create_store(base, Recipe(dim=DIM, text=True, words=True))
    asked, queries = ["rain wind", "zephyr", "nothing of it"], unit(3, seed=9)
    store.upsert(with_texts(rows(unit(60)), texts(60)))
    store.upsert(with_texts(rows(unit(30, seed=2), start=40), [*texts(29, seed=2), "a word that stands once: zephyr"]))
    store.delete(["d0", "d1"])
    opened = open_store(base)
    assert opened.recipe.words
    alone = opened.hybrid(queries, asked, k=100, fusion="weighted", weights=(0.0, 1.0))
    lexical = alone.filter(pa.compute.greater(alone["score"], 0))
    assert lexical.filter(pa.compute.equal(lexical["qid"], "2"))["docid"].to_pylist() == ["d69"]
    assert "3" not in lexical["qid"].to_pylist()
    rain = lexical.filter(pa.compute.equal(lexical["qid"], "1"))["docid"].to_pylist()
    now = {f"d{row}": text for row, text in enumerate(texts(60)) if row > 1}
    now |= {f"d{40 + row}": text for row, text in enumerate(texts(29, seed=2))}
    assert set(rain) == {id for id, text in now.items() if {"rain", "wind"} & set(text.split())}
    assert {"rain", "wind"} <= set(now[rain[0]].split())  # who says both comes before who says one
    dense = opened.search(queries, k=100)
    # By scores, not by ranks: who says the same gets the same of BM25, and its place by chance.
    halves = (lambda score: 0.25 + math.atan(score) / math.tau), (lambda score: score / 2)
    both = opened.hybrid(queries, asked, k=7, fusion="weighted", weights=(0.5, 0.5))
    same(both, merged(dense, ordered(lexical), halves), 7)
    assert opened.hybrid(queries[:1], [""], k=7)["docid"].to_pylist() == dense["docid"].to_pylist()[:7]
    with pytest.raises(UsageError, match="keeps no sparse vectors"):
        opened.hybrid(queries[:1], [{1: 1.0}], k=2)
    with pytest.raises(UsageError, match="fusion 'max' is not known"):
        opened.hybrid(queries[:1], ["rain"], k=2, fusion="max")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="1 query vectors and 2 texts"):
        opened.hybrid(queries[:1], ["rain", "wind"], k=2)
    with pytest.raises(UsageError, match="are not two numbers from 0 to 1"):
        opened.hybrid(queries[:1], ["rain"], k=2, fusion="weighted", weights=(2.0, 1.0))
    opened.close()
    store.close()


def test_token_weights_that_do_not_fit(base: Place) -> None:
    store = create_store(base, Recipe(dim=DIM, text=True, sparse=True))
    for given, said in (
        ([[(1, 1.0)], [(2, float("nan"))]], "the token weights of id 'd1' are not finite"),
        ([[(-1, 1.0)], []], "the token weights of id 'd0' are not finite"),
        ([[(2**32, 1.0)], []], "the token weights of id 'd0' are not finite"),
        ([[(1, 1.0), (1, 2.0)], []], "a token stands twice in the weights of id 'd0'"),
    ):
        with pytest.raises(InputError, match=said):
            store.upsert(rows(unit(2)).append_column("sparse", pa.array(given, WEIGHTS)))
    with pytest.raises(InputError, match="wanted map<int64, float>"):
        store.upsert(rows(unit(2)).append_column("sparse", pa.array(["a", "b"])))
    assert store.count() == 0
    store.close()


def test_loads_bring_words_and_token_weights(base: Place, tmp_path: Path) -> None:
    """A first load and one that replaces."""
    for seed, letter in enumerate("ab"):
        vectors = vectors_folder(tmp_path / letter, 100, hash="a" * 64)
        said = [f"{text} number {row}" for row, text in enumerate(texts(100, seed=seed))]
        corpus = with_texts(rows(unit(100)), said).drop_columns(["vector"])
        weigh = dict(zip(corpus["text"].to_pylist(), weights(100, seed=seed), strict=True))

        def weights_of(said: Sequence[str], _: Sequence[str], of: dict[str, Weights] = weigh) -> list[Weights]:
            return [of[text] for text in said]

        done = load(base, vectors, corpus=corpus, words=True, sparse=weights_of)
        assert done.verified.rows == 100
    opened = open_store(base)
    assert (opened.recipe.words, opened.recipe.sparse) == (True, True)
    tokens = {f"d{row}": weigh[text] for row, text in enumerate(corpus["text"].to_pylist())}
    there = {f"d{row}": own for row, own in enumerate(unit(100))}
    asked, queries = weights(2, seed=9), unit(2, seed=9)
    same(opened.hybrid(queries, asked, k=5), merged(near(there, queries, 100), by_weights(tokens, asked, 100)), 5)
    assert opened.hybrid(queries[:1], ["storm"], k=5).num_rows == 5
    with pytest.raises(UsageError, match="keeps token weights; give --sparse"):
        load(base, vectors, corpus=corpus, words=True)
    opened.close()
