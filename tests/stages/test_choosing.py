"""Mining one corpus with itself, means from elsewhere, hubs, and candidates scored again by their tokens."""

from __future__ import annotations

import errno
import logging
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.errors import InputError, MismatchError
from xret.stages import tokenscores
from xret.stages.extract import RETRIEVALS
from xret.stages.means import SampleMeans, means_from_pairs
from xret.stages.mine import Mine
from xret.stages.rescoring import TOKEN_WEIGHTS
from xret.stages.tokenscores import mutual_maxsim, token_scores

Floats = npt.NDArray[np.float32]


def corpus(texts: Sequence[str], prefix: str = "s") -> pa.Table:
    ids = [f"{prefix}{row}" for row in range(len(texts))]
    return pa.table({"id": ids, "text": list(texts), "lang": ["und"] * len(texts)})


def stored(table: pa.Table, values: Any) -> pa.Table:
    rows = np.asarray(values, np.float32)
    return pa.table({"id": table["id"], "vector": pa.array(rows.tolist(), pa.list_(pa.float32(), rows.shape[1]))})


def triples(table: pa.Table) -> list[tuple[float, str, str]]:
    return list(zip(*(table[name].to_pylist() for name in ("score", "src_id", "tgt_id")), strict=True))


@pytest.mark.parametrize("retrieval", RETRIEVALS)
@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_one_corpus_with_itself(retrieval: Any, data: st.DataObject) -> None:
    """Neighbours are the other sentences; a pair has no direction; in ``max`` a sentence is in one pair."""
    vector = st.lists(st.integers(-2, 3).map(float), min_size=3, max_size=3).filter(any)
    rows = data.draw(st.lists(vector, min_size=2, max_size=9))
    k = data.draw(st.integers(1, 3))
    table = corpus([f"sentence {row}" for row in range(len(rows))])
    found = Mine(k=k, margin="distance", retrieval=retrieval).run(
        table, table, stored(table, rows), stored(table, rows), work=Path("unused")
    )
    x = np.asarray(rows, np.float64)
    lengths = np.sqrt((x * x).sum(1))
    cos = (x @ x.T / (lengths[:, None] * lengths)).astype(np.float32)
    near = [sorted((j for j in range(len(x)) if j != i), key=lambda j: (-cos[i, j], j))[:k] for i in range(len(x))]
    mean = [np.mean([cos[i, j] for j in each], dtype=np.float64) for i, each in enumerate(near)]
    score = {(i, j): float(cos[i, j] - (mean[i] + mean[j]) / 2) for i in range(len(x)) for j in range(len(x))}
    assert all(i < j for i, j in numbers(found)) and len(set(numbers(found))) == found.num_rows
    for value, pair in zip(found["score"].to_pylist(), numbers(found), strict=True):
        assert value == pytest.approx(score[pair], abs=1e-6)
        assert pair[1] in near[pair[0]] or pair[0] in near[pair[1]]
    if retrieval == "all":
        assert set(numbers(found)) == {(min(i, j), max(i, j)) for i, each in enumerate(near) for j in each}
    used = [row for pair in numbers(found) for row in pair]
    if retrieval == "max":
        assert len(used) == len(set(used))
    if retrieval in ("forward", "backward", "union"):
        assert set(used) == set(range(len(x)))  # every sentence has a best one


def numbers(table: pa.Table) -> list[tuple[int, int]]:
    return [(int(row["src_id"][1:]), int(row["tgt_id"][1:])) for row in table.to_pylist()]


def test_copies_within_one_corpus_are_kept_only_when_asked_for() -> None:
    table = corpus(["Red cat", "red  cat", "red cats", "blue dog"])
    vectors = stored(table, [[1, 0, 0.1], [1, 0, 0.1], [1, 0.2, 0.1], [0, 1, 0]])
    mined = [
        Mine(retrieval="all", k=3, keep_copies=kept).run(table, table, vectors, vectors, work=Path("unused"))
        for kept in (False, True)
    ]
    assert [(0, 1) in numbers(each) for each in mined] == [False, True]
    assert not any(i == j for each in mined for i, j in numbers(each))


def random_sides(seed: int = 0) -> tuple[list[pa.Table], list[pa.Table]]:
    rng = np.random.default_rng(seed)
    signal = rng.normal(size=(40, 16))
    values = [signal + 0.5 * rng.normal(size=signal.shape) for _ in range(2)]
    tables = [corpus([f"Satz {i}" for i in range(40)]), corpus([f"sentence {i}" for i in range(40)], "t")]
    return tables, [stored(table, each) for table, each in zip(tables, values, strict=True)]


def test_means_of_a_sample_and_of_an_earlier_run() -> None:
    (src, tgt), (x, y) = random_sides()
    whole = Mine(retrieval="forward").run(src, tgt, x, y, work=Path("unused"))
    means = SampleMeans().run(src, tgt, x, y, work=Path("unused"))
    earlier = Mine(retrieval="backward").run(src, tgt, x, y, work=Path("unused"))
    few = (src.slice(5, 10), tgt, x.slice(5, 10), y)
    wanted = [pair for pair in triples(whole) if 5 <= int(pair[1][1:]) < 15]
    alone = Mine(retrieval="forward").run(*few, None, work=Path("unused"))
    assert triples(alone) != wanted
    for given_means, error in ((means, 0.0), (means_from_pairs(earlier, "earlier"), 1e-6)):
        found = triples(Mine(retrieval="forward").run(*few, given_means, work=Path("unused")))
        assert [pair[1:] for pair in found] == [pair[1:] for pair in wanted]
        np.testing.assert_allclose([pair[0] for pair in found], [pair[0] for pair in wanted], rtol=error)


def test_means_that_are_missing(caplog: pytest.LogCaptureFixture) -> None:
    (src, tgt), (x, y) = random_sides()
    own = Mine(retrieval="backward").run(src, tgt, x, y, work=Path("unused"))
    means = means_from_pairs(own.slice(0, 30), "earlier")
    assert triples(Mine().run(src, tgt, x, y, means, work=Path("unused")))
    assert "10 of 40 target sentences have no mean there" in caplog.text
    others = means.set_column(0, "text", pa.array(["?"] * 30))
    with pytest.raises(InputError, match="none of the target sentences"):
        Mine().run(src, tgt, x, y, others, work=Path("unused"))
    with pytest.raises(InputError, match="has no neighbour means"):
        means_from_pairs(own.drop_columns(["tgt_mean"]), "earlier.jsonl")
    for strange in (["much"], ["0.5"], [[0.5]]):
        values = pa.array(strange * own.num_rows)
        with pytest.raises(InputError, match=r"earlier.jsonl: 'tgt_mean' is .*, wanted numbers"):
            means_from_pairs(own.drop_columns(["tgt_mean"]).append_column("tgt_mean", values), "earlier.jsonl")
    with pytest.raises(MismatchError, match="sample: 40 sentences but 3 vectors"):
        SampleMeans().run(src, tgt, x.slice(0, 3), y, work=Path("unused"))


def test_hubs_are_named(caplog: pytest.LogCaptureFixture) -> None:
    rng = np.random.default_rng(1)
    src, tgt = corpus([f"Satz {i}" for i in range(150)]), corpus(["Everywhere", *(f"s {i}" for i in range(9))], "t")
    x = np.concatenate([np.ones((150, 1)), 0.3 * rng.normal(size=(150, 20))], axis=1)
    y = np.concatenate([np.r_[1.0, np.zeros(9)][:, None], rng.normal(size=(10, 20)) * np.r_[0, np.ones(9)][:, None]], 1)
    with caplog.at_level(logging.WARNING, "xret"):
        Mine(k=1).run(src, tgt, stored(src, x), stored(tgt, y), work=Path("unused"))
    assert "tgt: 'Everywhere' is a neighbour of 147 of 150 sentences and is a hub" in caplog.text


def naive(a: Floats, b: Floats) -> float:
    if not len(a) or not len(b):
        return 0.0
    ways = []
    for own, other in ((a, b), (b, a)):
        weights = [float(np.linalg.norm(row)) for row in own]
        best = [
            max(float(row @ each) / (w * float(np.linalg.norm(each))) for each in other)
            for row, w in zip(own, weights, strict=True)
        ]
        ways.append(sum(w * c for w, c in zip(weights, best, strict=True)) / sum(weights))
    return min(ways)


class Toy:
    """An encoder whose tokens are the words, each a fixed random vector, as long as its word."""

    token_dim = 8
    recipe = SimpleNamespace(token_weights=True, languages=None)

    def encode_tokens(self, texts: Sequence[str], *, role: Any = None, lang: Any = None) -> list[Floats]:
        assert role == "query"
        return [np.array([self.word(word) for word in text.split()], np.float32).reshape(-1, 8) for text in texts]

    @staticmethod
    def word(word: str) -> Any:
        vector = np.random.default_rng(list(word.encode())).normal(size=8)
        return len(word) * vector / np.linalg.norm(vector)


def test_token_scores_are_those_of_plain_loops(tmp_path: Path) -> None:
    rng = np.random.default_rng(2)
    a = rng.normal(size=(5, 8)).astype(np.float32)
    others = [rng.normal(size=(n, 8)).astype(np.float32) for n in (3, 0, 7, 1)]
    starts = np.cumsum([0, 3, 0, 7, 1])
    wanted = [naive(a, each) for each in others]
    assert mutual_maxsim(a, np.concatenate(others), starts) == pytest.approx(wanted, abs=1e-6)
    assert mutual_maxsim(a[:0], np.concatenate(others), starts).tolist() == [0, 0, 0, 0]
    src, tgt = corpus(["a bb", "", "dog cat mouse"]), corpus(["bb a", "cat", "zzz", ""], "t")
    pairs = np.array([0, 2, 0, 1, 2, 0]), np.array([0, 1, 2, 0, 3, 0])
    toy: Any = Toy()
    found = token_scores(toy, src, tgt, pairs, work=tmp_path)
    texts = src["text"].to_pylist(), tgt["text"].to_pylist()
    expected = [
        naive(*toy.encode_tokens([texts[0][i], texts[1][j]], role="query")) for i, j in zip(*pairs, strict=True)
    ]
    assert found == pytest.approx(expected, abs=2e-3)  # kept as float16
    assert found[0] == pytest.approx(1, abs=1e-3) and not list(tmp_path.iterdir())


def test_a_hub_meets_its_candidates_in_pieces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    src, tgt = corpus(["dog cat", "mouse"]), corpus([f"cat w{n} " * (1 + n % 5) for n in range(50)], "t")
    pairs = np.repeat([0, 1], [50, 1]), np.append(np.arange(50)[::-1], 4)
    toy: Any = Toy()
    wanted = token_scores(toy, src, tgt, pairs, work=tmp_path)
    met: list[int] = []

    def noted(a: Floats, tgts: Floats, starts: Any) -> Any:
        met.append(len(tgts))
        return mutual_maxsim(a, tgts, starts)

    monkeypatch.setattr(tokenscores, "PIECE", 30)
    monkeypatch.setattr(tokenscores, "mutual_maxsim", noted)
    assert token_scores(toy, src, tgt, pairs, work=tmp_path) == pytest.approx(wanted, abs=1e-6)
    assert max(met) <= 30 and len(met) > 10
    monkeypatch.setattr(tokenscores, "PIECE", 3)  # fewer than a sentence has
    assert token_scores(toy, src, tgt, pairs, work=tmp_path) == pytest.approx(wanted, abs=1e-6)


def test_a_disk_too_small_for_tokens_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tgt, toy = corpus(["dog cat"] * 9, "t"), cast(Any, Toy())
    scored = partial(token_scores, toy, corpus(["dog"]), tgt, (np.zeros(9, np.int64), np.arange(9)), work=tmp_path)

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(tokenscores, "_write", full)
        with pytest.raises(InputError, match=r"tokens\.f16: cannot keep .*\(No space left on device\); give --work"):
            scored()
    monkeypatch.setattr(tokenscores, "TEXTS", 3)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(InputError, match=r"of 9 sentences take about 288 B, but 196 B are free; give --work"):
        scored()
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("retrieval", ["max", "all"])
@pytest.mark.parametrize("itself", [False, True])
def test_mining_with_tokens_adds_them_to_the_margin(
    retrieval: Any, itself: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xret.encoders.load_encoder", lambda *_, **__: Toy())
    (src, tgt), (x, y) = random_sides(3)
    if itself:
        tgt, y = src, x
    plain = {pair[1:]: pair[0] for pair in triples(Mine(retrieval="all").run(src, tgt, x, y, work=tmp_path))}
    found = Mine(retrieval=retrieval, rescore="tokens").run(src, tgt, x, y, work=tmp_path)
    assert found.num_rows and found["score"].to_pylist() == sorted(found["score"].to_pylist(), reverse=True)
    for row in found.to_pylist():
        margin = plain[row["src_id"], row["tgt_id"]]
        assert row["margin"] == pytest.approx(margin, rel=1e-12)
        assert row["score"] == pytest.approx(margin + TOKEN_WEIGHTS["ratio"] * row["tokens"], rel=1e-9)
    if retrieval == "all":
        assert {pair[1:] for pair in triples(found)} == set(plain)
