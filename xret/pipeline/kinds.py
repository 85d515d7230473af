"""What kind of value an input is, told by its name, and whether a value is of that kind."""

from __future__ import annotations

import json
from pathlib import Path

from xret.artifact import MANIFEST
from xret.errors import UsageError
from xret.stages.stage import Value

__all__ = ["FOLDERS", "TABLES", "check_kind", "kind_word"]

TABLES: dict[str, tuple[str, ...]] = {
    "corpus": ("id", "text"),
    "gold": ("src_id", "tgt_id"),
    "pairs": ("src_id", "tgt_id", "src_text", "tgt_text"),
    "qrels": ("qid", "docid", "relevance"),
    "queries": ("id", "text"),
    "run": ("qid", "docid", "score"),
}
"""Kinds of tables, each with the columns that it must have."""

FOLDERS = ("index", "vectors")
"""Kinds of artifact folders, as their manifests call them."""


def kind_word(name: str) -> str:
    """The word of a name that tells the kind: the last one, digits aside (``dense_run2`` is a ``run``)."""
    return name.rsplit("_", 1)[-1].rstrip("0123456789")


def check_kind(where: str, name: str, value: Value | None) -> None:
    """Refuse a value that cannot be what a stage's input is.

    Args:
        where: the stage and the value, to begin the message with.
        name: the input as the stage declares it, which tells the kind; inputs of other names take anything.
        value: what the pipeline has for it; None passes.

    Raises:
        UsageError: a folder for a table or the other way round, missing columns, another kind of artifact.
    """
    kind = kind_word(name)
    if value is None or (kind not in TABLES and kind not in FOLDERS):
        return
    found = _folder(value) if isinstance(value, Path) else f"a table of {', '.join(value.column_names)}"
    if kind in TABLES:
        fits = not isinstance(value, Path) and set(TABLES[kind]) <= set(value.column_names)
        wanted = f"a table of {', '.join(TABLES[kind])}"
    else:
        in_memory = kind == "vectors" and not isinstance(value, Path) and "vector" in value.column_names
        fits = in_memory or found == f"a folder of kind '{kind}'"
        wanted = f"a folder of kind '{kind}'"
    if not fits:
        raise UsageError(f"{where}: found {found}, wanted {wanted}")


def _folder(path: Path) -> str:
    try:
        kind = json.loads((path / MANIFEST).read_text(encoding="utf-8"))["kind"]
    except (OSError, ValueError, KeyError, TypeError):
        return f"the path {path}, which is no folder made by xret"
    return f"a folder of kind '{kind}'"
