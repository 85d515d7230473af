"""Stores: where vectors are kept and searched past one process. Importing this loads neither NumPy nor a client.

place.py     how a store is called: a folder, or ``milvus://host:port/collection``
recipe.py    what is kept, and by which encoder it was made; kept in the store, compared at every door
store.py     what every store does, whatever is behind it
rows.py      rows and queries on their way in: checked, of length 1
results.py   what was found, as a run
door.py      create and open a store by its place
fusing.py    hybrid searches of stores that do not merge by themselves
loading.py   vectors folders into a store, batch by batch, resumed where they were killed
verifying.py whether a store holds what was loaded, before an alias leads to it
link.py      an index folder that leads to a store, for pipelines
verbs.py     what commands and stages call
folder/      xret's own dense index folders
milvus/      Milvus: a cluster, a standalone server, Milvus Lite as a server or as a file
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from xret.stores.door import create_store, drop_store, open_store
    from xret.stores.loading import load
    from xret.stores.place import Place, parse_place
    from xret.stores.recipe import Recipe
    from xret.stores.store import Store
    from xret.stores.verifying import swap, verify

__all__ = [
    "Place",
    "Recipe",
    "Store",
    "create_store",
    "drop_store",
    "load",
    "open_store",
    "parse_place",
    "swap",
    "verify",
]

_HOMES = {
    "Place": "place",
    "Recipe": "recipe",
    "Store": "store",
    "create_store": "door",
    "drop_store": "door",
    "load": "loading",
    "open_store": "door",
    "parse_place": "place",
    "swap": "verifying",
    "verify": "verifying",
}


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"xret.stores.{_HOMES[name]}"), name)
