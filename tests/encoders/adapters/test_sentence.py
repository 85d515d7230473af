"""`SentenceEncoder` beside the class whose callers it serves."""

from __future__ import annotations

import inspect
import json
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.encoders.conftest import transformer_folder
from xret.encoders import load_encoder
from xret.encoders.adapters import SentenceEncoder
from xret.errors import InputError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")
Made = Callable[..., Path]
TEXTS = ["the old bird", "a river", "", "blue house over the stone"]


@pytest.fixture
def prompted(tmp_path: Path) -> Path:
    """A tiny checkpoint with prompts, in sentence-transformers' layout."""
    folder = transformer_folder(tmp_path / "p", "bert")
    kinds = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    modules = [
        {"idx": int(at), "name": at, "path": path, "type": f"sentence_transformers.models.{kind}"}
        for at, path, kind in kinds
    ]
    (folder / "modules.json").write_text(json.dumps(modules))
    (folder / "1_Pooling").mkdir()
    (folder / "2_Normalize").mkdir()
    pooling = {"word_embedding_dimension": 24, "pooling_mode_mean_tokens": True, "pooling_mode_cls_token": False}
    (folder / "1_Pooling/config.json").write_text(json.dumps(pooling))
    prompts = {"prompts": {"query": "blue ", "document": "green "}, "default_prompt_name": None}
    (folder / "config_sentence_transformers.json").write_text(json.dumps(prompts))
    return folder


def test_same_vectors_for_the_same_calls(prompted: Path) -> None:
    from sentence_transformers import SentenceTransformer

    theirs = SentenceTransformer(str(prompted), device="cpu")
    ours = SentenceEncoder(load_encoder(prompted, device="cpu", threads=1))
    for options in ({}, {"prompt_name": "query"}, {"prompt": "green "}, {"convert_to_tensor": True}, {"batch_size": 2}):
        wanted = theirs.encode(TEXTS, show_progress_bar=False, **options)
        found = ours.encode(TEXTS, show_progress_bar=False, **options)
        assert type(found) is type(wanted)
        assert np.abs(np.asarray(found) - np.asarray(wanted)).max() < 1e-5, options
    assert np.abs(ours.encode_query(TEXTS) - theirs.encode_query(TEXTS)).max() < 1e-5
    assert np.abs(ours.encode_document(TEXTS) - theirs.encode_document(TEXTS)).max() < 1e-5
    one, vectors = ours.encode("a river"), ours.encode(TEXTS)
    assert one.shape == (24,) and np.abs(one - vectors[1]).max() < 1e-6
    assert np.abs(ours.similarity(one, vectors) - theirs.similarity(one, vectors).numpy()).max() < 1e-5
    assert ours.similarity_pairwise(vectors, vectors[::-1]).shape == (4,)
    for name in ("get_sentence_embedding_dimension", "get_max_seq_length"):
        assert getattr(ours, name)() == getattr(theirs, name)()
    assert (ours.max_seq_length, ours.prompts["query"]) == (theirs.max_seq_length, "blue ")
    missing = set(inspect.signature(theirs.encode).parameters) - set(inspect.signature(ours.encode).parameters)
    assert missing <= {"inputs", "pool", "chunk_size", "kwargs"}


def test_shapes_and_refusals(static: Made) -> None:
    ours = SentenceEncoder(str(static()), device="cpu", truncate_dim=3, threads=1)
    assert ours.encode([]).shape == (0, 3) and ours.get_sentence_embedding_dimension() == 3
    assert [v.shape for v in ours.encode(["bird", "old"], convert_to_numpy=False, truncate_dim=2)] == [(2,), (2,)]
    assert ours.encode("old bird", output_value="token_embeddings").shape == (2, 5)
    for options, message in (
        ({"precision": "int8"}, "precision 'int8'"),
        ({"prompt_name": "sts"}, "prompt_name 'sts'"),
        ({"output_value": "nothing"}, "output_value"),
    ):
        with pytest.raises(UsageError, match=message):
            ours.encode(["bird"], **options)  # type: ignore[arg-type]
    with pytest.raises(InputError, match="text 1: is int"):
        ours.encode(["a", 1], prompt="x ")  # type: ignore[list-item]


def test_torch_is_the_callers(static: Made, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(UsageError, match="torch is not imported"):
        SentenceEncoder(str(static()), device="cpu").encode("bird", convert_to_tensor=True)


def test_arrow_in_and_out(static: Made) -> None:
    import pyarrow as pa

    encoder = load_encoder(static(), device="cpu", threads=1)
    texts = ["old bird", "", "stone"]
    found = encoder.encode_arrow(pa.chunked_array([texts[:1], texts[1:]]), lang=pa.array(["en"] * 3), dim=3)
    assert found.type == pa.list_(pa.float32(), 3)
    assert np.array_equal(np.array(found.to_pylist(), np.float32), encoder.encode(texts, dim=3))
    assert len(encoder.encode_arrow([])) == 0
    with pytest.raises(InputError, match="text 1: is NoneType"):
        encoder.encode_arrow(pa.array(["a", None]))
