"""Jina Embeddings v3 (Sturua et al. 2024): XLM-RoBERTa with rotary positions and a LoRA for each task.

Reads Jina's own layout (``model_type`` xlm-roberta, ``position_embedding_type`` rotary, adapters among the weights)
and transformers' ``jina_embeddings_v3`` (adapters in folders of their own). A graph holds the weights of one task. The
loader says in the config which: ``task`` for the former; for the latter ``adapter``, the content of
adapter_config.json, with adapter_model.safetensors opened together with the weights. Without them: the base model.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.builders.affine import Affine, attend, close, read
from xret.encoders.builders.family import Built, Family, check_code, must
from xret.encoders.builders.layers import activate, check_activation, norm, refuse_rest
from xret.encoders.builders.lora import PEFT, adapters, check_adapter, chosen, peft_change, stacked
from xret.encoders.builders.rotary import Rope, Rotary, rope_of, rotary
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.recipe import Role
from xret.errors import ModelError

__all__ = ["FAMILIES", "adapter_folder", "instructions", "tasks"]

_PREFIXES = ("roberta.", "model.")
_IGNORED = ("pooler.", "lm_head.", "classifier.", "embeddings.position_ids", f"{PEFT}pooler.")
_ROLES: dict[Role | None, str] = {"query": "retrieval.query", "document": "retrieval.passage", None: "text-matching"}
_OWN = {  # transformers' names of a layer's parts -> Jina's
    "self_attn.o_proj": "mixer.out_proj", "post_attention_layernorm": "norm1", "post_mlp_layernorm": "norm2",
    "mlp.fc1": "mlp.fc1", "mlp.fc2": "mlp.fc2",
}  # fmt: skip


def tasks(config: dict[str, Any], folders: tuple[str, ...] = ()) -> dict[Role | None, str]:
    """Which LoRA a text in a role goes through; empty where the checkpoint has none.

    Args:
        config: the content of config.json.
        folders: of the model folder, among them those that `adapter_folder` names.

    Returns:
        Role -> task; None stands for texts without a role, compared with each other (mining).
    """
    known = adapters(config)
    return {role: task for role, task in _ROLES.items() if task in known or adapter_folder(task) in folders}


def adapter_folder(task: str) -> str:
    """Where transformers' layout keeps a task's adapter: retrieval.query in ``retrieval_query``."""
    return task.replace(".", "_").replace("-", "_")


def instructions(config: dict[str, Any]) -> dict[Role | None, str]:
    """The text that Jina's code puts before every text in a role, together with its LoRA ("" is left out)."""
    stated = config.get("task_instructions") or {}
    return {role: stated[task] for role, task in tasks(config).items() if stated.get(task)}


def check(config: dict[str, Any]) -> None:
    """Refuse what is not an encoder of this family.

    Raises:
        ModelError: other code, unusual rotation, an unknown activation, task or adapter, or odd sizes.
    """
    check_code(config, "XLMRoberta", "JinaEmbeddingsV3")
    for key in ("rotary_emb_interleaved", "rotary_emb_scale_base"):
        if config.get(key):
            raise ModelError(f"config.json: '{key}' is {config[key]!r}; such rotation is not supported")
    check_activation(config.get("hidden_act", "gelu"))
    _rope(config)
    chosen(config)
    check_adapter(config.get("adapter", {}))
    if must(config, "hidden_size", int) % must(config, "num_attention_heads", int):
        raise ModelError("hidden_size is not a multiple of num_attention_heads in config.json")


def _rope(config: dict[str, Any]) -> Rope:
    own = config["model_type"] == "xlm-roberta"
    return rope_of(config, theta=float(config.get("rotary_emb_base", 10_000.0)) if own else 20_000.0)


def build(graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the encoder; gives the last hidden state (batch, tokens, hidden_size)."""
    prefix = next((p for p in _PREFIXES if any(name.startswith(f"{p}embeddings.") for name in weights.names())), "")
    size = must(config, "hidden_size", int) // must(config, "num_attention_heads", int)
    turner = rotary(graph, _rope(config), size=size, limit=must(config, "max_position_embeddings", int))
    value = _embed(graph, weights, config, prefix)
    for index in range(must(config, "num_hidden_layers", int)):
        value = _layer(graph, weights, config, prefix, index, turner, value)
    refuse_rest(weights, prefix, _IGNORED, "Jina v3 encoder")
    return Built(hidden=value)


def _embed(graph: Graph, weights: Weights, config: dict[str, Any], prefix: str) -> str:
    width, words = must(config, "hidden_size", int), must(config, "vocab_size", int)
    value = graph.node("Gather", [graph.weight("words", _table(weights, config, prefix, "word", words)), "input_ids"])
    if types := config.get("type_vocab_size", 1):  # every token is of type 0
        first = _table(weights, config, prefix, "token_type", types)[0]
        value = graph.node("Add", [value, graph.weight("type", first)])
    name = "emb_ln" if f"{prefix}emb_ln.weight" in weights else "embeddings.LayerNorm"
    gain = norm(graph, weights, f"{prefix}{name}", width)
    return graph.node("LayerNormalization", [value, *gain], axis=-1, epsilon=_eps(config))


def _table(weights: Weights, config: dict[str, Any], prefix: str, kind: str, rows: int) -> NDArray[np.float32]:
    name = f"embeddings.{kind}_embeddings"
    table = stacked(weights, config, f"{prefix}{name}", rows, must(config, "hidden_size", int))
    return peft_change(weights, config, name, table)


def _layer(
    graph: Graph, weights: Weights, config: dict[str, Any], prefix: str, index: int, turner: Rotary, value: str
) -> str:
    width, inner = must(config, "hidden_size", int), must(config, "intermediate_size", int)
    base = f"{prefix}encoder.layers.{index}."
    own = f"{base}norm1.weight" in weights
    base = base if own else f"{prefix}layers.{index}."

    def name(part: str) -> str:
        return f"{base}{_OWN[part] if own else part}"

    def linear(part: str, inputs: int, outputs: int) -> Affine:
        return _changed(weights, config, f"layers.{index}.{part}", _read(weights, config, name(part), inputs, outputs))

    parts = [f"layers.{index}.self_attn.{letter}_proj" for letter in "qkv"]
    if own:
        layers = _read(weights, config, f"{base}mixer.Wqkv", width, 3 * width).cut(3)
    else:
        layers = tuple(read(weights, f"{prefix}{part}", width, width) for part in parts)
    layers = tuple(_changed(weights, config, part, layer) for part, layer in zip(parts, layers, strict=True))
    attended = attend(graph, value, layers, heads=must(config, "num_attention_heads", int), rotary=turner)
    gains = norm(graph, weights, name("post_attention_layernorm"), width)
    value = close(graph, linear("self_attn.o_proj", width, width), gains, _eps(config), attended, value)
    middle = _expand(graph, linear("mlp.fc1", width, inner), config, value)
    gains = norm(graph, weights, name("post_mlp_layernorm"), width)
    return close(graph, linear("mlp.fc2", inner, width), gains, _eps(config), middle, value)


def _expand(graph: Graph, layer: Affine, config: dict[str, Any], value: str) -> str:
    shift = graph.weight(f"{layer.name}.bias", np.asarray(layer.shift))
    return activate(graph, graph.linear(value, layer.name, layer.matrix), shift, config.get("hidden_act", "gelu"))


def _read(weights: Weights, config: dict[str, Any], name: str, inputs: int, outputs: int) -> Affine:
    return Affine(name, stacked(weights, config, name, outputs, inputs).T, weights.get(f"{name}.bias", outputs))


def _changed(weights: Weights, config: dict[str, Any], module: str, layer: Affine) -> Affine:
    return Affine(layer.name, peft_change(weights, config, module, layer.matrix.T).T, layer.shift)


def _eps(config: dict[str, Any]) -> float:
    return float(config.get("layer_norm_eps", 1e-5))


FAMILIES = {
    kind: Family(
        build=build,
        check=check,
        positions=lambda config: int(must(config, "max_position_embeddings", int)),
        width=lambda config: int(must(config, "hidden_size", int)),
        tasks=tasks,
        instructions=instructions,
        adapter_folder=adapter_folder,
    )
    for kind in ("jina_embeddings_v3", "xlm-roberta")
}
