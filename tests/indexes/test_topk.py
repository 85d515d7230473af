"""Running lists of the best k against sorting everything."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.indexes.twoway.topk import NOBODY, TopK

VALUES = (-np.inf, -1.0, -0.5, -1e-42, -0.0, 0.0, 1e-42, 0.25, 0.5, 1.0)


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_any_folding_gives_what_sorting_gives(data: st.DataObject) -> None:
    rows, k = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 5))
    offset = data.draw(st.sampled_from([0, 2**32 - 20]))  # ids on both sides of what a packed key holds
    size = data.draw(st.sampled_from([3, 20, 200]))  # also more in one call than is packed
    lists, seen = TopK(rows, k), [set() for _ in range(rows)]  # type: ignore[var-annotated]
    for _ in range(data.draw(st.integers(1, 4))):
        pairs = data.draw(
            st.lists(
                st.tuples(st.integers(0, rows - 1), st.integers(0, 60), st.sampled_from(VALUES[1:])), max_size=size
            )
        )
        fresh = {}
        for row, name, value in pairs:
            if all(name + offset != other for _, other in seen[row]):
                fresh[row, name + offset] = value
        for (row, name), value in fresh.items():
            seen[row].add((-np.float32(value), name))
        own, ids = (np.array([key[at] for key in fresh], np.int64) for at in (0, 1))
        lists.fold(own, ids, np.array(list(fresh.values()), np.float32))
    for row in range(rows):
        wanted = sorted(seen[row])[:k]
        wanted += [(np.inf, NOBODY)] * (k - len(wanted))
        assert lists.ids[row].tolist() == [name for _, name in wanted]
        assert lists.values[row].tolist() == [-value for value, _ in wanted]


def test_what_is_in_a_list_stays_there_once() -> None:
    lists = TopK(2, 3)
    for _ in range(3):
        own, ids = np.array([1, 0, 1]), np.array([5, 5, 7])
        lists.fold(own, ids, np.array([0.5, 0.25, 0.75], np.float32), again=True)
    assert lists.ids.tolist() == [[5, NOBODY, NOBODY], [7, 5, NOBODY]]
