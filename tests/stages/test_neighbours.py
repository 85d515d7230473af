"""Neighbours as a stage: what mining finds by itself, kept in a folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import InputError, MismatchError, UsageError
from xret.indexes.twoway import plan, two_way_knn
from xret.indexes.twoway.shards import open_neighbours
from xret.pipeline import Pipeline
from xret.stages import neighbours
from xret.stages.distinct import distinct_texts
from xret.stages.mine import Mine
from xret.stages.neighbours import Neighbours

SIZES = {"src": 40, "tgt": 30}


def inputs(seed: int = 0) -> dict[str, pa.Table]:
    """Sentences of which some repeat, and some are copies; vectors of their own."""
    bag, rng = {}, np.random.default_rng(seed)
    for side, size in SIZES.items():
        words = [f"{side} {number % (size - 3)}" for number in range(size - 2)] + ["ok", "Yes  no"]
        texts = [text.upper() if side == "tgt" else text for text in words]
        known = {text: rng.standard_normal(6).astype(np.float32) for text in texts}
        ids = [f"{side}{row}" for row in range(size)]
        bag[f"{side}_corpus"] = pa.table({"id": ids, "text": texts, "lang": ["und"] * size})
        vectors = pa.array([known[text] for text in texts], pa.list_(pa.float32(), 6))
        bag[f"{side}_vectors"] = pa.table({"id": ids, "vector": vectors})
    return bag


@pytest.mark.parametrize("options", [{}, {"keep_copies": True}, {"k": 2}])
def test_mining_from_neighbours_is_mining(options: dict[str, int], tmp_path: Path) -> None:
    bag = inputs()
    order = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors")
    alone = Mine(threads=1, **options).run(*(bag[name] for name in order), work=tmp_path)  # type: ignore[arg-type]
    steps = Pipeline((Neighbours(threads=1, **options), Mine(threads=1, **options)))  # type: ignore[arg-type]
    assert pa.table(steps(bag)["pairs"]).equals(alone)


def test_a_second_margin_searches_no_more(tmp_path: Path) -> None:
    status = []
    for margin in ("ratio", "distance"):
        steps = Pipeline((Neighbours(threads=1), Mine(threads=1, margin=margin)))
        steps(inputs(), work=tmp_path, on_step=lambda report: status.append(report.status))
    assert status == ["computed", "computed", "cached", "computed"]
    assert not list(tmp_path.glob("neighbours-*/work/search"))  # checkpoints of a finished search


def test_lists_are_of_distinct_sentences_and_leave_room_for_copies(tmp_path: Path) -> None:
    bag = inputs()
    found = open_neighbours(Pipeline((Neighbours(k=3, threads=1),))(bag, work=tmp_path)["neighbours"])
    assert found.forward.ids.shape == (39, 4)
    assert found.backward.ids.shape == (29, 4)
    first = [distinct_texts(bag[f"{side}_corpus"]["text"]).first for side in SIZES]
    x, y = (
        np.stack(bag[f"{side}_vectors"]["vector"].to_numpy())[rows] for side, rows in zip(SIZES, first, strict=True)
    )
    wanted = two_way_knn(x, y, k=4, threads=1)
    assert (found.forward.cosines == wanted.forward.cosines).all()


def test_what_decides_the_result_is_in_the_key() -> None:
    base = Neighbours()
    same = [Neighbours(threads=3), Neighbours(memory="8G"), Neighbours(device="auto"), Neighbours(shards=("w",))]
    others = [Neighbours(k=3), Neighbours(keep_copies=True), Neighbours(shard="1/2"), Neighbours(search="auto")]
    assert all(stage.key() == base.key() for stage in same)
    assert len({stage.key() for stage in (base, *others, Neighbours(search="auto", memory="1G"))}) == 6


def test_the_texts_of_all_pairs_count_towards_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(neighbours, "private_memory", lambda: 10 << 20)
    monkeypatch.setattr(plan, "private_memory", lambda: 0)
    bag = inputs()
    for side in SIZES:  # 40 and 30 texts of 100,000 characters
        texts = pa.array([text.ljust(100_000, ".") for text in bag[f"{side}_corpus"]["text"].to_pylist()])
        bag[f"{side}_corpus"] = bag[f"{side}_corpus"].set_column(1, "text", texts)

    def fits(memory: str, retrieval: Any) -> bool:
        try:
            Pipeline((Neighbours(k=3, threads=1, memory=memory, retrieval=retrieval),))(bag)
        except UsageError as error:
            assert "MiB for their texts; give more, or --threshold" in str(error)
            return False
        return True

    # 30 and 210 pairs of 200 kB at most.
    assert [fits("45M", None), fits("45M", "max"), fits("45M", "all"), fits("80M", "all")] == [True, True, False, True]


def test_refuses(tmp_path: Path) -> None:
    for options, words in (
        ({"k": 0}, "k = 0"),
        ({"memory": "lots"}, "memory 'lots' is no size"),
        ({"shard": "2"}, "write I/N"),
        ({"shard": "1/2", "search": "auto"}, "cannot be divided into shards"),
    ):
        with pytest.raises(UsageError, match=words):
            Neighbours(**options)
    bag, other = inputs(), inputs(1)
    with pytest.raises(MismatchError, match="tgt: 30 sentences but 40 vectors"):
        Pipeline((Neighbours(),))(bag | {"tgt_vectors": bag["src_vectors"]})
    steps = Pipeline((Neighbours(k=3, shard="1/2"), Mine(k=3)))
    with pytest.raises(InputError, match="is shard 1/2 of a search"):
        steps(bag)
    small = {name: table.slice(0, 20) for name, table in other.items()}
    near = Pipeline((Neighbours(),))(small, work=tmp_path)["neighbours"]
    with pytest.raises(MismatchError, match="for 20 sentences, wanted 5 for 39; search again"):
        Pipeline((Mine(),))(bag | {"neighbours": near})
