"""One encoder in several threads at once: every text keeps its own vector."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.multivector.reader import MultiVectorReader
from xret.encoders.recipe import MultiVector, Role

pytestmark = pytest.mark.usefixtures("quiet")
TEXTS = [" ".join(["bird", "stone", "old", "river"][at % 4] for at in range(count % 29)) for count in range(60)]


@pytest.mark.parametrize("suffix", ["", ":int8", ":bf16"])
def test_vectors(tiny: Callable[..., Path], suffix: str) -> None:
    encoder = load_encoder(f"{tiny('bert')}{suffix}", device="cpu", threads=1)
    orders = [TEXTS, TEXTS[::-1], TEXTS[::2], TEXTS[20:]] * 8
    wanted = [encoder.encode(order) for order in orders[:4]]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(encoder.encode, orders))
    assert all(np.array_equal(vectors, wanted[at % 4]) for at, vectors in enumerate(found))


def test_lengths_by_role(tiny: Callable[..., Path]) -> None:
    policy = MultiVector(projections=(), query_length=5, document_length=20)
    reader = MultiVectorReader(tiny("bert") / "tokenizer.json", policy)

    def longest(at: int) -> int:
        role: Role = "query" if at % 2 else "document"
        return int(reader(["bird " * 50] * 20, role=role).lengths.max())

    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(longest, range(200))) == [20, 5] * 100
