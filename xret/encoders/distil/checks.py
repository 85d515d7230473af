"""Whether the options of a distillation run can be: types, ranges, and what goes together."""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import fields
from typing import TYPE_CHECKING, Any

from xret.corpus.languages import is_lang
from xret.errors import UsageError

if TYPE_CHECKING:
    from xret.encoders.distil.config import DistilConfig

__all__ = ["check_config", "check_type"]

_CHOICES = {
    "student": ("static", "hybrid", "transformer"),
    "tokeniser": ("init", "fit"),
    "precision": ("bfloat16", "float32"),
}
_SHARES = ("hard_share", "masked_share", "document_share", "others_share", "one_source_share", "cloze_share",
           "cross_share", "question_share")  # fmt: skip
_LOWEST = {
    **dict.fromkeys(("layers", "heads", "chars_per_language", "hidden_size", "max_length", "hard_neighbours"), 1),
    **dict.fromkeys(("steps", "eval_every", "max_tokens", "masked_batch"), 1),
    **dict.fromkeys(("batch_size", "hard_group", "question_group"), 2),
    **dict.fromkeys(("intermediate_size", "position_decay", "warmup_steps", "dev_pairs", "patience", "seed"), 0),
    **dict.fromkeys(("learning_rate", "dense_learning_rate", "weight_decay"), 0),
    **dict.fromkeys(("contrast_weight", "teacher_weight", "teacher_contrast", "masked_weight"), 0),
    "vocab_size": 100, "document_rows": 3,
}  # fmt: skip
_BETWEEN = {
    "temperature": (0.02, 100),  # exp(1 / temperature) must fit float32
    "margin": (0, 1),
    "language_power": (0, 10),
    "dropout": (0, 0.99),
    "token_dropout": (0, 0.99),
}
_LINES = ("name", "version", "licence")
_TEXTS = ("romanise", "languages", "texts", "document_sources", "questions")
_OF_LAYERS = ("layers", "heads", "intermediate_size", "dropout")


def check_type(place: str, name: str, value: object, default: object) -> None:
    """Refuse a value of another type than the option's default has; whole numbers do for others.

    Raises:
        UsageError: it has.
    """
    accepted: dict[type, tuple[type, ...]] = {float: (int, float), tuple: (list, tuple)}
    wanted = accepted.get(type(default), (type(default),))
    if not isinstance(value, wanted) or (isinstance(value, bool) and bool not in wanted):
        raise UsageError(f"{place}: {name} = {value!r} is no {type(default).__name__}")


def check_config(config: DistilConfig, *, place: str = "options") -> None:
    """Refuse values that cannot be, and options that would change nothing beside the others.

    Args:
        config: the options.
        place: where they are from, for messages.

    Raises:
        UsageError: names the option, and what was wanted.
    """
    for name, choices in _CHOICES.items():
        if (value := getattr(config, name)) not in choices:
            raise UsageError(f"{place}: {name} = {value!r}; wanted {', '.join(choices[:-1])} or {choices[-1]}")
    for name in _LINES:
        if not (line := getattr(config, name)).strip() or not line.isprintable():
            raise UsageError(f"{place}: {name} = {line!r}; wanted a line of text")
    for name in _SHARES:
        if not 0 <= (value := getattr(config, name)) <= 1:
            raise UsageError(f"{place}: {name} = {value}; wanted a share, from 0 to 1")
    for name, lowest in _LOWEST.items():
        if not lowest <= (value := getattr(config, name)) <= sys.float_info.max:
            raise UsageError(f"{place}: {name} = {value}; wanted {lowest} or more")
    for name, (low, high) in _BETWEEN.items():
        if not low <= (value := getattr(config, name)) <= high:
            raise UsageError(f"{place}: {name} = {value}; wanted {low} to {high}")
    _check_parts(place, config)
    _check_together(place, config)


def _check_parts(place: str, config: DistilConfig) -> None:
    """What lists and tables hold."""
    if bad := [width for width in config.dims if not isinstance(width, int) or width < 1]:
        raise UsageError(f"{place}: dims: {bad[0]!r} is no width; wanted whole numbers, as in dims = [256, 128]")
    for name in _TEXTS:
        if wrong := [part for part in getattr(config, name) if not isinstance(part, str) or not part]:
            raise UsageError(f"{place}: {name}: {wrong[0]!r} is no name; wanted text in quotation marks")
    if unknown := [lang for lang in config.languages if not is_lang(lang)]:
        raise UsageError(f"{place}: languages: '{unknown[0]}' is no language; wanted BCP 47 tags, as in de or zh-Hant")
    if twice := [lang for lang, count in Counter(config.languages).items() if count > 1]:
        raise UsageError(f"{place}: languages: '{twice[0]}' is given twice")
    if strange := [source for source in config.pairs if not isinstance(source, (str, dict))]:
        raise UsageError(f"{place}: pairs: {strange[0]!r} is no table; wanted [[pairs]] with path = …")
    for name in ("caps", "weights"):
        table: dict[str, Any] = getattr(config, name)
        for source, value in table.items():
            if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value <= sys.float_info.max:
                raise UsageError(f"{place}: {name}: {source} = {value!r}; wanted a number above 0")


def _check_together(place: str, config: DistilConfig) -> None:
    """Options that contradict one another."""
    if config.masked_weight and config.student == "static":
        raise UsageError("masked_weight: a static student sees no context; take student = hybrid or transformer")
    if config.masked_weight and not config.masked_share:
        raise UsageError(f"{place}: masked_weight without a masked_share above 0: no token would be hidden")
    if config.texts and not config.masked_weight:
        raise UsageError(f"{place}: texts are for guessing hidden tokens; give a masked_weight above 0 as well")
    if not (config.contrast_weight or config.teacher_weight or config.teacher_contrast):
        raise UsageError(f"{place}: contrast_weight, teacher_weight and teacher_contrast are 0: nothing to learn")
    if config.cloze_share and not config.document_sources:
        raise UsageError(f"{place}: cloze_share is of documents; name their document_sources as well")
    if config.questions and not (config.contrast_weight and config.question_share):
        raise UsageError(f"{place}: questions are only contrasted; give contrast_weight and question_share above 0")
    if not config.contrast_weight and (config.dims or config.margin):
        raise UsageError(f"{place}: dims and margin are of the contrast, whose contrast_weight is 0")
    if config.student == "transformer" and config.init and config.tokeniser == "fit":
        raise UsageError(f"{place}: tokeniser = fit: a transformer keeps the tokeniser of its init; leave one out")
    defaults = {item.name: item.default for item in fields(config)}
    for name in _OF_LAYERS if config.student == "static" else ():
        if getattr(config, name) != defaults[name]:
            raise UsageError(f"{place}: {name}: a static student has no layers; take student = hybrid or transformer")
