"""Which workers ask for a GPU."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.conftest import corpus
from xret.encoders import encode_corpus, load_encoder
from xret.engines import EngineError, LocalEngine, use_engine
from xret.stages.index import Index, shared_tokens
from xret.stages.mine import Mine
from xret.stages.rerank import Rerank
from xret.stages.retrieve import Retrieve


class Cards(LocalEngine):
    """Refuses what asks for GPUs."""

    def start(self, ledger: Any, job: Any, *, gpus: float, advance: Any) -> Iterator[tuple[int, dict[str, Any]]]:
        if gpus:
            recipe = job.recipe.get("options") or job.recipe.get("encoder") or job.recipe
            raise EngineError(f"{gpus:g} for {recipe['device']}")
        yield from super().start(ledger, job, gpus=gpus, advance=advance)


def test_workers_get_a_gpu_where_one_process_would_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ray hides GPUs from workers that did not ask for one: with ``auto`` they would encode otherwise than one does."""
    docs, queries = corpus(40), corpus(9)
    Index(kind="multivector", device="cpu", threads=1).run(docs, None, work=tmp_path)
    vectors = [encode_corpus(each, tmp_path / f"v{len(each)}", encoder=load_encoder()) for each in (docs, queries)]
    run = Retrieve(k=2, device="cpu").run(queries, None, tmp_path / "index", work=tmp_path)
    monkeypatch.setattr("xret.encoders.load.usable_device", lambda device: "cuda" if device == "auto" else device)
    with use_engine(Cards(1)):
        for stage, values in (
            (Mine(k=1, rescore="tokens"), (docs, queries, *(each.source for each in vectors))),
            (Rerank(model="maxsim"), (run, queries, docs)),
            (Retrieve(k=2), (queries, None, tmp_path / "index")),
        ):
            with pytest.raises(EngineError, match="1 for cuda"):
                stage.run(*values, work=tmp_path)
        sharing = shared_tokens("xret-mini", tmp_path / "other", device="auto", threads=1)
        assert sharing and (sharing.gpus, sharing.encoder.recipe["device"]) == (1, "cuda")
        Rerank(model="maxsim", encoder="xret-mini:int8").run(run, queries, docs, work=tmp_path)  # for CPUs alone
