"""LASER3's transformers against fairseq's encoder, written down anew in torch."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from xret.errors import ModelError

CONFIG: dict[str, Any] = {
    "model_type": "laser3", "encoder_embed_dim": 24, "encoder_ffn_embed_dim": 40, "encoder_layers": 3,
    "encoder_attention_heads": 3, "max_source_positions": 40,
}  # fmt: skip
ACTIVATIONS: dict[str, Any] = {
    "relu": functional.relu, "gelu": functional.gelu,
    "gelu_accurate": lambda x: 0.5 * x * (1 + torch.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))),
}  # fmt: skip


class Attention(nn.Module):  # type: ignore[misc]
    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.q_proj, self.k_proj, self.v_proj, self.out_proj = (nn.Linear(width, width) for _ in range(4))
        self.heads = heads

    def forward(self, value: Any, mask: Any) -> Any:
        query, key, content = (project(value).unflatten(-1, (self.heads, -1)).transpose(1, 2)
                 for project in (self.q_proj, self.k_proj, self.v_proj))  # fmt: skip
        seen = functional.scaled_dot_product_attention(query, key, content, attn_mask=mask[:, None, None, :].bool())
        return self.out_proj(seen.transpose(1, 2).flatten(2))


class Layer(nn.Module):  # type: ignore[misc]
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        width, inner = config["encoder_embed_dim"], config["encoder_ffn_embed_dim"]
        self.self_attn = Attention(width, config["encoder_attention_heads"])
        self.self_attn_layer_norm, self.final_layer_norm = nn.LayerNorm(width), nn.LayerNorm(width)
        self.fc1, self.fc2 = nn.Linear(width, inner), nn.Linear(inner, width)
        self.before = config.get("encoder_normalize_before", False)
        self.activate = ACTIVATIONS[config.get("activation_fn", "relu")]

    def forward(self, value: Any, mask: Any) -> Any:
        value = self.half(value, lambda x: self.self_attn(x, mask), self.self_attn_layer_norm)
        return self.half(value, lambda x: self.fc2(self.activate(self.fc1(x))), self.final_layer_norm)

    def half(self, value: Any, block: Callable[[Any], Any], norm: Any) -> Any:
        return value + block(norm(value)) if self.before else norm(value + block(value))


class Encoder(nn.Module):  # type: ignore[misc]
    """What fairseq's `TransformerEncoder` computes in evaluation."""

    def __init__(self, config: dict[str, Any], *, last_norm: bool | None = None) -> None:
        super().__init__()
        torch.manual_seed(4)
        self.config, width = config, config["encoder_embed_dim"]
        self.embed_tokens = nn.Embedding(50, width, padding_idx=1)
        if config.get("encoder_learned_pos"):
            self.embed_positions = nn.Embedding(config["max_source_positions"] + 2, width)
        if config.get("layernorm_embedding"):
            self.layernorm_embedding = nn.LayerNorm(width)
        self.layers = nn.ModuleList([Layer(config) for _ in range(config["encoder_layers"])])
        if config.get("encoder_normalize_before") if last_norm is None else last_norm:
            self.layer_norm = nn.LayerNorm(width)
        self.register_buffer("version", torch.tensor([3.0]))
        nn.init.normal_(self.embed_tokens.weight, std=width**-0.5)
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)

    def positions(self, ids: Any) -> Any:
        real = ids.ne(1).long()
        place = real.cumsum(1) * real + 1
        if self.config.get("encoder_learned_pos"):
            return self.embed_positions(place)
        half = self.config["encoder_embed_dim"] // 2
        rates = torch.exp(torch.arange(half) * -(math.log(10000) / (half - 1)))
        angles = place[..., None] * rates
        return torch.cat([angles.sin(), angles.cos()], -1)

    def forward(self, ids: Any, mask: Any) -> Any:
        scale = 1.0 if self.config.get("no_scale_embedding") else math.sqrt(self.config["encoder_embed_dim"])
        value = scale * self.embed_tokens(ids)
        if not self.config.get("no_token_positional_embeddings"):
            value = value + self.positions(ids)
        if hasattr(self, "layernorm_embedding"):
            value = self.layernorm_embedding(value)
        value = value * mask[..., None]
        for layer in self.layers:
            value = layer(value, mask)
        return self.layer_norm(value) if hasattr(self, "layer_norm") else value


Write = Callable[[str, dict[str, Any], dict[str, Any]], Path]
VARIANTS: list[dict[str, Any]] = [
    {},
    {"encoder_normalize_before": True},
    {"encoder_learned_pos": True, "layernorm_embedding": True},
    {"encoder_normalize_before": True, "encoder_learned_pos": True, "activation_fn": "gelu", "encoder_layers": 1},
    {"no_scale_embedding": True, "activation_fn": "gelu_accurate", "encoder_embed_dim": 30},
    {"no_token_positional_embeddings": True, "layernorm_embedding": True},
]


def written(write: Write, config: dict[str, Any], *, prefix: str = "model.", **options: Any) -> tuple[Path, Encoder]:
    model = Encoder(config, **options).eval()
    return write("laser3", config, {f"{prefix}{name}": value for name, value in model.state_dict().items()}), model


@pytest.mark.parametrize("openvino", [False, True])
@pytest.mark.parametrize("changes", VARIANTS)
def test_against_torch(changes: dict[str, Any], openvino: bool, write: Write, error_of: Callable[..., float]) -> None:
    folder, model = written(write, {**CONFIG, **changes})
    assert error_of(folder, model, openvino=openvino) < 1e-5


def test_a_last_norm_behind_norms_of_their_own(write: Write, error_of: Callable[..., float]) -> None:
    folder, model = written(write, CONFIG, last_norm=True)
    assert error_of(folder, model) < 1e-5


def test_beside_a_decoder(write: Write, error_of: Callable[..., float]) -> None:
    model = Encoder(CONFIG).eval()
    tensors = {f"model.encoder.{name}": value for name, value in model.state_dict().items()}
    rest = {"model.decoder.version": torch.ones(1), "model.decoder.embed_tokens.weight": torch.ones(3, 3)}
    folder = write("laser3", CONFIG, {**tensors, **rest, "optimizer.0.exp_avg": torch.ones(1)})
    assert error_of(folder, model) < 1e-5


def test_half_precision_graph_is_well_typed(write: Write, graph_of: Callable[..., Any]) -> None:
    import onnx

    folder, _ = written(write, {**CONFIG, **VARIANTS[1]})
    model = onnx.load_from_string(graph_of(folder, "fp16").serialized())
    onnx.checker.check_model(model)
    onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=False)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"encoder_layers": 2}, "does not have"),
        ({"encoder_layers": 4}, "has no tensor 'model.layers.3"),
        ({"encoder_normalize_before": True}, "has no tensor 'model.layer_norm.weight'"),
        ({"encoder_learned_pos": True}, "has no tensor 'model.embed_positions.weight'"),
        ({"activation_fn": "tanh_shrink"}, "activation_fn 'tanh_shrink'"),
        ({"adaptive_input": True}, "'adaptive_input'"),
        ({"encoder_attention_heads": 5}, "not a multiple"),
        ({"encoder_ffn_embed_dim": 41}, "wants"),
    ],
)
def test_others_are_refused(changes: dict[str, Any], message: str, write: Write, graph_of: Callable[..., Any]) -> None:
    with pytest.raises(ModelError, match=message):
        graph_of(written(write, CONFIG)[0], **changes)
