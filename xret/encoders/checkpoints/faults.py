"""Settings that cannot be: what a damaged or hand-made config.json says becomes one line, before anything is built."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from xret.errors import ModelError

__all__ = ["check_numbers", "readable"]

_LAYERS = ("encoder_layers", "n_layers", "num_hidden_layers", "num_layers")
_SIZES = (
    *("d_ff", "d_kv", "d_model", "dim", "encoder_attention_heads", "encoder_ffn_dim", "head_dim", "hidden_dim"),
    *("hidden_size", "intermediate_size", "max_length", "max_position_embeddings", "n_heads", "num_attention_heads"),
    *("num_heads", "num_key_value_heads", "output_size", "vocab_size"),
)
_EPSILONS = ("layer_norm_eps", "layer_norm_epsilon", "norm_eps", "rms_norm_eps")
_MOST_LAYERS = 10_000  # far more than any model has; a builder would walk through whatever stands there
_MOST = 2**31 - 1
_WRONG = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def check_numbers(config: dict[str, Any]) -> None:
    """Refuse sizes, counts and epsilons of config.json that no model can have; None is as good as not there.

    Raises:
        ModelError: names the field.
    """
    most = dict.fromkeys(_SIZES, _MOST) | dict.fromkeys(_LAYERS, _MOST_LAYERS)
    for key, limit in most.items():
        value = config.get(key)
        if value is not None and not (type(value) is int and 1 <= value <= limit):
            raise ModelError(f"config.json: '{key}' is {value!r:.60}, wanted a whole number from 1 to {limit:,}")
    for key in _EPSILONS:
        value = config.get(key)
        if value is not None and not (type(value) in (int, float) and value >= 0 and math.isfinite(value)):
            raise ModelError(f"config.json: '{key}' is {value!r:.60}, wanted a number that is not negative")


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Tell in one line what is wrong with a model's settings where nobody has looked for just that.

    Args:
        folder: of the model.

    Raises:
        ModelError: in place of what Python raises when a value is of another type or size than is usual.
    """
    try:
        yield
    except _WRONG as error:
        told = " ".join(str(error).split())[:160]
        raise ModelError(
            f"{folder}: its settings cannot be read ({type(error).__name__}: {told}); "
            "compare config.json and the other .json files with the model's own"
        ) from error
