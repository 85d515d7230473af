"""Encoder names: what stands before the precision, and the precision, as in ``sentence-transformers/LaBSE:int8``.

The suffix is part of the name and so goes wherever a name goes: stages, indexes and manifests.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

__all__ = ["NamedPrecision", "split_precision"]

NamedPrecision = Literal["fp32", "fp16", "bf16", "int8"]


def split_precision(name: str | Path) -> tuple[str | Path, NamedPrecision | None]:
    """The name without its suffix, and the precision the suffix asks for (None where there is no suffix)."""
    if isinstance(name, str) and not Path(name).exists():
        for precision in get_args(NamedPrecision):
            if name.endswith(f":{precision}"):
                return name[: -len(precision) - 1], precision
    return name, None
