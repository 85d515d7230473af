"""One small file per model family; `family_of` finds it by config.json's `model_type`."""

from __future__ import annotations

import importlib
from typing import Any

from xret.encoders.builders.family import Built, Family
from xret.errors import ModelError

__all__ = ["Built", "Family", "family_of"]

_MODULES = {
    "bert": "bert",
    "camembert": "bert",
    "distilbert": "distilbert",
    "eurobert": "eurobert",
    "gte": "gte",
    "jina_embeddings_v3": "jina3",
    "laser2": "bilstm",
    "laser3": "laser3",
    "m2m_100": "m2m100",
    "modernbert": "modernbert",
    "mpnet": "mpnet",
    "mt5": "t5",
    "new": "gte",
    "qwen3": "qwen3",
    "roberta": "bert",
    "t5": "t5",
    "umt5": "t5",
    "xlm-roberta": "bert",
    "xmod": "xmod",
    "xret-hybrid": "hybrid",
    "xret-static": "static",
}


def _module(config: dict[str, Any], kind: str) -> str:
    """The builder's module; Jina's encoders carry other families' names and are told apart by what they have."""
    position = config.get("position_embedding_type")
    if kind == "bert" and position == "alibi" and "feed_forward_type" in config:
        return "jina2"
    return "jina3" if kind == "xlm-roberta" and position == "rotary" else _MODULES[kind]


def family_of(config: dict[str, Any]) -> Family:
    """The family of a checkpoint, its config already checked.

    Args:
        config: the content of config.json.

    Raises:
        ModelError: no builder for its `model_type`, or it only looks like one.
    """
    kind = config.get("model_type")
    if kind not in _MODULES:
        raise ModelError(
            f"model_type '{kind}' in config.json is not supported; supported: {', '.join(sorted(_MODULES))} "
            "(others where PyTorch is installed: xret models export NAME -o FOLDER --torch)"
        )
    family = importlib.import_module(f"xret.encoders.builders.{_module(config, kind)}").FAMILIES[kind]
    assert isinstance(family, Family)
    family.check(config)
    return family
