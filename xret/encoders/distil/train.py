"""The training loop of a static student."""

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
from xret.encoders.distil.objectives import contrast, regression
from xret.encoders.distil.static import RowAdam, StaticStudent
from xret.errors import XretError

__all__ = ["train"]

log = logging.getLogger("xret")


def train(data: TrainingData, config: DistilConfig, *, checkpoint: Path, key: str) -> StaticStudent:
    """Train (or go on training) and give the best student by dev accuracy.

    Raises:
        XretError: the loss is no longer a number.
        MismatchError: the checkpoint belongs to other options or data.
    """
    run = _Run(data, config)
    state = load_checkpoint(checkpoint, key=key)
    step = run.restore(*state) if state else 0
    bar = tqdm(total=config.steps, initial=step, desc="distil", unit="step", disable=None)
    while step < config.steps:
        loss = run.step(step)
        step += 1
        bar.update()
        bar.set_postfix(loss=f"{loss:.3f}", dev=f"{run.latest:.3f}", refresh=False)
        if step % config.eval_every == 0 or step == config.steps:
            run.evaluate()
            log.info("step %d: loss %.4f, dev accuracy %.4f, best %.4f", step, loss, run.latest, run.best)
            save_checkpoint(checkpoint, run.tensors(), {"key": key, "step": str(step), **run.fields()})
            if config.patience and run.stale >= config.patience:
                log.info("no progress in %d evaluations: stopping", run.stale)
                break
    bar.close()
    return run.best_student()


class _Run:
    """State of one run; everything in it goes into the checkpoint."""

    def __init__(self, data: TrainingData, config: DistilConfig) -> None:
        self.data, self.config = data, config
        vocab = config.vocab_size
        counts = np.bincount(data.texts.ids, minlength=vocab) + np.bincount(data.english.ids, minlength=vocab)
        self.student = StaticStudent(
            counts / max(1, counts.sum()),
            hidden_size=config.hidden_size,
            output_size=data.targets.shape[1],
            seed=config.seed,
            position_decay=config.position_decay,
        )
        self.adams = {name: RowAdam(tensor) for name, tensor in self.student.tensors().items()}
        self.best, self.latest, self.stale = 0.0, 0.0, 0
        self.kept = {name: tensor.clone() for name, tensor in self.student.tensors().items()}

    def step(self, step: int) -> float:
        """One update; gives the loss."""
        batch = draw_batch(self.data, self.config, step)
        unique, places = np.unique(batch.ids, return_inverse=True)
        index = torch.from_numpy(unique)
        rows = self.student.table[index].requires_grad_()
        weights = self.student.log_weight[index].requires_grad_()
        vectors = self.student.encode(rows, weights, places, batch.lengths)
        loss = self._loss(vectors[: len(batch.english)], vectors[len(batch.english) :], batch)
        loss.backward()
        value = float(loss.detach())
        if not math.isfinite(value):
            raise XretError(
                f"step {step}: the loss is {value}; lower learning_rate or raise temperature, then start again"
            )
        self._update(index, rows, weights, step)
        return value

    def _loss(self, left: torch.Tensor, right: torch.Tensor, batch: Batch) -> torch.Tensor:
        config = self.config
        targets = torch.from_numpy(self.data.targets[batch.english].astype(np.float32))
        same, half = torch.from_numpy(batch.same), config.precision == "bfloat16"
        loss = contrast(left, right, same, temperature=config.temperature, bfloat16=half, both=True)
        loss = loss + config.teacher_weight * regression(right, targets)
        if not batch.translations:
            return loss
        if config.teacher_contrast:
            loss = loss + config.teacher_contrast * contrast(
                left, targets, same, temperature=config.temperature, bfloat16=half, both=False
            )
        return loss + config.teacher_weight * regression(left, targets)

    def _update(self, index: torch.Tensor, rows: torch.Tensor, weights: torch.Tensor, step: int) -> None:
        rate, student = self._rate(step), self.student
        assert rows.grad is not None and weights.grad is not None and student.projection.grad is not None
        everything, projection = torch.arange(len(student.projection)), student.projection
        for name, table, at, values, gradient, share in (
            ("table", student.table, index, rows.detach(), rows.grad, 0.25),
            ("log_weight", student.log_weight, index, weights.detach(), weights.grad, 1.0),
            # The projection sees every text, a token's row only its own: a slower rate keeps the space still.
            ("projection", projection.data, everything, projection.detach().clone(), projection.grad, 0.1),
        ):
            self.adams[name].step(table, at, values, gradient, rate=rate * share, steps=step + 1)
        student.projection.grad = None

    def _rate(self, step: int) -> float:
        config = self.config
        if step < config.warmup_steps:
            return config.learning_rate * (step + 1) / config.warmup_steps
        share = (step - config.warmup_steps) / max(1, config.steps - config.warmup_steps)
        return config.learning_rate * (0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * share)))

    def evaluate(self) -> None:
        """Measure the student on the held-out pairs, and keep a copy where it is the best so far."""
        self.latest = dev_accuracy(self.student, self.data, limit=self.config.max_tokens)
        if self.latest >= self.best:
            self.best, self.stale = self.latest, 0
            self.kept = {name: tensor.clone() for name, tensor in self.student.tensors().items()}
        else:
            self.stale += 1

    def best_student(self) -> StaticStudent:
        """The student with the parameters kept at the best evaluation."""
        self.student.load(self.kept)
        return self.student

    def tensors(self) -> dict[str, torch.Tensor]:
        """Everything a later process needs to go on."""
        tensors = {f"student.{name}": tensor for name, tensor in self.student.tensors().items()}
        tensors |= {f"best.{name}": tensor for name, tensor in self.kept.items()}
        for name, adam in self.adams.items():
            tensors |= {f"first.{name}": adam.first, f"second.{name}": adam.second}
        return tensors

    def fields(self) -> dict[str, str]:
        """The scalars among the state."""
        return {"best": repr(self.best), "latest": repr(self.latest), "stale": str(self.stale)}

    def restore(self, tensors: dict[str, torch.Tensor], fields: dict[str, str]) -> int:
        """Take up a checkpoint's state; gives the number of steps done."""
        parts = {
            kind: {name.split(".", 1)[1]: tensor for name, tensor in tensors.items() if name.startswith(f"{kind}.")}
            for kind in ("student", "best", "first", "second")
        }
        self.student.load(parts["student"])
        self.kept = parts["best"]
        for name, adam in self.adams.items():
            adam.first, adam.second = parts["first"][name], parts["second"][name]
        self.best, self.latest, self.stale = float(fields["best"]), float(fields["latest"]), int(fields["stale"])
        return int(fields["step"])
