"""The token head of the hybrid model against its formula in NumPy, and the rules that come with it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.encoders.builders.test_hybrid import HIDDEN, OUT, TEXTS, by_hand, ids_of, write_hybrid
from xret.encoders import load_encoder
from xret.encoders.encoder import Encoder
from xret.errors import ModelError

SIZE, INNER = 4, 10
HEAD = {"size": SIZE, "inner": INNER, "document_tokens": 3, "fade": 2}


def write_head(folder: Path, **changes: Any) -> dict[str, NDArray[Any]]:
    from safetensors.numpy import load_file, save_file

    write_hybrid(folder, token_head={**HEAD, **changes})
    rng = np.random.default_rng(5)
    shapes = {"direct": (SIZE - 1, HIDDEN), "up": (INNER, HIDDEN), "down": (SIZE - 1, INNER), "weight": (1, HIDDEN)}
    shapes["text"] = (SIZE - 1, HIDDEN)
    tensors: dict[str, NDArray[Any]] = load_file(folder / "model.safetensors")
    for name, shape in shapes.items():
        tensors[f"token_head.{name}.weight"] = rng.normal(0, 1, shape).astype(np.float32)
    tensors["token_head.scalars"] = np.array([0.7, -0.2, 0.5], np.float32)
    save_file(tensors, folder / "model.safetensors")
    return tensors


def rows_by_hand(tensors: dict[str, NDArray[Any]], ids: list[int]) -> NDArray[np.float64]:
    """(1 + tokens, SIZE) as long as the root of their weight."""
    import torch

    plain = {**tensors, "projection.weight": np.eye(HIDDEN)}
    weighed = by_hand(plain, ids)  # x · exp(w)
    without = {**plain, "embedding.log_weight": 0 * tensors["embedding.log_weight"]}
    for part in ("weight", "bias"):
        without[f"context.gate.{part}"] = 0 * tensors[f"context.gate.{part}"]
    x = by_hand(without, ids)
    logs = np.log(np.linalg.norm(weighed @ tensors["projection.weight"].T, axis=1))
    u = x / np.linalg.norm(x, axis=1, keepdims=True)
    head = {name.removeprefix("token_head."): value.astype(np.float64) for name, value in tensors.items()}
    curved = torch.nn.functional.gelu(torch.from_numpy(u @ head["up.weight"].T)).numpy()
    t = u @ head["direct.weight"].T + curved @ head["down.weight"].T
    t /= np.linalg.norm(t, axis=1, keepdims=True)
    a, b, c = head["scalars"]
    r = np.exp(np.clip(a * logs + (x @ head["weight.weight"].T)[:, 0] + b, -8, 8))
    text = head["text.weight"] @ (weighed / (1 + np.arange(len(ids)) / 7)[:, None]).sum(axis=0)
    text = np.append(text / np.linalg.norm(text), 1) / np.sqrt(2)
    return np.vstack([text * np.sqrt(np.exp(c) * r.sum()), np.pad(t, ((0, 0), (0, 1))) * np.sqrt(r)[:, None]])


@pytest.fixture
def model(tmp_path: Path) -> tuple[Encoder, dict[str, NDArray[Any]]]:
    tensors = write_head(tmp_path)
    return load_encoder(tmp_path, device="cpu", threads=1), tensors


def test_against_the_formula(model: tuple[Encoder, dict[str, NDArray[Any]]], tmp_path: Path) -> None:
    encoder, tensors = model
    assert (encoder.dim, encoder.token_dim, encoder.recipe.full_dim) == (OUT, SIZE, OUT)
    queries, documents = (encoder.encode_tokens(TEXTS, role=role) for role in ("query", "document"))
    for text, asked, found in zip(TEXTS, queries, documents, strict=True):
        if not (ids := ids_of(tmp_path, text)):
            assert asked.shape == found.shape == (0, SIZE)
            continue
        rows = rows_by_hand(tensors, ids)
        squares = np.square(rows).sum(axis=1)
        units = rows / np.sqrt(squares)[:, None]
        assert np.abs(asked - units * (squares / squares.mean())[:, None]).max() <= 2e-5
        assert len(found) == 1 + min(len(ids), 3)
        assert np.abs(found - units[: len(found)]).max() <= 2e-5


def test_alone_and_together_are_the_same(model: tuple[Encoder, dict[str, NDArray[Any]]]) -> None:
    encoder, _ = model
    for text, together in zip(TEXTS, encoder.encode_tokens(TEXTS, role="query"), strict=True):
        assert np.abs(encoder.encode_tokens([text], role="query")[0] - together).max(initial=0) <= 1e-5


def test_the_sentence_vectors_are_those_of_the_model_without_it(tmp_path: Path) -> None:
    (one := tmp_path / "with").mkdir()
    write_head(one)
    write_hybrid(tmp_path / "without")
    vectors = [load_encoder(folder, device="cpu", threads=1).encode(TEXTS) for folder in (one, tmp_path / "without")]
    assert np.array_equal(vectors[0], vectors[1])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"size": 1}, "'token_head.size' is 1"),
        ({"fade": -1}, "'token_head.fade' is -1"),
        ({"inner": "ten"}, "'token_head.inner' is 'ten'"),
    ],
)
def test_sizes_that_cannot_be(tmp_path: Path, changes: dict[str, Any], said: str) -> None:
    write_head(tmp_path, **changes)
    with pytest.raises(ModelError, match=said):
        load_encoder(tmp_path, device="cpu", threads=1)


def test_tensors_of_a_head_that_the_config_does_not_name(tmp_path: Path) -> None:
    write_head(tmp_path)
    config = json.loads((tmp_path / "config.json").read_text())
    del config["token_head"]
    (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match="token_head"):
        load_encoder(tmp_path, device="cpu", threads=1).encode(["bird"])
