"""The ways to encode that `encode.py` compares. Each runs in a process of its own, some in another environment.

Imports are inside the functions: fastembed and model2vec live where xret and torch need not be installed.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

__all__ = ["METHODS", "Method", "export_naively"]

Encode = Callable[[list[str]], Any]


@dataclass(frozen=True)
class Method:
    """How texts are encoded."""

    title: str
    open: Callable[[Path, Path], Encode]  # of the model's folder and of a folder for files of the run
    slow: bool = False
    foreign: bool = False  # runs under --python
    comparable: bool = True  # whether it gives the vectors of the first method


def sentence_transformers(kind: str) -> Callable[[Path, Path], Encode]:
    def open_it(folder: Path, work: Path) -> Encode:
        import torch
        from sentence_transformers import SentenceTransformer

        torch.set_num_threads(1)
        model = SentenceTransformer(str(folder), device="cpu", model_kwargs={"dtype": getattr(torch, kind)})
        return lambda texts: model.encode(texts, show_progress_bar=False, normalize_embeddings=True)

    return open_it


def xret(suffix: str, name: str | None = None) -> Callable[[Path, Path], Encode]:
    def open_it(folder: Path, work: Path) -> Encode:
        from xret.encoders import load_encoder

        return load_encoder(f"{name or folder}{suffix}", device="cpu", threads=1).encode

    return open_it


def naive(folder: Path, work: Path) -> Encode:
    """PyTorch's export of the last hidden states, 32 texts at a time as they come, pooled by NumPy."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(work / "naive" / "model.onnx"), options)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_padding()
    tokenizer.enable_truncation(256)

    def encode(texts: list[str]) -> Any:
        found = []
        for start in range(0, len(texts), 32):
            read = tokenizer.encode_batch(texts[start : start + 32])
            ids = np.array([one.ids for one in read])
            mask = np.array([one.attention_mask for one in read])
            feed = {"input_ids": ids, "attention_mask": mask, "token_type_ids": np.zeros_like(ids)}
            hidden = session.run(None, feed)[0]
            pooled = (hidden * mask[..., None]).sum(1) / mask.sum(1, keepdims=True)
            found.append(pooled / np.linalg.norm(pooled, axis=1, keepdims=True))
        return np.concatenate(found)

    return encode


def fastembed(folder: Path, work: Path) -> Encode:
    """fastembed as it comes, on the naive export: 256 texts at a time in the order of arrival."""
    from fastembed import TextEmbedding
    from fastembed.common.model_description import ModelSource, PoolingType

    TextEmbedding.add_custom_model(
        model="local/minilm", pooling=PoolingType.MEAN, normalization=True, sources=ModelSource(hf="local/minilm"),
        dim=384, model_file="model.onnx",
    )  # fmt: skip
    model = TextEmbedding("local/minilm", specific_model_path=str(work / "naive"), threads=1)
    return lambda texts: np.stack(list(model.embed(texts)))


def model2vec(folder: Path, work: Path) -> Encode:
    """model2vec on xret-mini's vocabulary with random vectors of its width: what they are does not change the speed."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_file(str(work / "mini" / "tokenizer.json"))
    width = json.loads((work / "mini" / "config.json").read_text())["hidden_size"]
    size = tokenizer.get_vocab_size()
    vectors = np.random.default_rng(0).standard_normal((size, width), dtype=np.float32)
    model = StaticModel(vectors=vectors, tokenizer=tokenizer, normalize=True)
    return lambda texts: model.encode(texts, use_multiprocessing=False)


def static(folder: Path, work: Path) -> Encode:
    """A static model of xret-mini's vocabulary and widths, with random vectors: they do not change the speed."""
    from safetensors.numpy import save_file

    from xret.encoders import load_encoder

    made, mini = work / "static", work / "mini"
    if not made.exists():
        config = json.loads((mini / "config.json").read_text())
        size, width, out = config["vocab_size"], config["hidden_size"], config["output_size"]
        rng, part = np.random.default_rng(0), work / "static.part"
        part.mkdir()
        tensors = {
            "embedding.weight": rng.integers(-127, 128, (size, width), dtype=np.int8),
            "embedding.scale": np.full(size, 0.01, np.float32),
            "projection.weight": rng.standard_normal((out, width), dtype=np.float32),
        }
        save_file(tensors, part / "model.safetensors")
        kept = ("name", "vocab_size", "hidden_size", "output_size", "pad_token_id", "position_decay", "max_length")
        told = {"model_type": "xret-static", **{key: config[key] for key in kept if key in config}}
        (part / "config.json").write_text(json.dumps(told))
        (part / "tokenizer.json").write_bytes((mini / "tokenizer.json").read_bytes())
        part.rename(made)
    return load_encoder(made, device="cpu", threads=1).encode


METHODS = {
    "st-fp32": Method("sentence-transformers, torch fp32", sentence_transformers("float32")),
    "st-bf16": Method("sentence-transformers, torch bf16", sentence_transformers("bfloat16")),
    "naive": Method("ONNX as usual: torch export, 32 as they come, NumPy pooling", naive, slow=True),
    "fastembed": Method("fastembed as it comes (256 as they come)", fastembed, slow=True, foreign=True),
    "xret-fp32": Method("xret fp32", xret(":fp32")),
    "xret-int8": Method("xret int8", xret(":int8")),
    "xret-bf16": Method("xret bf16 (OpenVINO)", xret(":bf16")),
    "model2vec": Method("model2vec, xret-mini's vocabulary", model2vec, foreign=True, comparable=False),
    "static": Method("xret, a static model of xret-mini's vocabulary", static, comparable=False),
    "xret-mini": Method("xret-mini", xret("", "xret-mini"), comparable=False),
    "xret-mini-int8": Method("xret-mini int8", xret(":int8", "xret-mini"), comparable=False),
}


def export_naively(folder: Path, out: Path) -> None:
    """What an export by the book gives: last hidden states, unfused; with the files that fastembed wants beside it."""
    import torch
    from transformers import AutoModel

    out.mkdir(parents=True, exist_ok=True)
    model = AutoModel.from_pretrained(folder, attn_implementation="sdpa").eval()

    class Hidden(torch.nn.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any, token_type_ids: Any) -> Any:
            return self.model(
                input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
            ).last_hidden_state

    ones = torch.ones(2, 8, dtype=torch.int64)
    axes = {0: torch.export.Dim("batch", max=4096), 1: torch.export.Dim("tokens", min=2, max=512)}
    names = ["input_ids", "attention_mask", "token_type_ids"]
    torch.onnx.export(
        Hidden().eval(), (ones, ones.clone(), ones * 0), str(out / "model.onnx"), dynamo=True, external_data=False,
        opset_version=20, dynamic_shapes=(axes,) * 3, input_names=names, output_names=["last_hidden_state"],
        verbose=False,
    )  # fmt: skip
    for name in ("config.json", "tokenizer.json", "tokenizer_config.json", "special_tokens_map.json"):
        fields = json.loads((folder / name).read_text())
        if name == "tokenizer_config.json":
            fields["model_max_length"] = 256  # fastembed would cut at 512, another text
        (out / name).write_text(json.dumps(fields))
