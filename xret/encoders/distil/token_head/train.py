"""The loop that trains a token head."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import torch
from tqdm import tqdm

from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.checkpoint import load_checkpoint, save_checkpoint
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.dense_adam import DenseAdam
from xret.encoders.distil.hybrid import HybridStudent
from xret.encoders.distil.token_head.batches import head_batch
from xret.encoders.distil.token_head.dev import head_accuracy
from xret.encoders.distil.token_head.head import MaxSimHead
from xret.encoders.distil.token_head.loss import head_loss
from xret.encoders.distil.token_head.options import HeadConfig
from xret.errors import XretError

__all__ = ["HeadRun", "train_head"]

log = logging.getLogger("xret")
_FAST = frozenset({"scalars", "temperature"})


class HeadRun:
    """State of one run, all of which goes into the checkpoint.

    Attributes:
        head: what is trained.
        before: accuracy (see `head_accuracy`) of the head as it begins.
        latest: of the head as it is.
    """

    def __init__(
        self, student: HybridStudent, data: TrainingData, options: HeadConfig, config: DistilConfig, *, limit: int
    ) -> None:
        """Begin.

        Args:
            student: the frozen model.
            data: what is trained on.
            options: of the head.
            config: of the data, see `data_config`.
            limit: tokens read of a text.
        """
        self._student, self._data, self._options, self._config = student, data, options, config
        self._limit = limit
        self.head = MaxSimHead(
            student.parts["projection"].weight, size=options.size, inner=options.inner, decay=student.position_decay,
            temperature=options.temperature, seed=options.seed,
        )  # fmt: skip
        named = dict(self.head.named_parameters())
        self._adam = DenseAdam(named, rate=options.learning_rate, decay=0.0, fast=_FAST)
        self.before = self.latest = float("nan")

    def step(self, step: int) -> float | None:
        """One update; gives the loss, None where the step's texts have no tokens.

        Raises:
            XretError: the loss is no number.
        """
        options, device = self._options, self._student.device
        batch = head_batch(self._data, self._config, step, seed=options.seed, limit=self._limit)
        if batch is None:
            return None
        with torch.no_grad():
            vectors, logs = self._student.tokens(batch.ids, batch.lengths)
        left, right = self.head(vectors, logs, batch.lengths).split(len(batch.same))
        loss = head_loss(
            left, right, torch.from_numpy(batch.same).to(device), self.head.temperature.exp(),
            translations=batch.translations, fade=options.fade, bfloat16=options.precision == "bfloat16",
        )  # fmt: skip
        value = float(loss.detach())
        if not math.isfinite(value):
            raise XretError(f"step {step}: the loss is {value}; lower learning_rate, then start again")
        loss.backward()
        self._adam.update(self._share(step))
        return value

    def _share(self, step: int) -> float:
        """Of the peak rate: a linear rise on top of a cosine down to 0.03."""
        rise = min(1.0, (step + 1) / max(1, self._options.warmup_steps))
        return rise * (0.03 + 0.97 * 0.5 * (1 + math.cos(math.pi * step / self._options.steps)))

    def evaluate(self) -> None:
        """Measure the head on the held-out pairs.

        Raises:
            XretError: parameters are no numbers any more; the checkpoint is left as it was.
        """
        if not all(bool(parameter.isfinite().all()) for parameter in self.head.parameters()):
            raise XretError("parameters are no longer numbers; lower learning_rate, then start again")
        self.latest = head_accuracy(self._student, self.head, self._data, fade=self._options.fade, limit=self._limit)

    def settle(self) -> float:
        """Round the head to what is saved of it, and measure it."""
        self.head.load_tensors(self.head.tensors())
        self.evaluate()
        return self.latest

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything that a later process needs to go on."""
        return {**{f"head.{name}": value for name, value in self.head.state_dict().items()}, **self._adam.moments()}

    def fields(self) -> dict[str, str]:
        """The scalars among the state."""
        return {"before": repr(self.before), "latest": repr(self.latest)}

    def restore(self, tensors: dict[str, torch.Tensor], fields: dict[str, str]) -> int:
        """Take up a checkpoint's state; gives the number of steps done."""
        own = {name[5:]: tensor for name, tensor in tensors.items() if name.startswith("head.")}
        self.head.load_state_dict(own)
        self._adam.load_moments(tensors)
        self.before, self.latest = float(fields["before"]), float(fields["latest"])
        return int(fields["step"])


def train_head(run: HeadRun, options: HeadConfig, *, checkpoint: Path, key: str) -> HeadRun:
    """Train a head, or go on training it.

    Args:
        run: at its beginning.
        options: of the head.
        checkpoint: where its state is kept every so many steps.
        key: hash of all that it depends on.

    Raises:
        XretError: the loss or a parameter is no longer a number.
        InputError: the checkpoint is damaged.
        MismatchError: the checkpoint belongs to other options or data.
    """
    state = load_checkpoint(checkpoint, key=key)
    if state:
        step = run.restore(*state)
    else:
        step = 0
        run.evaluate()
        run.before = run.latest
    saved = step
    bar = tqdm(total=options.steps, initial=step, desc="token head", unit="step", disable=None)
    try:
        while step < options.steps:
            loss = run.step(step)
            step += 1
            bar.update()
            told = {} if loss is None else {"loss": f"{loss:.3f}"}
            bar.set_postfix(told, dev=f"{run.latest:.3f}", refresh=False)
            if step % options.eval_every == 0 or step == options.steps:
                run.evaluate()
                log.info("step %d: loss %s, dev accuracy %.4f", step, told.get("loss", "none"), run.latest)
                save_checkpoint(checkpoint, run.tensors(), {"key": key, "step": str(step), **run.fields()})
                saved = step
    except (KeyboardInterrupt, SystemExit):
        log.warning("interrupted at step %d; the same command goes on from step %d (%s)", step, saved, checkpoint)
        raise
    finally:
        bar.close()
    return run
