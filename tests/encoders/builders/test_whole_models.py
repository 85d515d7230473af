"""From text to vector, in sentence-transformers' layout, for families whose other tests begin with token ids."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders import load_encoder
from xret.encoders.checkpoints.modules import POOLINGS
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Make = Callable[..., Any]
TEXTS = [
    "the old bird sees a river", "", "stone", "a blue house and a green house or the new river " * 9, "<pad>",
    "the </s> river <pad> <s> stone", "\U0001f426 \u4e2d\u6587 bird", "\u200b", "  blue\n\nbird\t",
]  # fmt: skip


@pytest.mark.parametrize("pooling", POOLINGS)
@pytest.mark.parametrize(
    ("kind", "settings"),
    [
        ("eurobert", {"num_key_value_heads": 1, "bos_token_id": 0, "eos_token_id": 2}),
        ("modernbert", {"local_attention": 8, "bos_token_id": 0, "eos_token_id": 2, "cls_token_id": 0,
                        "sep_token_id": 2}),
        ("gte", {}),
        ("jina_embeddings_v3", {}),
        ("qwen3", {"num_key_value_heads": 1, "head_dim": 12, "bos_token_id": 0, "eos_token_id": 2}),
        ("mpnet", {}),
        ("camembert", {}),
    ],
)  # fmt: skip
def test_from_text_to_vector(tiny: Make, tmp_path: Path, kind: str, settings: dict[str, Any], pooling: str) -> None:
    from sentence_transformers import SentenceTransformer, models

    first = models.Transformer(str(tiny(kind, num_attention_heads=2, **settings)), max_seq_length=30)
    model = SentenceTransformer(modules=[first, models.Pooling(24, pooling_mode=pooling)], device="cpu")
    model.save(str(tmp_path / "m"))
    theirs = np.concatenate(
        [model.encode([text], normalize_embeddings=True, show_progress_bar=False) for text in TEXTS]
    )
    assert np.abs(load_encoder(tmp_path / "m", device="cpu", threads=1).encode(TEXTS) - theirs).max() <= 1e-5


@pytest.mark.parametrize("whole", [True, False])
def test_an_adapter_that_is_not_merged_is_refused(tiny: Make, tmp_path: Path, whole: bool) -> None:
    """m-ST5 is one: a LoRA over mT5. Beside a whole model it would change the vectors, and must not be overlooked."""
    folder = tmp_path / "m"
    if whole:
        shutil.copytree(tiny("bert"), folder)
    else:
        folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": "google/mt5-xxl", "r": 8}))
    with pytest.raises(ModelError, match=r"adapter_config\.json: an adapter .* \(google/mt5-xxl\), .* merge it"):
        load_encoder(folder, device="cpu")
