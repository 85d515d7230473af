"""Precision, recall, F1 and the BUCC threshold against plain loops."""

from __future__ import annotations

import logging
import math

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from xret.errors import EvalError, UsageError
from xret.eval.bitext import best_threshold, bitext_scores, check_gold

Pair = tuple[str, str]


def table(rows: list[tuple[float, str, str]]) -> pa.Table:
    score, src, tgt = zip(*rows, strict=True) if rows else ((), (), ())
    strings = {"src_id": pa.array(src, pa.string()), "tgt_id": pa.array(tgt, pa.string())}
    return pa.table({"score": pa.array(score, pa.float64()), **strings})


rows = st.lists(
    st.tuples(st.sampled_from([0.5, 0.9, 1.0, 1.1, 1.25]), st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12
)
golds = st.sets(st.tuples(st.sampled_from("abcd"), st.sampled_from("xyz")), min_size=1)


def by_hand(pairs: list[tuple[float, str, str]], gold: set[Pair], threshold: float) -> tuple[int, int, float]:
    taken = {(src, tgt) for score, src, tgt in pairs if score >= threshold}
    return len(taken & gold), len(taken), 2 * len(taken & gold) / (len(taken) + len(gold))


def foreign(pairs: list[tuple[float, str, str]], gold: set[Pair]) -> bool:
    """Pairs of which gold knows neither a source nor a target."""
    known = ({src for src, _ in gold}, {tgt for _, tgt in gold})
    return bool(pairs) and not any(src in known[0] or tgt in known[1] for _, src, tgt in pairs)


@settings(max_examples=150, deadline=None)
@given(rows, golds, st.none() | st.sampled_from([0.9, 1.05, 9.0]))
def test_scores_at_a_threshold(pairs: list[tuple[float, str, str]], gold: set[Pair], threshold: float | None) -> None:
    assume(not foreign(pairs, gold))
    found = bitext_scores(table(pairs), gold, threshold=threshold)
    correct, extracted, f1 = by_hand(pairs, gold, -math.inf if threshold is None else threshold)
    assert (found.correct, found.extracted, found.gold, found.threshold) == (correct, extracted, len(gold), threshold)
    assert found.f1 == pytest.approx(f1)
    assert found.recall == correct / len(gold)
    assert found.precision == (correct / extracted if extracted else 0)


@settings(max_examples=150, deadline=None)
@given(rows.filter(bool), golds)
def test_best_threshold_is_the_first_maximum_and_gives_what_it_says(
    pairs: list[tuple[float, str, str]], gold: set[Pair]
) -> None:
    assume(not foreign(pairs, gold))
    found = best_threshold(table(pairs), gold)
    best: dict[Pair, float] = {}
    for score, src, tgt in pairs:
        best[src, tgt] = max(score, best.get((src, tgt), -math.inf))
    levels = sorted(set(best.values()), reverse=True)
    values = [by_hand(pairs, gold, level)[2] for level in levels]
    first = values.index(max(values))
    assert found.f1 == pytest.approx(values[first])
    below = levels[first + 1] if first + 1 < len(levels) else levels[first]
    assert found.threshold == pytest.approx((levels[first] + below) / 2)
    assert found == bitext_scores(table(pairs), gold, threshold=found.threshold)


def test_golden_numbers_and_ties_kept_together() -> None:
    """Worked by hand: after 1.2: 2PR/(P+R) = 2*1/(1+3); after both 1.1 (one right): 2*2/(3+3); after 1.0: 2*3/(4+3)."""
    gold = {("a", "a"), ("b", "b"), ("c", "c")}
    pairs = table([(1.2, "a", "a"), (1.1, "b", "b"), (1.1, "b", "c"), (1.0, "c", "c"), (0.9, "d", "d")])
    best = best_threshold(pairs, gold)
    assert (best.correct, best.extracted) == (3, 4)
    assert best.f1 == pytest.approx(6 / 7)
    assert best.threshold == pytest.approx(0.95)
    assert best_threshold(pairs.slice(0, 3), gold).threshold == 1.1  # a maximum at the end has no next score


def test_scores_next_to_each_other_are_parted() -> None:
    low = 1.0
    high = math.nextafter(low, 2)
    assert best_threshold(table([(high, "a", "a"), (low, "b", "c")]), {("a", "a")}).extracted == 1


def test_gold_may_be_a_table_of_any_chunks() -> None:
    gold = pa.concat_tables(
        [pa.table({"src_id": ["a"], "tgt_id": ["x"]}), pa.table({"src_id": ["a", "b"], "tgt_id": ["x", "y"]})]
    )
    assert bitext_scores(table([(1.0, "b", "y")]), gold).gold == 2


def test_nothing_to_score_is_said() -> None:
    with pytest.raises(EvalError, match="gold has no pairs"):
        bitext_scores(table([(1.0, "a", "x")]), set())
    with pytest.raises(EvalError, match="no pairs to tune"):
        best_threshold(table([]), {("a", "x")})
    with pytest.raises(EvalError, match="score of row 2 is NaN"):
        best_threshold(table([(1.0, "a", "x"), (math.nan, "a", "y")]), {("a", "x")})
    with pytest.raises(UsageError, match="threshold is nan"):
        bitext_scores(table([(1.0, "a", "x")]), {("a", "x")}, threshold=math.nan)


def test_gold_of_other_texts_is_refused(caplog: pytest.LogCaptureFixture) -> None:
    """Ids that nobody has give F1 0 and a best threshold of whatever stands first: worse than nothing."""
    pairs = table([(1.2, "de-1", "en-1"), (1.1, "de-2", "en-2")])
    gold = pa.table({"src_id": ["1", "2", "3"], "tgt_id": ["1", "2", "2"]})
    said = r"src_id: gold has 3 such as '1', '2', the pairs 2 such as 'de-1', 'de-2'; tgt_id: gold has 2 such as '1'"
    for judge in (bitext_scores, best_threshold):
        with pytest.raises(EvalError, match=said):
            judge(pairs, gold)
    with pytest.raises(EvalError, match=r"gold and the corpora share no id of either side"):
        check_gold(gold, pa.chunked_array([["a"]]), pa.chunked_array([["b", "c"]]))
    assert bitext_scores(pairs.slice(0, 0), gold).f1 == 0
    with caplog.at_level(logging.WARNING, logger="xret"):
        assert best_threshold(pairs, {("de-1", "en-9")}).f1 == 0  # one side in common: may be wrong honestly
        assert not caplog.records  # left to `bitext_scores`, which goes with it everywhere
        assert bitext_scores(pairs, {("de-1", "en-9")}).f1 == 0
        check_gold(gold, pa.chunked_array([[1, 2]]), pa.chunked_array([["b"], ["c"]]))
    assert [record.message.partition(",")[0] for record in caplog.records] == [
        "gold and the pairs share no tgt_id",
        "gold and the corpora share no tgt_id",
    ]
