"""Derives the recipe of a model folder from its own files, and lists the files its vectors depend on."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.encoders.builders import family_of
from xret.encoders.modules import Module, dense_head, pooling_modes, read_json, read_modules
from xret.encoders.recipe import Dense, Normalize, Recipe
from xret.encoders.weights import weight_files
from xret.errors import ModelError

__all__ = ["Checkpoint", "open_checkpoint"]

_DOCUMENT_NAMES = ("document", "passage", "corpus")  # what the document role's prompt is called, in this order
_LENGTH_FILES = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")


class Checkpoint:
    """A model folder that has been looked at: its config, recipe and files."""

    def __init__(self, folder: Path) -> None:
        """Read everything but the weights (see `open_checkpoint`)."""
        modules = read_modules(folder)
        self.folder = folder
        self.inner = folder / modules[0].path
        config = read_json(self.inner / "config.json")
        if not isinstance(config, dict):
            raise ModelError("has no config.json with a JSON object in it; give a complete model folder")
        self.config: dict[str, Any] = config
        self.family = family_of(config)
        self.recipe = self._recipe(modules[1:])

    def files(self) -> dict[str, Path]:
        """The files that the vectors depend on, by their path inside the folder.

        Raises:
            ModelError: one is missing.
        """
        paths = [self.inner / "config.json", self.inner / "tokenizer.json", *weight_files(self.inner)]
        for head in self.recipe.heads:
            paths += weight_files(self.folder / head.folder) if isinstance(head, Dense) else []
        for path in paths:
            if not path.is_file():
                hint = "; save the model with a fast tokeniser once" if path.name == "tokenizer.json" else ""
                raise ModelError(f"{path}: is missing{hint}")
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def _recipe(self, modules: list[Module]) -> Recipe:
        width = dim = self.family.width(self.config)
        pooling: tuple[str, ...] = ("mean",)
        heads: list[Dense | Normalize] = []
        prompts, default = self._prompts()
        for module in modules:
            if module.kind == "Pooling":
                if heads:
                    raise ModelError("modules.json: a head comes before Pooling, which is not supported")
                if prompts and not module.settings.get("include_prompt", True):
                    raise ModelError(f"{module.path}/config.json: include_prompt=false with prompts is not supported")
                pooling = pooling_modes(module)
                dim = width * len(pooling)
            elif module.kind == "Dense":
                heads.append(head := dense_head(module, dim))
                dim = head.out_features
            elif module.kind == "Normalize":
                heads.append(Normalize(folder=module.path))
        length, lowercase = self._lengths()
        return Recipe(
            family=self.config["model_type"], pooling=pooling, heads=tuple(heads), max_length=length, token_dim=width,
            dim=dim, lowercase=lowercase, prompts=prompts, default_prompt=default,
            token_weights=self.family.token_weights,
        )  # fmt: skip

    def _prompts(self) -> tuple[tuple[tuple[str, str], ...], str]:
        settings = read_json(self.folder / "config_sentence_transformers.json", missing={})
        known: dict[str, str] = settings.get("prompts") or {}
        document = next((known[name] for name in _DOCUMENT_NAMES if known.get(name)), "")
        prompts = {"query": known.get("query") or "", "document": document}
        default = settings.get("default_prompt_name")
        if default is not None and default not in known:
            raise ModelError(
                f"config_sentence_transformers.json: default prompt '{default}' is not among {sorted(known)}"
            )
        return tuple((role, text) for role, text in prompts.items() if text), known.get(default, "") if default else ""

    def _lengths(self) -> tuple[int, bool]:
        limit = self.family.positions(self.config)
        files = (self.folder / f"sentence_{kind}_config.json" for kind in _LENGTH_FILES)
        settings = next((read_json(path) for path in files if path.is_file()), None)
        settings = settings or read_json(self.inner / "sentence_bert_config.json", missing={})
        length = settings.get("max_seq_length") or read_json(self.inner / "tokenizer_config.json", missing={}).get(
            "model_max_length"
        )
        if not isinstance(length, (int, float)) or length < 1:
            length = limit
        return int(min(length, limit)), bool(settings.get("do_lower_case", False))


def open_checkpoint(folder: Path) -> Checkpoint:
    """Look at a model folder and derive its recipe; reads no weights.

    Raises:
        ModelError: not a model folder, or an unsupported family, module, pooling or activation; the message names it.
    """
    try:
        return Checkpoint(folder)
    except ModelError as error:
        text = str(error)
        raise ModelError(text if text.startswith(str(folder)) else f"{folder}: {text}") from error
