"""Options of the training of a token head, and those of its data, which distillation has too."""

from __future__ import annotations

import sys
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from xret.encoders.distil.checks import check_type
from xret.encoders.distil.config import DistilConfig, config_of, read_values
from xret.errors import UsageError

__all__ = ["DATA", "HeadConfig", "check_head", "data_config", "read_head_config"]

DATA = (
    "pairs", "languages", "caps", "weights", "language_power", "others_share", "one_source_share", "document_sources",
    "document_rows", "questions", "question_group", "hard_group", "hard_neighbours", "max_tokens", "dev_pairs",
)  # fmt: skip
_LOWEST = {
    "size": 2, "inner": 1, "document_tokens": 0, "fade": 0, "steps": 1, "batch_size": 2, "warmup_steps": 0,
    "learning_rate": 0, "eval_every": 1, "seed": 0,
}  # fmt: skip
_SHARES = ("document_share", "question_share", "hard_share", "cloze_share", "cross_share")
_SHARED = ("question_share", "document_share", "hard_share", "cloze_share", "cross_share", "precision", "device")


@dataclass(frozen=True, kw_only=True)
class HeadConfig:
    """Everything of the head and its training; the same record, model and data give the same head.

    Attributes:
        size: values of a token vector, the last of which tells words from wholes.
        inner: values inside the part of the head that is not linear.
        document_tokens: the first so many tokens of a document count, and are read in training; 0 for all.
        fade: tokens after which those of a document count less, see `xret.fading.faded`; 0 for never.
        steps: training steps.
        batch_size: documents per step; of questions and sentences, which are shorter, twice as many.
        learning_rate: peak, after `warmup_steps`; falls along a cosine. The scalars' is ten times that.
        warmup_steps: steps of linear warm-up.
        temperature: of the softmax, to begin with; it is learned.
        question_share: share of all steps that tell passages by their questions, where there are some.
        document_share: share of the other steps that tell documents by a line of theirs, where there are sources.
        hard_share: share of the rest, of sentence pairs, made of neighbours in the model's own space.
        cloze_share: share of documents without the line that is their query.
        cross_share: share of queries and English sides in a third language, where the pairs have one.
        eval_every: steps between evaluations and checkpoints.
        precision: ``bfloat16`` or ``float32`` for the layers below the head and the products of MaxSim.
        device: ``cpu``, ``cuda``, ``cuda:N``, or ``auto``: CUDA where there is one.
        seed: of what is drawn.
    """

    size: int = 128
    inner: int = 512
    document_tokens: int = 256
    fade: float = 32.0
    steps: int = 400
    batch_size: int = 96
    learning_rate: float = 1e-3
    warmup_steps: int = 50
    temperature: float = 0.03
    question_share: float = 0.25
    document_share: float = 0.6
    hard_share: float = 0.0
    cloze_share: float = 0.6
    cross_share: float = 0.5
    eval_every: int = 100
    precision: str = "bfloat16"
    device: str = "auto"
    seed: int = 0


def read_head_config(
    path: Path | None, head: dict[str, Any], data: dict[str, Any]
) -> tuple[HeadConfig, DistilConfig]:  # fmt: skip
    """The options of a file, with those of the command line on top.

    Args:
        path: a recipe of distillation or a model's training.json, of which what `DATA` names is taken, and of its
            table ``token_head`` all; None for none.
        head: options of `HeadConfig`; None for what is not given.
        data: options of `DATA`, likewise.

    Raises:
        InputError: the file cannot be read.
        UsageError: an unknown option, or a value that cannot be.
    """
    place, recipe = str(path or "options"), read_values(path)
    table = recipe.pop("token_head", {})
    if not isinstance(table, dict) or not isinstance(own := dict(table).pop("data", {}), dict):
        raise UsageError(f"{place}: token_head is no table of options")
    values = {name: value for name, value in table.items() if name != "data"}
    values |= {name: value for name, value in head.items() if value is not None}
    known = {item.name: item.default for item in fields(HeadConfig)}
    for name, value in values.items():
        if name not in known:
            raise UsageError(f"{place}: unknown option token_head.{name}; known: {', '.join(sorted(known))}")
        check_type(place, name, value, known[name])
    found = HeadConfig(**values)
    check_head(found, place=place)
    recipe |= own | {name: value for name, value in data.items() if value is not None}
    return found, config_of(recipe, place=place)


def check_head(head: HeadConfig, *, place: str = "options") -> None:
    """Refuse values that cannot be.

    Raises:
        UsageError: names the option, and what was wanted.
    """
    for name, lowest in _LOWEST.items():
        if not lowest <= (value := getattr(head, name)) <= sys.float_info.max:
            raise UsageError(f"{place}: {name} = {value}; wanted {lowest} or more")
    for name in _SHARES:
        if not 0 <= (value := getattr(head, name)) <= 1:
            raise UsageError(f"{place}: {name} = {value}; wanted a share, from 0 to 1")
    if not 0.001 <= head.temperature <= 100:
        raise UsageError(f"{place}: temperature = {head.temperature}; wanted 0.001 to 100")


def data_config(data: DistilConfig, head: HeadConfig, *, model: str, romanise: tuple[str, ...]) -> DistilConfig:
    """The options for `Preparation` and `draw_batch`: the data's, with the head's shares, for a student that is there.

    Args:
        data: its `DATA`, and the seed that held-out pairs are drawn by, are taken.
        head: the head's.
        model: the model, which reads the texts and knows which are neighbours.
        romanise: what it reads romanised.
    """
    made = DistilConfig(**{name: getattr(data, name) for name in (*DATA, "seed")}, student="hybrid", init=model)
    shares = {name: getattr(head, name) for name in _SHARED}
    if not made.document_sources:
        shares["cloze_share"] = 0.0
    if not head.question_share:
        made = replace(made, questions=())
    return replace(made, teacher=model, romanise=romanise, batch_size=2 * head.batch_size, token_dropout=0.0, **shares)
