"""Mining against an independent brute force in plain loops, for each margin and each way to choose pairs."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import MismatchError, UsageError
from xret.stages.extract import RETRIEVALS
from xret.stages.margin import MARGINS
from xret.stages.mine import Mine

Sentence = tuple[str, tuple[float, ...]]  # text and vector
Side = Sequence[Sentence]
Pair = tuple[float, str, str]  # score and ids
WORK = Path("unused")


def corpus(side: Side, prefix: str) -> pa.Table:
    ids = [f"{prefix}{row}" for row in range(len(side))]
    return pa.table({"id": ids, "text": [text for text, _ in side], "lang": ["und"] * len(side)})


def vectors(side: Side, prefix: str) -> pa.Table:
    values = pa.array([list(vector) for _, vector in side], pa.list_(pa.float32(), len(side[0][1])))
    return pa.table({"id": corpus(side, prefix)["id"], "vector": values})


def mined(src: Side, tgt: Side, **options: Any) -> pa.Table:
    return Mine(**options).run(corpus(src, "s"), corpus(tgt, "t"), vectors(src, "s"), vectors(tgt, "t"), work=WORK)


def triples(table: pa.Table) -> list[Pair]:
    return list(zip(*(table[name].to_pylist() for name in ("score", "src_id", "tgt_id")), strict=True))


def cosine(a: tuple[float, ...], b: tuple[float, ...]) -> float:
    lengths = math.sqrt(math.fsum(v * v for v in a)) * math.sqrt(math.fsum(v * v for v in b))
    return float(np.float32(math.fsum(v * w for v, w in zip(a, b, strict=True)) / lengths))


class BruteForce:
    """Margin mining in loops over distinct sentences; sentences are named by their number among the distinct."""

    def __init__(self, src: Side, tgt: Side, k: int, margin: str, keep_copies: bool) -> None:
        self.sides = [self.collapsed(src, "s"), self.collapsed(tgt, "t")]
        x, y = ([(text, vector) for text, (vector, _) in side.items()] for side in self.sides)
        self.margin = margin
        self.cos = [[cosine(a, b) for _, b in y] for _, a in x]
        self.allowed = [[keep_copies or self.plain(a) != self.plain(b) for b, _ in y] for a, _ in x]
        self.near_x = [
            self.nearest([(self.cos[i][j], j) for j in range(len(y)) if self.allowed[i][j]], k) for i in range(len(x))
        ]
        self.near_y = [
            self.nearest([(self.cos[i][j], i) for i in range(len(x)) if self.allowed[i][j]], k) for j in range(len(y))
        ]
        self.mean_x = [sum(self.cos[i][j] for j in near) / max(len(near), 1) for i, near in enumerate(self.near_x)]
        self.mean_y = [sum(self.cos[i][j] for i in near) / max(len(near), 1) for j, near in enumerate(self.near_y)]

    @staticmethod
    def collapsed(side: Side, prefix: str) -> dict[str, tuple[tuple[float, ...], list[str]]]:
        found: dict[str, tuple[tuple[float, ...], list[str]]] = {}
        for row, (text, vector) in enumerate(side):
            found.setdefault(text, (vector, []))[1].append(f"{prefix}{row}")
        return found

    @staticmethod
    def plain(text: str) -> str:
        return " ".join(text.lower().split())

    @staticmethod
    def nearest(scored: list[tuple[float, int]], k: int) -> list[int]:
        return [j for _, j in sorted((-c, j) for c, j in scored)[:k]]

    def score(self, i: int, j: int) -> float:
        a, b = self.cos[i][j], (self.mean_x[i] + self.mean_y[j]) / 2
        if self.margin == "ratio":
            return a / b if b > 0 else 0.0
        return a - b if self.margin == "distance" else a

    def chosen(self, retrieval: str, best: int = 1) -> list[tuple[float, int, int]]:
        def first(pairs: list[tuple[int, int]]) -> list[tuple[float, int, int]]:
            return sorted((-self.score(i, j), i, j) for i, j in pairs)[:best]

        ahead = {pair for i, near in enumerate(self.near_x) for pair in first([(i, j) for j in near])}
        back = {pair for j, near in enumerate(self.near_y) for pair in first([(i, j) for i in near])}
        every = {(i, j) for i, near in enumerate(self.near_x) for j in near}
        every |= {(i, j) for j, near in enumerate(self.near_y) for i in near}
        if retrieval == "max":
            kept: list[tuple[float, int, int]] = []
            for pair in sorted(ahead | back):
                if all(pair[1] != i and pair[2] != j for _, i, j in kept):
                    kept.append(pair)
            return kept
        sets = {"forward": ahead, "backward": back, "intersect": ahead & back, "union": ahead | back}
        return sorted(sets.get(retrieval, {(-self.score(i, j), i, j) for i, j in every}))

    def pairs(self, retrieval: str, threshold: float | None, best: int = 1) -> list[Pair]:
        x, y = ([ids for _, ids in side.values()] for side in self.sides)
        found = [(s, a, b) for s, i, j in self.chosen(retrieval, best) for a in x[i] for b in y[j]]
        return [(-s, a, b) for s, a, b in sorted(found) if threshold is None or -s >= threshold]


WORDS = ["red", "Red", "red ", "blue", "green", "a b", "A  b", "c", "d", "e", "f", "g"]  # some are copies of others


def sentences(most: int) -> st.SearchStrategy[list[Sentence]]:
    vector = st.tuples(*[st.integers(-2, 3).map(float)] * 3).filter(any)
    return st.lists(st.tuples(st.sampled_from(WORDS), vector), min_size=1, max_size=most)


@pytest.mark.parametrize("margin", MARGINS)
@pytest.mark.parametrize("retrieval", RETRIEVALS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_equals_brute_force_with_ties_repetitions_and_copies(margin: str, retrieval: str, data: st.DataObject) -> None:
    src, tgt = data.draw(sentences(13)), data.draw(sentences(13))
    k, keep_copies = data.draw(st.integers(1, 5)), data.draw(st.booleans())
    threshold = data.draw(st.sampled_from([None, 0.0, 0.5, 1.0, 1.2]))
    best = 1 if retrieval == "all" else data.draw(st.integers(1, k))
    options = {"k": k, "margin": margin, "retrieval": retrieval, "best": best, "keep_copies": keep_copies}
    found = mined(src, tgt, threshold=threshold, **options)
    assert triples(found) == BruteForce(src, tgt, k, margin, keep_copies).pairs(retrieval, threshold, best)


def test_long_vectors_and_extra_columns_against_brute_force() -> None:
    rng = np.random.default_rng(3)
    signal = rng.standard_normal((40, 32))
    src = [
        (f"Satz {i}", tuple(v))
        for i, v in enumerate((signal + rng.standard_normal((40, 32))).astype(np.float32).tolist())
    ]
    tgt = [
        (f"sentence {i}", tuple(v))
        for i, v in enumerate((signal[:30] + rng.standard_normal((30, 32))).astype(np.float32).tolist())
    ]
    for retrieval in RETRIEVALS:
        found = mined(src, tgt, retrieval=retrieval)
        oracle = BruteForce(src, tgt, 4, "ratio", False)
        wanted = oracle.pairs(retrieval, None)
        assert [pair[1:] for pair in triples(found)] == [pair[1:] for pair in wanted]
        np.testing.assert_allclose(found["score"], [pair[0] for pair in wanted], rtol=1e-12)
    for row in found.to_pylist():
        i, j = int(row["src_id"][1:]), int(row["tgt_id"][1:])
        assert (row["src_text"], row["tgt_text"]) == (src[i][0], tgt[j][0])
        assert row["cosine"] == pytest.approx(oracle.cos[i][j], rel=1e-6)
        ranks = (places(oracle.near_x[i]).get(j), places(oracle.near_y[j]).get(i))
        assert (row["src_rank"], row["tgt_rank"]) == ranks and ranks != (None, None)
        assert (row["src_mean"], row["tgt_mean"]) == pytest.approx((oracle.mean_x[i], oracle.mean_y[j]), rel=1e-6)


def places(near: list[int]) -> dict[int, int]:
    return {other: place for place, other in enumerate(near, 1)}


def test_golden_numbers() -> None:
    # Worked out by hand from 3-4-5 triangles: cosines a1 = 0.8, a2 = 0.6, b1 = 0.6, b2 = 0.8, all lists have mean 0.7.
    src = [("a", (1.0, 0.0)), ("b", (0.0, 1.0))]
    tgt = [("1", (4.0, 3.0)), ("2", (3.0, 4.0))]
    for margin, high, low in (("absolute", 0.8, 0.6), ("distance", 0.1, -0.1), ("ratio", 8 / 7, 6 / 7)):
        both = [("s0", "t0"), ("s1", "t1")]
        crossed = [*both, ("s0", "t1"), ("s1", "t0")]
        for retrieval, ids in (("max", both), ("intersect", both), ("union", both), ("all", crossed)):
            found = triples(mined(src, tgt, k=2, margin=margin, retrieval=retrieval))
            assert [pair[1:] for pair in found] == ids
            assert [pair[0] for pair in found] == pytest.approx([high, high, low, low][: len(ids)], abs=1e-7)


def test_a_copy_neither_takes_the_place_of_the_translation_nor_lowers_its_score() -> None:
    src = [("Der Hund", (1.0, 0.2, 0.0)), ("Die Katze", (0.0, 1.0, 0.1))]
    tgt = [("The dog", (1.0, 0.0, 0.1)), ("The cat", (0.1, 1.0, 0.0))]
    copies = [("DER  HUND", (1.0, 0.2, 0.0)), ("der hund", (1.0, 0.2, 0.0))]
    clean, mixed = mined(src, tgt, k=2), mined(src, [*tgt, *copies], k=2)
    assert mixed.filter(pa.compute.equal(mixed["src_id"], "s0")).equals(
        clean.filter(pa.compute.equal(clean["src_id"], "s0"))
    )
    kept = mined(src, [*tgt, *copies], k=2, margin="absolute", retrieval="forward", keep_copies=True)
    assert triples(kept)[0] == (1.0, "s0", "t2")


def test_repeated_lines_come_back_with_all_ids_in_order_of_ids() -> None:
    src = [("a", (1.0, 0.0))] * 11 + [("b", (0.0, 1.0))]
    tgt = [("2", (0.0, 1.0)), ("1", (1.0, 0.0)), ("2", (0.0, 1.0))]
    found = triples(mined(src, tgt, k=1))
    assert [pair[1:] for pair in found] == sorted([*((f"s{i}", "t1") for i in range(11)), ("s11", "t0"), ("s11", "t2")])
    assert {pair[0] for pair in found} == {1.0}


def test_all_sentences_of_one_side_are_copies() -> None:
    assert mined([("a", (1.0, 0.0))], [("A", (1.0, 0.0))]).num_rows == 0
    assert mined([("a", (1.0, 0.0))], [("A", (1.0, 0.0))], keep_copies=True).num_rows == 1


def test_threshold_auto_and_key() -> None:
    assert [Mine(margin=m, threshold="auto").limit() for m in MARGINS] == [1.13, 0.09, 0.63]
    assert Mine(threads=1).key() == Mine(threads=2).key() != Mine(k=5).key()


def test_refuses_vectors_of_something_else() -> None:
    src, tgt = [("a", (1.0, 0.0)), ("b", (0.0, 1.0))], [("c", (1.0, 0.0))]
    with pytest.raises(MismatchError, match="src: 2 sentences but 1 vectors"):
        Mine().run(corpus(src, "s"), corpus(tgt, "t"), vectors(tgt, "t"), vectors(tgt, "t"), work=WORK)
    with pytest.raises(MismatchError, match="other ids"):
        Mine().run(corpus(src, "s"), corpus(tgt, "t"), vectors(src, "q"), vectors(tgt, "t"), work=WORK)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"k": 0}, "k = 0"),
        ({"best": 5}, "best = 5: must be from 1 to k, which is 4"),
        ({"best": 2, "retrieval": "all"}, "leave one of the two out"),
        ({"rescore": "words"}, "wanted 'tokens'"),
    ],
)
def test_refuses_options_that_no_data_could_mend(options: dict[str, Any], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Mine(**options)
