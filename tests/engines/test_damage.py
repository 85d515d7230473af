"""What lies in the folders of units may be damaged between two runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import xret.indexes.twoway.cells as cells
from tests.engines.conftest import corpus, tree
from xret.encoders import encode_corpus, load_encoder
from xret.engines import LocalEngine
from xret.indexes.twoway import open_search


class Stopped(LocalEngine):
    """Is killed after its first unit."""

    def start(self, ledger: Any, job: Any, *, gpus: float, advance: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        yield next(super().start(ledger, job, gpus=gpus, advance=advance))
        raise KeyboardInterrupt


def _spoil(path: Path) -> None:
    data = bytearray(path.read_bytes())
    middle = len(data) // 3
    data[middle : 2 * middle] = data[middle : 2 * middle][::-1]
    path.write_bytes(data)


def test_copies_for_workers_that_were_damaged_after_a_kill_are_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Units that go on from them would be sealed as good."""
    monkeypatch.setattr(cells, "LEAST", 64)
    rng, docs, encoder = np.random.default_rng(0), corpus(300), load_encoder(device="cpu", threads=1)
    search = open_search(rng.normal(size=(300, 8)), rng.normal(size=(200, 8)), k=3, threads=1)
    with pytest.raises(KeyboardInterrupt):
        cells.spread_lists(search, (0, 300), engine=Stopped(1), work=tmp_path)
    (copy,) = tmp_path.glob("*/x.vectors/vectors-00000.arrow")
    _spoil(copy)
    found = cells.spread_lists(search, (0, 300), engine=LocalEngine(1), work=tmp_path)
    for lists, wanted in zip(found, search.lists(0, 300), strict=True):
        assert np.array_equal(lists.ids, wanted.ids) and np.array_equal(lists.values, wanted.values)
    with pytest.raises(KeyboardInterrupt):
        encode_corpus(docs, tmp_path / "a", encoder=encoder, shard_rows=50, engine=Stopped(1))
    (copy,) = tmp_path.glob("a.partial/.units/texts-*.arrow")
    _spoil(copy)
    encode_corpus(docs, tmp_path / "a", encoder=encoder, shard_rows=50, engine=LocalEngine(1), resume=True)
    encode_corpus(docs, tmp_path / "b", encoder=encoder, shard_rows=50)
    assert tree(tmp_path / "a") == tree(tmp_path / "b")
