"""The transformer student: hidden states pooled, and a linear layer to the teacher's width where that is another."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.dense_adam import DenseAdam
from xret.encoders.distil.framing import Framing
from xret.encoders.distil.transformer_folder import write_transformer
from xret.encoders.distil.transformer_start import TransformerStart
from xret.encoders.recipe import Dense
from xret.errors import MismatchError, UsageError

__all__ = ["TransformerStudent"]

_BUCKET = 16384  # tokens of a rectangle of texts, filling included
_ACTIVATIONS = {
    "identity": lambda x: x, "tanh": torch.tanh, "relu": torch.relu, "sigmoid": torch.sigmoid, "gelu": functional.gelu,
}  # fmt: skip


class TransformerStudent:
    """sentence = L2(layers(pool(states))), pooled by the mean over all tokens or by the first.

    Attributes:
        start: model, pooling and layers.
        parts: all parameters, by AdamW.
    """

    def __init__(
        self, start: TransformerStart, framing: Framing, config: DistilConfig, *, dim: int, device: torch.device
    ) -> None:
        """Begin with `start`; vectors get the width `dim` of the teacher's.

        Raises:
            MismatchError: the student has another width than the teacher, and is not to be projected.
            UsageError: a masked-token objective, but no token to mask with.
        """
        self.device, self.dim, self.framing, self._config = device, dim, framing, config
        self.start, width = start, int(start.model.config.hidden_size)
        layers = list(start.layers)
        if layers:
            width = layers[-1][0].out_features
        torch.manual_seed(config.seed)
        if width != dim:
            if not config.project:
                raise MismatchError(
                    f"the student gives vectors of {width} values, the teacher {config.teacher} of {dim}; "
                    f"leave out project = false, or give the student hidden_size = {dim}"
                )
            layers.append(_to_width(width, dim))
        self.heads = [head for head, _ in layers]
        self.parts = nn.ModuleDict({"model": start.model, "dense": nn.ModuleList(linear for _, linear in layers)})
        self.mask_id, self.vocab_size = framing.mask, framing.size
        if config.masked_weight:
            self.parts["guess"] = self._guesser()
        self.parts.to(device)
        for module in self.parts.modules():
            if isinstance(module, nn.Dropout):
                module.p = config.dropout
        self._adam = DenseAdam(
            dict(self.parts.named_parameters()), rate=config.dense_learning_rate, decay=config.weight_decay
        )
        self._room = start.max_length - len(framing.before) - len(framing.after)

    def _guesser(self) -> nn.Module:
        table = self.start.model.get_input_embeddings().weight
        if self.mask_id is None:
            raise UsageError("masked_weight: the tokeniser of init has no mask token; leave the objective out")
        width = int(self.start.model.config.hidden_size)
        if table.shape[1] != width:
            raise UsageError(
                f"masked_weight: token vectors have {table.shape[1]} values, states {width}; leave the objective out"
            )
        return nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))

    def encode(self, ids: np.ndarray, lengths: np.ndarray, *, exact: bool = False) -> torch.Tensor:
        """See `Student`."""
        pooled: list[torch.Tensor] = []
        orders: list[np.ndarray] = []
        for rows, tokens, mask in self._rectangles(ids, lengths):
            states = self._states(tokens, mask, exact=exact).float()
            weights = mask[:, :, None].float()
            mean = (states * weights).sum(1) / weights.sum(1).clamp_min(1)
            pooled.append(states[:, 0] if self.start.pooling == "cls" else mean)
            orders.append(rows)
        back = np.argsort(np.concatenate(orders), kind="stable")
        vectors = torch.cat(pooled)[torch.from_numpy(back).to(self.device)]
        for head, linear in zip(self.heads, self.parts["dense"], strict=True):
            vectors = _ACTIVATIONS[head.activation](linear(vectors))
        return functional.normalize(vectors, dim=1, eps=1e-6)

    def masked_loss(self, ids: np.ndarray, lengths: np.ndarray, places: np.ndarray, hidden: np.ndarray) -> torch.Tensor:
        """See `Student`; over the whole vocabulary."""
        wanted = np.full(len(ids), -1, np.int64)
        wanted[places] = hidden
        total, count = torch.zeros((), device=self.device), 0
        table = self.start.model.get_input_embeddings().weight
        starts, skip = np.cumsum(lengths) - lengths, len(self.framing.before)
        for rows, tokens, mask in self._rectangles(ids, lengths):
            states = self._states(tokens, mask, exact=False)
            answers = torch.full(tokens.shape, -1, dtype=torch.int64)
            for at, row in enumerate(rows):
                size = min(int(lengths[row]), self._room)
                answers[at, skip : skip + size] = torch.from_numpy(wanted[starts[row] : starts[row] + size])
            answers = answers.to(self.device)
            chosen = answers >= 0
            guesses = self.parts["guess"](states[chosen].float()) @ table.T
            total = total + functional.cross_entropy(guesses, answers[chosen], reduction="sum")
            count += int(chosen.sum())
        return total / max(1, count)

    def _rectangles(
        self, ids: np.ndarray, lengths: np.ndarray
    ) -> Iterator[tuple[np.ndarray, torch.Tensor, torch.Tensor]]:
        """(texts, token ids, mask) of texts of about one length, padded on the right, shortest first."""
        sizes, starts = np.minimum(lengths, self._room), np.cumsum(lengths) - lengths
        frame = len(self.framing.before) + len(self.framing.after)
        order, first = np.argsort(sizes, kind="stable"), 0
        pad = int(getattr(self.start.model.config, "pad_token_id", 0) or 0)
        while first < len(order):
            longest = max(1, int(sizes[order[first]] * 1.25) + 4 + frame)
            last = int(np.searchsorted(sizes[order] + frame, longest, side="right"))
            rows = order[first : min(last, first + max(1, _BUCKET // longest))]
            width = max(1, int(sizes[rows[-1]]) + frame)
            tokens = np.full((len(rows), width), pad, np.int64)
            mask = np.zeros((len(rows), width), np.int64)
            for at, row in enumerate(rows):
                own = (*self.framing.before, *ids[starts[row] : starts[row] + sizes[row]], *self.framing.after)
                tokens[at, : len(own)], mask[at, : len(own)] = own, 1
            yield rows, torch.from_numpy(tokens).to(self.device), torch.from_numpy(mask).to(self.device)
            first += len(rows)

    def _states(self, tokens: torch.Tensor, mask: torch.Tensor, *, exact: bool) -> torch.Tensor:
        self.parts.train(not exact and self._config.dropout > 0)
        half = self._config.precision == "bfloat16" and not exact
        with torch.autocast(self.device.type, torch.bfloat16, enabled=half):
            return torch.as_tensor(self.start.model(input_ids=tokens, attention_mask=mask).last_hidden_state)

    def update(self, share: float, step: int) -> None:
        """See `Student`."""
        self._adam.update(share)

    def tensors(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        return {name: value.detach() for name, value in self.parts.named_parameters()}

    def load(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        with torch.no_grad():
            for name, parameter in self.parts.named_parameters():
                parameter.copy_(tensors[name])

    def moments(self) -> dict[str, torch.Tensor]:
        """See `Student`."""
        return self._adam.moments()

    def load_moments(self, tensors: dict[str, torch.Tensor]) -> None:
        """See `Student`."""
        self._adam.load_moments(tensors)

    def save(self, folder: Path, config: DistilConfig, *, tokenizer: Path) -> None:
        """Write a sentence-transformers folder."""
        layers = list(zip(self.heads, self.parts["dense"], strict=True))
        write_transformer(self.start, layers, config, tokenizer=tokenizer, folder=folder)


def _to_width(width: int, dim: int) -> tuple[Dense, nn.Linear]:
    head = Dense(folder="", in_features=width, out_features=dim, bias=False, activation="identity")
    linear = nn.Linear(width, dim, bias=False)
    nn.init.orthogonal_(linear.weight)
    return head, linear
