"""LASER2's BiLSTM against torch's own LSTM over packed sequences."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from xret.encoders.builders import family_of
from xret.errors import ModelError

CONFIG: dict[str, Any] = {
    "model_type": "laser2", "embedding_size": 10, "hidden_size": 12, "num_hidden_layers": 5, "bidirectional": True,
}  # fmt: skip


class Model(torch.nn.Module):  # type: ignore[misc]
    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.embed_tokens = torch.nn.Embedding(50, config["embedding_size"], padding_idx=1)
        self.lstm = torch.nn.LSTM(
            config["embedding_size"], config["hidden_size"], config["num_hidden_layers"],
            bidirectional=config["bidirectional"],
        )  # fmt: skip
        with torch.no_grad():
            for parameter in self.lstm.parameters():
                parameter.mul_(3)

    def forward(self, ids: Any, mask: Any) -> Any:
        value = self.embed_tokens(ids.T)
        packed = torch.nn.utils.rnn.pack_padded_sequence(value, mask.sum(1), enforce_sorted=False)
        return torch.nn.utils.rnn.pad_packed_sequence(self.lstm(packed)[0], total_length=ids.shape[1])[0].transpose(
            0, 1
        )


Write = Callable[[str, dict[str, Any], dict[str, Any]], Path]


def written(write: Write, **changes: Any) -> tuple[Path, Model]:
    config = {**CONFIG, **changes}
    model = Model(config)
    return write("laser2", config, {f"model.{name}": value for name, value in model.state_dict().items()}), model


@pytest.mark.parametrize("openvino", [False, True])
@pytest.mark.parametrize("changes", [{}, {"bidirectional": False}, {"num_hidden_layers": 1, "hidden_size": 7}])
def test_against_torch(changes: dict[str, Any], openvino: bool, write: Write, error_of: Callable[..., float]) -> None:
    folder, model = written(write, **changes)
    assert error_of(folder, model, openvino=openvino) < 1e-5


def test_no_half_precision() -> None:
    assert not family_of({**CONFIG, "vocab_size": 50}).half


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_hidden_layers": 4}, "does not have"),
        ({"num_hidden_layers": 6}, "has no tensor 'model.lstm.weight_ih_l5'"),
        ({"hidden_size": 9}, "wants"),
        ({"bidirectional": "yes"}, "'bidirectional' is 'yes'"),
        ({"embedding_size": 0}, "'embedding_size' is 0"),
    ],
)
def test_other_shapes_are_refused(
    changes: dict[str, Any], message: str, write: Write, graph_of: Callable[..., Any]
) -> None:
    with pytest.raises(ModelError, match=message):
        graph_of(written(write)[0], **changes)
