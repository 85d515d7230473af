"""Jina v3 against transformers: both layouts, and every task's LoRA merged as Jina's code adds it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.encoders.conftest import word_tokenizer
from xret.encoders import load_encoder
from xret.encoders.builders import family_of
from xret.encoders.builders.jina3 import adapter_folder, instructions, tasks
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.recipe import Role
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
TASKS = ["retrieval.query", "retrieval.passage", "separation", "classification", "text-matching"]
CONFIG = {
    "model_type": "xlm-roberta", "position_embedding_type": "rotary", "rotary_emb_base": 20_000.0, "lora_rank": 3,
    "auto_map": {"AutoModel": "jinaai/xlm-roberta-flash-implementation--modeling_lora.XLMRobertaLoRA"}, "lora_alpha": 2,
    "lora_adaptations": TASKS, "type_vocab_size": 1, "layer_norm_eps": 1e-5, "hidden_act": "gelu",
    "task_instructions": {**dict.fromkeys(TASKS, ""), "retrieval.query": "Represent the query: "},
}  # fmt: skip
NAMES = {
    "embeddings.LayerNorm": "emb_ln", "self_attn.o_proj": "mixer.out_proj", "post_attention_layernorm": "norm1",
    "post_mlp_layernorm": "norm2", "layers.": "encoder.layers.",
}  # fmt: skip


def flash(state: dict[str, Any]) -> dict[str, Any]:
    """Transformers' tensors in the layout of Jina's code, without adapters."""
    import torch

    result = {}
    for name, tensor in state.items():
        for old, new in NAMES.items():
            name = name.replace(old, new)
        result[f"roberta.{name}"] = tensor
    for name in [name for name in result if "self_attn.q_proj" in name]:
        parts = [result.pop(name.replace("q_proj", f"{part}_proj")) for part in "qkv"]
        result[name.replace("self_attn.q_proj", "mixer.Wqkv")] = torch.cat(parts)
    return result


def with_adapters(plain: dict[str, Any]) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """The tensors with a LoRA on every matrix, and for each task the plain tensors that they amount to."""
    import torch

    torch.manual_seed(9)
    stored, results = {}, [dict(plain) for _ in TASKS]
    for name, tensor in plain.items():
        if tensor.dim() < 2:
            stored[name] = tensor
            continue
        rows, columns = tensor.shape
        table = "embeddings." in name
        first = torch.randn(5, rows, 3) if table else torch.randn(5, 3, columns)
        second = (torch.randn(5, 3, columns) if table else torch.randn(5, rows, 3)) * 0.05
        stem = f"{name.removesuffix('.weight')}.parametrizations.weight."
        stored |= {f"{stem}original": tensor, f"{stem}0.lora_A": first, f"{stem}0.lora_B": second}
        for task, result in enumerate(results):
            a, b = (first[task], second[task]) if table else (second[task], first[task])
            result[name] = tensor + (a @ b) * (2 / 3)
    return stored, results


def unflash(tensors: dict[str, Any]) -> dict[str, Any]:
    """Back to transformers' names."""
    result = {}
    for name, tensor in tensors.items():
        for old, new in reversed(NAMES.items()):
            name = name.replace(new, old)
        name = name.removeprefix("roberta.")
        if "mixer.Wqkv" in name:
            for part, piece in zip("qkv", tensor.chunk(3), strict=True):
                result[name.replace("mixer.Wqkv", f"self_attn.{part}_proj")] = piece
        else:
            result[name] = tensor
    return result


def test_as_transformers_saves_it(random_model: Make, error_of: Make) -> None:
    folder, oracle, _ = random_model("jina_embeddings_v3")
    assert error_of(folder, oracle) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_separate_layers(random_model: Make, error_of: Make, write: Make) -> None:
    _, oracle, model = random_model("jina_embeddings_v3")
    config = {"model_type": "jina_embeddings_v3", "layer_norm_eps": 1e-5, "type_vocab_size": 1}
    assert error_of(write("apart", config, dict(model.state_dict())), oracle) <= 1e-5


def test_every_task(random_model: Make, error_of: Make, write: Make) -> None:
    _, oracle, model = random_model("jina_embeddings_v3", num_hidden_layers=2)
    plain = flash(model.state_dict())
    stored, results = with_adapters(plain)
    folder = write("lora", {**CONFIG, "num_hidden_layers": 2}, stored)
    assert error_of(folder, oracle) <= 1e-5  # no task: the base model
    assert error_of(folder, oracle, task="separation") > 0.01
    for task, tensors in zip(TASKS, results, strict=True):
        model.load_state_dict(unflash(tensors))
        assert error_of(folder, oracle, batches=[[7, 40, 1]], task=task) <= 1e-5


def test_each_role_has_its_adapter_and_instruction(random_model: Make, write: Make) -> None:
    import numpy as np
    import torch

    _, _, model = random_model("jina_embeddings_v3")
    stored, results = with_adapters(flash(model.state_dict()))
    folder = write("lora", {**CONFIG, "task_instructions": {"retrieval.query": "old new "}}, stored)
    tokenizer = word_tokenizer(["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>")
    tokenizer.save(str(folder / "tokenizer.json"))
    encoder = load_encoder(folder, device="cpu", threads=1)
    roles: dict[Role | None, tuple[str, str]] = {
        "query": ("retrieval.query", "old new blue river"), "document": ("retrieval.passage", "blue river"),
        None: ("text-matching", "blue river"),
    }  # fmt: skip
    for role, (task, text) in roles.items():
        model.load_state_dict(unflash(results[TASKS.index(task)]))
        ids = torch.tensor([tokenizer.encode(text).ids])
        with torch.no_grad():
            mean = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].mean(0)
        mine = encoder.encode(["blue river"], role=role)[0]
        assert np.abs(mine - (mean / mean.norm()).numpy()).max() <= 1e-5


def test_without_adapters(random_model: Make, error_of: Make, write: Make) -> None:
    _, oracle, model = random_model("jina_embeddings_v3")
    config = {key: value for key, value in CONFIG.items() if not key.startswith("lora")}
    assert error_of(write("plain", config, flash(model.state_dict())), oracle) <= 1e-5


def peft_file(folder: Path, model: Any, kind: str) -> dict[str, Any]:
    """PEFT's adapter for `model` written into `folder`; gives the changed tensors."""
    import torch
    from safetensors.torch import save_file

    torch.manual_seed(4)
    tensors: dict[str, Any] = {}
    changed = dict(model.state_dict())
    for name in [name for name, tensor in changed.items() if tensor.dim() == 2]:
        rows, columns = changed[name].shape
        first, second = torch.randn(3, columns), torch.randn(rows, 3) * 0.05
        stem = f"base_model.model.{name.removesuffix('.weight')}.lora_"
        if "embeddings." in name:
            tensors |= {f"{stem}embedding_A": second.T, f"{stem}embedding_B": first.T}
        else:
            tensors |= {f"{stem}A.weight": first, f"{stem}B.weight": second}
        changed[name] = changed[name] + (second @ first) * scale_of(kind)
    folder.mkdir()
    save_file({key: tensor.contiguous() for key, tensor in tensors.items()}, folder / "adapter_model.safetensors")
    return changed


def scale_of(kind: str) -> float:
    return 5 / 3**0.5 if kind == "rslora" else 5 / 3


@pytest.mark.parametrize("kind", ["lora", "rslora"])
@pytest.mark.parametrize("layout", ["saved", "separate"])
def test_adapters_of_peft(random_model: Make, write: Make, run: Make, tmp_path: Path, layout: str, kind: str) -> None:
    import torch

    folder, _, model = random_model("jina_embeddings_v3")
    if layout == "separate":
        folder = write("apart", json.loads((folder / "config.json").read_text()), dict(model.state_dict()))
    task = tmp_path / "m" / adapter_folder("retrieval.query")
    task.parent.mkdir()
    changed = peft_file(task, model, kind)
    adapter = {"peft_type": "LORA", "r": 3, "lora_alpha": 5, "use_rslora": kind == "rslora", "bias": "none"}
    config = {**json.loads((folder / "config.json").read_text()), "adapter": adapter}
    graph, files = Graph(), [folder / "model.safetensors", task / "adapter_model.safetensors"]
    graph.input("input_ids")
    graph.input("attention_mask")
    built = family_of(config).build(graph, Weights(files), config)
    graph.output(built.hidden, "hidden", ["batch", "tokens", 32])
    model.load_state_dict(changed)
    ids = torch.randint(3, 50, (3, 17))
    with torch.no_grad():
        theirs = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
    mine = run(graph, {"input_ids": ids.numpy(), "attention_mask": torch.ones_like(ids).numpy()})
    assert float((torch.from_numpy(mine) - theirs).abs().max()) <= 1e-5


def test_adapters_in_folders_of_their_own(random_model: Make, tmp_path: Path) -> None:
    import numpy as np
    import torch

    saved, _, model = random_model("jina_embeddings_v3")
    folder = shutil.copytree(saved, tmp_path / "hf")
    tokenizer = word_tokenizer(["<s>", "<pad>", "</s>", "<unk>"], "<s> $A </s>")
    tokenizer.save(str(folder / "tokenizer.json"))
    plain = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    changed = peft_file(folder / "retrieval_query", model, "lora")
    adapter = {"peft_type": "LORA", "r": 3, "lora_alpha": 5, "use_rslora": False, "bias": "none"}
    (folder / "retrieval_query/adapter_config.json").write_text(json.dumps(adapter))
    encoder = load_encoder(folder, device="cpu", threads=1)
    ids = torch.tensor([tokenizer.encode("blue river").ids])
    roles: dict[Role | None, Any] = {"query": changed, "document": plain, None: plain}
    for role, tensors in roles.items():
        model.load_state_dict(tensors)
        with torch.no_grad():
            mean = model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state[0].mean(0)
        assert np.abs(encoder.encode(["blue river"], role=role)[0] - (mean / mean.norm()).numpy()).max() <= 1e-5
    (folder / "retrieval_query/adapter_model.safetensors").unlink()
    with pytest.raises(ModelError, match=r"adapter_model\.safetensors: is missing"):
        load_encoder(folder, device="cpu")


def test_roles() -> None:
    assert tasks({"model_type": "jina_embeddings_v3"}, ("retrieval_query", "text_matching", "1_Pooling")) == {
        "query": "retrieval.query",
        None: "text-matching",
    }
    assert tasks(CONFIG) == {"query": "retrieval.query", "document": "retrieval.passage", None: "text-matching"}
    assert instructions(CONFIG) == {"query": "Represent the query: "}
    assert tasks({**CONFIG, "lora_adaptations": ["text-matching", "other"]}) == {None: "text-matching"}
    assert tasks({"model_type": "jina_embeddings_v3"}) == {}
    assert family_of({**CONFIG, "hidden_size": 32, "num_attention_heads": 4}).version >= 1


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"task": "retrieval"}, "task 'retrieval' has no LoRA in this checkpoint; it has: retrieval.query, "),
        ({"lora_adaptations": None, "task": "separation"}, "it has: none"),
        ({"lora_adaptations": "all"}, "wanted a list of tasks"),
        ({"lora_adaptations": TASKS[:4]}, r"LoRA of '.*' is \(5, 50, 3\), config\.json wants \(4, 50, 3\)"),
        ({"lora_rank": None}, "'lora_rank' is None"),
        ({"auto_map": {"AutoModel": "org/code--modeling.OtherModel"}}, "auto_map to 'org/code--modeling.OtherModel'"),
        ({"rotary_emb_interleaved": True}, "rotary_emb_interleaved"),
        ({"adapter": {"use_dora": True}}, "'use_dora' is True; only plain LoRA"),
        ({"adapter": {"rank_pattern": {"q_proj": 8}}}, "'rank_pattern'"),
        ({"adapter": [1]}, r"adapter_config\.json: holds \[1\]"),
        ({"position_embedding_type": "absolute"}, "auto_map"),  # XLM-R's builder: code of its own
        ({"hidden_act": "mish"}, "hidden_act 'mish' is not known"),
        ({"num_hidden_layers": 3}, r"holds 'roberta\.encoder\.layers\.3\."),
    ],
    ids=str,
)
def test_refuses(random_model: Make, graph_of: Make, write: Make, changes: dict[str, Any], message: str) -> None:
    _, _, model = random_model("jina_embeddings_v3")
    folder = write("lora", CONFIG, with_adapters(flash(model.state_dict()))[0])
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)
