"""An index folder that holds no rows and leads to a store: what pipelines hash, keep and hand on."""

from __future__ import annotations

from pathlib import Path

from xret.artifact import atomic_folder, read_manifest, write_manifest
from xret.errors import InputError
from xret.stores.place import Place, is_remote, parse_place
from xret.stores.store import Store

__all__ = ["place_of", "write_link"]


def write_link(folder: Path, store: Store, *, rows: int) -> None:
    """Make an index folder of type ``store``.

    Args:
        folder: to make; must not exist.
        store: where it leads.
        rows: there now, so that a folder made after another load is another one.

    Raises:
        InputError: `folder` exists.
    """
    fields = {"store": str(store.place), "made": store.recipe.made, "rows": rows, "encoder": store.recipe.encoder}
    with atomic_folder(folder) as temporary:
        write_manifest(temporary, {"kind": "index", "type": "store", "complete": True, **fields})


def place_of(name: str | Path) -> Place:
    """The store that a name spells, or that an index folder of type ``store`` leads to.

    Raises:
        InputError: a folder without the place of a store in it.
    """
    if is_remote(name):
        return parse_place(name)
    found = read_manifest(Path(name), kind="index")
    if found.get("type") != "store":
        return parse_place(name)
    if not isinstance(found.get("store"), str):
        raise InputError(f"{name}: does not say which store it leads to; make it again with xret store link")
    return parse_place(found["store"])
