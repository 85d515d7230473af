"""The hybrid student: a static student's table, and a few layers that correct and weigh its rows by context."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from xret.encoders.checkpoints.made_from import write_json
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.context import Context
from xret.encoders.distil.dense_adam import DenseAdam
from xret.encoders.distil.folders import write_tensors
from xret.encoders.distil.starts import TableStart
from xret.encoders.distil.token_table import Taken, TokenTable, quantised
from xret.errors import UsageError

__all__ = ["HybridStudent"]

_THETA, _EPSILON = 10_000.0, 1e-5


class HybridStudent:
    """sentence = L2(P · Σ_i d_i exp(log w_t(i) + g_i) (e_t(i) + delta_i)), delta and g from `Context`.

    With new layers it gives at first exactly what the static student gives that it is made from.

    Attributes:
        words: (V, H) token vectors e and (V, 1) log weights, by `RowAdam`.
        parts: everything else, by AdamW.
    """

    def __init__(self, start: TableStart, config: DistilConfig, device: torch.device) -> None:
        """Begin with `start`.

        Raises:
            UsageError: the heads do not divide the width evenly.
        """
        self.device, self._config = device, config
        hidden = start.table.shape[1]
        settings = start.config if start.context else {}
        self._heads = int(settings.get("num_attention_heads", config.heads))
        if hidden % (2 * self._heads):
            raise UsageError(f"heads = {self._heads}: hidden_size {hidden} must be a multiple of twice as many")
        self._layers = int(settings.get("num_hidden_layers", config.layers))
        self._intermediate = int(settings.get("intermediate_size", config.intermediate_size or 4 * hidden))
        self.position_decay = int(start.config.get("position_decay") or config.position_decay)
        torch.manual_seed(config.seed)
        context = Context(
            hidden=hidden, layers=self._layers, heads=self._heads, intermediate=self._intermediate, theta=_THETA,
            epsilon=_EPSILON,
        )  # fmt: skip
        if start.context:
            context.load_state_dict(start.context)
        parts: dict[str, nn.Module] = {"context": context, "projection": _projection(start.projection)}
        if config.masked_weight:
            parts["guess"] = nn.Linear(hidden, hidden, bias=False)
            parts["hidden"] = nn.Embedding(1, hidden)
            nn.init.normal_(parts["hidden"].weight, std=hidden**-0.5)
        self.parts = nn.ModuleDict(parts).to(device)
        self.words = TokenTable(start.table, start.log_weight, device)
        self._adam = DenseAdam(
            dict(self.parts.named_parameters()), rate=config.dense_learning_rate, decay=config.weight_decay,
            slow=frozenset({"projection.weight"}),
        )  # fmt: skip
        self.vocab_size, self.dim = len(start.table), len(start.projection)
        self.mask_id: int | None = self.vocab_size  # one past the table: a vector that only training has

    def encode(self, ids: np.ndarray, lengths: np.ndarray, *, exact: bool = False) -> torch.Tensor:
        """See `Student`."""
        vectors, logs = self.tokens(ids, lengths, exact=exact)
        starts = np.cumsum(lengths) - lengths
        scale = logs.exp()
        if self.position_decay:
            position = np.arange(len(ids)) - np.repeat(starts, lengths)
            lowered = torch.from_numpy((1 / (1 + position / self.position_decay)).astype(np.float32))
            scale = scale * lowered.to(self.device)[:, None]
        bags = (torch.arange(len(ids), device=self.device), vectors * scale)
        pooled = functional.embedding_bag(*bags, torch.from_numpy(starts).to(self.device), mode="sum")
        return functional.normalize(self.parts["projection"](pooled), dim=1, eps=1e-6)

    def tokens(self, ids: np.ndarray, lengths: np.ndarray, *, exact: bool = False) -> tuple[torch.Tensor, torch.Tensor]:
        """(tokens, H) vectors e + delta and (tokens, 1) log weights log w + g; arguments as in `encode`."""
        half = self._half and not exact
        taken = self.words.take(ids)
        rows, weights = (part.index_select(0, taken.places) for part in (taken.rows, taken.weights))
        delta, gate = self.parts["context"].read(self._states(rows, lengths, half), bfloat16=half)
        return rows + delta, weights + gate

    def masked_loss(self, ids: np.ndarray, lengths: np.ndarray, places: np.ndarray, hidden: np.ndarray) -> torch.Tensor:
        """See `Student`; guessed among the tokens of the batch, so that no step reads the whole table."""
        seen = np.where(ids == self.mask_id, hidden[0], ids)
        taken = self.words.take(np.concatenate([seen, hidden]))
        rows = taken.rows.index_select(0, taken.places[: len(ids)])
        masked = torch.from_numpy(ids == self.mask_id).to(self.device)[:, None]
        rows = torch.where(masked, self.parts["hidden"].weight, rows)
        states = self._states(rows, lengths, self._half)[torch.from_numpy(places).to(self.device)]
        return functional.cross_entropy(self._guesses(states, taken), taken.places[len(ids) :])

    def _guesses(self, states: torch.Tensor, taken: Taken) -> torch.Tensor:
        return torch.as_tensor(self.parts["guess"](states) @ taken.rows.T)

    def _states(self, rows: torch.Tensor, lengths: np.ndarray, half: bool) -> torch.Tensor:
        return torch.as_tensor(self.parts["context"](rows, lengths, bfloat16=half))

    @property
    def _half(self) -> bool:
        return self._config.precision == "bfloat16"

    def update(self, share: float, step: int) -> None:
        """See `Student`."""
        self._adam.update(share)
        self.words.update(self._config.learning_rate * share, step)

    def tensors(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        return {**self.words.tensors(), **self.parts.state_dict()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        self.words.load(tensors)
        self.parts.load_state_dict(
            {name: tensor for name, tensor in tensors.items() if name not in self.words.tensors()}
        )

    def moments(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        return {**self.words.moments(), **self._adam.moments()}

    def load_moments(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        self.words.load_moments(tensors)
        self._adam.load_moments(tensors)

    def save(self, folder: Path, config: DistilConfig, *, tokenizer: Path) -> None:
        """Write int8 rows with a step and a log weight each, float16 layers and a float32 projection."""
        rows, steps = quantised(self.words.table)
        tensors = {
            "embedding.weight": rows,
            "embedding.scale": steps[:, 0].contiguous(),
            "embedding.log_weight": self.words.log_weight[:, 0].contiguous(),
            "projection.weight": self.parts["projection"].weight.detach(),
            **{f"context.{name}": tensor.half() for name, tensor in self.parts["context"].state_dict().items()},
        }
        write_tensors(folder / "model.safetensors", tensors)
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        write_json(folder / "config.json", self._settings(config))

    def _settings(self, config: DistilConfig) -> dict[str, object]:
        return {
            "model_type": "xret-hybrid", "name": config.name, "version": config.version, "license": config.licence,
            "vocab_size": self.vocab_size, "hidden_size": self.words.table.shape[1], "output_size": self.dim,
            "num_hidden_layers": self._layers, "num_attention_heads": self._heads,
            "intermediate_size": self._intermediate, "pad_token_id": 0, "position_decay": self.position_decay,
            "max_length": config.max_length, "rope_theta": _THETA, "layer_norm_eps": _EPSILON,
        }  # fmt: skip


def _projection(weight: torch.Tensor) -> nn.Linear:
    linear = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    linear.weight = nn.Parameter(weight.clone())
    return linear
