"""What a checkpoint needs besides its weights: a frozen record, derived from its own files."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["Dense", "Normalize", "Recipe", "Role"]

Role = Literal["query", "document"]


@dataclass(frozen=True, kw_only=True)
class Dense:
    """A linear layer after pooling: activation(x @ weight.T + bias), plus the input where `residual`."""

    folder: str  # its folder inside the checkpoint, e.g. "2_Dense"
    in_features: int
    out_features: int
    bias: bool
    activation: str  # "identity", "tanh", "relu", "sigmoid" or "gelu"
    residual: bool = False


@dataclass(frozen=True, kw_only=True)
class Normalize:
    """L2 normalisation where the checkpoint asks for it. The final vectors have length 1 whether it does or not."""

    folder: str


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """How texts become vectors."""

    family: str  # config.json's model_type
    pooling: tuple[str, ...]  # several are concatenated in this order
    heads: tuple[Dense | Normalize, ...]
    max_length: int  # tokens, special ones included
    token_dim: int  # width of the last hidden state
    dim: int  # width of the sentence vectors
    token_weights: bool = False  # the length of a token's vector tells how much it counts (static models)
    lowercase: bool = False
    prompts: tuple[tuple[str, str], ...] = ()  # (role, text put before every text in that role)
    default_prompt: str = ""  # put before a text without a role

    def prompt(self, role: Role | None) -> str:
        """The text that goes before a text in `role`."""
        return self.default_prompt if role is None else dict(self.prompts).get(role, "")

    def fields(self) -> dict[str, Any]:
        """As plain values, for hashing and JSON."""
        return asdict(self)
