"""BGE-M3's three outputs against a plain torch re-statement, from one pass and one by one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.encoder import Encoder
from xret.encoders.runtime.sessions import graph_outputs
from xret.errors import ModelError
from xret.stages.maxsim import maxsim_texts

pytestmark = pytest.mark.usefixtures("quiet")
Parts = tuple[Callable[..., Any], ...]
Texts = list[str]
SPECIAL = (0, 1, 2, 3)  # <s> <pad> </s> <unk>


def bge(folder: Path, parts: Parts, *, dim: int = 10, suffix: str = ".pt", sparse: bool = True) -> Callable[[str], Any]:
    """A checkpoint in BGE-M3's layout, and what its own code makes of a text: dense, {id: weight}, token vectors."""
    import torch
    from safetensors.torch import save_file
    from sentence_transformers import SentenceTransformer, models

    unigram, _, backbone, _ = parts
    base = folder / "base"
    tokenizer = unigram(base)
    model = backbone("xlm-roberta", len(tokenizer))
    model.save_pretrained(base)
    first = models.Transformer(str(base))
    SentenceTransformer(modules=[first, models.Pooling(24, pooling_mode="cls"), models.Normalize()], device="cpu").save(
        str(folder / "model")
    )
    torch.manual_seed(8)
    heads = {"colbert_linear": torch.nn.Linear(24, dim), "sparse_linear": torch.nn.Linear(24, 1)}
    for name, head in heads.items():
        if name == "colbert_linear" or sparse:
            state = {key: value.clone() for key, value in head.state_dict().items()}
            path = folder / "model" / f"{name}{suffix}"
            torch.save(state, path) if suffix == ".pt" else save_file(state, path)

    def encode(text: str) -> Any:
        coded = tokenizer(text, truncation=True, max_length=60, return_tensors="pt")
        with torch.no_grad():
            hidden = model(**coded).last_hidden_state[0]
            dense = torch.nn.functional.normalize(hidden[0], dim=0).numpy()
            values = torch.relu(heads["sparse_linear"](hidden))[:, 0].tolist()
            vectors = torch.nn.functional.normalize(heads["colbert_linear"](hidden[1:]), dim=1).numpy()
        weights: dict[int, float] = {}
        for token, value in zip(coded["input_ids"][0].tolist(), values, strict=True):
            if token not in SPECIAL and value > weights.get(token, 0):
                weights[token] = value
        return dense, weights, vectors

    return encode


def check(reference: Callable[[str], Any], text: str, dense: Any, sparse: Any, vectors: Any) -> None:
    wanted = reference(text)
    assert np.abs(dense - wanted[0]).max() <= 1e-5
    assert sparse.ids.tolist() == sorted(wanted[1]) and sparse.ids.dtype == np.int64
    found = dict(zip(sparse.ids.tolist(), sparse.weights.tolist(), strict=True))
    assert all(abs(found[token] - weight) <= 1e-5 for token, weight in wanted[1].items())
    assert vectors.shape == wanted[2].shape and np.abs(vectors - wanted[2]).max(initial=0) <= 1e-5


@pytest.mark.parametrize("suffix", [".pt", ".safetensors"])
def test_three_outputs_from_one_pass(
    parts: Parts, texts: Texts, tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    reference, folder = bge(tmp_path, parts, suffix=suffix), tmp_path / "model"
    encoder = load_encoder(folder, device="cpu", threads=1)
    assert len(graph_outputs(open_checkpoint(folder))) == 1 and (encoder.dim, encoder.token_dim) == (24, 10)
    every = encoder.encode_all(texts, role="query")
    assert every.sentences.shape == (len(texts), 24)
    for text, *found in zip(texts, every.sentences, every.weights, every.tokens, strict=True):
        check(reference, text, *found)
    alone = encoder.encode(texts), encoder.encode_sparse(texts), encoder.encode_tokens(texts, role="document")
    for text, *found in zip(texts, *alone, strict=True):
        check(reference, text, *found)
    assert any(len(weights.ids) for weights in every.weights)
    again = load_encoder(folder, device="cpu", threads=1)  # from the graph cache
    assert np.array_equal(again.encode_all(texts).sentences, every.sentences)


def test_the_score_is_a_mean(parts: Parts, texts: Texts, tmp_path: Path) -> None:
    reference = bge(tmp_path, parts)
    encoder = load_encoder(tmp_path / "model", device="cpu", threads=1)
    place = np.arange(len(texts))
    scores = maxsim_texts(encoder, texts, texts[::-1], (place, place))
    wanted = [
        float((reference(query)[2] @ reference(document)[2].T).max(axis=1).mean())
        for query, document in zip(texts, texts[::-1], strict=True)
    ]
    assert np.allclose(scores, wanted, atol=1e-5)


def test_without_the_sparse_head(parts: Parts, tmp_path: Path) -> None:
    bge(tmp_path, parts, sparse=False)
    encoder = load_encoder(tmp_path / "model", device="cpu", threads=1)
    assert len(encoder.encode_tokens(["the river"])[0]) == 3  # </s> counts, <s> does not
    for call in (Encoder.encode_sparse, Encoder.encode_all):
        with pytest.raises(ModelError, match="gives no token weights"):
            call(encoder, ["the river"])


def test_heads_that_do_not_fit(parts: Parts, tmp_path: Path) -> None:
    import torch

    bge(tmp_path, parts)
    folder = tmp_path / "model"
    torch.save({"weight": torch.zeros(10, 23)}, folder / "colbert_linear.pt")
    with pytest.raises(ModelError, match=r"colbert_linear.pt: tensor 'weight' is \(10, 23\), wanted 24 columns"):
        open_checkpoint(folder)
    torch.save({"bias": torch.zeros(10)}, folder / "colbert_linear.pt")
    with pytest.raises(ModelError, match="has no tensor 'weight'"):
        open_checkpoint(folder)
    (folder / "colbert_linear.pt").write_bytes(b"PK\x03\x04 not a zip")
    with pytest.raises(ModelError, match=r"colbert_linear\.pt"):
        open_checkpoint(folder)
    torch.save({"weight": torch.zeros(10, 24)}, folder / "colbert_linear.pt")
    torch.save({"weight": torch.zeros(2, 24)}, folder / "sparse_linear.pt")
    with pytest.raises(ModelError, match="gives 2 weights a token, wanted 1"):
        open_checkpoint(folder)
    assert json.loads((folder / "config.json").read_text())["model_type"] == "xlm-roberta"
