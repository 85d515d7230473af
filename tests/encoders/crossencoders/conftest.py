"""Random cross-encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

WORDS = ["the", "a", "river", "stone", "blue", "green", "runs", "sleeps", "under", "over", "house", "bird", "old"]
Folder = Callable[..., Path]


@pytest.fixture
def classifier(tmp_path: Path) -> Folder:
    """``classifier(kind, **settings)``: the folder of a random classifier of one label, in Hugging Face layout."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import AutoConfig, AutoModelForSequenceClassification, PreTrainedTokenizerFast

    def make(kind: str, *, settings: dict[str, Any] | None = None, **tokenizer_settings: Any) -> Path:
        folder, wordpiece = tmp_path / kind, kind in ("bert", "distilbert", "modernbert")
        specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"] if wordpiece else ["<s>", "<pad>", "</s>", "<unk>"]
        vocabulary = {word: at for at, word in enumerate([*specials, *WORDS])}
        tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token=specials[1 if wordpiece else 3]))
        tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
        pair = "[CLS] $A [SEP] $B:1 [SEP]:1" if wordpiece else "<s> $A </s> </s> $B </s>"
        tokenizer.post_processor = processors.TemplateProcessing(
            single=pair.partition(" $B")[0].removesuffix(" </s>") + ("" if wordpiece else " </s>"), pair=pair,
            special_tokens=[(name, vocabulary[name]) for name in specials if name in pair],
        )  # fmt: skip
        names = {"pad_token": specials[0 if wordpiece else 1], "unk_token": specials[1 if wordpiece else 3]}
        inputs = ["input_ids", *(["token_type_ids"] if kind == "bert" else []), "attention_mask"]
        PreTrainedTokenizerFast(
            tokenizer_object=tokenizer, **{"model_max_length": 32, "model_input_names": inputs, **names,
                                           **tokenizer_settings}
        ).save_pretrained(folder)  # fmt: skip
        shape = {
            "vocab_size": len(vocabulary), "hidden_size": 24, "intermediate_size": 40, "num_hidden_layers": 2,
            "num_attention_heads": 3, "max_position_embeddings": 34, "initializer_range": 0.3, "num_labels": 1,
            "pad_token_id": 0 if wordpiece else 1, "type_vocab_size": 2 if kind == "bert" else 1,
        }  # fmt: skip
        if kind == "distilbert":
            shape |= {"dim": 24, "hidden_dim": 40, "n_layers": 2, "n_heads": 3}
        if kind == "modernbert":
            shape |= {"num_attention_heads": 2, "cls_token_id": 2, "sep_token_id": 3, "bos_token_id": 2,
                      "eos_token_id": 3, "local_attention": 8}  # fmt: skip
        torch.manual_seed(9)
        config = AutoConfig.for_model(kind, **{**shape, **(settings or {})})
        model = AutoModelForSequenceClassification.from_config(config).eval()
        with torch.no_grad():
            for parameter in model.parameters():
                parameter.add_(torch.randn_like(parameter) * 0.1)
        model.save_pretrained(folder)
        return folder

    return make
