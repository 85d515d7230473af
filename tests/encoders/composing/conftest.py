"""Tiny base models and modules for them, in all layouts, with random numbers."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.encoders.crossencoders.conftest import Folder
from tests.encoders.crossencoders.conftest import classifier as classifier  # a fixture

WIDTH = 24
Tensors = dict[str, NDArray[Any]]
Base = Callable[..., Path]


@pytest.fixture
def base(classifier: Folder) -> Base:
    """``base(kind)``: the folder of a random encoder without a head."""
    from transformers import AutoModelForSequenceClassification

    def make(kind: str = "bert", **settings: Any) -> Path:
        folder = classifier(kind, settings=settings)
        AutoModelForSequenceClassification.from_pretrained(folder).base_model.save_pretrained(folder)
        return folder

    return make


def numbers(seed: int, *shape: int) -> NDArray[np.float32]:
    return np.asarray(np.random.default_rng(seed).standard_normal(shape) * 0.3, np.float32)


def adapter_tensors(seed: int, sites: tuple[str, ...], *, layers: tuple[int, ...] = (0, 1), inner: int = 5) -> Tensors:
    """Bottleneck adapters under the names of xret's own layout."""
    tensors: Tensors = {}
    for number, (layer, site) in enumerate((layer, site) for layer in layers for site in sites):
        at = seed * 100 + number * 4
        tensors[f"{layer}.{site}.down.weight"] = numbers(at, inner, WIDTH)
        tensors[f"{layer}.{site}.down.bias"] = numbers(at + 1, inner)
        tensors[f"{layer}.{site}.up.weight"] = numbers(at + 2, WIDTH, inner)
        tensors[f"{layer}.{site}.up.bias"] = numbers(at + 3, WIDTH)
    return tensors


def coupling_tensors(seed: int) -> Tensors:
    """An invertible adapter for halves of 12 values."""
    half = WIDTH // 2
    return {
        f"embeddings.{name}.{part}.{end}": numbers(seed + 8 * at + part, *(shape if end == "weight" else shape[:1]))
        for at, name in enumerate("FG")
        for part, shape in ((0, (6, half)), (2, (half, 6)))
        for end in ("weight", "bias")
    }


def hub_name(name: str, adapter: str, model: str = "bert") -> str:
    """What adapters' library calls a tensor of `adapter_tensors` or `coupling_tensors`."""
    if name.startswith("embeddings."):
        return f"{model}.invertible_adapters.{adapter}.{name.removeprefix('embeddings.')}"
    layer, site, part, *end = name.split(".")
    place = "attention.output" if site == "attention" else "output"
    own = {"down": "adapter_down.0", "up": "adapter_up", "scale": "scaling"}[part]
    return ".".join([model, "encoder.layer", layer, place, "adapters", adapter, own, *end])


def write(folder: Path, file: str, tensors: Tensors, **settings: Any) -> Path:
    """A module's folder: `tensors` and, for each of `settings`, a JSON file of that name."""
    from safetensors.numpy import save_file

    folder.mkdir(parents=True, exist_ok=True)
    save_file(tensors, folder / file)
    for name, content in settings.items():
        (folder / f"{name}.json").write_text(json.dumps(content))
    return folder


def plain(folder: Path, tensors: Tensors, **module: Any) -> Path:
    """A module in xret's own layout."""
    return write(folder, "module.safetensors", tensors, module=module)


def sparse(seed: int, shapes: dict[str, tuple[int, ...]], share: float = 0.2) -> tuple[Tensors, Tensors]:
    """A sparse difference for tensors of those shapes, as it is stored and as dense tensors."""
    stored: Tensors = {}
    dense: Tensors = {}
    for at, (name, shape) in enumerate(shapes.items()):
        random = np.random.default_rng(seed * 1000 + at)
        places = np.flatnonzero(random.random(int(np.prod(shape))) < share)
        stored[f"{name}.indices"] = places
        stored[f"{name}.values"] = np.asarray(random.standard_normal(len(places)) * 0.2, np.float32)
        dense[name] = np.zeros(shape, np.float32)
        dense[name].reshape(-1)[places] = stored[f"{name}.values"]
    return stored, dense
