"""A run over several languages, each with its own module under one ranking module."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.encoders.composing.conftest import Base, adapter_tensors, numbers, plain
from xret.encoders import load_reranker
from xret.engines import LocalEngine, use_engine
from xret.errors import ModelError, UsageError
from xret.stages.rerank import Rerank

pytestmark = pytest.mark.usefixtures("quiet")
HEAD = {"classifier.weight": numbers(31, 1, 24), "classifier.bias": numbers(32, 1)}


@pytest.fixture
def model(base: Base, tmp_path: Path) -> str:
    for at, lang in enumerate(("en", "de")):
        plain(tmp_path / "langs" / lang, adapter_tensors(at, ("output",)), kind="bottleneck")
    plain(tmp_path / "rank", {**adapter_tensors(9, ("output",)), **HEAD}, kind="bottleneck")
    return f"{base('bert')}+{tmp_path / 'langs'}/{{dlang}}+{tmp_path / 'rank'}"


QUERIES = pa.table({"id": ["q0", "q1"], "text": ["the old bird", "stone"], "lang": ["en", "fr"]})
CORPUS = pa.table({
    "id": ["d0", "d1", "d2"], "text": ["a river", "a river", "blue house"], "lang": ["en", "de-AT", "de"],
})  # fmt: skip
RUN = pa.table({"qid": ["q0"] * 3 + ["q1"] * 3, "docid": ["d0", "d1", "d2"] * 2, "score": [3.0, 2.0, 1.0] * 2})


def test_each_document_has_its_languages_module(model: str, tmp_path: Path) -> None:
    run = Rerank(model=model, device="cpu", threads=1, progress=False).run(RUN, QUERIES, CORPUS, work=tmp_path)
    with use_engine(LocalEngine(1)) as engine:  # a unit for each model
        shared = Rerank(model=model, device="cpu", threads=1, progress=False).run(RUN, QUERIES, CORPUS, work=tmp_path)
        assert shared.equals(run)
        assert engine is not None and engine.executed > 1
    texts, langs = (
        dict(zip(CORPUS["id"].to_pylist(), CORPUS[name].to_pylist(), strict=True)) for name in ("text", "lang")
    )
    asked = dict(zip(QUERIES["id"].to_pylist(), QUERIES["text"].to_pylist(), strict=True))
    apart = {lang: load_reranker(model.replace("{dlang}", lang), device="cpu", threads=1) for lang in ("en", "de")}
    assert run.num_rows == 6 and set(run["tag"].to_pylist()) == {"bert+{dlang}+rank"}
    for row in run.to_pylist():
        one = apart[langs[row["docid"]][:2]].score([asked[row["qid"]]], [texts[row["docid"]]])
        assert row["score"] == pytest.approx(float(one[0]), abs=1e-5)
    scores = {(row["qid"], row["docid"]): row["score"] for row in run.to_pylist()}
    assert abs(scores["q0", "d0"] - scores["q0", "d1"]) > 1e-3  # one text, two languages
    by_query = Rerank(model=model.replace("dlang", "qlang"), device="cpu", progress=False)
    with pytest.raises(ModelError, match=r"there is no module .*langs/fr for queries in 'fr'"):
        by_query.run(RUN, QUERIES, CORPUS, work=tmp_path)


def test_the_stages_key_follows_every_module(model: str, tmp_path: Path) -> None:
    stage = Rerank(model=model)
    before = stage.key()
    assert before == Rerank(model=model).key()
    plain(tmp_path / "langs" / "de", adapter_tensors(5, ("output",)), kind="bottleneck")
    changed = stage.key()
    plain(tmp_path / "langs" / "sw", adapter_tensors(6, ("output",)), kind="bottleneck")
    assert len({before, changed, stage.key()}) == 3
    plain(tmp_path / "rank", {**adapter_tensors(9, ("output",)), **HEAD, "classifier.bias": np.zeros(1, np.float32)},
          kind="bottleneck")  # fmt: skip
    assert stage.key() not in (before, changed)
    with pytest.raises(UsageError, match="the language is open in the base model"):
        Rerank(model="models/{dlang}+rank").key()
