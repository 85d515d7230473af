"""The numbers of LASER's own scripts (commit 74bc6ae, faiss-cpu 1.15.1, NumPy 2.4.6) on generated vectors and pairs.

Each was run once on exactly what the functions below generate: `source/xsim.py`, `source/pxsim.py` (which needs stopes
only to compare speech), `source/lib/indexing.py` as the Tatoeba task calls it, and `tasks/bucc/bucc.py`.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pytest

from xret.errors import EvalError, MismatchError, UsageError
from xret.eval.bitext import best_threshold, bitext_scores
from xret.eval.bucc import bucc, without_repeated
from xret.eval.nway import xsim_nway
from xret.eval.pxsim import pxsim
from xret.eval.tatoeba import tatoeba_accuracy
from xret.eval.xsim import Margin, XsimScores, pooled_error, text_codes, xsim
from xret.eval.xsimplus import HardNegatives, read_negatives, xsim_plus

Floats = npt.NDArray[np.float32]
N, M = 500, 1500
TEXTS = [f"target {row}" for row in range(N)]


def sides(d: int, noise: float, seed: int) -> tuple[Floats, Floats]:
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(N, d))
    return x.astype(np.float32), (x + noise * rng.normal(size=(N, d))).astype(np.float32)


X, Y = sides(24, 1.1, 7)


def hard() -> tuple[Floats, HardNegatives]:
    rng = np.random.default_rng(8)
    owner = rng.integers(0, N, M)
    vectors = Y[owner] + rng.choice([0.25, 0.5, 1.0], M)[:, None] * rng.normal(size=(M, 24))
    types = [("entity", "number", "causality")[row % 3] for row in range(M)]
    texts = [f"negative {row}" for row in range(M)]
    return vectors.astype(np.float32), HardNegatives(texts, types, [TEXTS[row] for row in owner.tolist()])


@pytest.mark.parametrize(
    ("margin", "k", "errors"),
    [
        ("ratio", 4, 101),
        ("ratio", 16, 110),
        ("distance", 4, 101),
        ("distance", 16, 113),
        ("absolute", 4, 115),
        ("absolute", 16, 115),
    ],
)
def test_xsim(margin: Margin, k: int, errors: int) -> None:
    assert xsim(X, Y, margin=margin, k=k).errors == errors


def test_xsim_by_text() -> None:
    twice = np.concatenate([Y[:250], Y[:250]])
    assert xsim(X, twice, same=text_codes([f"line {row % 250}" for row in range(N)])).errors == 281


def test_averages_pool_the_errors_of_sets_that_are_large_enough() -> None:
    """As the table of `source/eval.py`: not the mean of error rates."""
    scores = [XsimScores("ratio", 4, *each) for each in ((10, 100), (90, 300), (99, 99))]
    assert pooled_error(scores) == 100 / 400
    assert np.isnan(pooled_error(scores[2:]))


def test_nway_averages_are_without_the_diagonal() -> None:
    """The formula of `source/eval.py`: column sums over the number of others, and the mean of these."""
    sides_of = {"a": X, "b": Y, "c": sides(24, 0.7, 7)[1]}
    found = xsim_nway(sides_of)
    errors = [[0 if a == b else xsim(sides_of[a], sides_of[b]).errors for b in sides_of] for a in sides_of]
    assert found.errors.tolist() == errors
    assert errors[0][1] == 101
    percent = 100 * np.array(errors) / N
    assert 100 * found.to_each == pytest.approx(percent.sum(axis=0) / 2)
    assert 100 * found.from_each == pytest.approx(percent.sum(axis=1) / 2)
    assert 100 * found.mean == pytest.approx((percent.sum(axis=0) / 2).mean())
    with pytest.raises(MismatchError, match="two languages or more to compare; found a"):
        xsim_nway({"a": X})


@pytest.mark.parametrize(
    ("margin", "errors", "types"),
    [
        ("ratio", 311, {"Misaligned": 131, "entity": 52, "causality": 68, "number": 60}),
        ("distance", 310, {"Misaligned": 131, "entity": 52, "causality": 67, "number": 60}),
        ("absolute", 308, {"Misaligned": 137, "entity": 49, "causality": 65, "number": 57}),
    ],
)
def test_xsim_plus(margin: Margin, errors: int, types: dict[str, int], tmp_path: Path) -> None:
    vectors, negatives = hard()
    columns = zip(negatives.texts, negatives.originals, negatives.types, strict=True)
    table = {text: {"src": original, "errtype": kind} for text, original, kind in columns}
    (tmp_path / "types.json").write_text(json.dumps(table))
    (tmp_path / "lines").write_text("\n".join(table) + "\n")
    (tmp_path / "n.jsonl").write_text("".join(json.dumps({"text": t, **row}) + "\n" for t, row in table.items()))
    files = [("types.json", None), ("lines", tmp_path / "types.json"), ("n.jsonl", None)]
    for name, kinds in files:
        assert read_negatives(tmp_path / name, kinds) == negatives
    found = xsim_plus(X, np.concatenate([Y, vectors]), TEXTS, negatives, margin=margin)
    assert (found.errors, found.sentences, found.negatives, found.types) == (errors, N, M, types)


@pytest.mark.parametrize(
    ("margin", "k", "alpha", "errors"),
    [("ratio", 16, 0.1, 44), ("ratio", 32, 0.5, 17), ("distance", 16, 0.3, 39), ("absolute", 8, 0.1, 43)],
)
def test_pxsim(margin: Margin, k: int, alpha: float, errors: int) -> None:
    assert pxsim(X, Y, *sides(16, 1.0, 9), alpha=alpha, margin=margin, k=k).errors == errors


def test_tatoeba() -> None:
    there, back = tatoeba_accuracy(X, Y)
    assert (round(N * (1 - there)), round(N * (1 - back))) == (115, 117)


def mined(seed: int) -> tuple[pa.Table, pa.Table, pa.Table, pa.Table]:
    """Pairs, gold and both corpora of 400 sentences, of which some stand twice."""
    rng = np.random.default_rng(seed)
    n = 400
    src, tgt = [f"de {row % 380}" for row in range(n)], [f"en {row % 390}" for row in range(n)]
    other = rng.permutation(n)
    right = rng.random(n) < 0.6
    score = 1.1 + 0.1 * rng.normal(size=n) + 0.15 * right
    gold = [row for row in range(n) if right[row] or rng.random() < 0.1]
    ids = {lang: [f"{lang}-{row}" for row in range(n)] for lang in ("de", "en")}
    found = [ids["en"][row if right[row] else other[row]] for row in range(n)]
    pairs = pa.table({"score": score, "src_id": ids["de"], "tgt_id": found})
    wanted = pa.table({"src_id": [f"de-{row}" for row in gold], "tgt_id": [f"en-{row}" for row in gold]})
    return pairs, wanted, pa.table({"id": ids["de"], "text": src}), pa.table({"id": ids["en"], "text": tgt})


def test_bucc() -> None:
    parts = []
    for seed, threshold, correct, extracted, gold in (
        (1, 1.0875378279355314, 209, 270, 262),
        (2, 1.139858843485936, 174, 220, 235),
    ):
        pairs, wanted, src, tgt = mined(seed)
        once = without_repeated(pairs, src, tgt)
        best = best_threshold(once, wanted)
        assert best.threshold == pytest.approx(threshold, rel=1e-15)
        assert (best.correct, best.extracted, best.gold) == (correct, extracted, gold)
        assert bitext_scores(pairs, wanted).extracted > bitext_scores(once, wanted).extracted  # by id: all count
        parts += [once, wanted]
    found = bucc(*parts)
    assert (found.test.correct, found.test.extracted, found.test.f1) == (185, 265, 0.74)
    assert found.dev == best_threshold(*parts[:2])
    assert 0.65 < found.low < 0.74 < found.high < 0.82


def test_what_does_not_fit_is_refused() -> None:
    vectors, negatives = hard()
    with pytest.raises(MismatchError, match="500 translations and 1500 negatives"):
        xsim_plus(X, np.concatenate([Y, vectors[1:]]), TEXTS, negatives)
    with pytest.raises(MismatchError, match="by the other encoder"):
        pxsim(X, Y, X[:4], Y[:4], alpha=0.1)
    with pytest.raises(UsageError, match=r"alpha = 1.5: wanted a number between 0 and 1"):
        pxsim(X, Y, X, Y, alpha=1.5)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("n.json", "[1]", "found list, wanted an object"),
        ("n.json", "{}", "has no negatives"),
        ("n.json", '{"a": {"src": "b"}}', "negative 1 has no text, src or errtype"),
        ("n.jsonl", '{"text": "a"\n', "n.jsonl:1: not JSON"),
        ("n.txt", "a line\n", "lines of text need --negative-types"),
    ],
)
def test_negatives_that_cannot_be_read(name: str, text: str, message: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(EvalError, match=message):
        read_negatives(tmp_path / name)
    with pytest.raises(EvalError, match="no such file; wanted negatives"):
        read_negatives(tmp_path / "none.json")
