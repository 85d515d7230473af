"""The fallback for families without a builder: PyTorch exports the encoder, and the export is checked against it.

Only `xret models export --torch` comes here; what it writes is loaded without PyTorch. The graph is not fused, so it is
slower than a builder's.
"""

from __future__ import annotations

import logging
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from xret.encoders.builders.family import Built, Family, must
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.errors import ModelError, require

__all__ = ["exported_family"]

_TOLERANCE = 1e-4  # of a hidden state's largest value
_NAMES = ("input_ids", "attention_mask")
logger = logging.getLogger("xret")


def exported_family(folder: Path) -> Family:
    """A family whose graph is exported from the model that transformers loads from `folder`; no code of its own is run.

    Args:
        folder: with config.json and weights.
    """
    return Family(build=partial(_build, folder), check=lambda config: None, positions=_positions, width=_width)


def _positions(config: dict[str, Any]) -> int:
    found = next((config[key] for key in ("max_position_embeddings", "n_positions") if config.get(key)), 512)
    return int(found)


def _width(config: dict[str, Any]) -> int:
    return int(must(config, next((key for key in ("d_model", "dim") if key in config), "hidden_size"), int))


def _build(folder: Path, graph: Graph, weights: Weights, config: dict[str, Any]) -> Built:
    """Add the exported encoder; gives the last hidden state (batch, tokens, width).

    Raises:
        ModelError: transformers cannot load the model, or no export of it gives the same numbers.
        MissingExtraError: PyTorch or transformers is not installed.
    """
    if graph.precision != "fp32":
        raise ModelError(f"a graph exported by PyTorch is made in fp32 only, not in {graph.precision}")
    model = _load(folder)
    reasons = []
    for exporter, export in (("torch.export", _dynamo), ("TorchScript", _script)):
        try:
            with tempfile.TemporaryDirectory() as work, _quiet():
                proto = export(model, Path(work) / "model.onnx", _positions(config))
            error = _disagreement(model, proto, min(64, _positions(config)))
        except Exception as reason:  # the exporters raise whatever their parts raise
            reasons.append(f"{exporter}: {str(reason).strip().partition(chr(10))[0][:160]}")
            continue
        if error <= _TOLERANCE:
            logger.info("%s: exported by %s, largest difference %.1e", folder, exporter, error)
            return Built(hidden=graph.include(proto, dict(zip(_NAMES, _NAMES, strict=True)))[0])
        reasons.append(f"{exporter}: the graph differs from the model by {error:.1e}")
    raise ModelError(f"{folder}: PyTorch cannot export this model ({'; '.join(reasons)})")


def _load(folder: Path) -> Any:
    torch = require("torch", extra="export", purpose="exporting a family without a builder")
    transformers = require("transformers", extra="export", purpose="exporting a family without a builder")
    try:
        model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=False, local_files_only=True)
    except Exception as error:
        raise ModelError(
            f"{folder}: transformers cannot load it ({str(error).strip().partition(chr(10))[0]})"
        ) from error
    if model.config.is_encoder_decoder:
        model = model.get_encoder()

    class LastHidden(torch.nn.Module):  # type: ignore[misc, name-defined]
        """Only what is needed goes out."""

        def __init__(self) -> None:
            super().__init__()
            self.model = model

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            return self.model(input_ids=input_ids, attention_mask=attention_mask, return_dict=True).last_hidden_state

    return LastHidden().eval()


def _example(rows: int, tokens: int) -> tuple[Any, Any]:
    import torch

    ids = torch.from_numpy(np.random.default_rng(rows * tokens).integers(3, 20, (rows, tokens)))
    mask = torch.ones_like(ids)
    mask[-1, (tokens + 1) // 2 :] = rows == 1  # padding, except where the text is alone
    return ids, mask


def _dynamo(model: Any, path: Path, positions: int) -> Any:
    import torch

    batch, tokens = torch.export.Dim("batch", max=65536), torch.export.Dim("tokens", min=2, max=positions)
    torch.onnx.export(
        model, _example(2, 9), path, dynamo=True, external_data=False, opset_version=18, verbose=False,
        input_names=list(_NAMES), output_names=["hidden"], dynamic_shapes=({0: batch, 1: tokens},) * 2,
    )  # fmt: skip
    return _read(path)


def _script(model: Any, path: Path, positions: int) -> Any:
    import torch

    axes = {name: {0: "batch", 1: "tokens"} for name in (*_NAMES, "hidden")}
    torch.onnx.export(
        model, _example(2, 9), path, dynamo=False, opset_version=17, dynamic_axes=axes,
        input_names=list(_NAMES), output_names=["hidden"],
    )  # fmt: skip
    return _read(path)


def _read(path: Path) -> Any:
    onnx = require("onnx", extra="export", purpose="exporting a family without a builder")
    model = onnx.load(path)
    version = next(entry.version for entry in model.opset_import if not entry.domain)
    return model if version == 18 else onnx.version_converter.convert_version(model, 18)


def _disagreement(model: Any, proto: Any, longest: int) -> float:
    """The largest difference on real tokens, over shapes other than the one that was traced."""
    import torch

    runtime = require("onnxruntime", extra="cpu", purpose="checking an exported graph")
    session = runtime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    worst = 0.0
    for rows, tokens in ((1, 2), (3, 7), (2, longest)):
        ids, mask = _example(rows, tokens)
        with torch.no_grad():
            wanted = model(ids, mask).numpy()
        found = session.run(None, dict(zip(_NAMES, (ids.numpy(), mask.numpy()), strict=True)))[0]
        difference = np.abs(found - wanted)[mask.numpy() == 1].max()
        worst = max(worst, float(difference / max(1.0, np.abs(wanted).max())))
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """The exporters talk on standard output and warn of themselves."""
    import contextlib
    import io
    import warnings

    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        yield
