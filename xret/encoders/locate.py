"""Finds the folder an encoder name means: bundled, a folder on disk, or a hub id whose files are on disk."""

from __future__ import annotations

import os
import re
from pathlib import Path

from xret.encoders.cache import cache_folder
from xret.errors import ModelError

__all__ = ["BUNDLED", "bundled_models", "locate"]

BUNDLED = Path(__file__).parent / "bundled"
_HUB_ID = re.compile(r"[\w.-]+/[\w.-]+")


def bundled_models() -> list[str]:
    """Names of the models that ship in the package."""
    return sorted(path.parent.name for path in BUNDLED.glob("*/config.json"))


def locate(name: str | Path) -> Path:
    """The model folder that `name` means.

    Args:
        name: ``xret-mini`` or another bundled model, a folder, or a hub id (``organisation/model``).

    Raises:
        ModelError: nothing of that name is on disk; says how to put it there.
    """
    if (BUNDLED / str(name) / "config.json").is_file() and Path(name).name == str(name):
        return BUNDLED / str(name)
    if (path := Path(name)).is_dir():
        return path
    if path.exists():
        raise ModelError(
            f"{name}: is a file; give the model's folder (with config.json, model.safetensors, tokenizer.json)"
        )
    if isinstance(name, str) and _HUB_ID.fullmatch(name):
        return _hub(name)
    bundled = ", ".join(bundled_models()) or "none in this installation; install xret again"
    raise ModelError(
        f"{name}: no such encoder; wanted a bundled one ({bundled}), a model folder, or a hub id like org/model"
    )


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
    if (snapshot / "config.json").is_file() or (snapshot / "modules.json").is_file():
        return snapshot
    raise ModelError(
        f"{name}: this model is not on disk and xret does not download; run 'hf download {name}', "
        f"or copy its folder to {own}, or give the folder's path"
    )
