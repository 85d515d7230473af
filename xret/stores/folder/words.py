"""The words of an index folder's texts: a lexical index that follows it.

The dense index is the truth. ``words.json`` names the folder of the lexical one, and the state of the dense index that
it was made for. Where that is not the present state, a change was killed between the two: the words are then counted
anew, from the texts that are there.
"""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import atomic_file, digest
from xret.indexes.dense.opened import DenseIndex
from xret.indexes.lexical.build import build_index, new_analyzers
from xret.indexes.lexical.change import add_to_index, delete_from_index
from xret.indexes.lexical.opened import LexicalIndex, open_index
from xret.indexes.lexical.search import search_index

__all__ = ["Words", "state_of"]

logger = logging.getLogger("xret")
MARK = "words.json"


def state_of(index: DenseIndex) -> str:
    """64 hex characters that change with every change of an index."""
    return digest(sorted((name, sealed.sha256) for name, sealed in index.manifest.files.items()))


class Words:
    """The lexical index in a folder, which follows one dense index; one process changes it at a time."""

    def __init__(self, folder: Path, analyzers: dict[str, str]) -> None:
        """Of a folder; `analyzers` by language, before those of `xret.indexes.lexical`."""
        self.folder, self.analyzers = folder, analyzers
        self._opened: tuple[str, LexicalIndex] | None = None

    @property
    def counted(self) -> bool:
        """Whether there are words, of whatever state of the index."""
        return bool(self._mark())

    def refuse(self, rows: pa.Table) -> None:
        """Raise where words of rows cannot be cut: before the rows are anywhere.

        Raises:
            InputError: a language without an analyzer.
        """
        new_analyzers(rows, self.analyzers)

    def follows(self, index: DenseIndex) -> bool:
        """Whether the words are those of an index as it is."""
        return bool(self._mark().get("of") == state_of(index))

    def add(self, index: DenseIndex, rows: pa.Table, *, followed: bool) -> None:
        """Follow an index to which rows `id, lang, text` were added, some of them in the places of others.

        Args:
            index: with the rows.
            rows: as added.
            followed: whether the words were those of the index without them.
        """
        name = self._mark().get("folder")
        if not followed or name is None:
            self.count_anew(index)
            return
        add_to_index(self.folder / name, rows, analyzers=self.analyzers, replacing=True)
        self._note(name, index)

    def delete(self, index: DenseIndex, ids: Sequence[str], *, followed: bool) -> None:
        """Follow an index from which rows were deleted; the rest as for `add`."""
        name = self._mark().get("folder")
        if not followed or name is None:
            self.count_anew(index)
            return
        delete_from_index(self.folder / name, ids)
        self._note(name, index)

    def count_anew(self, index: DenseIndex) -> None:
        """Follow an index whatever it holds."""
        number = 1 + max((int(path.name.rsplit("-", 1)[1]) for path in self.folder.glob("words-*")), default=0)
        name = f"words-{number:05d}" if index.manifest.rows else None
        if name is not None:
            build_index(self.folder / name, index.live(), analyzers=self.analyzers, text=False)
        self._note(name, index)
        for path in self.folder.glob("words-*"):
            if path.name != name:
                shutil.rmtree(path, ignore_errors=True)

    def search(self, texts: Sequence[str], names: Sequence[str], *, k: int, **filters: Any) -> pa.Table:
        """A run of texts, by BM25; `filters` are those of `xret.indexes.lexical.search.search_index`."""
        index = self._index()
        queries = pa.table({"id": list(names), "text": list(texts), "lang": ["und"] * len(names)})
        if index is None or not index.manifest.rows:
            return pa.table({"qid": pa.array([], pa.string()), "docid": pa.array([], pa.string()), "score": []})
        return search_index(index, queries, k=k, **filters)

    def _index(self) -> LexicalIndex | None:
        mark = self._mark()
        if mark.get("folder") is None:
            return None
        if self._opened is None or self._opened[0] != mark["of"]:
            self._opened = mark["of"], open_index(self.folder / mark["folder"])
        return self._opened[1]

    def _mark(self) -> dict[str, Any]:
        try:
            found: dict[str, Any] = json.loads((self.folder / MARK).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}  # none yet, or no use: words are counted anew
        return found

    def _note(self, name: str | None, index: DenseIndex) -> None:
        with atomic_file(self.folder / MARK) as temporary:
            temporary.write_text(json.dumps({"folder": name, "of": state_of(index)}) + "\n", encoding="utf-8")
