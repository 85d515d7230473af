"""Files of a model folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xret.artifact import atomic_file
from xret.errors import InputError

if TYPE_CHECKING:
    import torch

__all__ = ["saving", "write_tensors"]


def write_tensors(path: Path, tensors: Mapping[str, torch.Tensor], *, fields: dict[str, str] | None = None) -> None:
    """Write `tensors` to a safetensors file, atomically, with `fields` as its metadata.

    Raises:
        InputError: the disk is full, or the folder cannot be written.
    """
    from safetensors.torch import save_file

    with saving(path), atomic_file(path) as temporary:
        save_file({name: tensor.cpu().contiguous() for name, tensor in tensors.items()}, str(temporary), fields)


@contextmanager
def saving(path: Path) -> Iterator[None]:
    """Around code that has safetensors write to `path`, which tells of a full disk in a class of its own.

    Raises:
        InputError: it could not be written.
    """
    from safetensors import SafetensorError

    try:
        yield
    except SafetensorError as error:
        raise InputError(
            f"{path}: writing failed ({str(error).splitlines()[0]}); free some space or choose another place"
        ) from error
