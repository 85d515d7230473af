"""AdamW over a student's dense parameters, with a state that has names."""

from __future__ import annotations

from collections.abc import Mapping

import torch

__all__ = ["DenseAdam"]

_MOMENTS = ("exp_avg", "exp_avg_sq")


class DenseAdam:
    """AdamW (Loshchilov & Hutter 2019), the gradient's norm clipped; matrices decay, vectors do not."""

    def __init__(
        self,
        parameters: Mapping[str, torch.nn.Parameter],
        *,
        rate: float,
        decay: float,
        slow: frozenset[str] = frozenset(),
        fast: frozenset[str] = frozenset(),
    ) -> None:
        """Optimise `parameters`.

        Args:
            parameters: by name.
            rate: peak learning rate.
            decay: of the weights, per unit of rate.
            slow: names of those that take 0.15 of the rate, do not decay and are not clipped: every text goes through
                them, so haste there moves the whole space.
            fast: names of those that take ten times the rate: a few scalars, which have further to go.
        """
        self._parameters, self._slow, self._rate = dict(parameters), slow, rate
        groups = [
            {
                "params": [parameter],
                "weight_decay": decay if parameter.ndim > 1 and name not in slow else 0.0,
                "share": 0.15 if name in slow else 10.0 if name in fast else 1.0,
            }
            for name, parameter in self._parameters.items()
        ]
        self._adam = torch.optim.AdamW(groups, lr=rate, betas=(0.9, 0.98), foreach=False)

    def update(self, share: float) -> None:
        """One step at `share` of the peak rate; forgets the gradients."""
        for group in self._adam.param_groups:
            group["lr"] = self._rate * share * group["share"]
        clipped = [
            value for name, value in self._parameters.items() if name not in self._slow and value.grad is not None
        ]
        torch.nn.utils.clip_grad_norm_(clipped, 1.0)
        self._adam.step()
        self._adam.zero_grad(set_to_none=True)

    def moments(self) -> dict[str, torch.Tensor]:
        """Both moments and the count of steps of each parameter that has had a gradient."""
        named = {}
        for name, parameter in self._parameters.items():
            for part, value in self._adam.state.get(parameter, {}).items():
                named[f"{part}.{name}"] = torch.as_tensor(value).detach()
        return named

    def load_moments(self, tensors: Mapping[str, torch.Tensor]) -> None:
        """Take what `moments` gave."""
        for name, parameter in self._parameters.items():
            if f"step.{name}" in tensors:
                state = {part: tensors[f"{part}.{name}"].to(parameter.device) for part in _MOMENTS}
                self._adam.state[parameter] = {"step": tensors[f"step.{name}"], **state}
