"""What a builder of one model family has to offer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph
from xret.encoders.recipe import Role, TokenHead
from xret.errors import ModelError

__all__ = ["Built", "Family", "check_code", "must"]

Kind = TypeVar("Kind")


@dataclass(frozen=True)
class Built:
    """What a builder added to the graph."""

    hidden: str  # float32 (batch, tokens, width): token vectors before L2
    pooled: str | None = None  # float32 (batch, width): only where the family pools in a cheaper way of its own
    tokens: str | None = None  # float32 (batch, 1 + tokens, token_dim): only where it has a token head, see `TokenHead`


@dataclass(frozen=True, kw_only=True)
class Family:
    """One `model_type` of config.json: how it is checked, measured and built. Functions take config.json's content."""

    build: Callable[[Graph, Weights, dict[str, Any]], Built]
    check: Callable[[dict[str, Any]], None]  # raises ModelError for look-alikes
    positions: Callable[[dict[str, Any]], int]  # the most tokens a text can have
    width: Callable[[dict[str, Any]], int]  # of `Built.hidden`
    apart: bool = False  # whether token vectors cost far more than the pooled one and so get a graph of their own
    token_weights: bool = False  # see `Recipe`
    half: bool = True  # whether float16 holds the family's values
    linear: bool = True  # whether it has linear layers, which int8 is for
    version: int = 1  # raised when the graph's numbers change: empties the graph cache
    languages: Callable[[dict[str, Any]], tuple[str, ...]] = lambda config: ()  # its codes by `lang_id`; () if not told
    # The adaptation for each role (see `Recipe`), given the names of the model's folders too.
    tasks: Callable[[dict[str, Any], tuple[str, ...]], dict[Role | None, str]] = lambda config, folders: {}
    instructions: Callable[[dict[str, Any]], dict[Role | None, str]] = lambda config: {}  # prompts config.json states
    token_head: Callable[[dict[str, Any]], tuple[int, TokenHead] | None] = lambda config: None  # and its width
    adapter_folder: Callable[[str], str] = lambda task: ""  # where a task's weights are, when not with the others
    default_language: Callable[[dict[str, Any]], str] = lambda config: ""  # one of `languages`, or "" for none

    @property
    def table(self) -> bool:
        """Whether it is a table of token vectors: there is nothing to compute in another precision."""
        return self.token_weights and not self.linear


def check_code(config: dict[str, Any], *known: str) -> None:
    """Refuse a checkpoint that brings code of its own, unless it is the family's.

    Args:
        config: the content of config.json.
        known: how the names of the family's own classes begin, where its checkpoints name them in ``auto_map``.

    Raises:
        ModelError: names the foreign class.
    """
    for key, path in (config.get("auto_map") or {}).items():
        if key == "AutoTokenizer" or (known and str(path).rpartition(".")[2].startswith(known)):
            continue
        raise ModelError(
            f"model_type '{config.get('model_type')}' with auto_map to '{path}' (code of its own): "
            "it is another architecture under that name; refusing to guess"
        )


def must(config: dict[str, Any], key: str, kind: type[Kind]) -> Kind:
    """A field of config.json that has to be there.

    Raises:
        ModelError: it is missing or of another type.
    """
    if not isinstance(value := config.get(key), kind):
        raise ModelError(f"config.json: '{key}' is {value!r}, wanted {kind.__name__}")
    return value
