"""Which layout a multi-vector checkpoint has, and its recipe."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

from xret.encoders.checkpoints.modules import Module, read_json
from xret.encoders.multivector.bge import HEADS, bge_heads
from xret.encoders.multivector.overrides import overridden
from xret.encoders.multivector.pylate import pylate_policy
from xret.encoders.multivector.stanford import stanford_policy
from xret.encoders.multivector.vocabulary import Vocabulary
from xret.encoders.recipe import MultiVector, Recipe
from xret.errors import ModelError

__all__ = ["Layout", "find_layout", "whose_lengths", "with_token_vectors"]

# Where the lengths of queries and documents may stand, and under which name.
_LENGTHS = (
    ("artifact.metadata", "doc_maxlen"), ("config_sentence_transformers.json", "document_length"),
    ("sentence_bert_config.json", "document_length"),
)  # fmt: skip

_SHORTEST = 3  # tokens of an empty query with its marker


@dataclass(frozen=True)
class Layout:
    """A multi-vector checkpoint."""

    kind: Literal["stanford", "modules", "bge-m3"]
    folder: Path
    modules: tuple[Module, ...]  # the Transformer alone, or () where those of modules.json hold

    @property
    def inner(self) -> Path:
        """The folder of the encoder itself."""
        return self.folder / self.modules[0].path if self.modules else self.folder


def find_layout(folder: Path) -> Layout | None:
    """The layout of a multi-vector checkpoint; None for all other models.

    Raises:
        ModelError: broken JSON.
    """
    entries = [entry for entry in _listed(folder / "modules.json") if isinstance(entry, dict)]
    settings = _object(folder / "config_sentence_transformers.json")
    types = [str(entry.get("type", "")) for entry in entries]
    own = any(name.startswith("pylate.") or name.endswith(".MultiVectorMask") for name in types)
    if types and (own or settings.get("model_type") in ("ColBERT", "MultiVectorEncoder") or "query_prefix" in settings):
        first = min(entries, key=lambda entry: int(entry.get("idx", 0)))
        return Layout("modules", folder, (Module("Transformer", _inside(first.get("path", "")), {}),))
    if "HF_ColBERT" in (_object(folder / "config.json").get("architectures") or ()):
        return Layout("stanford", folder, (Module("Transformer", "", {}),))
    if any((folder / f"{HEADS[0]}{suffix}").is_file() for suffix in (".pt", ".safetensors")):
        return Layout("bge-m3", folder, ())
    return None


def with_token_vectors(
    layout: Layout, config: dict[str, Any], tokenizer: Path, positions: int, recipe: Recipe
) -> Recipe:
    """The recipe with what the layout says about token vectors.

    Args:
        layout: see `find_layout`.
        config: the content of config.json.
        tokenizer: its tokenizer.json.
        positions: the most tokens a text can have.
        recipe: of the encoder below, its `token_dim` the width of the last hidden state.

    Raises:
        ModelError: broken files, missing or misshapen projections, markers outside the vocabulary, or habits that are
            not supported.
    """
    vocabulary = Vocabulary(tokenizer, layout.inner)
    if layout.kind == "bge-m3":
        policy, sparse = bge_heads(layout.folder, vocabulary, recipe)
        recipe = replace(recipe, sparse=sparse)
    else:
        read = stanford_policy if layout.kind == "stanford" else pylate_policy
        policy = read(layout.folder, layout.inner, config, vocabulary, recipe)
        recipe = replace(recipe, pooling=(), heads=(), dim=0)
    policy = overridden(layout.folder, policy, vocabulary)
    _check(layout, policy, config, positions)
    policy = replace(policy, document_length=min(policy.document_length, positions))
    length = max(policy.query_length, policy.document_length)
    return replace(recipe, multi_vector=policy, token_dim=policy.projections[-1].out_features, max_length=length)


def whose_lengths(layout: Layout) -> str:
    """Who says how many tokens of a document are read: ``given``, a file, or ``assumed: …``."""
    stated = _object(layout.folder / "xret.json").get("multivector")
    if isinstance(stated, dict) and {"query_length", "document_length"} & set(stated):
        return "given"
    for name, key in _LENGTHS:
        if any(_object(folder / name).get(key) is not None for folder in (layout.folder, layout.inner)):
            return name
    return "assumed: the checkpoint does not say"


def _check(layout: Layout, policy: MultiVector, config: dict[str, Any], positions: int) -> None:
    words = config.get("vocab_size")
    ids = {
        "query marker": policy.query_marker, "document marker": policy.document_marker,
        "expansion token": policy.expansion_token,
    }  # fmt: skip
    for name, found in ids.items():
        if found is not None and isinstance(words, int) and not 0 <= found < words:
            raise ModelError(
                f"{layout.inner}: the {name} has id {found}, but the model has vectors for {words} tokens only; "
                "tokeniser and weights belong to different models"
            )
    shortest = min(policy.query_length, policy.document_length)
    if shortest < 4 or policy.query_length > positions or policy.expansion_length > policy.query_length:
        raise ModelError(
            f"{layout.folder}: queries of {policy.query_length} and documents of {policy.document_length} tokens "
            f"do not fit a model of at most {positions}"
        )
    window, goal = config.get("local_attention"), max(policy.expansion_length, policy.query_length)
    if policy.expansion == "none" or policy.attend or config.get("model_type") != "modernbert":
        window = None
    if isinstance(window, int) and goal - _SHORTEST > window // 2:
        # Such tokens have nothing to attend to, and attention over nothing is another thing in every implementation.
        raise ModelError(
            f"{layout.folder}: queries filled up to {goal} tokens reach beyond the attention window of {window} of a "
            'short query; say {"multivector": {"query_length": …}} or {"multivector": {"attend": true}} in xret.json'
        )
    if policy.similarity not in ("sum", "mean"):
        raise ModelError(f"{layout.folder}: similarity '{policy.similarity}' is not known; known: sum, mean")


def _object(path: Path) -> dict[str, Any]:
    """A JSON object; {} for what is none, which others will complain about."""
    return found if isinstance(found := read_json(path, missing={}), dict) else {}


def _listed(path: Path) -> list[Any]:
    return found if isinstance(found := read_json(path, missing=[]), list) else []


def _inside(path: Any) -> str:
    if not isinstance(path, str) or Path(path).is_absolute() or ".." in Path(path).parts:
        raise ModelError(f"modules.json: path '{path}' leads out of the folder")
    return path
