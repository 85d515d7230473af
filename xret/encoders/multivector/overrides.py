"""What a user says about a multi-vector checkpoint that its own files leave open or get wrong.

An object ``multivector`` in the checkpoint's ``xret.json`` replaces fields of `MultiVector` by name, for instance
``{"multivector": {"marker_mode": "insert", "attend": true}}``. Markers may be given as tokens or as ids.
"""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, get_args, get_type_hints

from xret.encoders.checkpoints.modules import read_json
from xret.encoders.multivector.vocabulary import Vocabulary
from xret.encoders.recipe import MultiVector
from xret.errors import ModelError

__all__ = ["overridden"]

_TOKENS = ("query_marker", "document_marker", "expansion_token")
_FIXED = ("projections",)


def overridden(folder: Path, policy: MultiVector, vocabulary: Vocabulary) -> MultiVector:
    """The policy with the user's changes, if there are any.

    Raises:
        ModelError: a field that does not exist, or a value it cannot have.
    """
    settings = read_json(folder / "xret.json", missing={})
    changes = settings.get("multivector", {}) if isinstance(settings, dict) else None
    if not isinstance(changes, dict):
        raise ModelError("xret.json: 'multivector' is not an object of names and values")
    return replace(policy, **{name: _value(name, value, policy, vocabulary) for name, value in changes.items()})


def _value(name: str, value: Any, policy: MultiVector, vocabulary: Vocabulary) -> Any:
    known = [field for field in asdict(policy) if field not in _FIXED]
    if name not in known:
        raise ModelError(f"xret.json: multivector has no '{name}'; it has {', '.join(known)}")
    if name in _TOKENS and isinstance(value, str):
        return vocabulary.or_unknown(value, name)
    if name == "skip" and isinstance(value, list) and all(isinstance(each, (int, str)) for each in value):
        return tuple(each if isinstance(each, int) else vocabulary.or_unknown(each, "skipping") for each in value)
    kinds = get_args(hint := get_type_hints(MultiVector)[name]) or (hint,)
    fits = value in kinds if isinstance(kinds[0], str) else type(value) in kinds
    if not fits:
        wanted = ", ".join(kind if isinstance(kind, str) else kind.__name__ for kind in kinds)
        raise ModelError(f"xret.json: multivector's {name} is {value!r}; wanted {wanted}")
    return value
