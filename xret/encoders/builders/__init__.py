"""One small file per model family; `family_of` finds it by config.json's `model_type`."""

from __future__ import annotations

import importlib
from typing import Any

from xret.encoders.builders.family import Built, Family
from xret.errors import ModelError

__all__ = ["Built", "Family", "family_of"]

_MODULES = {"bert": "bert", "roberta": "bert", "xlm-roberta": "bert", "xret-static": "static"}


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
            f"model_type '{kind}' in config.json is not supported; supported: {', '.join(sorted(_MODULES))}"
        )
    family = importlib.import_module(f"xret.encoders.builders.{_MODULES[kind]}").FAMILIES[kind]
    assert isinstance(family, Family)
    family.check(config)
    return family
