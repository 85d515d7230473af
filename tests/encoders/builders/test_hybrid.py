"""The hybrid static model against the same arithmetic in PyTorch, text by text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.encoders.conftest import word_tokenizer
from xret.encoders import load_encoder
from xret.errors import ModelError

HIDDEN, INNER, HEADS, OUT, LAYERS = 16, 24, 2, 6, 2
TEXTS = ["the old bird", "bird", "", "a river runs under a house " * 5, "stone zzz stone", "zzz"]
CONFIG = {
    "model_type": "xret-hybrid", "hidden_size": HIDDEN, "output_size": OUT, "num_hidden_layers": LAYERS,
    "num_attention_heads": HEADS, "intermediate_size": INNER, "position_decay": 7, "max_length": 64, "pad_token_id": 0,
}  # fmt: skip


def write_hybrid(folder: Path, *, zero: bool = False, **changes: Any) -> dict[str, NDArray[Any]]:
    """A random model; with `zero`, one whose layers correct nothing."""
    from safetensors.numpy import save_file

    folder.mkdir(exist_ok=True)
    word_tokenizer(["<pad>", "<unk>"], None).save(str(folder / "tokenizer.json"))
    rng = np.random.default_rng(3)
    vocabulary = json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"]

    def draw(*shape: int) -> NDArray[np.float32]:
        return rng.normal(0, 0.3, shape).astype(np.float32)

    tensors: dict[str, NDArray[Any]] = {
        "embedding.weight": rng.integers(-127, 128, (len(vocabulary), HIDDEN)).astype(np.int8),
        "embedding.scale": np.abs(draw(len(vocabulary))) / 50,
        "embedding.log_weight": draw(len(vocabulary)),
        "projection.weight": draw(OUT, HIDDEN),
    }
    shapes = {"qkv": (3 * HIDDEN, HIDDEN), "out": (HIDDEN, HIDDEN), "up": (INNER, HIDDEN), "down": (HIDDEN, INNER)}
    dense = {f"layers.{at}.{name}": shape for at in range(LAYERS) for name, shape in shapes.items()}
    for name, shape in (dense | {"gate": (1, HIDDEN)}).items():
        tensors |= {f"context.{name}.weight": draw(*shape), f"context.{name}.bias": draw(shape[0])}
    for name in ("norm", "final_norm", *(f"layers.{at}.norm{n}" for at in range(LAYERS) for n in (1, 2))):
        tensors |= {f"context.{name}.weight": 1 + draw(HIDDEN), f"context.{name}.bias": draw(HIDDEN)}
    tensors["context.delta.weight"] = draw(HIDDEN, HIDDEN)
    if zero:
        for name in ("delta.weight", "gate.weight", "gate.bias"):
            tensors[f"context.{name}"][:] = 0
    save_file(tensors, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({**CONFIG, "vocab_size": len(vocabulary), **changes}))
    return tensors


def by_hand(tensors: dict[str, NDArray[Any]], ids: list[int]) -> NDArray[np.float64]:
    """(tokens, OUT) float64 token vectors before L2."""
    import torch
    from torch.nn import functional

    given = {name: torch.from_numpy(array.astype(np.float64)) for name, array in tensors.items()}

    def normed(name: str, value: Any) -> Any:
        return functional.layer_norm(
            value, (HIDDEN,), given[f"context.{name}.weight"], given[f"context.{name}.bias"], 1e-5
        )

    def linear(name: str, value: Any) -> Any:
        return functional.linear(value, given[f"context.{name}.weight"], given.get(f"context.{name}.bias"))

    def turn(value: Any) -> Any:
        half = value.shape[-1] // 2
        angles = torch.arange(len(ids))[:, None] * 10_000.0 ** (-torch.arange(half) / half)
        left, right = value[..., :half], value[..., half:]
        cos, sin = angles.cos(), angles.sin()
        return torch.cat([left * cos - right * sin, left * sin + right * cos], -1)

    rows = given["embedding.weight"][ids] * given["embedding.scale"][ids][:, None]
    value = normed("norm", rows)
    for at in range(LAYERS):
        joined = linear(f"layers.{at}.qkv", normed(f"layers.{at}.norm1", value))
        query, key, content = (part.unflatten(1, (HEADS, -1)).transpose(0, 1) for part in joined.chunk(3, -1))
        scores = turn(query) @ turn(key).transpose(1, 2) / (HIDDEN // HEADS) ** 0.5
        value = value + linear(f"layers.{at}.out", (scores.softmax(-1) @ content).transpose(0, 1).flatten(1))
        fed = functional.gelu(linear(f"layers.{at}.up", normed(f"layers.{at}.norm2", value)))
        value = value + linear(f"layers.{at}.down", fed)
    value = normed("final_norm", value)
    weight = (given["embedding.log_weight"][ids][:, None] + linear("gate", value)).exp()
    found: NDArray[np.float64] = ((rows + linear("delta", value)) * weight @ given["projection.weight"].T).numpy()
    return found


def ids_of(folder: Path, text: str) -> list[int]:
    from tokenizers import Tokenizer

    ids: list[int] = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids[:64]
    return ids


@pytest.mark.parametrize("decay", [0, 7])
def test_against_pytorch(tmp_path: Path, decay: int) -> None:
    tensors = write_hybrid(tmp_path, position_decay=decay)
    encoder = load_encoder(tmp_path, device="cpu", threads=1)
    together, tokens = encoder.encode(TEXTS), encoder.encode_tokens(TEXTS, role="document")
    for at, text in enumerate(TEXTS):
        if not (ids := ids_of(tmp_path, text)):
            assert np.array_equal(together[at], np.eye(1, OUT, dtype=np.float32)[0])
            continue
        wanted = by_hand(tensors, ids)
        falling = 1 / (1 + np.arange(len(ids)) / decay) if decay else np.ones(len(ids))
        total = falling @ wanted
        assert np.abs(together[at] - total / np.linalg.norm(total)).max() <= 1e-5
        assert np.abs(tokens[at] - wanted / np.linalg.norm(wanted, axis=1, keepdims=True)).max() <= 1e-5
        assert np.abs(encoder.encode([text])[0] - together[at]).max() <= 1e-6


def test_layers_that_correct_nothing_leave_a_static_model(tmp_path: Path) -> None:
    from safetensors.numpy import load_file, save_file

    write_hybrid(tmp_path / "hybrid", zero=True)
    tensors = load_file(tmp_path / "hybrid" / "model.safetensors")
    plain = {name: tensors[name] for name in ("embedding.weight", "projection.weight")}
    plain["embedding.scale"] = tensors["embedding.scale"] * np.exp(tensors["embedding.log_weight"])
    (tmp_path / "static").mkdir()
    save_file(plain, tmp_path / "static" / "model.safetensors")
    config = json.loads((tmp_path / "hybrid" / "config.json").read_text())
    (tmp_path / "static" / "config.json").write_text(json.dumps({**config, "model_type": "xret-static"}))
    word_tokenizer(["<pad>", "<unk>"], None).save(str(tmp_path / "static" / "tokenizer.json"))
    hybrid, static = (load_encoder(tmp_path / name, device="cpu", threads=1) for name in ("hybrid", "static"))
    assert np.abs(hybrid.encode(TEXTS) - static.encode(TEXTS)).max() <= 1e-6


@pytest.mark.parametrize("precision", ["int8", "bf16"])
def test_other_precisions(tmp_path: Path, precision: str) -> None:
    if precision == "bf16":
        pytest.importorskip("openvino")
    write_hybrid(tmp_path)
    plain, other = (load_encoder(f"{tmp_path}{suffix}", device="cpu", threads=1) for suffix in ("", f":{precision}"))
    vectors = other.encode(TEXTS)
    assert (plain.encode(TEXTS) * vectors).sum(1).min() >= 0.99
    alone = np.concatenate([other.encode([text]) for text in TEXTS])
    assert np.abs(alone - vectors).max() <= (1e-6 if precision == "int8" else 0.02)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_attention_heads": 3}, "3 heads cannot share 16 features"),
        ({"intermediate_size": 25}, r"up\.weight' is \(24, 16\), config.json wants \(25, 16\)"),
        ({"num_hidden_layers": 1}, r"holds 'context\.layers\.1\."),
        ({"num_hidden_layers": 3}, r"no tensor 'context\.layers\.2\."),
        ({"position_decay": -1}, "'position_decay' is -1"),
        ({"output_size": 5}, r"'projection\.weight' is \(6, 16\)"),
    ],
    ids=str,
)
def test_refuses(tmp_path: Path, changes: dict[str, Any], message: str) -> None:
    write_hybrid(tmp_path, **changes)
    with pytest.raises(ModelError, match=message):
        load_encoder(tmp_path, device="cpu", threads=1).encode(["bird"])
