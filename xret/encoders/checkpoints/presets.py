"""What published checkpoints do not say in their files and their papers or model cards do: poolings and prompts.

A preset is found by what is inside the folder: config.json, and the front matter and text of its model card. The
folder's name and the hub's do not count. What the checkpoint's own files say comes first.

=====================  ==========================================================================================
E5                     model-index of the card, or `_name_or_path` in config.json (Wang et al. 2022, 2024)
E5 instruct            the same
MEXMA                  the card cites its paper (Janeiro et al. 2024)
Contriever             `architectures` in config.json: Contriever (Izacard et al. 2022)
=====================  ==========================================================================================

mDPR (Castorini's) has nothing of its own in its files: state its pooling (see `xret.encoders.checkpoints.stated`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.model_readme import front_matter, model_index

__all__ = ["PRESETS", "Clues", "Preset", "find_preset"]

_E5 = re.compile(r"(multilingual-)?e5-(small|base|large)(-v2)?")
_E5_INSTRUCT = re.compile(r"multilingual-e5-large-instruct")
_TASK = "Given a web search query, retrieve relevant passages that answer the query"  # the model card's own


@dataclass(frozen=True)
class Clues:
    """What a folder says about which model it is."""

    config: dict[str, Any]  # config.json
    card: str  # README.md

    def named(self, pattern: re.Pattern[str]) -> bool:
        """Whether the card's model-index or config.json's `_name_or_path` names a model; a fine-tuned one does not.

        Config.json of a model fine-tuned from another goes on naming that one, but its card names its `base_model`.
        """
        if any(pattern.fullmatch(name) for name in model_index(self.card)):
            return True
        path = str(self.config.get("_name_or_path") or "")
        tuned = bool(front_matter(self.card).get("base_model"))
        return not tuned and path.startswith("intfloat/") and bool(pattern.fullmatch(path.partition("/")[2]))


@dataclass(frozen=True, kw_only=True)
class Preset:
    """What is known about a model."""

    name: str
    matches: Callable[[Clues], bool]
    prompts: tuple[tuple[str, str], ...] | None = None  # (role, text); None: nothing is known
    default_prompt: str = ""  # of texts without a role
    pooling: tuple[str, ...] | None = None
    similarity: str | None = None
    tokenizer: str = ""  # the model whose tokeniser it takes, where its own folder may have none


PRESETS = (
    Preset(
        name="E5",
        matches=lambda clues: clues.named(_E5),
        prompts=(("query", "query: "), ("document", "passage: ")),
        default_prompt="query: ",  # what its card says of bitext mining and other tasks with two like sides
        pooling=("mean",),
    ),
    Preset(
        name="E5 instruct",
        matches=lambda clues: clues.named(_E5_INSTRUCT),
        prompts=(("query", f"Instruct: {_TASK}\nQuery: "),),
        pooling=("mean",),
    ),
    Preset(
        name="MEXMA",
        matches=lambda clues: clues.config.get("model_type") == "xlm-roberta" and "janeiro2024mexma" in clues.card,
        pooling=("cls",),
        tokenizer="FacebookAI/xlm-roberta-large",
    ),
    Preset(
        name="Contriever",
        matches=lambda clues: "Contriever" in (clues.config.get("architectures") or ()),
        pooling=("mean",),
        similarity="dot",
    ),
)


def find_preset(folder: Path, config: dict[str, Any]) -> Preset | None:
    """The preset for a checkpoint, if there is one.

    Args:
        folder: of the checkpoint; its README.md is read.
        config: the content of config.json.
    """
    path = folder / "README.md"
    card = path.read_text(encoding="utf-8", errors="replace") if path.is_file() else ""
    clues = Clues(config, card)
    return next((preset for preset in PRESETS if preset.matches(clues)), None)
