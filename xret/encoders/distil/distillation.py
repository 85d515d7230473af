"""A whole distillation: pairs in, model folder out. Every step is kept under a work folder and skipped when done."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from xret.encoders.distil.checks import check_config
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.sources import PairSource
from xret.errors import InputError

__all__ = ["Distilled", "distil"]

_NOT_TRAINING = ("name", "version", "licence", "device", "graphs")  # options that another run may change and go on


@dataclass(frozen=True)
class Distilled:
    """What a distillation made.

    Attributes:
        folder: the model folder.
        dev_accuracy: see `dev_accuracy`, of the saved model.
        drift: mean cosine between the float32 student's vectors and the saved int8 model's, on the held-out pairs.
        pairs: pairs trained on.
        held_out: pairs that `dev_accuracy` and `drift` were measured on; both are NaN where there are none.
    """

    folder: Path
    dev_accuracy: float
    drift: float
    pairs: int
    held_out: int


def distil(
    paths: Sequence[str | Path | PairSource],
    config: DistilConfig,
    *,
    out: Path,
    work: Path,
    threads: int | None = None,
) -> Distilled:
    """Train a student of `config.teacher` on the pairs of `paths` and `config.pairs` and write it to the folder `out`.

    Args:
        paths: files of pairs (`as_source`).
        config: the options.
        out: model folder to make; it must not exist.
        work: folder for prepared data, teacher vectors and checkpoints; a second call goes on where the first stopped.
        threads: CPU threads.

    Raises:
        CorpusError, ModelError, MismatchError, InputError: see the steps.
    """
    import torch

    from xret.encoders.distil.model_folder import write_model
    from xret.encoders.distil.preparation import Preparation
    from xret.encoders.distil.students import make_student
    from xret.encoders.distil.train import train
    from xret.encoders.load import identify

    check_config(config)
    if out.exists():
        raise InputError(f"{out}: exists already; remove it or choose another name")
    out.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(out.parent, os.W_OK):  # said now, and not after training
        raise InputError(f"{out}: its folder cannot be written; choose another")
    if threads:
        torch.set_num_threads(threads)
    steps = Preparation(paths, config, work, threads=threads)
    pairs, dev = steps.pairs()
    tokenizer = steps.tokenizer(pairs)
    data = steps.training_data(pairs, dev, tokenizer)
    student = make_student(config, data, tokenizer)
    options = {name: value for name, value in asdict(config).items() if name not in _NOT_TRAINING}
    key = steps.key("train", [options, data.identity, identify(config.init) if config.init else ""])
    student = train(student, data, config, checkpoint=work / f"checkpoint-{key[:12]}.safetensors", key=key)
    measured = write_model(student, data, config, tokenizer=tokenizer, out=out, pairs=pairs, dev=dev)
    return Distilled(out, measured.accuracy, measured.drift, pairs.num_rows, dev.num_rows)
