"""What is known of a checkpoint before its recipe: its config, its settings, what its user states, and its preset."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from xret.encoders.builders import family_of
from xret.encoders.checkpoints.faults import check_numbers
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.presets import Preset, find_preset
from xret.encoders.checkpoints.stated import Stated, read_stated
from xret.encoders.graphs.torch_export import exported_family
from xret.encoders.reading.languages import Languages, route
from xret.encoders.reading.tokenizer_files import tokenizer_json
from xret.errors import ModelError

__all__ = ["SETTINGS", "Evidence", "tokenizer_settings"]

SETTINGS = "config_sentence_transformers.json"
_ADAPTER = "adapter_config.json"


def tokenizer_settings(inner: Path) -> dict[str, Any]:
    """The content of tokenizer_config.json in a folder; {} where there is none."""
    found = read_json(inner / "tokenizer_config.json", missing={})
    return found if isinstance(found, dict) else {}


def _refuse_adapter(inner: Path) -> None:
    """Refuse an adapter (m-ST5's LoRA, for one), with or without its base model beside it: its change would be lost."""
    if (inner / _ADAPTER).is_file():
        settings = read_json(inner / _ADAPTER, missing={})
        base = settings.get("base_model_name_or_path") if isinstance(settings, dict) else None
        raise ModelError(
            f"holds {_ADAPTER}: an adapter that is still to be merged into its base model ({base}), which is not "
            "supported; merge it (PEFT's merge_and_unload) and save the whole model"
        )


class Evidence:
    """A checkpoint's files, read but for the weights.

    Attributes:
        folder: of the checkpoint.
        inner: of its transformer.
        config: the content of config.json, with the languages that are to be kept.
        family: what builds its graph.
        stated: what the user says.
        settings: the content of config_sentence_transformers.json.
        preset: what is known of the model; nothing for most.
        sources: part of the recipe -> who says so.
    """

    def __init__(self, folder: Path, inner: Path, stated: Stated | None, *, torch: bool = False) -> None:
        """Read the files.

        Args:
            folder: of the checkpoint.
            inner: of its transformer.
            stated: what the user says.
            torch: leave the graph to PyTorch, whatever the family.

        Raises:
            ModelError: config.json is missing, a file is malformed, or the family is not supported.
        """
        self.folder, self.inner, self.sources = folder, inner, dict[str, str]()
        if not torch:
            _refuse_adapter(inner)
        config = read_json(inner / "config.json")
        if not isinstance(config, dict):
            raise ModelError("has no config.json with a JSON object in it; give a complete model folder")
        if not isinstance(config.get("model_type", ""), str):
            raise ModelError(f"config.json: 'model_type' is {config['model_type']!r:.60}, wanted a name")
        if not torch:
            check_numbers(config)
        self.config: dict[str, Any] = config
        self.family = exported_family(inner) if torch else family_of(config)
        self.stated = (stated or Stated()).over(read_stated(folder))
        if self.stated.languages is not None:
            self.config = {**config, "languages": self._chosen(self.stated.languages)}
        self.settings: dict[str, Any] = read_json(folder / SETTINGS, missing={})
        self.preset = find_preset(folder, config) or Preset(name="", matches=lambda clues: False)

    @cached_property
    def tokenizer(self) -> Path:
        """Its tokenizer.json: the one there, or one made from what is there.

        Raises:
            ModelError: there is no tokeniser, or none that can be made into one.
        """
        return tokenizer_json(self.inner, family=self.config["model_type"], like=self.preset.tokenizer)

    @cached_property
    def tokenizer_settings(self) -> dict[str, Any]:
        """The content of tokenizer_config.json; {} where there is none."""
        return tokenizer_settings(self.inner)

    def _chosen(self, wanted: tuple[str, ...]) -> list[str]:
        """The model's codes of the languages to keep, in its own order."""
        codes = self.family.languages(self.config)
        if not codes:
            raise ModelError(f"model_type '{self.config['model_type']}' has no languages to choose from")
        routed = route(wanted, Languages(codes, codes[0], "adapter"))
        if routed.unknown or not wanted:
            raise ModelError(
                f"has no adapter for {', '.join(routed.unknown) or 'no language'}; it has {' '.join(codes)}"
            )
        return [code for place, code in enumerate(codes) if place in routed.index]
