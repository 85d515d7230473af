"""T5, mT5 and umT5 encoders against transformers, alone and inside whole models."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from xret.encoders.builders import family_of
from xret.encoders.builders.t5 import buckets
from xret.encoders.checkpoints.checkpoint import open_checkpoint
from xret.encoders.checkpoints.modules import POOLINGS
from xret.encoders.runtime.sessions import build_graph
from xret.errors import ModelError

pytestmark = pytest.mark.usefixtures("quiet")
Error = Callable[..., float]
SHAPE = {
    "vocab_size": 60, "d_model": 32, "d_kv": 6, "d_ff": 48, "num_layers": 3, "num_heads": 4, "num_decoder_layers": 1,
    "relative_attention_num_buckets": 32, "relative_attention_max_distance": 128,
}  # fmt: skip
NAMES = {"t5": "T5", "mt5": "MT5", "umt5": "UMT5"}


def model(folder: Path, family: str = "t5", kind: str = "EncoderModel", **settings: Any) -> Any:
    """A random model saved into `folder`, and its encoder."""
    import torch
    import transformers

    torch.manual_seed(3)
    config = transformers.AutoConfig.for_model(family, **{**SHAPE, **settings})
    whole = getattr(transformers, NAMES[family] + kind)(config).eval()
    with torch.no_grad():
        for parameter in whole.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
        for name, parameter in whole.named_parameters():
            if "relative_attention_bias" in name:  # so that a wrong bucket shows
                parameter.copy_(torch.randn_like(parameter) * 2)
    whole.save_pretrained(folder)
    return whole.get_encoder()


def states(encoder: Any) -> Any:
    """What the encoder gives for ids and mask."""
    return lambda ids, mask: encoder(input_ids=ids, attention_mask=mask).last_hidden_state


@pytest.mark.parametrize(
    ("family", "settings"),
    [
        ("t5", {}),
        ("t5", {"feed_forward_proj": "gated-gelu", "relative_attention_num_buckets": 8,
                "relative_attention_max_distance": 20}),
        ("t5", {"feed_forward_proj": "gated-silu", "num_layers": 1, "num_heads": 1, "d_kv": 11}),
        ("t5", {"feed_forward_proj": "gelu", "layer_norm_epsilon": 1e-3, "relative_attention_num_buckets": 5,
                "relative_attention_max_distance": 2}),
        ("mt5", {"relative_attention_num_buckets": 16, "relative_attention_max_distance": 300}),
        ("umt5", {}),
        ("umt5", {"feed_forward_proj": "relu", "relative_attention_max_distance": 31}),
    ],
    ids=str,
)  # fmt: skip
def test_hidden_states(tmp_path: Path, error_of: Error, family: str, settings: dict[str, Any]) -> None:
    batches = [[1], [7, 3, 1], [40, 2, 17], [350, 150]]  # beyond every distance that tells
    assert error_of(tmp_path, states(model(tmp_path, family, **settings)), batches=batches) <= 1e-5


def test_saved_activation_counts(tmp_path: Path, error_of: Error) -> None:
    oracle = model(tmp_path, feed_forward_proj="gated-gelu", dense_act_fn="gelu")
    assert oracle.config.dense_act_fn == "gelu"
    assert error_of(tmp_path, states(oracle)) <= 1e-5


@pytest.mark.parametrize("kind", ["Model", "ForConditionalGeneration"])
@pytest.mark.parametrize("family", NAMES)
def test_encoder_of_a_whole_model(tmp_path: Path, error_of: Error, family: str, kind: str) -> None:
    assert error_of(tmp_path, states(model(tmp_path, family, kind))) <= 1e-5


@pytest.mark.parametrize("count", [4, 5, 8, 16, 31, 32, 64, 128])
@pytest.mark.parametrize("longest", [33, 64, 100, 128, 256, 1000])
def test_buckets_are_transformers_at_every_distance(count: int, longest: int) -> None:
    import torch
    from transformers.models.t5.modeling_t5 import T5Attention

    distances = np.arange(-1500, 1501)
    theirs = T5Attention._relative_position_bucket(
        torch.tensor(distances), bidirectional=True, num_buckets=count, max_distance=longest
    ).numpy()
    mine = buckets(distances, count=count, longest=longest)
    assert (mine == theirs).all()
    assert (mine[distances >= longest] == mine[-1]).all()


@pytest.mark.parametrize("family", NAMES)
def test_openvino_reads_the_graph(tmp_path: Path, error_of: Error, family: str) -> None:
    assert error_of(tmp_path, states(model(tmp_path, family)), batches=[[140, 11]], openvino=True) <= 1e-5


@pytest.mark.parametrize("family", NAMES)
def test_half_precision_is_declared_unsafe(tmp_path: Path, error_of: Error, family: str) -> None:
    oracle = model(tmp_path, family)
    assert not family_of(json.loads((tmp_path / "config.json").read_text())).half
    assert error_of(tmp_path, states(oracle), precision="fp16") <= 0.05  # small values pass


@pytest.mark.parametrize("pooling", POOLINGS)
def test_sentence_t5_layout(tmp_path: Path, pooling: str) -> None:
    """Pooling (mean, as published), a dense layer without bias, normalised, and as many tokens as the folder says."""
    import torch
    from sentence_transformers import SentenceTransformer, models
    from tokenizers import Tokenizer
    from tokenizers import models as vocabularies
    from tokenizers.pre_tokenizers import Whitespace
    from tokenizers.processors import TemplateProcessing
    from transformers import PreTrainedTokenizerFast

    from xret.encoders import load_encoder

    words = ["<pad>", "</s>", "<unk>", "the", "bird", "sees", "a", "stone"]
    tokenizer = Tokenizer(vocabularies.WordLevel({word: i for i, word in enumerate(words)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = Whitespace()
    tokenizer.post_processor = TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    model(tmp_path / "t5", vocab_size=8)
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>").save_pretrained(
        tmp_path / "t5"
    )
    first = models.Transformer(str(tmp_path / "t5"), max_seq_length=256)
    dense = models.Dense(32, 12, bias=False, activation_function=torch.nn.Identity())
    oracle = SentenceTransformer(
        modules=[first, models.Pooling(32, pooling_mode=pooling), dense, models.Normalize()], device="cpu"
    )
    oracle.save(str(tmp_path / "st"))
    encoder = load_encoder(tmp_path / "st", device="cpu", threads=1)
    texts = ["the bird sees a stone", "", "stone", "a bird sees " * 100, "unheard of"]
    assert (encoder.dim, encoder.max_length) == (12, 256)
    assert np.abs(encoder.encode(texts) - oracle.encode(texts)).max() <= 1e-5
    assert open_checkpoint(tmp_path / "t5").recipe.max_length == 2048  # the tokeniser there names no limit


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feed_forward_proj": "gated-mish"}, "feed_forward_proj 'mish' is not known here"),
        ({"dense_act_fn": "mish"}, "feed_forward_proj 'mish' is not known here"),
        ({"feed_forward_proj": "dense-relu"}, "feed_forward_proj 'dense-relu'"),
        ({"is_decoder": True}, "as a decoder"),
        ({"auto_map": {"AutoModel": "x.Y"}}, "auto_map"),
        ({"d_kv": "6"}, "'d_kv' is '6', wanted a whole number"),
        ({"num_heads": 0}, "'num_heads' is 0"),
        ({"relative_attention_num_buckets": 2}, "2 relative attention buckets"),
        ({"relative_attention_max_distance": 8}, "distance 8"),
        ({"relative_attention_num_buckets": 64}, r"relative_attention_bias\.weight' is \(32, 4\)"),
        ({"num_layers": 4}, r"no tensor 'encoder\.block\.3\.layer"),
        ({"num_layers": 2}, r"holds 'encoder\.block\.2\."),
        ({"d_ff": 40}, r"wi\.weight' is \(48, 32\), config.json wants \(40, 32\)"),
        ({"feed_forward_proj": "gated-gelu"}, r"no tensor 'encoder\.block\.0\.layer\.1\.DenseReluDense\.wi_0"),
        ({"model_type": "umt5", "feed_forward_proj": "relu"}, r"no tensor .*block\.1.*relative_attention_bias"),
        ({"vocab_size": 61}, r"'shared\.weight' is \(60, 32\)"),
    ],
    ids=str,
)
def test_refusals(tmp_path: Path, change: dict[str, Any], message: str) -> None:
    model(tmp_path)
    path = tmp_path / "config.json"
    saved = json.loads(path.read_text())
    saved = {key: value for key, value in saved.items() if key not in ("dense_act_fn", "is_gated_act")}  # as of old
    path.write_text(json.dumps({**saved, **change}))
    with pytest.raises(ModelError, match=message):
        build_graph(open_checkpoint(tmp_path))
