"""The model that a token head is for, opened as the student that it was trained as."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xret.encoders.checkpoints.expert_folder import find_experts
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.ready import Ready
from xret.encoders.locate import locate
from xret.encoders.names import split_precision
from xret.errors import ModelError, UsageError

if TYPE_CHECKING:
    from xret.encoders.distil.config import DistilConfig
    from xret.encoders.distil.hybrid import HybridStudent
    from xret.encoders.distil.token_head.options import HeadConfig

__all__ = ["Trunk", "open_trunk"]


@dataclass(frozen=True)
class Trunk:
    """A hybrid model.

    Attributes:
        name: as it was given.
        folder: where it is.
        config: its config.json.
    """

    name: str
    folder: Path
    config: dict[str, Any]

    @property
    def romanise(self) -> tuple[str, ...]:
        """What it reads romanised, for `DistilConfig`."""
        own = self.config.get("romanise") or ()
        return (own,) if isinstance(own, str) else tuple(own)

    def text_limit(self, head: HeadConfig) -> int:
        """Tokens that training reads of a text."""
        longest = int(self.config.get("max_length", 1024))
        return min(head.document_tokens or longest, longest)

    def student(self, config: DistilConfig) -> HybridStudent:
        """Its parameters in PyTorch.

        Raises:
            ModelError: the weights are missing or broken.
            DeviceError: the device cannot be used.
        """
        from xret.encoders.distil.hybrid import HybridStudent
        from xret.encoders.distil.starts import start_from
        from xret.encoders.distil.students import usable

        start = start_from(self.folder)
        if not start.context:
            raise ModelError(f"{self.folder}: model.safetensors has no layers (context.…); make or fetch it again")
        return HybridStudent(start, config, usable(config.device))


def open_trunk(name: str | Path, *, size: int, replace: bool) -> Trunk:
    """A hybrid model that can be given a head.

    Args:
        name: as for `load_encoder`, without a precision.
        size: values of the head's token vectors.
        replace: whether it may have a head already.

    Raises:
        ModelError: not found, of another kind, or has a head.
        UsageError: its sentence vectors are no wider than `size`.
    """
    base, precision = split_precision(name)
    if precision:
        raise ModelError(f"{name}: a head is trained on the weights as stored; leave out ':{precision}'")
    folder = locate(base)
    if find_experts(folder):
        raise ModelError(f"{name}: holds several encoders; give a head to each of them")
    if Ready.at(folder):
        raise ModelError(f"{name}: is a ready folder, whose graphs are finished; take the model it was made from")
    config = read_json(folder / "config.json", missing={})
    if (kind := config.get("model_type")) != "xret-hybrid":
        raise ModelError(
            f"{name}: is no hybrid model but '{kind}'; token heads are for those that "
            "'xret models distil --student hybrid' makes"
        )
    if config.get("token_head") and not replace:
        raise ModelError(f"{name}: has a token head already; give --replace to train another in its place")
    if size >= (rows := int(config["output_size"])):
        raise UsageError(f"size = {size}: {name} gives vectors of {rows} values; wanted fewer than these")
    return Trunk(str(name), folder, config)
