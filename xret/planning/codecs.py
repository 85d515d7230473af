"""Bytes of a vector's code in an index, without its id."""

from __future__ import annotations

import re

from xret.errors import UsageError
from xret.suggest import did_you_mean

__all__ = ["CODECS", "ID_BYTES", "code_bytes", "code_flop"]

ID_BYTES = 8  # 32 bits end at 4.3 billion rows
CODECS = ("exact", "SQ8", "PQ64", "RaBitQ")
_PQ = re.compile(r"PQ([1-9]\d{0,3})")


def code_bytes(codec: str, dim: int) -> int:
    """Bytes of one code: fp16 numbers, a byte a number, a byte a sub-quantiser, or a bit a number and 8 bytes.

    Raises:
        UsageError: unknown, or sub-quantisers that do not divide the dimension.
    """
    if codec == "exact":
        return 2 * dim
    if codec == "SQ8":
        return dim
    if codec == "RaBitQ":
        return -(-dim // 8) + 8
    found = _PQ.fullmatch(codec)
    if found is None:
        raise UsageError(f"no codec '{codec}'; {did_you_mean(codec, CODECS)} (PQ with any number of parts)")
    if dim % int(found[1]):
        raise UsageError(
            f"codec '{codec}': {dim} dimensions cannot be cut into {found[1]} equal parts; use a divisor of {dim}"
        )
    return int(found[1])


def code_flop(codec: str, dim: int) -> int:
    """Operations to make one code: PQ compares with 256 centres a part, RaBitQ rotates, others round."""
    return {"exact": dim, "SQ8": 2 * dim, "RaBitQ": 2 * dim * dim}.get(codec, 2 * 256 * dim)
