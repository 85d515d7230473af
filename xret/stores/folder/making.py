"""Index folders as stores: made, opened, dropped."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa

from xret.artifact import atomic_folder
from xret.errors import InputError, UsageError
from xret.indexes.dense.build import build_index, empty_index
from xret.indexes.kinds import STORE, index_kind
from xret.stores.folder.hybrid import made_hybrid
from xret.stores.folder.links import led_by
from xret.stores.folder.store import FolderStore
from xret.stores.place import Place
from xret.stores.recipe import Recipe
from xret.vectors import Vectors

__all__ = ["create", "create_of", "drop", "exists", "open_"]


def create(place: Place, recipe: Recipe) -> FolderStore:
    """See `xret.stores.door.create_store`."""

    def make(folder: Path) -> None:
        empty_index(
            folder, dim=recipe.dim, factory=recipe.index, encoder=recipe.encoder, encoder_hash=recipe.encoder_hash,
            text=recipe.text,
        )  # fmt: skip

    return _made(place, recipe, make, None)


def create_of(place: Place, recipe: Recipe, vectors: Vectors, rows: pa.Table) -> FolderStore:
    """A store with all rows of a vectors folder, in one step; its index may be one that learns from them.

    Args:
        place: where there is nothing.
        recipe: what it is to keep.
        vectors: n vectors.
        rows: their n rows `id, lang`, and `text` and `sparse` where the recipe keeps them.
    """

    def make(folder: Path) -> None:
        build_index(folder, vectors, corpus=rows, factory=recipe.index, text=recipe.text, progress=True)

    return _made(place, recipe, make, rows)


def _made(place: Place, recipe: Recipe, make: Callable[[Path], None], rows: pa.Table | None) -> FolderStore:
    if exists(place):
        raise InputError(f"{place}: exists already; choose another name, or drop it first")
    if recipe.metric != "cosine":
        raise UsageError(f"{place}: an index folder knows the cosine only; use a Milvus store for '{recipe.metric}'")
    if not (recipe.words or recipe.sparse):
        make(place.folder)
        return FolderStore(place)
    with atomic_folder(place.folder) as temporary:
        make(temporary / "made")
        for each in (temporary / "made").iterdir():
            each.rename(temporary / each.name)
        (temporary / "made").rmdir()
        hybrid = made_hybrid(temporary, recipe)
        if hybrid is not None and rows is not None:
            hybrid.fill(rows)
    return FolderStore(place)


def open_(place: Place) -> FolderStore:
    """See `xret.stores.door.open_store`."""
    if (kind := index_kind(place.folder)) not in ("dense", STORE):
        raise InputError(f"{place}: is a {kind} index; a folder is a store where its index is dense")
    return FolderStore(place)


def exists(place: Place) -> bool:
    """Whether a folder or an alias has this name."""
    return place.folder.exists() or place.folder.is_symlink()


def drop(place: Place) -> None:
    """See `xret.stores.door.drop_store`."""
    store = open_(place)
    if place.folder.is_symlink():
        raise InputError(f"{place}: is an alias of {store.leads_to()}; name that to drop it")
    if links := led_by(place.folder):
        raise InputError(f"{place}: the alias '{links[0]}' leads here; let it lead to another store first")
    grave = place.folder.with_name(f".{place.folder.name}.{os.getpid()}.dropped")
    os.replace(place.folder, grave)  # gone in one step; the rest is tidying
    shutil.rmtree(grave, ignore_errors=True)
