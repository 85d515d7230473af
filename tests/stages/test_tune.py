"""Tuning with and without gold, on vectors whose truth is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xret.bitext.calibration import Calibration, Isotonic
from xret.errors import EvalError, InputError, UsageError
from xret.eval.bitext import best_threshold, bitext_scores
from xret.indexes.twoway import as_rows
from xret.stages.calibrate import Calibrate
from xret.stages.decoys import ABSENT, NEGATIVE, REAL, Decoys, negative_corpus
from xret.stages.margin import Candidates, Lists
from xret.stages.mine import Mine
from xret.stages.ranks import neighbour_ranks
from xret.stages.spoiling import Spoilt
from xret.stages.tune import Tune, split, tune_on_gold
from xret.stages.tune_blind import tune_blind

WORK = Path("unused")
PARALLEL, ALONE = 500, 350


def vectors(values: np.ndarray[Any, np.dtype[np.float64]], ids: list[str]) -> pa.Table:
    rows = pa.array(values.astype(np.float32).ravel(), pa.float32())
    return pa.table({"id": ids, "vector": pa.FixedSizeListArray.from_arrays(rows, values.shape[1])})


@pytest.fixture(scope="module")
def made() -> dict[str, pa.Table]:
    """Two corpora of which some 60 % are parallel, in topics; the targets' numbers can be changed."""
    rng = np.random.default_rng(11)
    n, d = PARALLEL + ALONE, 32
    topics = rng.normal(size=(20, d))
    meaning = [topics[rng.integers(0, 20, n)] + rng.normal(size=(n, d)) for _ in range(2)]
    meaning[1][:PARALLEL] = meaning[0][:PARALLEL]
    x, y = (side + 0.6 * rng.normal(size=(n, d)) for side in meaning)
    ids = [[f"{side}{row}" for row in range(n)] for side in "st"]
    corpora = [
        pa.table({"id": each, "text": [f"{lang} {100_000_000 + row}" for row in range(n)], "lang": [lang] * n})
        for each, lang in zip(ids, ("de", "en"), strict=True)
    ]
    negative = negative_corpus(corpora[1])
    z = y[negative["row"].to_numpy()] + 0.2 * rng.normal(size=(negative.num_rows, d))
    gold = pa.table({"src_id": ids[0][:PARALLEL], "tgt_id": ids[1][:PARALLEL]})
    names = ("src_corpus", "tgt_corpus", "negative_corpus", "src_vectors", "tgt_vectors", "negative_vectors")
    z_ids = negative["id"].to_pylist()
    values = (*corpora, negative, vectors(x, ids[0]), vectors(y, ids[1]), vectors(z, z_ids))
    inputs = dict(zip(names, values, strict=True))
    pairs = Mine(threads=1).run(*(inputs[name] for name in Mine.inputs[:4]), work=WORK)
    return {**inputs, "pairs": pairs, "gold": gold}


def decoys(made: dict[str, pa.Table], **options: Any) -> pa.Table:
    return Decoys(threads=1, **options).run(*(made[name.rstrip("?")] for name in Decoys.inputs), work=WORK)


def test_every_target_has_a_changed_form(made: dict[str, pa.Table]) -> None:
    negative = made["negative_corpus"]
    assert negative.schema.equals(NEGATIVE)
    assert negative["row"].to_pylist() == list(range(PARALLEL + ALONE))
    assert set(negative["edit"].to_pylist()) == {"number"}


def test_no_more_are_changed_than_are_needed(made: dict[str, pa.Table]) -> None:
    """Of a large corpus a sample, and of what is paired alone; the others' decoys are as before."""
    corpus, among = made["tgt_corpus"], np.arange(100, 400)
    whole = negative_corpus(corpus)
    rows = negative_corpus(corpus, among=among)["row"].to_pylist()
    assert rows == list(range(100, 400))
    few = negative_corpus(corpus, among=np.concatenate([among, among]), most=40)
    assert few["row"].to_pylist() == sorted(set(few["row"].to_pylist()) & set(rows)) and few.num_rows == 40
    assert negative_corpus(corpus, most=40, seed=1)["row"].to_pylist() != few["row"].to_pylist()
    some = {**made, "negative_corpus": whole.filter(pa.array(whole["row"].to_numpy() % 3 == 0))}
    kept = pa.array(whole["row"].to_numpy() % 3 == 0)
    some["negative_vectors"] = made["negative_vectors"].filter(kept)
    counts = [decoys(each)["kind"].to_pylist().count("number") for each in (some, made)]
    assert counts[1] / 4 < counts[0] < counts[1] / 2


def test_decoys_score_as_wrong_pairs_do(made: dict[str, pa.Table]) -> None:
    table = decoys(made)
    assert table.equals(decoys(made))
    scores = {kind: table.filter(pa.array([k == kind for k in table["kind"].to_pylist()])) for kind in (REAL, ABSENT)}
    real, absent = (scores[kind]["score"].to_numpy() for kind in (REAL, ABSENT))
    pairs = made["pairs"]
    assert np.sort(real) == pytest.approx(np.sort(pairs["score"].to_numpy()))  # that is what mining gives
    wrong = pairs["score"].to_numpy()[[a[1:] != b[1:] for a, b in zip(*ids(pairs), strict=True)]]
    assert len(absent) > 300
    assert np.quantile(absent, [0.25, 0.5, 0.75, 0.95]) == pytest.approx(
        np.quantile(wrong, [0.25, 0.5, 0.75, 0.95]), abs=0.02
    )
    changed = table.filter(pa.array([kind == "number" for kind in table["kind"].to_pylist()]))["score"].to_numpy()
    assert np.median(changed) > np.quantile(wrong, 0.95)  # near misses look right


def ids(pairs: pa.Table) -> tuple[list[str], list[str]]:
    return pairs["src_id"].to_pylist(), pairs["tgt_id"].to_pylist()


@pytest.mark.parametrize("retrieval", ["max", "union"])
def test_without_gold_nearly_as_good_as_with_it(retrieval: Any, made: dict[str, pa.Table]) -> None:
    stage = Mine(threads=1, retrieval=retrieval)
    pairs, gold = stage.run(*(made[name] for name in Mine.inputs[:4]), work=WORK), made["gold"]
    tuned = tune_blind(decoys(made, retrieval=retrieval), margin="ratio", about={"encoder": "e"})
    right = np.array([a[1:] == b[1:] and int(a[1:]) < PARALLEL for a, b in zip(*ids(pairs), strict=True)])
    best = best_threshold(pairs, gold)
    kept = tuned.calibration.kept(pairs)
    assert bitext_scores(kept, gold).f1 > best.f1 - 0.01
    assert bitext_scores(pairs, gold, threshold=tuned.calibration.threshold).f1 > best.f1 - 0.02
    assert tuned.parallel == pytest.approx(right.mean(), abs=0.05)
    assert tuned.f1 == pytest.approx(bitext_scores(kept, gold).f1, abs=0.05)
    assert tuned.calibration.fitted["encoder"] == "e"


def test_which_pairs_are_decoys_and_of_what() -> None:
    """Five real pairs; sentence by sentence what was taken from it, and what is mined of the rest."""
    real = candidates([0, 1, 2, 3, 4], [0, 1, 2, 3, 4], [5.0, 4.0, 3.0, 2.0, 1.0])
    spoilt = Spoilt(
        as_rows(np.eye(4, dtype=np.float32)),
        as_rows(np.eye(4, dtype=np.float32)),
        lost_x=np.array([0, 3, -1, -1]),  # these sentences lost the target of pair 0, of pair 3
        lost_y=np.array([1, 4, -1, -1]),
        edits=np.array([None, None, "number", "entity"], object),
        pair=np.array([-1, -1, 2, 4]),
        partner=np.array([-1, -1, 2, -1]),
    )
    mined = candidates([0, 1, 0, 2, 2, 3, 3], [0, 0, 2, 1, 2, 2, 3], [0.0] * 7)
    found = spoilt.decoys(mined, real)
    kinds = {
        kind: list(zip(pairs.src.tolist(), pairs.tgt.tolist(), places.tolist(), strict=True))
        for kind, (pairs, places) in found.items()
    }
    # Both lost: the pair with the lower score. One lost: that one. A changed sentence counts with its partner alone.
    assert kinds[ABSENT] == [(0, 0, 1), (1, 0, 3), (0, 2, 0), (2, 1, 4)]
    assert kinds["number"] == [(2, 2, 2)] and kinds["entity"] == kinds["negation"] == []


def candidates(src: list[int], tgt: list[int], score: list[float]) -> Candidates:
    return Candidates(np.array(src), np.array(tgt), np.ones(len(src), np.float32), np.array(score))


def test_near_misses_raise_the_thresholds(made: dict[str, pa.Table]) -> None:
    table = decoys(made)
    usual, strict = tune_blind(table, margin="ratio"), tune_blind(table, margin="ratio", near_misses=0.1)
    changed = table.filter(pa.array([kind == "number" for kind in table["kind"].to_pylist()]))
    before = pa.table({name: changed[f"origin_{name}"] for name in ("score", "cosine")})
    reach = usual.calibration.probabilities(changed) >= usual.calibration.least
    weights = usual.calibration.probabilities(before)
    assert usual.passing["number"] == pytest.approx(np.average(reach, weights=weights), abs=1e-9)
    assert abs(np.average(reach, weights=weights) - reach.mean()) > 0.01
    assert usual.passing["number"] is not None and usual.passing["number"] > 0.5
    assert strict.passing["number"] is not None and strict.passing["number"] <= 0.1
    assert strict.calibration.threshold > usual.calibration.threshold and strict.recall < usual.recall
    assert (usual.passing["entity"], usual.passing["negation"]) == (None, None)
    with pytest.raises(UsageError, match="near misses = 2"):
        tune_blind(table, margin="ratio", near_misses=2)
    plain = table.filter(pa.array([kind != "number" for kind in table["kind"].to_pylist()]))
    with pytest.raises(EvalError, match="no near misses could be made"):
        tune_blind(plain, margin="ratio", near_misses=0.1)


def test_too_little_to_tune_on_is_said(made: dict[str, pa.Table]) -> None:
    few = {name: value.slice(0, 30) if "negative" not in name else value for name, value in made.items()}
    few |= {"negative_corpus": made["negative_corpus"].slice(0, 0), "negative_vectors": None}
    with pytest.raises(EvalError, match=r"only \d+ decoys could be made of \d+ pairs"):
        tune_blind(decoys(few), margin="ratio")
    one = {name: value if value is None else value.slice(0, 1) for name, value in few.items()}
    with pytest.raises(InputError, match="fewer than two pairs"):
        decoys(one)
    flat = pa.table({"kind": [REAL] * 50 + [ABSENT] * 50, "score": [1.0] * 100, "origin_score": [1.0] * 100})
    with pytest.raises(EvalError, match="decoys score as the real pairs do"):
        tune_blind(flat, margin="ratio")


def test_gold_gives_both_thresholds_and_what_they_are_worth(made: dict[str, pa.Table]) -> None:
    parts = split(made["pairs"], made["gold"])
    assert parts.dev_pairs.num_rows + parts.test_pairs.num_rows == made["pairs"].num_rows
    assert not set(ids(parts.dev_pairs)[0]) & set(ids(parts.test_pairs)[0])
    tuned = tune_on_gold(parts)
    assert tuned.calibration.margin == "ratio"
    assert tuned.calibration.threshold == best_threshold(parts.dev_pairs, parts.dev_gold).threshold
    assert tuned.bucc.test == bitext_scores(parts.test_pairs, parts.test_gold, threshold=tuned.calibration.threshold)
    kept = tuned.calibration.kept(parts.test_pairs)
    by_p = tuned.by_probability.test
    assert (by_p.correct, by_p.extracted) == (bitext_scores(kept, parts.test_gold).correct, kept.num_rows)
    assert tuned.probability.brier < tuned.probability.base / 3
    report = Tune().run(made["pairs"], made["gold"], work=WORK)
    rows = {(row["measure"], row["slice"]): row["value"] for row in report.to_pylist()}
    assert rows["F1", "test"] == tuned.bucc.test.f1 and rows["F1:low", "test:P"] == tuned.by_probability.low
    assert rows["brier", "test:P"] == tuned.probability.brier
    with pytest.raises(EvalError, match="too few to tune on some and report on others"):
        split(made["pairs"].slice(0, 1), made["gold"])


def test_the_stage_adds_probabilities_and_knows_its_file(tmp_path: Path) -> None:
    pairs = pa.table({"score": [1.0, 1.5], "src_id": ["a", "b"], "tgt_id": ["x", "y"]})
    path = tmp_path / "c.json"
    Calibration(Isotonic((1.0, 2.0), (0.0, 1.0)), 1.2, 0.4).save(path)
    assert Calibrate(calibration=str(path)).run(pairs, work=WORK)["probability"].to_pylist() == [0, 0.5]
    assert Calibrate(calibration=str(path), keep="auto").run(pairs, work=WORK)["src_id"].to_pylist() == ["b"]
    assert Calibrate(calibration=str(path), keep=0.6).run(pairs, work=WORK).num_rows == 0
    key = Calibrate(calibration=str(path)).key()
    Calibration(Isotonic((1.0, 2.0), (0.1, 1.0)), 1.2, 0.4).save(path)
    assert Calibrate(calibration=str(path)).key() != key


def test_ranks_are_places_among_the_neighbours() -> None:
    lists = Lists(
        np.array([[4, 2, 9], [7, 0, 0]]), np.zeros((2, 3), np.float32), np.array([[True] * 3, [True, False, False]])
    )
    own, other = np.array([0, 0, 0, 0, 1, 1]), np.array([4, 2, 9, 5, 7, 0])
    assert neighbour_ranks(lists, own, other).to_pylist() == [1, 2, 3, None, 1, None]
