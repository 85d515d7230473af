"""The training loop, for any student."""

from __future__ import annotations

import logging
import math
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from xret.encoders.distil.batches import Batch, TrainingData, draw_batch
from xret.encoders.distil.checkpoint import load_checkpoint, save_checkpoint
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.dev import dev_accuracy
from xret.encoders.distil.masking import draw_masked
from xret.encoders.distil.objectives import contrast, nested_contrast, regression
from xret.encoders.distil.student import Student
from xret.errors import XretError

__all__ = ["train"]

log = logging.getLogger("xret")


def train(student: Student, data: TrainingData, config: DistilConfig, *, checkpoint: Path, key: str) -> Student:
    """Train (or go on training) and give the student as it was best by dev accuracy.

    Raises:
        XretError: the loss or a parameter is no longer a number.
        InputError: the checkpoint is damaged.
        MismatchError: the checkpoint belongs to other options or data.
    """
    run = _Run(student, data, config)
    state = load_checkpoint(checkpoint, key=key)
    step = run.restore(*state) if state else 0
    saved = step
    bar = tqdm(total=config.steps, initial=step, desc="distil", unit="step", disable=None)
    try:
        while step < config.steps and not (config.patience and run.stale >= config.patience):
            loss = run.step(step)
            step += 1
            bar.update()
            bar.set_postfix(loss=f"{loss:.3f}", dev=f"{run.latest:.3f}", refresh=False)
            if step % config.eval_every == 0 or step == config.steps:
                run.evaluate()
                log.info("step %d: loss %.4f, dev accuracy %.4f, best %.4f", step, loss, run.latest, run.best)
                save_checkpoint(checkpoint, run.tensors(), {"key": key, "step": str(step), **run.fields()})
                saved = step
        if step < config.steps:
            log.info("no progress in %d evaluations: stopped at step %d", run.stale, step)
    except (KeyboardInterrupt, SystemExit):
        log.warning("interrupted at step %d; the same command goes on from step %d (%s)", step, saved, checkpoint)
        raise
    finally:
        bar.close()
    return run.best_student()


class _Run:
    """State of one run; everything in it goes into the checkpoint."""

    def __init__(self, student: Student, data: TrainingData, config: DistilConfig) -> None:
        self.student, self.data, self.config = student, data, config
        self.best, self.latest, self.stale = 0.0, 0.0, 0
        self.kept = _copied(student)

    def step(self, step: int) -> float:
        """One update; gives the loss."""
        torch.manual_seed(self.config.seed * 1_000_003 + step)  # dropout: the same after an interruption
        batch = draw_batch(self.data, self.config, step)
        vectors = self.student.encode(batch.ids, batch.lengths)
        half = len(vectors) // 2
        loss = self._loss(vectors[:half], vectors[half:], batch)
        if self.config.masked_weight and (guessed := self._masked_loss(step)) is not None:
            loss = loss + self.config.masked_weight * guessed
        value = float(loss.detach())
        if not math.isfinite(value):
            raise XretError(
                f"step {step}: the loss is {value}; lower learning_rate or raise temperature, then start again"
            )
        loss.backward()
        self.student.update(self._share(step), step + 1)
        return value

    def _loss(self, left: torch.Tensor, right: torch.Tensor, batch: Batch) -> torch.Tensor:
        config, device = self.config, self.student.device
        same, half = torch.from_numpy(batch.same).to(device), config.precision == "bfloat16"
        loss = config.contrast_weight * nested_contrast(
            left, right, same, dims=config.dims, temperature=config.temperature, bfloat16=half, both=True,
            margin=config.margin,
        )  # fmt: skip
        if batch.english is None:
            return loss
        targets = torch.from_numpy(self.data.targets[batch.english].astype(np.float32)).to(device)
        loss = loss + config.teacher_weight * regression(right, targets)
        if not batch.translations:
            return loss
        if config.teacher_contrast:
            loss = loss + config.teacher_contrast * contrast(
                left, targets, same, temperature=config.temperature, bfloat16=half, both=False
            )
        return loss + config.teacher_weight * regression(left, targets)

    def _masked_loss(self, step: int) -> torch.Tensor | None:
        if self.data.mono is None or self.student.mask_id is None:
            return None
        masked = draw_masked(self.data.mono, self.config, step, mask_id=self.student.mask_id)
        if masked is None:
            return None
        return self.student.masked_loss(masked.ids, masked.lengths, masked.places, masked.hidden)

    def _share(self, step: int) -> float:
        """Of the peak rates: a linear rise, then a cosine down to 0.02."""
        config = self.config
        if step < config.warmup_steps:
            return (step + 1) / config.warmup_steps
        share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share))

    def evaluate(self) -> None:
        """Measure the student on the held-out pairs, and keep a copy where it is the best so far.

        Raises:
            XretError: parameters are no numbers any more; the checkpoint is left as it was.
        """
        if not all(bool(tensor.isfinite().all()) for tensor in self.student.tensors().values()):
            raise XretError("parameters are no longer numbers; lower learning_rate, then start again")
        self.latest = dev_accuracy(self.student, self.data, limit=self.config.max_tokens)
        if self.latest >= self.best:
            self.best, self.stale, self.kept = self.latest, 0, _copied(self.student)
        else:
            self.stale += 1

    def best_student(self) -> Student:
        """The student with the parameters kept at the best evaluation."""
        self.student.load(self.kept)
        return self.student

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything a later process needs to go on."""
        tensors = {f"student.{name}": tensor for name, tensor in self.student.tensors().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.kept.items()}
        return tensors | self.student.moments()

    def fields(self) -> dict[str, str]:
        """The scalars among the state."""
        return {"best": repr(self.best), "latest": repr(self.latest), "stale": str(self.stale)}

    def restore(self, tensors: dict[str, torch.Tensor], fields: dict[str, str]) -> int:
        """Take up a checkpoint's state; gives the number of steps done."""
        parts: dict[str, dict[str, torch.Tensor]] = {"student": {}, "best": {}, "": {}}
        for name, tensor in tensors.items():
            kind, _, rest = name.partition(".")
            parts[kind if kind in parts else ""][rest if kind in parts else name] = tensor
        self.student.load(parts["student"])
        self.student.load_moments(parts[""])
        self.kept = {name: tensor.to(self.student.device) for name, tensor in parts["best"].items()}
        self.best, self.latest, self.stale = float(fields["best"]), float(fields["latest"]), int(fields["stale"])
        return int(fields["step"])


def _copied(student: Student) -> dict[str, torch.Tensor]:
    return {name: tensor.clone() for name, tensor in student.tensors().items()}
