"""The options of a distillation run, from a TOML file or the command line, as one frozen record."""

from __future__ import annotations

import dataclasses
import json
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from xret.encoders.distil.checks import check_config, check_type
from xret.errors import InputError, UsageError

__all__ = ["DistilConfig", "config_of", "read_config", "read_values"]


@dataclass(frozen=True, kw_only=True)
class DistilConfig:
    """Everything that decides what comes out.

    The same record and data give the same model on the same machine with as many threads.

    Attributes:
        name: name of the model made.
        version: its version.
        licence: SPDX expression for the weights.
        teacher: encoder whose vectors are the targets (any name `load_encoder` takes).
        student: ``static`` (a table of token vectors), ``hybrid`` (a table and a few layers) or ``transformer``.
        init: model that the student begins as: a static or hybrid one; for a transformer, any checkpoint that
            transformers can train, with its own tokeniser and pooling. Empty for random parameters.
        tokeniser: ``init`` keeps the tokeniser of `init`; ``fit`` fits one on the pairs, its pieces beginning as the
            sums of what the old one cuts them into. Without `init` always fitted.
        layers: of a new hybrid or transformer.
        heads: of their attention.
        intermediate_size: values inside their feed-forward parts; 0 for four times `hidden_size`.
        dropout: in a new transformer.
        project: whether a student of another width than the teacher gets a linear layer to the teacher's.
        romanise: scripts and languages (``["Cher", "am"]``), or ``["all"]``, that the student reads romanised, in
            training as in the finished model.
        languages: BCP 47 codes trained in earnest; other languages of the data share `others_share`.
        vocab_size: pieces of the tokeniser.
        chars_per_language: characters read per language to fit it.
        hidden_size: numbers per token vector before the projection to the teacher's dimension.
        position_decay: half-life of a token's weight, 1 / (1 + position / position_decay); 0 weighs all alike. A long
            text says at its beginning what it is about; sentences are hardly touched by a value like 32.
        max_length: tokens read of a text by the finished model.
        pairs: sources of pairs besides those given as files, see `PairSource`.
        texts: files of monolingual text for the masked-token objective; empty for both sides of the pairs.
        caps: at most so many pairs per language of a source.
        weights: how much more often than by size a source is drawn.
        language_power: languages are drawn in proportion to their weighted pairs to this power (0 = equally).
        others_share: share of the draws for languages outside `languages`.
        one_source_share: share of batches drawn from one source, whose pairs are harder negatives for one another.
        document_share: share of steps that compare documents with a line of theirs instead of translations.
        document_sources: sources whose consecutive pairs are consecutive lines of documents; empty for none.
        document_rows: most lines joined to a document.
        cloze_share: share of documents without the line that is their query (inverse cloze task, Lee et al. 2019).
        cross_share: share of pairs whose English side gives way to the same sentence in a third language, where the
            pairs have one; of documents' queries likewise.
        questions: files of questions with passages, see `read_questions`.
        question_share: share of all steps that compare these.
        question_group: pairs of such a step that share a `group`.
        hard_share: share of the other steps whose pairs are neighbours of one another in the teacher's space.
        hard_group: pairs of such a neighbourhood.
        hard_neighbours: nearest English strings they are drawn from.
        batch_size: pairs per step.
        steps: steps in all.
        learning_rate: of token tables; peak, after `warmup_steps`; falls to zero along a cosine.
        dense_learning_rate: of layers and of transformers, likewise.
        weight_decay: of their matrices.
        warmup_steps: steps of linear warm-up.
        temperature: of the contrastive softmax; at least 0.02.
        contrast_weight: weight of the contrast between translations.
        margin: taken off the cosine of the right pair in it (additive margin softmax, Yang et al. 2019).
        dims: widths whose first values alone are contrasted as well (Matryoshka, Kusupati et al. 2022).
        teacher_weight: weight of the regression to the teacher (1 - cosine, both sides).
        teacher_contrast: weight of the contrast between translations and the teacher's vectors.
        masked_weight: weight of guessing hidden tokens of monolingual text (as LASER3, Heffernan et al. 2022).
        masked_share: share of tokens hidden.
        masked_batch: texts per step for it.
        token_dropout: share of tokens hidden at each step.
        max_tokens: tokens read of a text in training.
        dev_pairs: held-out pairs per language for the accuracy shown while training.
        eval_every: steps between dev evaluations and checkpoints.
        patience: evaluations without progress before stopping early; 0 never stops.
        precision: ``bfloat16`` or ``float32`` for the similarity products, and for layers (autocast).
        device: ``cpu``, ``cuda``, ``cuda:N``, or ``auto``: CUDA where there is one.
        seed: of sampling and initialisation.
        graphs: whether ONNX graphs stand beside the weights: fp32, fp16 and int8, for a static student one (its table
            is int8).
    """

    name: str = "student"
    version: str = "1"
    licence: str = "Apache-2.0"
    teacher: str = "sentence-transformers/all-MiniLM-L6-v2"
    student: str = "static"
    init: str = ""
    tokeniser: str = "init"
    layers: int = 2
    heads: int = 4
    intermediate_size: int = 0
    dropout: float = 0.0
    project: bool = True
    romanise: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    vocab_size: int = 60_000
    chars_per_language: int = 2_000_000
    hidden_size: int = 256
    position_decay: int = 0
    max_length: int = 1024
    pairs: tuple[dict[str, Any], ...] = ()
    texts: tuple[str, ...] = ()
    caps: dict[str, int] = field(default_factory=dict)
    weights: dict[str, float] = field(default_factory=dict)
    language_power: float = 0.5
    others_share: float = 0.1
    one_source_share: float = 0.5
    document_share: float = 0.2
    document_sources: tuple[str, ...] = ()
    document_rows: int = 16
    cloze_share: float = 0.0
    cross_share: float = 0.0
    questions: tuple[str, ...] = ()
    question_share: float = 0.1
    question_group: int = 12
    hard_share: float = 0.0
    hard_group: int = 16
    hard_neighbours: int = 32
    batch_size: int = 2048
    steps: int = 10_000
    learning_rate: float = 0.01
    dense_learning_rate: float = 1e-3
    weight_decay: float = 0.01
    warmup_steps: int = 200
    temperature: float = 0.05
    contrast_weight: float = 1.0
    margin: float = 0.0
    dims: tuple[int, ...] = ()
    teacher_weight: float = 1.0
    teacher_contrast: float = 0.5
    masked_weight: float = 0.0
    masked_share: float = 0.15
    masked_batch: int = 64
    token_dropout: float = 0.1
    max_tokens: int = 160
    dev_pairs: int = 100
    eval_every: int = 1000
    patience: int = 0
    precision: str = "bfloat16"
    device: str = "auto"
    seed: int = 1
    graphs: bool = True


def read_config(path: Path | None, overrides: dict[str, Any]) -> DistilConfig:
    """The record of a TOML file (or of a model's training.json), with options that the command line gave on top.

    Raises:
        InputError: the file is missing or neither TOML nor a JSON object.
        UsageError: an unknown option, or a value that cannot be (`check_config`).
    """
    values = read_values(path)
    values.pop("token_head", None)  # options of 'xret models token-head', which may share the file
    values.update({name: value for name, value in overrides.items() if value is not None})
    return config_of(values, place=str(path or "options"))


def read_values(path: Path | None) -> dict[str, Any]:
    """What a TOML file or a training.json says, unchecked; {} without one.

    Raises:
        InputError: the file is missing or neither TOML nor a JSON object.
    """
    if path is None:
        return {}
    try:
        parse = json.loads if Path(path).suffix == ".json" else tomllib.loads
        values = parse(Path(path).read_text(encoding="utf-8-sig"))
    except (OSError, ValueError) as error:
        raise InputError(
            f"{path}: cannot be read as {'JSON' if Path(path).suffix == '.json' else 'TOML'} ({error})"
        ) from error
    if not isinstance(values, dict):
        raise InputError(f"{path}: holds a {type(values).__name__}; wanted an object of options")
    return values


def config_of(values: dict[str, Any], *, place: str) -> DistilConfig:
    """The record of options by name; `place` is where they are from, for messages.

    Raises:
        UsageError: an unknown option, or a value that cannot be (`check_config`).
    """
    known = {item.name: item for item in dataclasses.fields(DistilConfig)}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{place}: unknown option '{name}'; known: {', '.join(sorted(known))}")
        check_type(place, name, value, getattr(DistilConfig, name, {}))
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    config = DistilConfig(**values)
    check_config(config, place=place)
    return config
