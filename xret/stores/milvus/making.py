"""Collections of Milvus as stores: made, opened, dropped."""

from __future__ import annotations

from pathlib import Path

from xret.errors import InputError
from xret.stores.milvus.client import Connection
from xret.stores.milvus.properties import MAKING, RECIPE, properties
from xret.stores.milvus.schema import fill_schema, is_lite, refuse_lite, vectored
from xret.stores.milvus.store import MilvusStore
from xret.stores.place import Place
from xret.stores.recipe import Recipe

__all__ = ["create", "drop", "exists", "open_"]


def create(place: Place, recipe: Recipe) -> MilvusStore:
    """See `xret.stores.door.create_store`."""
    wanted = vectored(recipe.index, recipe.dim)
    call = Connection(place)
    try:
        if _there(call, place):
            raise InputError(f"{place}: exists already; choose another name, or drop it first")
        if call("has_collection", place.name):  # whoever was making it was killed
            call("drop_collection", place.name)
        server = str(call("get_server_version"))
        refuse_lite(wanted, server, place)
    except InputError:
        call.close()
        raise
    schema, indexes = call.schema(), call.index_parameters()
    fill_schema(call.library, schema, indexes, recipe, lite=is_lite(server))
    call(
        "create_collection", place.name, schema=schema, index_params=indexes, consistency_level="Strong",
        properties={MAKING: recipe.made},
    )  # fmt: skip
    call("alter_collection_properties", place.name, properties={RECIPE: recipe.to_json()})
    return MilvusStore(place, recipe, call)


def open_(place: Place) -> MilvusStore:
    """See `xret.stores.door.open_store`."""
    if _no_file(place):  # which connecting would make
        raise InputError(f"{place}: there is no such store; xret store load makes it")
    call = Connection(place)
    try:
        if not _there(call, place):
            raise InputError(f"{place}: there is no such store; xret store load makes it")
        kept = properties(call, place).get(RECIPE)
        if kept is None:
            raise InputError(f"{place}: is a collection that xret did not make; load one with xret store load")
        recipe = Recipe.from_json(kept, place)
        call("load_collection", place.name)
    except InputError:
        call.close()
        raise
    return MilvusStore(place, recipe, call)


def exists(place: Place) -> bool:
    """Whether a collection or an alias has this name."""
    if _no_file(place):
        return False
    call = Connection(place)
    try:
        return _there(call, place)
    finally:
        call.close()


def drop(place: Place) -> None:
    """See `xret.stores.door.drop_store`."""
    store = open_(place)
    try:
        if (target := store.leads_to()) != place:
            raise InputError(f"{place}: is an alias of {target}; name that to drop it")
        if aliases := store._call("list_aliases", collection_name=place.name)["aliases"]:
            raise InputError(f"{place}: the alias '{aliases[0]}' leads here; let it lead to another store first")
        store._call("drop_collection", place.name)
    finally:
        store.close()


def _no_file(place: Place) -> bool:
    return not place.server.startswith("http") and not Path(place.server).exists()


def _there(call: Connection, place: Place) -> bool:
    """Whether something has a name, but what was never made to its end."""
    if not call("has_collection", place.name):
        return False
    kept = properties(call, place)
    return RECIPE in kept or MAKING not in kept
