"""The checkpoint that a base model and its modules make together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from xret.encoders.builders.postnorm import ADAPTERS
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import find_expert_models, open_model
from xret.encoders.checkpoints.faults import readable
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.ready import Ready
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.composing.hub import hub_module
from xret.encoders.composing.module import Module
from xret.encoders.composing.names import split_modules
from xret.encoders.composing.peft import peft_module
from xret.encoders.composing.plain import MODULE_FILE, plain_module
from xret.encoders.composing.weights import ComposedWeights
from xret.encoders.crossencoders.layout import has_head, with_head, with_scores
from xret.encoders.laser.layout import find_laser
from xret.encoders.locate import locate
from xret.errors import ModelError

__all__ = ["Composed", "open_composed", "open_module", "open_named"]

_PLACED = ("bert", "roberta", "xlm-roberta", "camembert", "distilbert", "mpnet")  # families that adapters are placed in


class Composed(Checkpoint):
    """A model folder with modules put on it; where one of them brings a head for scores, a cross-encoder.

    Attributes:
        modules: in the order in which they are put on: language, then ranking (Litschko et al. 2022).
    """

    def __init__(self, folder: Path, modules: Sequence[Module]) -> None:
        """Read everything but the base model's tensors (see `open_composed`)."""
        super().__init__(folder)
        placed = [module for module in modules if module.bottleneck]
        numbers = {id(module): number for number, module in enumerate(placed)}
        self.modules = tuple(
            replace(module, bottleneck=replace(module.bottleneck, place=numbers[id(module)]))
            if module.bottleneck else module
            for module in modules
        )  # fmt: skip
        for module in self.modules:
            self._check(module)
        for module in self.modules:
            with _blamed(module.folder, str(folder)), readable(module.folder):
                self._with_head(module)

    def _with_head(self, module: Module) -> None:
        """Make this a cross-encoder where the module brings a head; a later module's stands in for an earlier one's."""
        score = module.activation or "Identity"
        if (head := module.head) is not None:
            self.recipe = with_head(
                self.inner, self.config, self.recipe, self.open_weights(), head.tensors, activation=head.activation,
                pooler=head.pooler, score=score,
            )  # fmt: skip
        elif has_head(module.tensors):
            config = {**self.config, "num_labels": 1, "id2label": None}
            self.recipe = with_scores(
                self.folder, self.inner, config, self.recipe, weights=self.open_weights(), score=score
            )

    def _check(self, module: Module) -> None:
        """Refuse adapters of another size or for another family."""
        if (bottleneck := module.bottleneck) is None:
            return
        if (kind := self.config["model_type"]) not in _PLACED:
            raise ModelError(
                f"{module.folder}: adapters cannot be placed in model_type '{kind}'; they can in {', '.join(_PLACED)}"
            )
        if bottleneck.invertible and bottleneck.place:
            raise ModelError(f"{module.folder}: has an invertible adapter; only the first module's acts: put it first")
        width = self.family.width(self.config)
        layers = int(self.config.get("num_hidden_layers") or self.config.get("n_layers") or 0)
        for name, tensor in module.adapters.items():
            if name.endswith(".down.weight") and (tensor.ndim != 2 or tensor.shape[1] != width):
                raise ModelError(f"{module.folder}: adapter '{name}' is {tensor.shape}, wanted {width} columns")
            if (layer := name.partition(".")[0]).isdigit() and int(layer) >= layers:
                raise ModelError(f"{module.folder}: has adapters for layer {layer}, the model has {layers} layers")

    def open_weights(self, task: str | None = None) -> Weights:
        """The tensors with all changes."""
        return ComposedWeights(self.weights(task), self.modules)

    def config_for(self, task: str | None) -> dict[str, Any]:
        """What the builder is given; `ADAPTERS` tells it what to place."""
        placed = tuple(module.bottleneck for module in self.modules if module.bottleneck)
        return {**super().config_for(task), **({ADAPTERS: placed} if placed else {})}

    def files(self) -> dict[str, Path]:
        """The base model's and the modules' files."""
        own = {
            f"modules/{number}/{path.name}": path
            for number, module in enumerate(self.modules)
            for path in module.files
        }  # fmt: skip
        return {**super().files(), **own}


@contextmanager
def _blamed(module: Path, base: str) -> Iterator[None]:
    """What is wrong with a module's head is said of the module, unless the message names a folder already."""
    try:
        yield
    except ModelError as error:
        told = str(error)
        raise ModelError(told if told.startswith((base, str(module))) else f"{module}: {told}") from error


def open_module(folder: Path) -> Module:
    """Read the module of a folder.

    Raises:
        ModelError: no module there, or of a kind that is not supported.
    """
    with readable(folder):
        if (folder / MODULE_FILE).is_file():
            return plain_module(folder, _object(folder / MODULE_FILE))
        if (folder / "adapter_config.json").is_file():
            settings = _object(folder / "adapter_config.json")
            return peft_module(folder, settings) if "peft_type" in settings else hub_module(folder, settings)
    raise ModelError(
        f"{folder}: is no module; wanted {MODULE_FILE} with module.safetensors, or adapter_config.json with "
        "adapter.safetensors (AdapterHub) or adapter_model.safetensors (PEFT)"
    )


def open_composed(base: Path, modules: Sequence[Path]) -> Composed:
    """Look at a base model and the modules put on it; reads no weights of the base model but those of a head.

    Raises:
        ModelError: not a model folder, or one that cannot take modules; a module that is none, or for another model.
    """
    if Ready.at(base) or find_laser(base) or find_expert_models(base):
        raise ModelError(f"{base}: takes no modules; only plain model folders do")
    opened = [open_module(folder) for folder in modules]
    try:
        with readable(base):
            return Composed(base, opened)
    except ModelError as error:
        text = str(error)
        known = (str(base), *(str(folder) for folder in modules))
        raise ModelError(text if text.startswith(known) else f"{base}: {text}") from error


def open_named(name: str | Path) -> Checkpoint:
    """The one model that a name without precision means: a folder's (see `open_model`), or ``BASE+MODULE…``.

    Raises:
        ModelError: nothing of that name is on disk, or it cannot be opened.
    """
    base, modules = split_modules(name)
    if not modules:
        return open_model(locate(base))
    return open_composed(locate(base), [_located(module) for module in modules])


def _located(module: str) -> Path:
    try:
        return locate(module)
    except ModelError as error:
        if "no such encoder" not in str(error):
            raise
        raise ModelError(f"{module}: no such module; wanted a folder, or a hub id like org/module on disk") from error


def _object(path: Path) -> dict[str, Any]:
    found = read_json(path)
    if not isinstance(found, dict):
        raise ModelError(f"{path}: holds {found!r:.60}, wanted an object")
    return found
