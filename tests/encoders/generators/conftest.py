"""Random sequence-to-sequence models, with transformers as the oracle."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.encoders.conftest import word_tokenizer

SHAPE = {
    "d_model": 32, "d_kv": 6, "d_ff": 48, "num_layers": 3, "num_heads": 4, "num_decoder_layers": 2,
    "relative_attention_num_buckets": 8, "relative_attention_max_distance": 20, "decoder_start_token_id": 0,
}  # fmt: skip
NAMES = {"t5": "T5", "mt5": "MT5", "umt5": "UMT5"}


def seq2seq(folder: Path, family: str = "mt5", *, seed: int = 3, spread: float = 0.3, **settings: Any) -> Any:
    """A random model saved into `folder` with a tokeniser of words; ids 0 to 2 are <pad>, </s>, <unk>."""
    import torch
    import transformers

    tokenizer = word_tokenizer(["<pad>", "</s>", "<unk>"], "$A </s>")
    transformers.PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>", unk_token="<unk>"
    ).save_pretrained(folder)
    torch.manual_seed(seed)
    shape = {"vocab_size": tokenizer.get_vocab_size(), **SHAPE, **settings}
    config = transformers.AutoConfig.for_model(family, **shape)
    model = getattr(transformers, f"{NAMES[family]}ForConditionalGeneration")(config).eval()
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            parameter.add_(torch.randn_like(parameter) * spread)
            if "relative_attention_bias" in name:  # so that a wrong bucket shows
                parameter.copy_(torch.randn_like(parameter) * 2)
    model.save_pretrained(folder)
    return model


@pytest.fixture
def tiny_seq2seq(tmp_path: Path) -> Callable[..., Any]:
    """``tiny_seq2seq(family, …)``: transformers' model; its folder is ``tmp_path / "model"``."""
    return lambda *arguments, **settings: seq2seq(tmp_path / "model", *arguments, **settings)
