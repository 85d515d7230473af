"""Checkpoints of a training run: safetensors with the step in the metadata, replaced atomically."""

from __future__ import annotations

import logging
from pathlib import Path

import torch

from xret.encoders.distil.folders import write_tensors
from xret.errors import InputError, MismatchError

__all__ = ["load_checkpoint", "save_checkpoint"]

log = logging.getLogger("xret")


def save_checkpoint(path: Path, tensors: dict[str, torch.Tensor], fields: dict[str, str]) -> None:
    """Write `tensors` and `fields` to `path`.

    Raises:
        InputError: it cannot be written; what was there before stays.
    """
    write_tensors(path, tensors, fields=fields)


def load_checkpoint(path: Path, *, key: str) -> tuple[dict[str, torch.Tensor], dict[str, str]] | None:
    """(tensors, fields) of a checkpoint, or None where there is none.

    Raises:
        InputError: the file is truncated.
        MismatchError: it was made with other options or data (its `key` differs).
    """
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        return None
    try:
        with safe_open(str(path), framework="pt") as stream:
            fields = dict(stream.metadata())
            names = list(stream.keys())
            tensors = {name: stream.get_tensor(name) for name in names}
    except (SafetensorError, OSError) as error:
        raise InputError(f"{path}: broken checkpoint ({error}); delete it to start afresh") from error
    if fields.get("key") != key:
        raise MismatchError(
            f"{path}: made with other options or data; give another --work folder, or delete it to start afresh"
        )
    log.info("resuming at step %s", fields["step"])
    return tensors, fields
