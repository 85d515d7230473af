"""How bottleneck adapters are placed, read from a configuration in the words of adapters' library."""

from __future__ import annotations

import re
from typing import Any

from xret.encoders.builders.bottlenecks import Bottleneck
from xret.encoders.builders.layers import check_activation
from xret.errors import ModelError

__all__ = ["ADAPTER_TENSOR", "bottleneck_of"]

# Names of an adapter's tensors here, behind ``modules.PLACE.`` (see `xret.encoders.builders.bottlenecks`).
ADAPTER_TENSOR = re.compile(
    r"\d+\.(attention|output)\.((down|up)\.(weight|bias)|scale)|embeddings\.[FG]\.[02]\.(weight|bias)"
)
_PLAIN: dict[str, tuple[Any, ...]] = {  # fields that may change what is computed, and when they do not
    "architecture": (None,), "ln_before": (False,), "ln_after": (False,), "is_parallel": (False,),
    "use_gating": (False,), "phm_layer": (False,), "cross_adapter": (False,), "inv_adapter": (None, "nice"),
    "stochastic_depth": (0,),
}  # fmt: skip
_MOST = 1e4  # of a scale: what float16 still multiplies
_RESIDUALS = {"True": "before", "post_add": "added", "False": "after"}


def bottleneck_of(config: Any, where: str) -> Bottleneck:
    """The placement that a configuration asks for; Pfeiffer's where it is silent.

    Args:
        config: of ``BnConfig``: ``original_ln_before``, ``original_ln_after``, ``residual_before_ln``,
            ``non_linearity``, ``scaling``, ``inv_adapter``; sizes and layers are those of the tensors.
        where: the file, for messages.

    Raises:
        ModelError: a field of another type, or a kind of adapter that is not supported; names the field.
    """
    if not isinstance(config, dict):
        raise ModelError(f"{where}: its 'config' is {config!r:.60}, wanted an object with the adapters' settings")
    if isinstance(old := config.get("invertible_adapter"), dict):
        config = {**config, "inv_adapter": old.get("block_type")}
    for key, plain in _PLAIN.items():
        if (found := config.get(key)) is not None and found not in plain:
            raise ModelError(f"{where}: '{key}' is {found!r:.60}; only plain bottleneck adapters are supported")
    activation = str(config.get("non_linearity", "relu")).lower()
    try:
        check_activation(activation, key="non_linearity")
    except ModelError as error:
        raise ModelError(f"{where}: {error}") from error
    before = _flag(config, "original_ln_before", True, where)
    residual = _RESIDUALS.get(str(config.get("residual_before_ln", True)))
    if residual is None or (residual == "added" and not before):
        raise ModelError(f"{where}: 'residual_before_ln' is {config['residual_before_ln']!r:.60}; not known here")
    scale = config.get("scaling", 1.0)
    if scale not in ("learned", "channel") and (isinstance(scale, bool) or not isinstance(scale, (int, float))):
        raise ModelError(f"{where}: 'scaling' is {scale!r:.60}, wanted a number, 'learned' or 'channel'")
    if not isinstance(scale, str) and not abs(scale) <= _MOST:  # NaN is not, either
        raise ModelError(f"{where}: 'scaling' is {scale!r:.60}, wanted a number from -{_MOST:g} to {_MOST:g}")
    return Bottleneck(
        activation=activation, norm_before=before, norm_after=_flag(config, "original_ln_after", True, where),
        residual=residual, scale="learned" if isinstance(scale, str) else float(scale),  # type: ignore[arg-type]
        invertible=config.get("inv_adapter") is not None,
    )  # fmt: skip


def _flag(config: dict[str, Any], key: str, default: bool, where: str) -> bool:
    if not isinstance(value := config.get(key, default), bool):
        raise ModelError(f"{where}: '{key}' is {value!r:.60}, wanted true or false")
    return value
