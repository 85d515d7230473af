"""A mapped list of terms finds every one of them and no other."""

from __future__ import annotations

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.indexes.lexical.terms import Terms


@settings(deadline=None, max_examples=30)
@given(
    st.sets(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=4), max_size=400),
    st.text(max_size=4),
)
def test_places_are_those_of_the_sorted_list(words: set[str], other: str) -> None:
    ordered = sorted(words)  # by code points, which is the order of UTF-8 bytes too
    halves = [ordered[: len(ordered) // 2], ordered[len(ordered) // 2 :]]
    chunks = pa.chunked_array([pa.array(half, pa.string()) for half in halves], pa.string())
    for column in (chunks, pa.chunked_array([pa.array(["!", *ordered], pa.string()).slice(1)])):
        terms = Terms.of(pa.table({"term": column, "end": pa.array(range(1, len(ordered) + 1), pa.int64())}))
        assert [terms.place(word) for word in ordered] == list(range(len(ordered)))
        if other not in words and other.isprintable():
            assert terms.place(other) is None


def test_many_terms() -> None:
    ordered = sorted(f"{number:x}" for number in range(5000))
    terms = Terms.of(pa.table({"term": ordered, "end": pa.array(range(2, 10_002, 2), pa.int64())}))
    assert [terms.place(word) for word in ordered] == list(range(5000))
    assert terms.span(0) == (0, 2) and terms.span(4999) == (9998, 10_000)
    assert [terms.place(word) for word in ("", "0x", "zz", "é")] == [None] * 4
