"""Static models against a loop over the stored numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.errors import ModelError

Static = Callable[..., Path]


def by_hand(folder: Path, text: str) -> Any:
    """float64 token vectors, before L2."""
    from safetensors.numpy import load_file
    from tokenizers import Tokenizer

    tensors = {name: array.astype(np.float64) for name, array in load_file(folder / "model.safetensors").items()}
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode(text).ids[:64]
    scale = tensors.get("embedding.scale", np.ones(len(tensors["embedding.weight"])))
    rows = [scale[i] * tensors["embedding.weight"][i] @ tensors["projection.weight"].T for i in ids]
    return np.array(rows).reshape(len(ids), -1)


@pytest.mark.parametrize(("dtype", "decay"), [("int8", 0), ("float16", 0), ("float32", 0), ("int8", 7)])
def test_sums_of_token_vectors(static: Static, dtype: str, decay: int) -> None:
    folder = static(dtype=dtype)
    settings = json.loads((folder / "config.json").read_text()) | {"position_decay": decay}
    (folder / "config.json").write_text(json.dumps(settings))
    encoder = load_encoder(folder, device="cpu", threads=1)
    texts = ["the old bird", "bird", "a river runs under a house " * 30, "stone zzz stone"]
    vectors, tokens = encoder.encode(texts), encoder.encode_tokens(texts)
    assert vectors.dtype == np.float32
    for text, vector, matrix in zip(texts, vectors, tokens, strict=True):
        wanted = by_hand(folder, text)
        falling = 1 / (1 + np.arange(len(wanted)) / decay) if decay else np.ones(len(wanted))
        total = falling @ wanted
        assert np.allclose(vector, total / np.linalg.norm(total), atol=1e-6)
        norms = np.linalg.norm(wanted, axis=1, keepdims=True)
        assert np.allclose(matrix, wanted / np.maximum(norms, 1e-12), atol=1e-6)


def test_query_tokens_are_as_long_as_their_weights(static: Static) -> None:
    folder = static()
    encoder = load_encoder(folder, device="cpu", threads=1)
    raw = by_hand(folder, "the old bird")
    squares = (raw**2).sum(1, keepdims=True)
    wanted = raw / np.sqrt(squares) * squares * 3 / squares.sum()
    (found,) = encoder.encode_tokens(["the old bird"], role="query")
    assert np.allclose(found, wanted, atol=1e-6)
    (document,) = encoder.encode_tokens(["the old bird"], role="document")
    assert np.allclose(np.linalg.norm(document, axis=1), 1)
    assert encoder.encode_tokens([""], role="query")[0].shape == (0, 5)


def test_texts_without_a_known_token_have_a_vector(static: Static) -> None:
    encoder = load_encoder(static(), device="cpu", threads=1)
    vectors = encoder.encode(["", "zzz", " \t\n", "bird"])
    assert np.array_equal(vectors[:3], np.eye(1, 5, dtype=np.float32).repeat(3, 0))
    assert np.linalg.norm(vectors[3]) == pytest.approx(1)
    assert encoder.encode_tokens([""])[0].shape == (0, 5)
    assert encoder.encode([]).shape == (0, 5)


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"hidden_size": 7}, "embedding.weight is int8"),
        ({"output_size": 4}, "'projection.weight' is"),
        ({"position_decay": -1}, "'position_decay' is -1"),
        ({"vocab_size": None}, "'vocab_size' is None"),
    ],
)
def test_config_that_does_not_fit(static: Static, config: dict[str, Any], message: str) -> None:
    folder = static()
    settings = json.loads((folder / "config.json").read_text()) | config
    (folder / "config.json").write_text(json.dumps(settings))
    with pytest.raises(ModelError, match=message):
        load_encoder(folder, device="cpu")
