"""The adapter for MTEB: against the shape of its protocol, and through `mteb.evaluate` on tiny tasks of our own."""

from __future__ import annotations

import json
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Literal

import numpy as np
import pytest

from tests.encoders.conftest import write_static
from xret.encoders import load_encoder
from xret.encoders.adapters import MTEBEncoder
from xret.encoders.encoder import Encoder
from xret.encoders.reading.languages import Languages
from xret.errors import InputError


class PromptType(StrEnum):
    query = "query"
    document = "document"


def task(subsets: dict[str, list[str]], kind: str = "Retrieval") -> Any:
    return SimpleNamespace(name="Tiny", type=kind, hf_subsets_to_langscripts=subsets)


def spied(folder: Path, monkeypatch: pytest.MonkeyPatch, *, told: bool) -> tuple[MTEBEncoder, list[dict[str, Any]]]:
    """An adapter, and what its encoder was asked."""
    encoder, calls = load_encoder(write_static(folder), device="cpu", threads=1), list[dict[str, Any]]()
    if told:
        languages = Languages(("deu_Latn", "eng_Latn"), "eng_Latn", "token")
        monkeypatch.setattr(encoder, "recipe", replace(encoder.recipe, languages=languages, prompts=()))
    plain = Encoder.encode

    def encode(texts: list[str], **options: Any) -> Any:
        calls.append(options)
        return plain(encoder, texts, **{**options, "lang": None})

    monkeypatch.setattr(encoder, "encode", encode)
    monkeypatch.setattr(encoder, "_routed", lambda *_: None)
    return MTEBEncoder(encoder), calls


def test_shape_of_the_protocol(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, calls = spied(tmp_path / "m", monkeypatch, told=False)
    loader = [{"text": ["old bird", "river"], "id": ["a", "b"]}, {"text": ["stone"]}]
    asked = {"task_metadata": task({"default": ["deu-Latn"]}), "hf_split": "test", "hf_subset": "default"}
    vectors = adapter.encode(loader, **asked, prompt_type=PromptType.query, batch_size=32)
    wanted = Encoder.encode(adapter.encoder, ["old bird", "river", "stone"], role="query")
    assert np.array_equal(vectors, wanted) and vectors.dtype == np.float32
    assert calls == [{"role": "query", "lang": None}]
    assert np.allclose(np.diag(adapter.similarity(vectors, vectors)), 1, atol=1e-6)
    assert np.allclose(adapter.similarity_pairwise(vectors, vectors[::-1]), (vectors * vectors[::-1]).sum(1), atol=1e-6)
    with pytest.raises(InputError, match=r"task Tiny: batches hold \['image'\]"):
        adapter.encode([{"image": []}], **asked)
    assert adapter.encode([], **asked).shape == (0, 5)


def test_languages_of_subsets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    adapter, calls = spied(tmp_path / "m", monkeypatch, told=True)

    def tag(metadata: Any, subset: str) -> Any:
        adapter.encode([{"text": ["bird"]}], task_metadata=metadata, hf_split="test", hf_subset=subset)
        return calls[-1]["lang"]

    assert tag(task({"default": ["deu-Latn"]}), "default") == ["deu-Latn"]
    pairs = {"deu-eng": ["deu-Latn", "eng-Latn"], "eng-eng": ["eng-Latn", "eng-Latn"]}
    assert tag(task(pairs), "deu-eng") == ["und"]  # of a retrieval task nobody says which side is which
    bitext = task(pairs, "BitextMining")
    assert [tag(bitext, "deu-eng") for _ in range(4)] == [["deu-Latn"], ["eng-Latn"]] * 2
    bitext.name = "BUCC"
    assert tag(bitext, "deu-eng") == ["und"]  # nor in which order
    bitext.name = "Tiny"
    assert tag(bitext, "eng-eng") == ["eng-Latn"]
    assert tag(bitext, "deu_Latn") == ["deu_Latn"]  # parallel columns


@pytest.mark.parametrize(("known", "told"), [(Literal["PyTorch", "ONNX"], ["ONNX"]), (Literal["PyTorch"], [])])
def test_frameworks_that_mteb_does_not_know_are_not_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, known: Any, told: list[str]
) -> None:
    """Its first releases refuse the word."""
    module = SimpleNamespace(ModelMeta=lambda **fields: SimpleNamespace(**fields), FRAMEWORKS=known)
    monkeypatch.setattr("xret.encoders.adapters.mteb.require", lambda *_, **__: module)
    adapter = MTEBEncoder(load_encoder(write_static(tmp_path / "m"), device="cpu", threads=1))
    meta = adapter.mteb_model_meta
    assert meta.framework == told
    assert (meta.revision, meta.embed_dim, meta.max_tokens) == (adapter.encoder.hash[:12], 5, 64)


def test_evaluate(tmp_path: Path) -> None:
    mteb = pytest.importorskip("mteb")
    from datasets import Dataset, DatasetDict
    from mteb.abstasks import AbsTaskBitextMining, AbsTaskRetrieval
    from mteb.abstasks.retrieval_dataset_loaders import RetrievalSplitData
    from mteb.models import EncoderProtocol

    shared = {
        "description": "tiny", "reference": None, "dataset": {"path": "none/none", "revision": "1"},
        "category": "t2t", "eval_splits": ["test"], "date": None, "domains": None, "task_subtypes": None,
        "license": None, "annotations_creators": None, "dialect": None, "sample_creation": None,
        "bibtex_citation": "", "modalities": ["text"],
    }  # fmt: skip
    texts = ["river stone", "old bird", "blue house", "green"]

    class Find(AbsTaskRetrieval):  # type: ignore[misc]
        metadata = mteb.TaskMetadata(
            name="Find", type="Retrieval", eval_langs=["eng-Latn"], main_score="ndcg_at_10", **shared
        )

        def load_data(self, **_: Any) -> None:
            documents = Dataset.from_dict({"id": list("abcd"), "text": texts, "title": [""] * 4})
            queries = Dataset.from_dict({"id": ["q", "r"], "text": ["stone river", "the house blue"]})
            gold = {"q": {"a": 1}, "r": {"c": 1}}
            split = RetrievalSplitData(corpus=documents, queries=queries, relevant_docs=gold, top_ranked=None)
            self.dataset, self.data_loaded = {"default": {"test": split}}, True

    class Mine(AbsTaskBitextMining):  # type: ignore[misc]
        metadata = mteb.TaskMetadata(
            name="Mine",
            type="BitextMining",
            eval_langs={"deu-eng": ["deu-Latn", "eng-Latn"]},
            main_score="f1",
            **shared,
        )

        def load_data(self, **_: Any) -> None:
            rows = Dataset.from_dict({"sentence1": texts, "sentence2": [" ".join(t.split()[::-1]) for t in texts]})
            self.dataset, self.data_loaded = {"deu-eng": DatasetDict({"test": rows})}, True

    adapter = MTEBEncoder(str(write_static(tmp_path / "m", dtype="float32")), device="cpu")
    assert isinstance(adapter, EncoderProtocol)
    result = mteb.evaluate(adapter, [Find(), Mine()], cache=None, co2_tracker=False, show_progress_bar=False)
    scores = {found.task_name: found.scores["test"][0]["main_score"] for found in result.task_results}
    print(json.dumps(scores))
    assert scores == {"Find": 1.0, "Mine": 1.0}  # bags of words: order does not matter
    assert result.model_revision == adapter.encoder.hash[:12]
