"""PyLate's layout, and that of sentence-transformers 6's MultiVectorEncoder: modules, the first a Transformer.

PyLate (https://lightonai.github.io/pylate) inserts a marker after the first token and keeps its habits in
``config_sentence_transformers.json``; sentence-transformers prepends the marker as text (a prompt) and keeps them in
the modules. Both skip punctuation by its own token; where the vocabulary lacks one, PyLate skips the unknown token.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import Module, dense_head, read_json
from xret.encoders.multivector.vocabulary import PUNCTUATION, Vocabulary
from xret.encoders.recipe import Dense, MultiVector, Recipe
from xret.errors import ModelError

__all__ = ["pylate_policy"]

_SETTINGS = "config_sentence_transformers.json"
_MARKERS = ("[Q] ", "[D] ")
_SUPPORTED = ("Transformer", "Dense", "MultiVectorMask", "Normalize")
_SIMILARITIES = {"maxsim": "sum", "meanmaxsim": "mean"}


def pylate_policy(
    folder: Path, inner: Path, config: dict[str, Any], vocabulary: Vocabulary, recipe: Recipe
) -> MultiVector:
    """How token vectors are made.

    Args:
        folder: of the checkpoint.
        inner: of its Transformer.
        config: the content of config.json.
        vocabulary: of its tokeniser.
        recipe: of the encoder below.

    Raises:
        ModelError: a module or setting of another kind, or dense layers that do not fit each other.
    """
    settings = read_json(folder / _SETTINGS, missing={})
    modules = _modules(folder)
    if settings.get("model_type") == "MultiVectorEncoder" or any(m.kind == "MultiVectorMask" for m in modules):
        return _sentence_transformers(settings, modules, inner, vocabulary, recipe)
    return _pylate(settings, modules, vocabulary, recipe)


def _pylate(settings: dict[str, Any], modules: list[Module], vocabulary: Vocabulary, recipe: Recipe) -> MultiVector:
    prefixes = [
        _or(settings, key, usual) for key, usual in zip(("query_prefix", "document_prefix"), _MARKERS, strict=True)
    ]
    query, document = (vocabulary.or_unknown(prefix, "marker") if prefix else None for prefix in prefixes)
    expands = bool(_or(settings, "do_query_expansion", True))
    return MultiVector(
        projections=_projections(modules, recipe.token_dim),
        query_length=_length(settings, "query_length", 32), document_length=_length(settings, "document_length", 180),
        marker_mode="insert", query_marker=query, document_marker=document,
        expansion="fixed" if expands else "none", expansion_token=_filling(vocabulary) if expands else None,
        attend=expands and bool(_or(settings, "attend_to_expansion_tokens", False)),
        skip=vocabulary.words(tuple(_or(settings, "skiplist_words", PUNCTUATION)), unknown=True),
    )  # fmt: skip


def _sentence_transformers(
    settings: dict[str, Any], modules: list[Module], inner: Path, vocabulary: Vocabulary, recipe: Recipe
) -> MultiVector:
    own = read_json(inner / "sentence_bert_config.json", missing={})
    masks = [module.settings for module in modules if module.kind == "MultiVectorMask"]
    if len(masks) != 1 or modules[-1].kind != "Normalize":
        raise ModelError("modules.json: wanted one MultiVectorMask, and Normalize at the end, as trained models have")
    mask, tasks = masks[0], masks[0].get("skiplist_tasks", ["document"])
    if mask.get("keep_only_token_ids"):
        raise ModelError("MultiVectorMask: keep_only_token_ids is not supported; it is for documents that are images")
    if (similarity := settings.get("similarity_fn_name") or "maxsim") not in _SIMILARITIES:
        raise ModelError(f"{_SETTINGS}: similarity '{similarity}' is not known; known: {', '.join(_SIMILARITIES)}")
    skip = vocabulary.words(tuple(mask.get("skiplist_words") or ()), unknown=False)
    expansion = _expansion(own.get("query_expansion"), own, vocabulary, recipe)
    return MultiVector(
        projections=_projections(modules, recipe.token_dim),
        document_length=_length(own, "document_length", recipe.max_length), marker_mode="text",
        skip=skip if "document" in tasks else (), skip_in_queries="query" in tasks and bool(skip),
        similarity="mean" if similarity == "meanmaxsim" else "sum", **expansion,
    )  # fmt: skip


def _expansion(
    expansion: dict[str, Any] | None, own: dict[str, Any], vocabulary: Vocabulary, recipe: Recipe
) -> dict[str, Any]:
    """The fields of `MultiVector` about queries' lengths."""
    longest = _length(own, "query_length", recipe.max_length)
    if expansion is None:
        return {"query_length": longest}
    if not isinstance(expansion, dict) or expansion.get("strategy") not in ("fixed", "min"):
        raise ModelError(f"sentence_bert_config.json: query_expansion {expansion!r} is not known; known: fixed, min")
    length, strategy = _length(expansion, "length", 32), expansion["strategy"]
    token = expansion.get("token")
    filling = _filling(vocabulary) if token is None else vocabulary.id_of(token)
    if filling is None:
        raise ModelError(f"sentence_bert_config.json: expansion token '{token}' is not in the vocabulary")
    return {
        "query_length": length if strategy == "fixed" else max(length, longest), "expansion": strategy,
        "expansion_length": length, "expansion_token": filling, "attend": bool(expansion.get("attend", False)),
    }  # fmt: skip


def _filling(vocabulary: Vocabulary) -> int:
    """[MASK], or the end token of models without."""
    mask = vocabulary.special("mask_token")
    return vocabulary.need("eos_token", "query expansion") if mask is None else mask


def _projections(modules: list[Module], width: int) -> tuple[Dense, ...]:
    found: list[Dense] = []
    for module in modules:
        if module.kind == "Dense":
            found.append(dense_head(module, width))
            width = found[-1].out_features
    if not found:
        raise ModelError("modules.json: has no Dense, the projection of a ColBERT; give the complete model folder")
    return tuple(found)


def _modules(folder: Path) -> list[Module]:
    entries = read_json(folder / "modules.json")
    try:
        ordered = [(str(e["type"]), str(e["path"])) for e in sorted(entries, key=lambda e: e["idx"])]
    except (TypeError, KeyError) as error:
        raise ModelError("modules.json: wanted a list of modules, each with idx, path and type") from error
    modules = []
    for name, path in ordered:
        kind = name.rsplit(".", 1)[-1]
        if kind not in _SUPPORTED or Path(path).is_absolute() or ".." in Path(path).parts:
            raise ModelError(
                f"modules.json: module '{name}' in '{path}' is not supported here; supported: {', '.join(_SUPPORTED)}"
            )
        settings = {} if kind == "Transformer" else read_json(folder / path / "config.json", missing={})
        modules.append(Module(kind, path, settings))
    return modules


def _or(settings: dict[str, Any], key: str, usual: Any) -> Any:
    found = settings.get(key)
    return usual if found is None else found


def _length(settings: dict[str, Any], key: str, usual: int) -> int:
    found = _or(settings, key, usual)
    if not isinstance(found, int) or isinstance(found, bool) or found < 1:
        raise ModelError(f"{_SETTINGS}: '{key}' is {found!r}, wanted a number of tokens")
    return found
