"""Makes the student that the options ask for."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
import torch

from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.framing import framing_of
from xret.encoders.distil.starts import TableStart, fresh_start, regrown, start_from
from xret.encoders.distil.student import Student
from xret.encoders.locate import locate
from xret.errors import DeviceError, MismatchError, ModelError, UsageError

__all__ = ["make_student", "usable"]

log = logging.getLogger("xret")


def usable(device: str) -> torch.device:
    """The device to train on.

    Raises:
        DeviceError: there is no such device, or PyTorch cannot use it.
    """
    if device == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise DeviceError(f"device '{device}': PyTorch cannot use it ({str(error).splitlines()[0]})") from error
    return torch.device(device)


def make_student(config: DistilConfig, data: TrainingData, tokenizer: Path) -> Student:
    """A student at its beginning.

    Args:
        config: the options.
        data: what it is trained on; the teacher's vectors give the width, the texts the tokens' frequencies.
        tokenizer: its tokenizer.json.

    Raises:
        ModelError: `init` is not found or of another family.
        MismatchError: its width is not the teacher's, and nothing may be put between.
        DeviceError: the device cannot be used.
        UsageError: `dims` has more values than the teacher's vectors, or `init` another shape than the options.
    """
    device, dim = usable(config.device), int(data.targets.shape[1])
    if wide := [width for width in config.dims if width > dim]:
        raise UsageError(f"dims: {wide[0]} is more than the {dim} values of {config.teacher}'s vectors; leave it out")
    if config.student == "transformer":
        return _transformer(config, tokenizer, dim, device)
    if not config.project and config.hidden_size != dim and not config.init:
        raise MismatchError(_widths(config, config.hidden_size, dim))
    start = _table_start(config, data, tokenizer, dim)
    if config.student == "hybrid":
        from xret.encoders.distil.hybrid import HybridStudent

        return HybridStudent(start, config, device)
    from xret.encoders.distil.static import StaticStudent

    if start.context:
        raise ModelError(f"{config.init}: is a hybrid; take student = hybrid to go on with it")
    decay = int(start.config.get("position_decay") or config.position_decay)
    return StaticStudent(start, position_decay=decay, learning_rate=config.learning_rate, device=device)


def _transformer(config: DistilConfig, tokenizer: Path, dim: int, device: torch.device) -> Student:
    from xret.encoders.distil.transformer import TransformerStudent
    from xret.encoders.distil.transformer_start import fresh_transformer, loaded_transformer

    start = loaded_transformer(locate(config.init)) if config.init else None
    framing = framing_of(tokenizer, settings=start.inner if start else None)
    if start is None:
        specials = len(framing.before) + len(framing.after)
        start = fresh_transformer(config, vocab_size=framing.size, specials=specials)
    return TransformerStudent(start, framing, config, dim=dim, device=device)


def _table_start(config: DistilConfig, data: TrainingData, tokenizer: Path, dim: int) -> TableStart:
    if not config.init:
        return _fresh(config, data, config.vocab_size, config.hidden_size, dim)
    folder = locate(config.init)
    start = start_from(folder)
    width = len(start.projection)
    if width != dim:
        raise MismatchError(
            f"{config.init}: gives vectors of {width} values, the teacher {config.teacher} of {dim}; "
            "begin with a student of the same teacher"
        )
    _refuse_another_shape(config, start)
    if start.config.get("token_head"):
        log.warning(
            "%s: its token head is left out, as it does not fit what is trained on; give the new model one by "
            "'xret models token-head'", config.init,
        )  # fmt: skip
    if config.tokeniser == "init":
        return start
    fresh = _fresh(config, data, config.vocab_size, start.table.shape[1], dim)
    return regrown(start, fresh, old=folder / "tokenizer.json", new=tokenizer)


def _refuse_another_shape(config: DistilConfig, start: TableStart) -> None:
    """Refuse sizes that differ from what `init` has: it keeps its own."""
    own = {"hidden_size": int(start.table.shape[1])}
    if start.context:
        names = {
            "layers": "num_hidden_layers",
            "heads": "num_attention_heads",
            "intermediate_size": "intermediate_size",
        }
        own |= {name: int(start.config[key]) for name, key in names.items() if key in start.config}
    for name, value in own.items():
        if (given := getattr(config, name)) not in (getattr(DistilConfig, name), value):
            raise UsageError(f"{name} = {given}: {config.init} has {value} and keeps them; leave the option out")


def _fresh(config: DistilConfig, data: TrainingData, vocab: int, hidden: int, dim: int) -> TableStart:
    counts = np.bincount(data.texts.ids, minlength=vocab) + np.bincount(data.english.ids, minlength=vocab)
    return fresh_start(counts / max(1, counts.sum()), hidden_size=hidden, output_size=dim, seed=config.seed)


def _widths(config: DistilConfig, width: int, dim: int) -> str:
    return (
        f"the student gives vectors of {width} values, the teacher {config.teacher} of {dim}; "
        f"leave out project = false, or give the student hidden_size = {dim}"
    )
