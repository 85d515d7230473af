"""A sorted list of terms, mapped, and the place of one of them."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

__all__ = ["Terms"]

STEP = 64


@dataclass(frozen=True, eq=False)
class Terms:
    """Distinct strings in the order of their bytes, each with a run of something: postings, or translations.

    Attributes:
        strings: (t,) the terms.
        ends: (t,) int64, where each term's run ends; the first begins at 0.
        offsets: (t + 1,) int32, where each term's bytes begin in `data`.
        data: UTF-8.
    """

    strings: pa.StringArray
    ends: npt.NDArray[np.int64]
    offsets: npt.NDArray[np.int32]
    data: memoryview

    @classmethod
    def of(cls, table: pa.Table) -> Self:
        """The columns `term: string` and `end: int64` of a table; not copied where they are in one piece."""
        chunks = [chunk for chunk in table["term"].chunks if len(chunk)] or [pa.array([], pa.string())]
        strings = chunks[0] if len(chunks) == 1 else pa.concat_arrays(chunks)
        offsets, data = strings.buffers()[1], strings.buffers()[2]
        return cls(
            strings,
            table["end"].to_numpy(),
            np.frombuffer(offsets, np.int32, len(strings) + 1, 4 * strings.offset)
            if offsets
            else np.zeros(1, np.int32),
            memoryview(data if data is not None else b""),
        )

    def place(self, term: str) -> int | None:
        """The place of a term, found by halving; None where it is not."""
        wanted = term.encode()
        step = max(0, bisect_right(self._steps, wanted) - 1)
        low, high = step * STEP, min((step + 1) * STEP, len(self.strings))
        while low < high:
            middle = (low + high) // 2
            if self._at(middle) < wanted:
                low = middle + 1
            else:
                high = middle
        return low if low < len(self.strings) and self._at(low) == wanted else None

    @cached_property
    def _steps(self) -> list[bytes]:
        """Every 64th term: most of the halving is done among these, in memory."""
        return [self._at(place) for place in range(0, len(self.strings), STEP)]

    def span(self, place: int) -> tuple[int, int]:
        """Where the run of the term at `place` begins and ends."""
        return (int(self.ends[place - 1]) if place else 0), int(self.ends[place])

    def _at(self, place: int) -> bytes:
        return self.data[int(self.offsets[place]) : int(self.offsets[place + 1])].tobytes()
