"""Sparse differences and LoRA: merged at load, language plus ranking, against tensors added up in torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.encoders.composing.conftest import Base, Tensors, adapter_tensors, numbers, plain, sparse, write
from tests.encoders.composing.oracle import adapted, scores
from tests.encoders.crossencoders.test_crossencoder import DOCUMENTS, QUERIES
from xret.encoders import load_encoder, load_reranker
from xret.encoders.composing.names import split_modules
from xret.encoders.load import identify
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
BODY = {
    "embeddings.word_embeddings.weight": (17, 24),
    "encoder.layer.0.attention.self.query.weight": (24, 24),
    "encoder.layer.0.attention.output.LayerNorm.weight": (24,),
    "encoder.layer.1.intermediate.dense.bias": (40,),
    "encoder.layer.1.output.dense.weight": (24, 40),
}
HEAD = {"classifier.weight": numbers(31, 1, 24), "classifier.bias": numbers(32, 1)}


def named(prefix: str, tensors: Tensors) -> Tensors:
    return {f"{prefix}{name}": values for name, values in tensors.items()}


def added(model: Any, *differences: Tensors) -> Any:
    """The model with dense differences added to its parameters, one after the other."""
    import torch

    with torch.no_grad():
        for difference in differences:
            for name, values in difference.items():
                model.get_parameter(name).add_(torch.from_numpy(values))
    return model


def bert_head(output: Any) -> Any:
    import torch

    return torch.nn.functional.linear(output.pooler_output, *(torch.from_numpy(each) for each in HEAD.values()))


def test_language_and_ranking_differences(base: Base, tmp_path: Path) -> None:
    folder = base("bert")
    language, one = sparse(1, BODY)
    ranking, two = sparse(2, {**BODY, "pooler.dense.weight": (24, 24)})
    extra: Tensors = {"cls.predictions.bias.indices": np.arange(3), "cls.predictions.bias.values": numbers(1, 3)}
    plain(tmp_path / "sw", {**named("bert.", language), **extra}, kind="sparse")
    plain(tmp_path / "rank", {**named("bert.", ranking), **HEAD}, kind="sparse")
    name = f"{folder}+{tmp_path / 'sw'}+{tmp_path / 'rank'}"
    wanted = scores(folder, added(adapted(folder, []), one, two), bert_head, QUERIES, DOCUMENTS)
    found = load_reranker(name, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert np.abs(found - wanted).max() <= 2e-5 and np.ptp(wanted) > 0.1  # logits, as they are
    plain(tmp_path / "rank", {**ranking, **HEAD}, kind="sparse", activation="Sigmoid")
    found = load_reranker(name, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert np.abs(found - 1 / (1 + np.exp(-wanted))).max() <= 1e-5


def test_a_ranking_difference_of_a_whole_cross_encoder(base: Base, classifier: Any, tmp_path: Path) -> None:
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    folder = classifier("xlm-roberta")
    language, one = sparse(3, {f"roberta.{name}": shape for name, shape in BODY.items()})
    plain(tmp_path / "sw", language, kind="sparse")
    model = added(AutoModelForSequenceClassification.from_pretrained(folder).eval(), one)
    coded = AutoTokenizer.from_pretrained(folder)(["the old bird"], ["a river"], return_tensors="pt")
    with torch.no_grad():
        wanted = float(torch.sigmoid(model(**coded).logits))
    found = load_reranker(f"{folder}+{tmp_path / 'sw'}", device="cpu", threads=1).score(["the old bird"], ["a river"])
    assert float(found[0]) == pytest.approx(wanted, abs=1e-5)


def test_a_sparse_language_under_ranking_adapters_and_lora(base: Base, tmp_path: Path) -> None:
    folder = base("bert")
    language, one = sparse(4, BODY)
    ranking = adapter_tensors(6, ("output",))
    plain(tmp_path / "sw", language, kind="sparse")
    plain(tmp_path / "rank", {**ranking, **HEAD}, kind="bottleneck")
    low: Tensors = {}
    for at, (module, rows, columns) in enumerate([("encoder.layer.0.attention.self.value", 24, 24),
                                                  ("encoder.layer.1.output.dense", 24, 40)]):  # fmt: skip
        low[f"base_model.model.bert.{module}.lora_A.weight"] = numbers(at, 3, columns)
        low[f"base_model.model.bert.{module}.lora_B.weight"] = numbers(at + 9, rows, 3)
    settings = {"peft_type": "LORA", "r": 3, "lora_alpha": 6, "bias": "none", "modules_to_save": ["classifier"]}
    write(tmp_path / "lora", "adapter_model.safetensors", low, adapter_config=settings)
    delta = {
        name.removeprefix("base_model.model.bert.").replace("lora_A.", ""): np.asarray(
            low[name.replace("lora_A", "lora_B")] @ values * 2, np.float32
        )
        for name, values in low.items() if "lora_A" in name
    }  # fmt: skip
    model = added(adapted(folder, [(ranking, {})]), one, delta)
    wanted = scores(folder, model, bert_head, QUERIES, DOCUMENTS)
    name = f"{folder}+{tmp_path / 'sw'}+{tmp_path / 'lora'}+{tmp_path / 'rank'}"
    found = load_reranker(name, device="cpu", threads=1).score(QUERIES, DOCUMENTS)
    assert np.abs(found - wanted).max() <= 2e-5 and np.ptp(wanted) > 0.1


def test_names_and_hashes(base: Base, tmp_path: Path) -> None:
    folder = base("bert")
    for at, each in enumerate(("one", "two")):
        plain(tmp_path / each, sparse(at, BODY)[0], kind="sparse")
    one, two = str(tmp_path / "one"), str(tmp_path / "two")
    names = [str(folder), f"{folder}+{one}", f"{folder}+{two}", f"{folder}+{one}+{two}", f"{folder}+{two}+{one}"]
    assert len({identify(name) for name in [*names, f"{names[1]}:int8"]}) == 6
    texts = ["the old bird", "stone"]
    vectors = load_encoder(names[3], device="cpu", threads=1)
    assert vectors.hash == identify(names[3])
    again = load_encoder(f"{names[3]}", device="cpu", threads=1).encode(texts)
    assert np.array_equal(vectors.encode(texts), again)
    assert np.abs(again - load_encoder(names[4], device="cpu", threads=1).encode(texts)).max() < 1e-5  # sums commute
    (plus := tmp_path / "a+b").mkdir()
    assert split_modules(str(plus)) == (str(plus), ())
    with pytest.raises(ModelError, match="has an empty part"):
        split_modules("bert++rank")


def test_what_is_refused(base: Base, tmp_path: Path) -> None:
    folder, module = base("bert"), tmp_path / "module"

    def refused(message: str, tensors: Tensors, on: Any = folder, **settings: Any) -> None:
        plain(module, tensors, **settings)
        with pytest.raises(ModelError, match=message):
            load_reranker(f"{on}+{module}", device="cpu")

    good, _ = sparse(1, {"encoder.layer.0.output.dense.bias": (24,)})
    refused("kind 'dense' is not known; known: sparse, bottleneck", good, kind="dense")
    refused("is no cross-encoder but an encoder", good, kind="sparse")
    name = "encoder.layer.0.output.dense.bias"
    refused("changes value 24 of", {f"{name}.indices": np.array([3, 24]), f"{name}.values": numbers(1, 2), **HEAD},
            kind="sparse")  # fmt: skip
    refused("do not ascend from 0", {f"{name}.indices": np.array([3, 3]), f"{name}.values": numbers(1, 2)},
            kind="sparse")  # fmt: skip
    refused("has indices", {f"{name}.indices": np.array([3, 5]), f"{name}.values": numbers(1, 3)}, kind="sparse")
    other: Tensors = {"other.weight.indices": np.array([0]), "other.weight.values": numbers(1, 1), **HEAD}
    refused("changes tensor 'other.weight', which .* does not have", other, kind="sparse")
    refused("/module: tensor 'classifier.weight' is", {"classifier.weight": numbers(1, 1, 7)}, kind="sparse")
    refused("'activation' is 3", good, kind="sparse", activation=3)
    refused(
        "/module: the activation 'Evil' of the score is not known", {**good, **HEAD}, kind="sparse", activation="Evil"
    )
    settings = {"peft_type": "LORA", "r": 3, "use_dora": True}
    write(tmp_path / "lora", "adapter_model.safetensors", good, adapter_config=settings)
    with pytest.raises(ModelError, match="'use_dora' is True; only plain LoRA"):
        load_encoder(f"{folder}+{tmp_path / 'lora'}", device="cpu")
    with pytest.raises(ModelError, match=r"^nowhere: no such module; wanted a folder"):
        load_encoder(f"{folder}+nowhere", device="cpu")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ModelError, match=r"empty: is no module; wanted module\.json"):
        load_encoder(f"{folder}+{tmp_path / 'empty'}", device="cpu")
