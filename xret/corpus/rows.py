"""Rows as the parsers hand them on: columns of equal length, and for each row its line or row number."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus.problems import Faults

__all__ = ["CORE", "Mask", "Rows", "core_names"]

CORE = ("id", "text", "lang")
_NAMED = (*CORE, "title", "doc_id", "segment")
_ALSO_ID = ("_id", "docid", "qid")  # BEIR, TREC

Mask = npt.NDArray[np.bool_]


@dataclass
class Rows:
    """Some consecutive rows of one file, not yet validated."""

    columns: dict[str, pa.Array]
    """``text: string`` always, ``id`` and ``lang`` (strings too) where the file has them, and further ones."""
    numbers: npt.NDArray[np.int64]
    """(n,) line or row number of each, from 1."""
    faults: Faults
    """Rows already left out."""

    def drop(self, bad: Mask, reason: str, message: Callable[[int], str]) -> None:
        """Move the rows of a mask (n,) to the faults.

        Args:
            bad: true for rows to leave out.
            reason: what they are counted under.
            message: from the index of the first such row to what is wrong with it.
        """
        if not bad.any():
            return
        self.faults.add(self.numbers[bad], reason, message(int(np.argmax(bad))))
        good = pa.array(~bad)
        self.columns = {name: column.filter(good) for name, column in self.columns.items()}
        self.numbers = self.numbers[~bad]


@lru_cache(maxsize=1024)
def core_names(names: tuple[str, ...]) -> Mapping[str, str]:
    """A file's column names -> the names used in xret.

    ``ID`` is ``id``, ``Text`` is ``text`` and so on; ``_id``, ``docid`` and ``qid`` are ids where nothing else is.
    """
    renamed = {name: name for name in names}
    for name in names:
        if name.lower() in _NAMED and name.lower() not in renamed.values():
            renamed[name] = name.lower()
    for other in _ALSO_ID:
        if other in renamed and "id" not in renamed.values():
            renamed[other] = "id"
    return MappingProxyType(renamed)
