"""Random checkpoints of one family, and how far a graph's hidden states are from an oracle's."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Oracle = Callable[[Any, Any], Any]  # (ids, mask) as torch tensors -> hidden (batch, tokens, width)
BATCHES = [[1], [7, 3, 1], [24], [40, 2, 17, 40]]  # lengths of the texts; 40 is the longest text SHAPE takes
SHAPE = {
    "vocab_size": 50, "hidden_size": 32, "intermediate_size": 44, "num_hidden_layers": 4, "num_attention_heads": 4,
    "max_position_embeddings": 40, "pad_token_id": 1, "bos_token_id": 0, "eos_token_id": 2, "initializer_range": 0.1,
}  # fmt: skip
SMALL: dict[str, Any] = {
    "vocab_size": 40, "hidden_size": 24, "num_hidden_layers": 3, "num_attention_heads": 3, "intermediate_size": 40,
    "initializer_range": 0.2,
}  # fmt: skip


def read_graph(folder: Path, precision: Any = "fp32", **changes: Any) -> Any:
    """The graph of a folder up to the output ``hidden``; `changes` go over its config."""
    from xret.encoders.builders import family_of
    from xret.encoders.checkpoints.weights import Weights, weight_files
    from xret.encoders.graphs.graph import Graph

    config = {**json.loads((folder / "config.json").read_text()), **changes}
    graph, family = Graph(precision), family_of(config)
    graph.input("input_ids")
    graph.input("attention_mask")
    built = family.build(graph, Weights(weight_files(folder)), config)
    graph.output(graph.full(built.hidden), "hidden", ["batch", "tokens", family.width(config)])
    graph.prune()
    return graph


def inputs_of(lengths: list[int], words: int) -> dict[str, Any]:
    mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
    ids = np.random.default_rng(sum(lengths)).integers(3, words, mask.shape)
    return {"input_ids": np.where(mask == 1, ids, 1), "attention_mask": mask}


@lru_cache(maxsize=2)
def _opened(graph: Any) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    return onnxruntime.InferenceSession(graph.serialized(), options, providers=["CPUExecutionProvider"])


def _run(graph: Any, inputs: dict[str, Any]) -> Any:
    session = _opened(graph)
    names = {entry.name for entry in session.get_inputs()}
    return session.run(None, {name: value for name, value in inputs.items() if name in names})[0]


@lru_cache(maxsize=2)
def _compiled(graph: Any) -> Any:
    openvino = pytest.importorskip("openvino")
    core = openvino.Core()
    return core.compile_model(core.read_model(graph.serialized()), "CPU", {"INFERENCE_PRECISION_HINT": "f32"})


def _run_openvino(graph: Any, inputs: dict[str, Any]) -> Any:
    model = _compiled(graph)
    names = {name for entry in model.inputs for name in entry.get_names()}
    return model({name: value for name, value in inputs.items() if name in names})[0]


@pytest.fixture
def graph_of() -> Callable[..., Any]:
    """``graph_of(folder, precision, **changes of its config)``."""
    return read_graph


@pytest.fixture
def run() -> Callable[[Any, dict[str, Any]], Any]:
    """``run(graph, inputs)``: the graph's only output, by ONNX Runtime."""
    return _run


@pytest.fixture
def error_of() -> Callable[..., float]:
    """``error_of(folder, oracle, batches=…, openvino=False, precision="fp32", **changes)``: the largest difference."""

    def measure(
        folder: Path, oracle: Oracle, *, batches: list[list[int]] = BATCHES, openvino: bool = False,
        precision: str = "fp32", **changes: Any,
    ) -> float:  # fmt: skip
        import torch

        graph, run = read_graph(folder, precision, **changes), _run_openvino if openvino else _run
        words, worst = json.loads((folder / "config.json").read_text())["vocab_size"], 0.0
        for lengths in batches:
            inputs = inputs_of(lengths, words)
            with torch.no_grad():
                theirs = oracle(torch.tensor(inputs["input_ids"]), torch.tensor(inputs["attention_mask"])).numpy()
            mine = run(graph, inputs)
            assert np.isfinite(mine).all()  # padding too: pooling multiplies it by zero
            worst = max(worst, float(np.abs(mine - theirs)[inputs["attention_mask"] == 1].max()))
        return worst

    return measure


def shake(model: Any) -> Any:
    """Biases and norms too, which begin as zeros and ones."""
    import torch

    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(torch.randn_like(parameter) * 0.1)
    return model.eval()


@pytest.fixture
def random_model(tmp_path: Path) -> Callable[..., tuple[Path, Oracle, Any]]:
    """``random_model(kind, **settings)``: the folder of a random transformers model, the oracle and the model."""

    def make(kind: str, **settings: Any) -> tuple[Path, Oracle, Any]:
        import torch
        from transformers import AutoConfig, AutoModel

        torch.manual_seed(5)
        model = shake(AutoModel.from_config(AutoConfig.for_model(kind, **{**SHAPE, **settings})))
        folder = tmp_path / kind
        model.save_pretrained(folder)
        return folder, lambda ids, mask: model(input_ids=ids, attention_mask=mask).last_hidden_state, model

    return make


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, dict[str, Any], dict[str, Any]], Path]:
    """``write(name, config, tensors)``: a checkpoint folder of these torch tensors."""

    def save(name: str, config: dict[str, Any], tensors: dict[str, Any]) -> Path:
        from safetensors.torch import save_file

        folder = tmp_path / name
        folder.mkdir()
        save_file(
            {key: tensor.detach().contiguous().clone() for key, tensor in tensors.items()}, folder / "model.safetensors"
        )
        (folder / "config.json").write_text(json.dumps({**SHAPE, **config}))
        return folder

    return save


@pytest.fixture
def pretrained(tmp_path: Path) -> Callable[..., tuple[Path, Any]]:
    """``pretrained(kind, task=…, **settings)``: folder and model of a random model of an Auto class, as for a task."""

    def make(kind: str, *, task: str = "AutoModel", **settings: Any) -> tuple[Path, Any]:
        import torch
        import transformers

        torch.manual_seed(11)
        config = transformers.AutoConfig.for_model(kind, **{**SMALL, **settings})
        model = shake(getattr(transformers, task).from_config(config))
        model.save_pretrained(tmp_path / "model")
        return tmp_path / "model", model

    return make


@pytest.fixture
def batches() -> Callable[..., list[tuple[Any, Any]]]:
    """``batches(longest, pad=…)``: ids and masks of several shapes, padded on the right, up to `longest` tokens."""

    def make(longest: int, *, pad: int) -> list[tuple[Any, Any]]:
        made = []
        for lengths in ([1], [2, 5, 3], [longest], [longest, 1, longest - 1, 4], list(range(1, 9))):
            mask = (np.arange(max(lengths)) < np.array(lengths)[:, None]).astype(np.int64)
            ids = np.random.default_rng(sum(lengths)).integers(5, SMALL["vocab_size"], mask.shape)
            made.append((np.where(mask, ids, pad), mask))
        return made

    return make


@pytest.fixture
def reference() -> Callable[..., Any]:
    """``reference(model, ids, mask, **inputs)``: the hidden state by transformers in float64, zeros where masked."""

    def hidden(model: Any, ids: Any, mask: Any, **inputs: Any) -> Any:
        import torch

        tensors = {"input_ids": ids, "attention_mask": mask, **inputs}
        with torch.no_grad():
            output = deepcopy(model).double()(**{name: torch.from_numpy(array) for name, array in tensors.items()})
        return output.last_hidden_state.numpy() * mask[..., None]

    return hidden


@pytest.fixture
def error() -> Callable[..., float]:
    """``error(graph, wanted, ids, mask, **inputs)``: the largest one, by ONNX Runtime and, if installed, OpenVINO."""

    def worst(graph: Any, wanted: Any, ids: Any, mask: Any, **inputs: Any) -> float:
        feed = {"input_ids": ids, "attention_mask": mask, **inputs}
        runs = [_run, _run_openvino] if find_spec("openvino") else [_run]
        hidden = [run(graph, feed) for run in runs]
        assert all(np.isfinite(values).all() for values in hidden)
        return max(float(np.abs(values * mask[..., None] - wanted).max()) for values in hidden)

    return worst


@pytest.fixture
def typed() -> Callable[[Any], None]:
    """``typed(graph)``: fails where the types of a float16 graph's values do not fit."""

    def check(graph: Any) -> None:
        import onnx

        model = onnx.load_from_string(graph.serialized())
        onnx.checker.check_model(model)
        onnx.shape_inference.infer_shapes(model, check_type=True, strict_mode=True)
        assert onnx.TensorProto.FLOAT not in {tensor.data_type for tensor in model.graph.initializer}

    return check
