"""Kinds of index, and the one table that says which package makes and reads each.

The manifest of an index folder says ``"kind": "index"`` (what every index is) and ``"type"``: its kind here (``dense``
where it says none). Every kind has a module ``verbs`` with the same functions (see `Verbs`), and the commands, the
stages and whoever else is handed the name of a folder go through this table.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

from xret.errors import InputError, UsageError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = [
    "BUILD_OPTIONS",
    "HYBRID",
    "KINDS",
    "SEARCH_OPTIONS",
    "STORE",
    "Verbs",
    "foreign_option",
    "index_kind",
    "known_options",
    "verbs",
    "verbs_of",
]

KINDS = {
    "dense": "xret.indexes.dense.verbs",
    "lexical": "xret.indexes.lexical.verbs",
    "multivector": "xret.indexes.multivector.verbs",
}
STORE = "store"
"""What takes an index's place and is none: a store (`xret.stores`), by its name or by a folder that leads to it."""
HYBRID = "hybrid"
"""The subfolder of a dense index that keeps words or token weights beside its vectors, so that a store changes it."""
_HOMES = {**KINDS, STORE: "xret.stores.verbs"}
_SERVERS = ("milvus:", "milvus+https:")  # how names of stores begin that are no folders
BUILD_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "factory": ("dense",),
    "vectors": ("dense",),
    "memory": ("dense", "multivector"),
    "seed": ("dense", "multivector"),
    "codec": ("multivector",),
    "pool": ("multivector",),
    "queries": ("multivector",),
    "backend": ("lexical",),
    "analyzers": ("lexical",),
}
"""Options of `Verbs.build` and the kinds that they are for; those that are not here are for all."""
SEARCH_OPTIONS: Mapping[str, tuple[str, ...]] = {
    "nprobe": ("dense", "store"),
    "hybrid": ("store",),
    "exact": ("multivector",),
    "probe": ("multivector",),
    "depth": ("multivector",),
    "documents": ("multivector",),
    "k1": ("lexical",),
    "b": ("lexical",),
    "lexicon": ("lexical",),
    "pivot": ("lexical",),
    "candidates": ("multivector", "lexical"),
}
"""The same of `Verbs.search`."""


class Verbs(Protocol):
    """What the module of a kind does. Options are the kind's own, keyword-only; those it does not know it refuses."""

    def build(self, target: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
        """Make the folder `target` of a corpus `id, text, lang`; gives `fields` of it.

        `options` hold at least `threads`, `encoder` (see `xret.indexes.encoding.GivenEncoder`; None or ignored where
        nothing is encoded), `text` (keep the texts), `progress`.
        """

    def add(self, folder: Path, corpus: pa.Table, **options: Any) -> Mapping[str, Any]:
        """Append rows with new ids; gives `fields`. With ``replace=True``, ids that are there are replaced."""

    def delete(self, folder: Path, ids: Sequence[str]) -> Mapping[str, Any]:
        """Make rows impossible to find, all of them or, where one is not there, none; gives `fields`."""

    def compact(self, folder: Path, **options: Any) -> Mapping[str, Any]:
        """Take deleted rows out and join small parts; gives `fields`."""

    def info(self, folder: Path) -> list[tuple[str, str]]:
        """Rows of (name, value) for people."""

    def fields(self, folder: Path) -> dict[str, Any]:
        """The same for programs; among them `rows` and `languages` (a tag's rows)."""

    def check(self, folder: Path) -> Mapping[str, Any]:
        """Compare everything with the manifest, and search a sample: `rows`, `files` and, where it can be told,
        `found_themselves` (a share).

        Raises:
            InputError: the first thing that is wrong.
        """

    def open_index(self, folder: Path) -> Any:
        """The index opened for reading, memory-mapped. It has `folder` and `manifest` (with `rows`, `languages`)."""

    def search(
        self,
        index: Any,
        queries: pa.Table,
        *,
        k: int,
        languages: Sequence[str] | None = None,
        docids: Sequence[str] | None = None,
        candidates: pa.Table | None = None,
        text: bool = False,
        threads: int | None = None,
        **options: Any,
    ) -> pa.Table:
        """The best k documents of every query, as a run.

        Args:
            index: what `open_index` gave.
            queries: `id, text, lang`.
            k: documents per query.
            languages: only documents of these (``zh`` takes in ``zh-Hant``).
            docids: only these documents.
            candidates: a run; of every query's documents in it, the best k.
            text: add the documents' texts, where the index keeps them, and their titles, where it has any.
            threads: CPU threads; no part of the result.
            options: the kind's own (`encoder`, …).

        Returns:
            `qid, docid, score: float64, rank: int32, qlang, dlang` and, where wanted and kept, `title` and `text`, in
            the order of `xret.runs.ordered`, queries in their own order.
        """


def foreign_option(options: Mapping[str, tuple[str, ...]], kind: str, given: Mapping[str, Any]) -> str | None:
    """The first option that was given and is not for a kind of index; None where there is none.

    Args:
        options: `BUILD_OPTIONS` or `SEARCH_OPTIONS`.
        kind: of the index.
        given: values by name; None where not given.
    """
    return next(
        (name for name, value in given.items() if value is not None and kind not in options.get(name, (kind,))), None
    )


def known_options(
    options: Mapping[str, Any], names: Sequence[str], *, index: str, ignored: Sequence[str] = ()
) -> dict[str, Any]:
    """The options of `Verbs` that were given, for one kind of index.

    Args:
        options: values by name; None where not given.
        names: the kind's own.
        index: what the kind is called in the message.
        ignored: names that do nothing for the kind and no harm.

    Raises:
        UsageError: another option was given.
    """
    given = {name: value for name, value in options.items() if value is not None}
    for name in given:
        if name not in names and name not in ignored:
            raise UsageError(f"'{name}' is no option of a {index}; leave it out")
    return {name: value for name, value in given.items() if name in names}


def index_kind(folder: str | Path) -> str:
    """The kind of an index folder, a key of `KINDS`; or `STORE`, for the place of a store, what leads to one, and a
    folder that a store alone may change.

    Raises:
        InputError: no index there, or of a kind that this version does not know.
    """
    from xret.artifact import read_manifest

    if str(folder).startswith(_SERVERS):
        return STORE
    kind = read_manifest(Path(folder), kind="index").get("type", "dense")
    if not isinstance(kind, str) or kind not in _HOMES:
        raise InputError(
            f"{folder}: is an index of kind '{kind}', known: {', '.join(KINDS)}; use the version that made it"
        )
    return STORE if Path(folder, HYBRID).is_dir() else kind


def verbs(kind: str) -> Verbs:
    """The functions of a kind.

    Raises:
        UsageError: no such kind.
    """
    if kind not in _HOMES:
        raise UsageError(f"there is no index of kind '{kind}'; known: {', '.join(KINDS)}")
    return cast(Verbs, importlib.import_module(_HOMES[kind]))


def verbs_of(folder: str | Path) -> Verbs:
    """The functions for an index folder; errors as for `index_kind`."""
    return verbs(index_kind(folder))
