"""What the user states about a checkpoint, for what its own files do not say, or say wrong: ``xret.json`` beside them.

{"pooling": "cls", "prompts": {"query": "query: ", "document": ""}, "max_length": 256, "truncate_dim": 256,
 "similarity": "dot", "romanise": "unseen"}
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import POOLINGS, read_json
from xret.encoders.checkpoints.plain import from_plain
from xret.encoders.reading.scripts import check_romanise
from xret.errors import ModelError

__all__ = ["STATED_FILE", "Stated", "read_stated"]

STATED_FILE = "xret.json"
_ELSEWHERE = ("multivector",)  # read by `xret.encoders.multivector.overrides`
_ROLES = ("query", "document")
SIMILARITIES = ("cosine", "dot", "euclidean", "manhattan")


@dataclass(frozen=True, kw_only=True)
class Stated:
    """Parts of a recipe; None where nothing is stated."""

    pooling: tuple[str, ...] | None = None
    prompts: tuple[tuple[str, str], ...] | None = None  # (role, text)
    max_length: int | None = None
    truncate_dim: int | None = None
    similarity: str | None = None
    languages: tuple[str, ...] | None = None  # BCP 47 or the model's codes: keep only these of a model with adapters
    romanise: tuple[str, ...] | None = None  # see `xret.encoders.reading.scripts.check_romanise`

    def __post_init__(self) -> None:
        """Refuse what means nothing.

        Raises:
            ModelError: an unknown pooling, similarity, script or language, or a number below 1.
        """
        for mode in self.pooling or ():
            if mode not in POOLINGS:
                raise ModelError(f"pooling '{mode}' is not known; known: {', '.join(POOLINGS)}")
        for name in ("max_length", "truncate_dim"):
            if (value := getattr(self, name)) is not None and value < 1:
                raise ModelError(f"{name} is {value}, wanted 1 or more")
        if self.similarity not in (None, *SIMILARITIES):
            raise ModelError(f"similarity '{self.similarity}' is not known; known: {', '.join(SIMILARITIES)}")
        check_romanise(self.romanise or ())

    def fields(self) -> dict[str, Any]:
        """What is stated, as the content of ``xret.json``."""
        plain = {name: value for name, value in asdict(self).items() if value is not None}
        return plain | ({"prompts": dict(plain["prompts"])} if "prompts" in plain else {})

    def over(self, other: Stated) -> Stated:
        """Both; where both say something, this one; prompts role by role."""
        prompts = dict(other.prompts or ()) | dict(self.prompts or ())
        merged = asdict(other) | {name: value for name, value in asdict(self).items() if value is not None}
        return Stated(**merged | {"prompts": tuple(prompts.items()) or None})


def read_stated(folder: Path) -> Stated:
    """What ``xret.json`` in a folder states; nothing where there is none.

    Raises:
        ModelError: broken JSON, or fields that are unknown, of another type, or mean nothing.
    """
    content = read_json(folder / STATED_FILE, missing={})
    try:
        if not isinstance(content, dict):
            raise ValueError("wanted a JSON object")
        fields = {name: value for name, value in content.items() if name not in _ELSEWHERE}
        for name in ("pooling", "romanise"):
            if isinstance(fields.get(name), str):
                fields[name] = [fields[name]]
        if "prompts" in fields:
            fields["prompts"] = _prompts(fields["prompts"])
        return from_plain(Stated, fields)
    except (ValueError, ModelError) as error:
        told = str(error).replace("Stated", "it")
        raise ModelError(f"{STATED_FILE}: {told}; it may hold {', '.join(asdict(Stated()))}") from error


def _prompts(content: Any) -> list[tuple[str, str]]:
    if not isinstance(content, dict) or set(content) - set(_ROLES):
        raise ValueError(f"prompts: wanted an object with the roles {' and '.join(_ROLES)}")
    return list(content.items())
