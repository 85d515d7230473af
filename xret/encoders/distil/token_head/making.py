"""A token head from beginning to end: model and pairs in, model folder out."""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xret.encoders.checkpoints.made_from import check_place
from xret.encoders.distil.checks import check_config
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.sources import PairSource
from xret.encoders.distil.token_head.options import HeadConfig, check_head, data_config
from xret.encoders.distil.token_head.trunk import Trunk, open_trunk
from xret.errors import CorpusError, InputError

if TYPE_CHECKING:
    from xret.encoders.distil.token_head.train import HeadRun

__all__ = ["HeadMade", "make_token_head"]

_NOT_TRAINING = ("name", "version", "licence", "device", "graphs")  # options that another run may change and go on


@dataclass(frozen=True)
class HeadMade:
    """What was made.

    Attributes:
        folder: the model folder.
        before: see `head_accuracy`, of the head before training.
        accuracy: of the saved one; both are NaN where nothing is held out.
        pairs: pairs trained on.
    """

    folder: Path
    before: float
    accuracy: float
    pairs: int


def make_token_head(
    name: str | Path,
    paths: Sequence[str | Path | PairSource],
    head: HeadConfig,
    data: DistilConfig | None = None,
    *,
    out: Path,
    work: Path,
    replace: bool = False,
    threads: int | None = None,
) -> HeadMade:
    """Train a token head for a hybrid model, which stays as it is, and write both to the folder `out`.

    Args:
        name: the model, as for `load_encoder`.
        paths: files of pairs (`as_source`), beside ``data.pairs``.
        head: the options of the head.
        data: the options of the data, of which what `DATA` names and the seed count; None for the usual ones.
        out: model folder to make; it must not exist.
        work: folder for prepared data and checkpoints; a second call goes on where the first stopped.
        replace: whether the model may have a head already, which goes.
        threads: CPU threads.

    Raises:
        CorpusError, ModelError, UsageError, MismatchError, InputError: see the steps.
    """
    import torch

    from xret.encoders.distil.token_head.preparation import HeadPreparation
    from xret.encoders.distil.token_head.train import HeadRun, train_head
    from xret.encoders.load import identify

    data = data or DistilConfig()
    check_head(head)
    trunk = open_trunk(name, size=head.size, replace=replace)
    config = data_config(data, head, model=str(name), romanise=trunk.romanise)
    check_config(config)
    out.parent.mkdir(parents=True, exist_ok=True)
    check_place(out, trunk.folder)
    if not os.access(out.parent, os.W_OK):  # said now, and not after training
        raise InputError(f"{out}: its folder cannot be written; choose another")
    if threads:
        torch.set_num_threads(threads)
    student = trunk.student(config)
    steps = HeadPreparation(paths, config, work, threads=threads)
    pairs, dev = steps.pairs()
    if pairs.num_rows < 2:
        raise CorpusError(f"{steps.sources[0].label}: one pair is left to train on; wanted two or more")
    prepared = steps.training_data(pairs, dev, steps.tokenizer(pairs))
    options = {key: value for key, value in asdict(config).items() if key not in _NOT_TRAINING}
    own = {key: value for key, value in asdict(head).items() if key != "device"}
    key = steps.key("token head", [own, options, prepared.identity, identify(str(name))])
    run = HeadRun(student, prepared, head, config, limit=trunk.text_limit(head))
    run = train_head(run, head, checkpoint=work / f"head-{key[:12]}.safetensors", key=key)
    made = HeadMade(out, run.before, run.settle(), pairs.num_rows)
    _write(made, run, trunk, head, data)
    return made


def _write(made: HeadMade, run: HeadRun, trunk: Trunk, head: HeadConfig, data: DistilConfig) -> None:
    from xret.encoders.distil.token_head.folder import write_folder

    told = f"Trained in {head.steps:,} steps on {made.pairs:,} sentence pairs"
    told += " and questions" if data.questions and head.question_share else ""
    if not math.isnan(made.accuracy):
        told += (
            f". Held-out sentences whose translation is the nearest by MaxSim: {100 * made.accuracy:.1f} %, "
            f"{100 * made.before:.1f} % before"
        )
    write_folder(made.folder, trunk, run.head, head, data, told=f"{told}.")
