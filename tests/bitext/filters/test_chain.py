"""Chains: every row ends up in one place, unchanged, counted once; a chain is its filters one after the other."""

from __future__ import annotations

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bitext.conftest import MakePairs
from xret.bitext.filters import (
    Copies,
    FilterChain,
    LengthRatio,
    Letters,
    NearDuplicates,
    PairFilter,
    Repeats,
    ScoreCap,
    ScoreFloor,
)

TEXT = st.sampled_from(
    ["Haus", "haus!", "house", "42", "…", "Ein rotes Haus steht dort", "a red house stands there", "é"]
)
ROWS = st.lists(st.tuples(st.none() | st.sampled_from([0.5, 1.0, 1.5]), TEXT, TEXT), max_size=12)
FILTERS: list[PairFilter] = [
    ScoreFloor(0.8),
    ScoreCap(1.2),
    Letters(),
    Copies(),
    Copies(0.5),
    LengthRatio(),
    NearDuplicates(),
    NearDuplicates("numbers"),
    NearDuplicates(0.8),
    Repeats(1),
    Repeats(2),
]


@settings(max_examples=80, deadline=None)
@given(ROWS, st.lists(st.sampled_from(FILTERS), max_size=4))
def test_every_row_is_kept_or_dropped_once_and_counted(
    pairs_of: MakePairs, rows: list[tuple[float | None, str, str]], filters: list[PairFilter]
) -> None:
    pairs = pairs_of(rows)
    filtered = FilterChain(*filters)(pairs)
    assert filtered.kept.schema == pairs.schema
    bare = filtered.dropped.drop_columns(["dropped_by"])
    by_id = {row["src_id"]: row for row in pairs.to_pylist()}
    for part in (filtered.kept, bare):
        places = [int(name[1:]) for name in part["src_id"].to_pylist()]
        assert places == sorted(places)
        assert all(by_id[row["src_id"]] == row for row in part.to_pylist())
    assert sorted(filtered.kept["src_id"].to_pylist() + bare["src_id"].to_pylist()) == sorted(by_id)
    assert sum(count.dropped for count in filtered.counts) == bare.num_rows
    before = pairs.num_rows
    for count in filtered.counts:
        assert count.before == before
        before -= count.dropped

    step = pairs
    for each in filters:
        step = FilterChain(each)(step).kept
    assert step.equals(filtered.kept)


@settings(max_examples=60, deadline=None)
@given(ROWS, st.sampled_from([each for each in FILTERS if not isinstance(each, LengthRatio)]))
def test_a_second_time_drops_nothing(
    pairs_of: MakePairs, rows: list[tuple[float | None, str, str]], each: PairFilter
) -> None:
    once = FilterChain(each)(pairs_of(rows)).kept
    assert FilterChain(each)(once).kept.equals(once)


def test_reasons_and_lines(pairs_of: MakePairs) -> None:
    pairs = pairs_of([(2.0, "Haus", "house"), (1.0, "Haus", "haus"), (0.9, "12", "12"), (None, "Baum", "tree")])
    filtered = FilterChain(ScoreCap(1.5), Letters(), Copies())(pairs)
    assert filtered.kept["src_text"].to_pylist() == ["Baum"]
    assert filtered.dropped["dropped_by"].to_pylist() == ["score-cap", "copy", "letters"]
    assert [count.line() for count in filtered.counts] == [
        "score-cap: 1 of 4 dropped; one pair without a score was kept",
        "letters: 1 of 3 dropped",
        "copy: 1 of 2 dropped",
    ]
    again = FilterChain(Letters())(filtered.dropped)  # what was dropped may be filtered, too
    assert again.dropped["dropped_by"].to_pylist() == ["letters"]


def test_tables_in_several_batches(pairs_of: MakePairs, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [(1 + n / 100, f"Zeile {'x' * (n % 7)} {n % 9}", f"line {n % 9}") for n in range(60)]
    whole = pairs_of(rows)
    parts = pa.concat_tables([whole.slice(0, 7), whole.slice(7, 0), whole.slice(7)])
    wanted = [FilterChain(each)(whole) for each in FILTERS]
    monkeypatch.setattr("xret.bitext.filters.filter.ROWS", 8)
    monkeypatch.setattr("xret.bitext.filters.alike.BLOCK", 5)
    for each, before in zip(FILTERS, wanted, strict=True):
        filtered = FilterChain(each)(parts)
        assert filtered.kept.equals(before.kept) and filtered.counts == before.counts, each
