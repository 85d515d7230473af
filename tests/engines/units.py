"""Units that tests give to engines: they live in a module, since workers import what they call."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xret.artifact import atomic_file
from xret.engines.calls import Place
from xret.errors import ModelError, VectorsError

__all__ = ["doubled", "ten", "wrong"]


def ten(recipe: Mapping[str, Any], cpus: int) -> int:
    """A state; ``die`` in its recipe ends the worker."""
    if recipe.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if recipe.get("refuse"):
        raise ModelError("no such model")
    return 10


def doubled(item: Mapping[str, Any], place: Place) -> dict[str, Any]:
    """Writes twice the number, times the state; items may ask for accidents."""
    once = Path(item["folder"], f"{item['unit']}.accident")
    if item.get("accident") and (item["accident"] == "always" or not once.exists()):
        once.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    if item.get("wrong"):
        wrong(item["wrong"])
    if item.get("seconds"):
        _begun(Path(item["folder"]))
        time.sleep(item["seconds"])
    name = f"{item['unit']}.txt"
    with atomic_file(Path(item["folder"], name)) as path:
        path.write_text(f"{2 * item['number'] * (place.state or 1)}\n")
    place.advance(1)
    return {"files": [name], "number": item["number"]}


def _begun(folder: Path) -> None:
    """Tell of the Ray machine that somebody is at work there."""
    if ray := sys.modules.get("ray"):
        (folder / f"{ray.get_runtime_context().get_node_id()}.begun").touch()


def wrong(how: str) -> None:
    """Fails as data does, or a bug with it, or a library that may do better next time."""
    if how == "data":
        raise VectorsError("row 3 holds NaN")
    if how == "bug":
        raise KeyError("lang")
    raise RuntimeError("it stumbled\nin two lines")
