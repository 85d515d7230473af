"""Built graphs, kept by content hash in the user's cache folder.

``XRET_CACHE`` names it; else it is ``$XDG_CACHE_HOME/xret``, else ``~/.cache/xret``.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any

from xret.encoders.graphs.graph import MODEL_FILE, Graph

__all__ = ["cache_folder", "cached_graphs", "find_graph", "forget_graph", "forget_graphs", "graph_bytes", "keep_graph"]

_CARD = "encoder.json"
logger = logging.getLogger("xret")


def cache_folder() -> Path:
    """Where xret keeps what it can make again."""
    if chosen := os.environ.get("XRET_CACHE"):
        return Path(chosen)
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "xret"


def find_graph(key: str) -> Path | None:
    """The graph file kept under `key`, if there is one."""
    path = cache_folder() / "graphs" / key / MODEL_FILE
    return path if path.is_file() else None


def keep_graph(key: str, graph: Graph, card: dict[str, Any]) -> Path | None:
    """Write a graph under `key`, whole or not at all; when another process was first, its copy is taken.

    Returns:
        The graph file, or None where the cache cannot be written (the caller then keeps the graph in memory).
    """
    root = cache_folder() / "graphs"
    temporary: Path | None = None
    try:
        root.mkdir(parents=True, exist_ok=True)
        temporary = Path(tempfile.mkdtemp(prefix=f".{key[:16]}.", dir=root))
        graph.save(temporary)
        (temporary / _CARD).write_text(
            json.dumps(card, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8"
        )
        os.chmod(temporary, 0o755)
        os.replace(temporary, root / key)
    except OSError as error:
        if (found := find_graph(key)) is None:
            logger.warning(
                "%s: cannot keep the built graph here (%s); it will be built again next time", root,
                error.strerror or error,
            )  # fmt: skip
        return found
    finally:
        if temporary is not None:
            shutil.rmtree(temporary, ignore_errors=True)
    return root / key / MODEL_FILE


def forget_graph(key: str) -> None:
    """Remove a graph that turned out to be damaged."""
    shutil.rmtree(cache_folder() / "graphs" / key, ignore_errors=True)


def cached_graphs() -> list[dict[str, Any]]:
    """The card (name, hash, folder, dim, family) of every encoder with kept graphs, once; by name.

    Whether its model is still there, and still the same, is not looked at.
    """
    found: dict[tuple[str, str], dict[str, Any]] = {}
    for path in sorted((cache_folder() / "graphs").glob(f"*/{_CARD}")):
        try:
            card = json.loads(path.read_text(encoding="utf-8"))
            found.setdefault((card["folder"], card["hash"]), card)
        except (OSError, ValueError, KeyError, TypeError):  # being removed or written by another process, or not ours
            continue
    return sorted(found.values(), key=lambda card: (str(card.get("name")), card["hash"]))


def graph_bytes(identity: str) -> int:
    """Bytes of all kept graphs of an encoder, by its hash."""
    files = (file for folder in _folders(identity) for file in folder.iterdir() if file.name != _CARD)
    return sum(file.stat().st_size for file in files)


def forget_graphs(identity: str) -> None:
    """Remove all kept graphs of an encoder, by its hash."""
    for folder in _folders(identity):
        shutil.rmtree(folder, ignore_errors=True)


def _folders(identity: str) -> list[Path]:
    found = []
    for path in (cache_folder() / "graphs").glob(f"*/{_CARD}"):
        try:
            if json.loads(path.read_text(encoding="utf-8"))["hash"] == identity:
                found.append(path.parent)
        except (OSError, ValueError, KeyError, TypeError):  # being removed or written by another process, or not ours
            continue
    return found
