"""Create, open and drop a store by its place; nothing else knows which kinds there are."""

from __future__ import annotations

import importlib
from dataclasses import replace
from pathlib import Path
from typing import Any
from uuid import uuid4

from xret.stores.place import Place, parse_place
from xret.stores.recipe import Recipe
from xret.stores.store import Store

__all__ = ["create_store", "drop_store", "has_store", "open_store"]

_HOMES = {"folder": "xret.stores.folder.making", "milvus": "xret.stores.milvus.making"}


def create_store(place: Place | str | Path, recipe: Recipe) -> Store:
    """Make an empty store.

    Raises:
        InputError: there is one already, it cannot be reached, or it cannot make what the recipe says.
        UsageError: the recipe asks for what this kind of store does not have.
    """
    where = _place(place)
    made: Store = _home(where).create(where, replace(recipe, made=recipe.made or uuid4().hex))
    return made


def open_store(place: Place | str | Path) -> Store:
    """Open a store, or what an alias leads to.

    Raises:
        InputError: there is none, it cannot be reached, or xret did not make it.
    """
    where = _place(place)
    opened: Store = _home(where).open_(where)
    return opened


def has_store(place: Place | str | Path) -> bool:
    """Whether there is something under this name.

    Raises:
        InputError: it cannot be reached.
    """
    where = _place(place)
    return bool(_home(where).exists(where))


def drop_store(place: Place | str | Path) -> None:
    """Remove a store with all its rows.

    Raises:
        InputError: there is none, or it is an alias, or an alias leads to it.
    """
    where = _place(place)
    _home(where).drop(where)


def _place(place: Place | str | Path) -> Place:
    return place if isinstance(place, Place) else parse_place(place)


def _home(place: Place) -> Any:
    return importlib.import_module(_HOMES[place.kind])
