"""Jina v2 encoders against torch code of the test's own: no release of transformers knows them."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.builders import family_of
from xret.encoders.builders.jina2 import slopes
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
CONFIG = {
    "model_type": "bert", "position_embedding_type": "alibi", "feed_forward_type": "geglu", "emb_pooler": "mean",
    "auto_map": {"AutoModel": "jinaai/jina-bert-implementation--modeling_bert.JinaBertModel"}, "type_vocab_size": 2,
    "hidden_size": 36, "num_attention_heads": 6, "num_hidden_layers": 3, "hidden_act": "gelu", "layer_norm_eps": 1e-12,
}  # fmt: skip


def tensors(*, code: bool, width: int = 36, inner: int = 44, layers: int = 3) -> dict[str, Any]:
    """Random weights, norms around one, in the text models' layout or the code model's."""
    import torch

    torch.manual_seed(2)
    linear = {f"attention.self.{part}": (width, width) for part in ("query", "key", "value")}
    linear |= {"attention.output.dense": (width, width), "mlp.down_layer" if code else "mlp.wo": (width, inner)}
    norms = ["layer_norm_1", "layer_norm_2", "attention.self.layer_norm_q", "attention.self.layer_norm_k"]
    norms = ["attention.output.LayerNorm", *(norms if code else ["mlp.layernorm"])]
    made = {
        "embeddings.word_embeddings.weight": torch.randn(50, width),
        "embeddings.token_type_embeddings.weight": torch.randn(2, width),
    }
    for base in ["embeddings.LayerNorm", *(f"encoder.layer.{i}.{name}" for i in range(layers) for name in norms)]:
        made |= {f"{base}.weight": 1 + 0.2 * torch.randn(width), f"{base}.bias": 0.2 * torch.randn(width)}
    for index in range(layers):
        gates = f"encoder.layer.{index}.mlp.{'up_gated_layer' if code else 'gated_layers'}.weight"
        made[gates] = torch.randn(2 * inner, width) * 0.25
        for name, shape in linear.items():
            made[f"encoder.layer.{index}.{name}.weight"] = torch.randn(shape) * 0.25
            made[f"encoder.layer.{index}.{name}.bias"] = torch.randn(shape[0]) * 0.2
    return made


def fall(heads: int) -> list[float]:
    """The slopes as the ALiBi paper's code gives them."""
    if math.log2(heads).is_integer():
        start = 2 ** (-(2 ** -(math.log2(heads) - 3)))
        return [start * start**i for i in range(heads)]
    near = 2 ** math.floor(math.log2(heads))
    return fall(near) + fall(2 * near)[0::2][: heads - near]


class Reference:
    """The forward pass, padding masked by minus infinity."""

    def __init__(self, weights: dict[str, Any], *, code: bool, heads: int = 6, relu: bool = False) -> None:
        self.weights, self.code, self.heads, self.relu = weights, code, heads, relu

    def dense(self, name: str, x: Any) -> Any:
        from torch.nn.functional import linear

        return linear(x, self.weights[f"{name}.weight"], self.weights.get(f"{name}.bias"))

    def norm(self, name: str, x: Any) -> Any:
        from torch.nn.functional import layer_norm

        return layer_norm(x, x.shape[-1:], self.weights[f"{name}.weight"], self.weights[f"{name}.bias"], 1e-12)

    def attention(self, base: str, x: Any, mask: Any) -> Any:
        import torch

        query, key, value = (self.dense(f"{base}attention.self.{part}", x) for part in ("query", "key", "value"))
        if self.code:
            query = self.norm(f"{base}attention.self.layer_norm_q", query)
            key = self.norm(f"{base}attention.self.layer_norm_k", key)
        query, key, value = (t.unflatten(-1, (self.heads, -1)).transpose(1, 2) for t in (query, key, value))
        place = torch.arange(x.shape[1])
        bias = -torch.tensor(fall(self.heads))[:, None, None] * (place[None] - place[:, None]).abs()
        scores = query @ key.transpose(-1, -2) / math.sqrt(query.shape[-1]) + bias
        scores = scores.masked_fill(mask[:, None, None] == 0, -torch.inf)
        mixed = (scores.softmax(-1) @ value).transpose(1, 2).flatten(2)
        return self.norm(f"{base}attention.output.LayerNorm", self.dense(f"{base}attention.output.dense", mixed) + x)

    def feed(self, base: str, x: Any) -> Any:
        from torch.nn.functional import gelu, relu

        first, second = self.dense(f"{base}mlp.{'up_gated_layer' if self.code else 'gated_layers'}", x).chunk(2, -1)
        act = relu if self.relu else gelu
        inner = first * act(second) if self.code else act(first) * second
        return self.dense(f"{base}mlp.{'down_layer' if self.code else 'wo'}", inner)

    def __call__(self, ids: Any, mask: Any) -> Any:
        words, types = (self.weights[f"embeddings.{kind}_embeddings.weight"] for kind in ("word", "token_type"))
        x = self.norm("embeddings.LayerNorm", words[ids] + types[0])
        for index in range(3):
            base = f"encoder.layer.{index}."
            attended = self.attention(base, x, mask)
            if self.code:
                attended = self.norm(f"{base}layer_norm_1", x + attended)
            closing = f"{base}{'layer_norm_2' if self.code else 'mlp.layernorm'}"
            x = self.norm(closing, attended + self.feed(base, attended))
        return x


@pytest.mark.parametrize("form", ["geglu", "reglu"])
@pytest.mark.parametrize("code", [False, True])
def test_hidden_states(error_of: Make, write: Make, code: bool, form: str) -> None:
    weights = tensors(code=code)
    folder = write("jina", {**CONFIG, "feed_forward_type": form}, weights)
    oracle = Reference(weights, code=code, relu=form == "reglu")
    assert error_of(folder, oracle) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], openvino=True) <= 1e-5
    assert error_of(folder, oracle, batches=[[9, 40, 1]], precision="fp16") <= 0.05


def test_power_of_two_and_heads_left_over(error_of: Make, write: Make) -> None:
    import torch

    weights = tensors(code=False)
    named = {f"bert.{name}": tensor for name, tensor in weights.items()}
    folder = write("jina", {**CONFIG, "num_attention_heads": 4}, {**named, "cls.predictions.bias": torch.zeros(50)})
    assert error_of(folder, Reference(weights, code=False, heads=4), batches=[[300, 120], [40]]) <= 1e-5


def test_from_text_to_vector(write: Make, tiny: Make) -> None:
    import torch
    from transformers import AutoTokenizer

    weights = tensors(code=False)
    tokenizer = AutoTokenizer.from_pretrained(tiny("roberta", length=60))
    weights["embeddings.word_embeddings.weight"] = weights["embeddings.word_embeddings.weight"][: len(tokenizer)]
    folder = write("jina", {**CONFIG, "vocab_size": len(tokenizer), "max_position_embeddings": 60}, weights)
    tokenizer.save_pretrained(folder)
    kinds = ("Transformer", "Pooling")
    entries = [
        {"idx": at, "name": str(at), "path": "1_Pooling" * at, "type": f"sentence_transformers.models.{kind}"}
        for at, kind in enumerate(kinds)
    ]
    (folder / "modules.json").write_text(json.dumps(entries))
    (folder / "1_Pooling").mkdir()
    (folder / "1_Pooling/config.json").write_text('{"word_embedding_dimension": 36, "pooling_mode_mean_tokens": true}')
    (folder / "sentence_bert_config.json").write_text('{"max_seq_length": 8192, "do_lower_case": false}')
    encoder = load_encoder(folder, device="cpu", threads=1)
    texts = ["the old bird sees a river", "", "stone " * 70, "<pad> blue </s>", "a"]
    for text, mine in zip(texts, encoder.encode(texts), strict=True):
        coded = tokenizer(text, truncation=True, max_length=60, return_tensors="pt")
        mean = Reference(weights, code=False)(coded["input_ids"], coded["attention_mask"])[0].mean(0)
        assert np.abs(mine - torch.nn.functional.normalize(mean, dim=0).numpy()).max() <= 1e-5


@pytest.mark.parametrize("heads", [1, 2, 3, 6, 8, 12, 16, 20])
def test_slopes(heads: int) -> None:
    assert slopes(heads) == pytest.approx(fall(heads), rel=1e-12)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"feed_forward_type": "original"}, "feed_forward_type 'original' is not known"),
        ({"feed_forward_type": None}, "feed_forward_type 'None' is not known"),
        ({"position_embedding_type": "absolute"}, "auto_map"),  # BERT's builder: code of its own
        ({"is_decoder": True}, "as a decoder"),
        ({"num_attention_heads": 5}, "not a multiple"),
        ({"num_hidden_layers": 2}, r"holds 'encoder\.layer\.2\."),
        ({"intermediate_size": 40}, r"gated_layers\.weight' is \(88, 36\), config\.json wants \(80, 36\)"),
    ],
    ids=str,
)
def test_refuses(graph_of: Make, write: Make, changes: dict[str, Any], message: str) -> None:
    folder = write("jina", CONFIG, tensors(code=False))
    with pytest.raises(ModelError, match=message):
        graph_of(folder, **changes)


def test_other_berts_with_alibi_are_refused() -> None:
    plain = {key: value for key, value in CONFIG.items() if key != "feed_forward_type"}
    with pytest.raises(ModelError, match="position_embedding_type 'alibi'"):
        family_of({**plain, "intermediate_size": 44})
