"""The options of a distillation run, from a TOML file or the command line, as one frozen record."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xret.errors import InputError, UsageError

__all__ = ["DistilConfig", "read_config"]


@dataclass(frozen=True, kw_only=True)
class DistilConfig:
    """Everything that decides what comes out; the same record and data give the same model on the same machine.

    Attributes:
        name: name of the model made.
        version: its version.
        licence: SPDX expression for the weights.
        teacher: encoder whose vectors are the targets (any name `load_encoder` takes).
        languages: BCP 47 codes trained in earnest; other languages of the data share `others_share`.
        vocab_size: pieces of the tokeniser.
        chars_per_language: characters read per language to fit it.
        hidden_size: numbers per token vector before the projection to the teacher's dimension.
        position_decay: half-life of a token's weight, 1 / (1 + position / position_decay); 0 weighs all alike. A long
            text says at its beginning what it is about; sentences are hardly touched by a value like 32.
        max_length: tokens read of a text by the finished model.
        caps: at most so many pairs per language of a source.
        weights: how much more often than by size a source is drawn.
        language_power: languages are drawn in proportion to their weighted pairs to this power (0 = equally).
        others_share: share of the draws for languages outside `languages`.
        one_source_share: share of batches drawn from one source, whose pairs are harder negatives for one another.
        document_share: share of steps that compare documents with a line of theirs instead of translations.
        document_sources: sources whose consecutive pairs are consecutive lines of documents; empty for none.
        document_rows: most lines joined to a document.
        batch_size: pairs per step.
        steps: steps in all.
        learning_rate: peak, after `warmup_steps`; falls to zero along a cosine.
        warmup_steps: steps of linear warm-up.
        temperature: of the contrastive softmax.
        teacher_weight: weight of the regression to the teacher (1 - cosine, both sides).
        teacher_contrast: weight of the contrast between translations and the teacher's vectors.
        token_dropout: share of tokens hidden at each step.
        max_tokens: tokens read of a text in training.
        dev_pairs: held-out pairs per language for the accuracy shown while training.
        eval_every: steps between dev evaluations and checkpoints.
        patience: evaluations without progress before stopping early; 0 never stops.
        precision: ``bfloat16`` or ``float32`` for the similarity products.
        seed: of sampling and initialisation.
    """

    name: str = "student"
    version: str = "1"
    licence: str = "Apache-2.0"
    teacher: str = "sentence-transformers/all-MiniLM-L6-v2"
    languages: tuple[str, ...] = ()
    vocab_size: int = 60_000
    chars_per_language: int = 2_000_000
    hidden_size: int = 256
    position_decay: int = 0
    max_length: int = 1024
    caps: dict[str, int] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    language_power: float = 0.5
    others_share: float = 0.1
    one_source_share: float = 0.5
    document_share: float = 0.2
    document_sources: tuple[str, ...] = ()
    document_rows: int = 16
    batch_size: int = 2048
    steps: int = 10_000
    learning_rate: float = 0.01
    warmup_steps: int = 200
    temperature: float = 0.05
    teacher_weight: float = 1.0
    teacher_contrast: float = 0.5
    token_dropout: float = 0.1
    max_tokens: int = 160
    dev_pairs: int = 100
    eval_every: int = 1000
    patience: int = 0
    precision: str = "bfloat16"
    seed: int = 1


def read_config(path: Path | None, overrides: dict[str, Any]) -> DistilConfig:
    """The record of a TOML file (or of a model's training.json), with options that the command line gave on top.

    Raises:
        InputError: the file is missing or neither TOML nor JSON.
        UsageError: an unknown option, or a value of the wrong type.
    """
    values: dict[str, Any] = {}
    if path is not None:
        try:
            parse = json.loads if Path(path).suffix == ".json" else tomllib.loads
            values = parse(Path(path).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise InputError(
                f"{path}: cannot be read as {'JSON' if Path(path).suffix == '.json' else 'TOML'} ({error})"
            ) from error
    values.update({name: value for name, value in overrides.items() if value is not None})
    known = {item.name: item for item in dataclasses.fields(DistilConfig)}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{path or 'options'}: unknown option '{name}'; known: {', '.join(sorted(known))}")
        default = getattr(DistilConfig, name, {})
        wanted = (
            (int, float)
            if isinstance(default, float)
            else (list, tuple)
            if isinstance(default, tuple)
            else type(default)
        )
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UsageError(f"{path or 'options'}: {name} = {value!r} is no {type(default).__name__}")
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    config = DistilConfig(**values)
    if config.precision not in ("bfloat16", "float32"):
        raise UsageError(f"{path or 'options'}: precision = {config.precision!r}; wanted bfloat16 or float32")
    return config
