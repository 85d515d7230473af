"""The alignment found is the cheapest of all, by a second account of the costs that knows no arrays."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from tests.align.documents import blocks, noisy_documents
from xret.align import VECALIGN, Bead, Blocks, Prices, align_blocks
from xret.align.band import Band, cheapest_path, steps_up_to
from xret.align.coarse import _doubled as doubled
from xret.align.coarse import length_logs, usual_ratio
from xret.align.costs import Distances
from xret.errors import InputError, MismatchError, UsageError

Ends = tuple[int, int, int, int]


class ByTheBook:
    """The formulas of `xret.align.costs`, one pair of blocks at a time, and the cheapest alignment by recursion."""

    def __init__(self, src: Blocks, tgt: Blocks, prices: Prices, most: int) -> None:
        self.src, self.tgt, self.prices, self.most = src, tgt, prices, most
        self.src_side, self.tgt_side = ([list(row) for size in each.sizes for row in size] for each in (src, tgt))
        cells = [self.price(i, i + 1, j, j + 1) for i in range(src.segments) for j in range(tgt.segments)]
        self.skip = float(np.quantile(cells, prices.skip))

    @staticmethod
    def cosine(x: NDArray[np.float32], y: list[np.float32]) -> float:
        return math.fsum(float(a) * float(b) for a, b in zip(x, y, strict=True))

    def near(self, i: int, k: int, j: int, m: int) -> float:
        x, y = self.src.sizes[k - i - 1][i], self.tgt.sizes[m - j - 1][j]
        if len(self.src_side) == len(self.tgt_side) == 1:  # nothing around
            return max(0.0, 2 * (1 - self.cosine(x, list(y))) / (2 + 1e-6))
        away = [
            1 - sum(self.cosine(one, other) for other in side) / len(side)
            for one, side in ((x, self.tgt_side), (y, self.src_side))
        ]
        return max(0.0, 2 * (1 - self.cosine(x, list(y))) / (sum(away) + 1e-6))

    def price(self, i: int, k: int, j: int, m: int) -> float:
        a, b, prices = k - i, m - j, self.prices
        total = self.near(i, k, j, m)
        parts = [self.near(i, k, *rest) for rest in ((j, m - 1), (j + 1, m)) if b > 1]
        parts += [self.near(*rest, j, m) for rest in ((i, k - 1), (i + 1, k)) if a > 1]
        if parts:
            total += prices.gain * max(0.0, self.near(i, k, j, m) + prices.edge - min(parts))
        if self.src.ends is not None and self.tgt.ends is not None:
            ratio = math.sqrt(1.3)
            lengths = self.src.ends[k] - self.src.ends[i], self.tgt.ends[m] - self.tgt.ends[j]
            total += prices.length * min(1.5, abs(math.log((lengths[1] / ratio + 5) / (lengths[0] * ratio + 5))))
        return a * b * total + prices.join * (a + b - 2)

    def cheapest(self) -> float:
        @cache
        def best(i: int, j: int) -> float:
            if i == j == 0:
                return 0.0
            ways = [best(i - 1, j) + self.skip] if i else []
            ways += [best(i, j - 1) + self.skip] if j else []
            for a in range(1, min(i, self.most - 1) + 1):
                for b in range(1, min(j, self.most - a) + 1):
                    ways.append(best(i - a, j - b) + self.price(i - a, i, j - b, j))
            return min(ways)

        return best(self.src.segments, self.tgt.segments)

    def cost_of(self, beads: list[Bead]) -> float:
        each = [(bead.src_start, bead.src_stop, bead.tgt_start, bead.tgt_stop) for bead in beads]
        return sum(self.price(*ends) if ends[0] < ends[1] and ends[2] < ends[3] else self.skip for ends in each)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 6), st.integers(1, 6), st.integers(2, 5), st.integers(0, 10_000), st.booleans(), st.booleans()
)  # fmt: skip
def test_no_alignment_is_cheaper(n: int, m: int, most: int, seed: int, lengths: bool, plain: bool) -> None:
    random = np.random.default_rng(seed)
    src, tgt = (blocks(random.normal(size=(rows, 4)), most - 1, random if lengths else None) for rows in (n, m))
    prices = VECALIGN if plain else Prices(skip=0.3)
    beads = align_blocks(src, tgt, most=most, prices=prices, ratio=1.3)
    corners = [(0, 0), *((bead.src_stop, bead.tgt_stop) for bead in beads)]
    assert [(bead.src_start, bead.tgt_start) for bead in beads] == corners[:-1] and corners[-1] == (n, m)
    assert all(bead.kind in ((1, 0), (0, 1), *steps_up_to(most)) for bead in beads)
    book = ByTheBook(src, tgt, prices, most)
    assert book.cost_of(beads) == pytest.approx(book.cheapest(), rel=1e-4, abs=1e-5)
    for bead in beads:
        near = book.near(bead.src_start, bead.src_stop, bead.tgt_start, bead.tgt_stop) if all(bead.kind) else 1.0
        assert bead.score == pytest.approx(1 - near, abs=1e-4)


def test_a_sentence_against_a_sentence_is_scored_by_its_cosine() -> None:
    x, y = np.array([[1.0, 0.0]]), np.array([[0.8, 0.6]])
    for around in (None, (x.astype(np.float32), y.astype(np.float32))):
        (bead,) = align_blocks(blocks(x, 3), blocks(y, 3), around=around)
        assert bead.kind == (1, 1) and (bead.score, bead.cosine) == pytest.approx((0.8, 0.8), abs=1e-5)
    others = np.array([[0.0, 1.0], [0.6, -0.8]], np.float32)
    (bead,) = align_blocks(blocks(x, 3), blocks(y, 3), around=(others, others))
    assert bead.score != pytest.approx(0.8, abs=0.05)  # with others around, against these


def test_long_documents_are_aligned_as_if_searched_whole() -> None:
    src, tgt, gold = noisy_documents(segments=900, seed=5, missing=120)
    found = align_blocks(src, tgt, most=3, ratio=1.0)
    whole = cheapest_path(Distances.of(src, tgt), Band.everything(900, tgt.segments), steps_up_to(3), Prices())
    assert [(0, 0), *((bead.src_stop, bead.tgt_stop) for bead in found)] == whole
    pairs = {(bead.src_start, bead.src_stop, bead.tgt_start, bead.tgt_stop) for bead in found if all(bead.kind)}
    assert len(pairs & gold) / len(pairs | gold) > 0.95
    band = Band.around([(0, 0), (10, 500), (900, tgt.segments)], 4)
    assert int((band.stop - band.start).sum()) < 30 * (900 + tgt.segments)  # grows with the sum, not with the product
    assert (np.diff(band.start) >= 0).all() and (np.diff(band.stop) >= 0).all()
    assert (band.start[1:] < band.stop[:-1]).all()


def test_documents_around_count_on_both_sides() -> None:
    random = np.random.default_rng(8)
    x, y, before, after = (blocks(random.normal(size=(rows, 6)) + 1, 2) for rows in (2, 3, 5, 4))
    found = Distances.of(x, y, around=(before.sizes[0], after.sizes[0]))
    for means, own, others in (
        (found.src_mean, x, (*y.sizes, after.sizes[0])),
        (found.tgt_mean, y, (*x.sizes, before.sizes[0])),
    ):
        every = np.concatenate(others)
        for mean, rows in zip(means, own.sizes, strict=True):
            assert mean == pytest.approx(1 - (rows @ every.T).mean(axis=1), abs=1e-6)


def test_the_band_goes_straight_through_what_is_skipped_on_both_sides() -> None:
    corners = [(0, 0), (1, 1), (2, 1), (3, 1), (3, 2), (4, 3), (4, 4)]
    assert doubled(corners, 8, 7) == [(0, 0), (2, 2), (6, 4), (8, 6), (8, 7)]
    skipped = [*((i, 0) for i in range(301)), *((300, j) for j in range(1, 301))]
    band = Band.around(doubled(skipped, 600, 600), 5)
    rows = np.arange(601)
    assert ((band.start <= rows) & (rows < band.stop)).all()


def test_a_missing_segment_is_skipped_where_cosines_alone_would_join_it() -> None:
    src, tgt, gold = noisy_documents(segments=60, seed=1, missing=20, joined=10)
    for prices, most_right in ((Prices(), 1.0), (VECALIGN, 0.9)):
        beads = align_blocks(src, tgt, prices=prices)
        pairs = {(bead.src_start, bead.src_stop, bead.tgt_start, bead.tgt_stop) for bead in beads if all(bead.kind)}
        share = 2 * len(pairs & gold) / (len(pairs) + len(gold))
        assert share > 0.95 if most_right == 1.0 else share < most_right


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 6), st.integers(0, 10_000))
@example(56, 40, 1, 4341)  # where lengths must be measured as widely as the rest
def test_documents_of_any_shape_are_covered_from_coarse_to_fine(n: int, m: int, width: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    src, tgt = (blocks(random.normal(size=(rows, 8)), 3, random) for rows in (n, m))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("xret.align.coarse.AREA", 16)
        beads = align_blocks(src, tgt, width=width)
        wide = align_blocks(src, tgt, width=70)  # a band as wide as the matrix
    assert [each for bead in beads for each in range(bead.src_start, bead.src_stop)] == list(range(n))
    assert [each for bead in beads for each in range(bead.tgt_start, bead.tgt_stop)] == list(range(m))
    assert wide == align_blocks(src, tgt)


@pytest.mark.parametrize("most", [17, 64])
def test_one_segment_may_be_many(most: int) -> None:
    """More kinds of beads than fit a byte; the last of the kinds is the one that is right."""
    random = np.random.default_rng(3)
    single = random.normal(size=(most - 1, 24)) + 3 * random.normal(size=24)  # parts alone say little
    src = blocks(single, most - 1)
    tgt = blocks(single.sum(axis=0, keepdims=True), most - 1)
    (bead,) = align_blocks(src, tgt, most=most, prices=Prices(skip=1.0, join=0.0, gain=0.0))
    assert bead.kind == (most - 1, 1)


def test_lengths_are_measured_on_what_is_translated() -> None:
    src, tgt, gold = noisy_documents(segments=80, seed=4, missing=50)
    assert src.ends is not None and tgt.ends is not None and tgt.ends[-1] < 0.45 * src.ends[-1]
    assert usual_ratio(length_logs(src, tgt)) == pytest.approx(1.02, abs=0.08)
    assert usual_ratio(length_logs(tgt, src)) == pytest.approx(1 / 1.02, abs=0.08)
    found = {(bead.src_start, bead.src_stop, bead.tgt_start, bead.tgt_stop) for bead in align_blocks(src, tgt)}
    assert len(found & gold) >= 0.9 * len(gold)
    assert usual_ratio(length_logs(blocks(np.eye(3), 1), blocks(np.eye(3), 1))) is None


def test_one_side_without_segments_is_skipped_and_mistakes_are_named() -> None:
    some, none = blocks(np.eye(3), 3), blocks(np.empty((0, 3)), 3)
    assert [bead.kind for bead in align_blocks(some, none)] == [(1, 0)] * 3
    assert align_blocks(none, none) == []
    for most in (1, 65):
        with pytest.raises(InputError, match=f"most = {most}: must be from 2 to 64"):
            align_blocks(some, some, most=most)
    with pytest.raises(MismatchError, match="blocks of up to 3 segments, but most = 5 needs up to 4"):
        align_blocks(some, some, most=5)
    with pytest.raises(MismatchError, match="3 and 4 dimensions"):
        align_blocks(some, blocks(np.eye(4), 3))
    with pytest.raises(UsageError, match=r"skip = 1\.5: must be between 0 and 1"):
        Prices(skip=1.5)
    with pytest.raises(MismatchError, match=r"blocks of 2 segments: found shape \(3, 3\), wanted \(2, 3\)"):
        Blocks((np.eye(3, dtype=np.float32), np.eye(3, dtype=np.float32)))
