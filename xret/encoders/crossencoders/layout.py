"""Recognises cross-encoders, in Hugging Face layout or sentence-transformers' old and new ones, and derives the recipe.

What follows the encoder is that of transformers' ``…ForSequenceClassification``, by family.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from xret.encoders.checkpoints.modules import Module, read_json
from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.recipe import Dense, Recipe, Scores
from xret.errors import ModelError

__all__ = ["has_head", "is_cross_encoder", "with_head", "with_scores"]

_SETTINGS = "config_sentence_transformers.json"
_ROBERTAS = ("roberta", "xlm-roberta", "camembert", "xmod", "mpnet")
_ACTIVATIONS = {"Identity": "identity", "Sigmoid": "sigmoid", "Tanh": "tanh", "ReLU": "relu", "GELU": "gelu"}
_LAST = {f"{name}.{part}" for name in ("classifier", "classifier.out_proj") for part in ("weight", "bias")}
_NO_TYPES = ("roberta", "camembert", "distilbert", "mpnet")  # in names of tokenisers that do not tell texts apart


def is_cross_encoder(folder: Path, config: dict[str, Any], modules: Sequence[Module]) -> bool:
    """Whether a checkpoint is one: it says so, or is a classifier of one label that nobody made an encoder of."""
    settings = read_json(folder / _SETTINGS, missing={})
    if isinstance(settings, dict) and settings.get("model_type") == "CrossEncoder":
        return True
    pools = any(module.kind == "Pooling" and module.path for module in modules)
    named = any(str(name).endswith("ForSequenceClassification") for name in config.get("architectures") or ())
    return named and not pools and labels(config) == 1


def labels(config: dict[str, Any]) -> int:
    """How many values a classifier gives, as transformers counts them."""
    names = config.get("id2label")
    return len(names) if isinstance(names, dict) else int(config.get("num_labels") or 2)


def has_head(names: Iterable[str]) -> bool:
    """Whether tensors hold the last layer of a head for scores, as transformers calls it."""
    return not _LAST.isdisjoint(names)


def with_head(
    inner: Path, config: dict[str, Any], recipe: Recipe, weights: Weights, tensors: Sequence[str], *,
    activation: str = "identity", pooler: bool = False, score: str = "Identity",
) -> Recipe:  # fmt: skip
    """The recipe of a cross-encoder whose head is a row of linear layers over the first token (adapters' library).

    Args:
        inner: the folder of its transformer.
        config: the content of config.json.
        recipe: of the encoder below.
        weights: hold the layers.
        tensors: names of the layers.
        activation: between them, as transformers calls it.
        pooler: whether the encoder's pooler comes first.
        score: what the score goes through.

    Raises:
        ModelError: a layer of another size, an unknown activation, or no pooler.
    """
    if activation not in _ACTIVATIONS.values():
        raise ModelError(f"the activation '{activation}' of the head is not known; known: {', '.join(_ACTIVATIONS)}")
    layers = [_pooler(weights, recipe.token_dim)] if pooler else []
    layers += [_layer(weights, name, recipe.token_dim, activation, out=recipe.token_dim) for name in tensors[:-1]]
    layers.append(_layer(weights, tensors[-1], recipe.token_dim, _activation(inner, config, score), out=1))
    scores = Scores(layers=tuple(layers), token_types=_token_types(inner, config))
    return replace(recipe, pooling=(), heads=(), dim=0, prompts=(), default_prompt="", scores=scores)


def with_scores(
    folder: Path, inner: Path, config: dict[str, Any], recipe: Recipe, *, weights: Weights | None = None,
    score: str | None = None,
) -> Recipe:  # fmt: skip
    """The recipe of a cross-encoder.

    Args:
        folder: of the checkpoint.
        inner: of its transformer.
        config: the content of config.json.
        recipe: of the encoder below.
        weights: its tensors; None for those of `inner`.
        score: what the score goes through; None for what the folder says.

    Raises:
        ModelError: more labels than one, a head that this family does not have, or an unknown activation.
    """
    if (count := labels(config)) != 1:
        raise ModelError(f"config.json: the classifier gives {count} values a pair, wanted one score")
    weights = weights or Weights(weight_files(inner))
    layers, norm = _layers(config, weights, recipe.token_dim)
    layers = (*layers[:-1], replace(layers[-1], activation=_activation(folder, config, score)))
    pooling = str(config.get("classifier_pooling", "cls")) if recipe.family == "modernbert" else "cls"
    scores = Scores(
        layers=layers, pooling=pooling, token_types=_token_types(inner, config), norm=norm,
        epsilon=float(config.get("norm_eps", 1e-5)) if norm else 0.0,
    )  # fmt: skip
    return replace(recipe, pooling=(), heads=(), dim=0, prompts=(), default_prompt="", scores=scores)


def _layers(config: dict[str, Any], weights: Weights, width: int) -> tuple[tuple[Dense, ...], str]:
    """The layers up to the score, and the name of the norm before the last."""
    kind = config["model_type"]
    if kind in _ROBERTAS:
        return (_layer(weights, "classifier.dense", width, "tanh"), _layer(weights, "classifier.out_proj", width)), ""
    if kind == "distilbert":
        return (_layer(weights, "pre_classifier", width, "relu"), _layer(weights, "classifier", width)), ""
    if kind == "bert":
        return (_pooler(weights, width), _layer(weights, "classifier", width)), ""
    if kind == "modernbert":
        activation = str(config.get("classifier_activation", "gelu"))
        return (_layer(weights, "head.dense", width, activation), _layer(weights, "classifier", width)), "head.norm"
    raise ModelError(f"cross-encoders of model_type '{kind}' are not supported; supported: {', '.join(_KNOWN)}")


_KNOWN = sorted(("bert", "distilbert", "modernbert", *_ROBERTAS))


def _pooler(weights: Weights, width: int) -> Dense:
    """BERT's layer over the first token, by the names it has in its files and without."""
    prefixes = ("bert.", "roberta.", "xlm_roberta.", "")
    name = next((name for each in prefixes if f"{(name := f'{each}pooler.dense')}.weight" in weights), "")
    if not name:
        raise ModelError(f"{weights.source}: has no 'bert.pooler.dense.weight', which a BERT classifier needs")
    return _layer(weights, name, width, "tanh", out=width)


def _layer(weights: Weights, name: str, width: int, activation: str = "identity", *, out: int | None = None) -> Dense:
    matrix = weights.raw(f"{name}.weight")
    out = out or (1 if name in ("classifier", "classifier.out_proj") else width)
    if matrix.shape != (out, width):
        raise ModelError(
            f"{weights.origin(f'{name}.weight')}: tensor '{name}.weight' is {matrix.shape}, wanted {(out, width)}"
        )
    return Dense(
        folder="", in_features=width, out_features=out, bias=f"{name}.bias" in weights, activation=activation,
        tensor=name,
    )  # fmt: skip


def _activation(folder: Path, config: dict[str, Any], score: str | None) -> str:
    """What the score goes through: as said, or saved, by the newest name it is saved under, else the logistic one."""
    if score is not None:
        if score not in _ACTIVATIONS:
            raise ModelError(f"the activation '{score}' of the score is not known; known: {', '.join(_ACTIVATIONS)}")
        return _ACTIVATIONS[score]
    new = read_json(folder / _SETTINGS, missing={}).get("activation_fn")
    own = config.get("sentence_transformers")
    inside = own.get("activation_fn") if isinstance(own, dict) else None
    name = new or inside or config.get("sbert_ce_default_activation_function") or "torch.nn.Sigmoid"
    found = _ACTIVATIONS.get(str(name).rpartition(".")[2]) if str(name).startswith("torch.") else None
    if found is None:
        raise ModelError(f"the activation '{name}' of the score is not known; known: {', '.join(_ACTIVATIONS)}")
    return found


def _token_types(inner: Path, config: dict[str, Any]) -> bool:
    """Whether the model is told which text a token is of, as its tokeniser in transformers does."""
    settings = read_json(inner / "tokenizer_config.json", missing={})
    named = settings.get("model_input_names")
    if config["model_type"] != "bert" or int(config.get("type_vocab_size", 2)) < 2:
        return False
    if isinstance(named, list):
        return "token_type_ids" in named
    return not any(kind in str(settings.get("tokenizer_class", "")).lower() for kind in _NO_TYPES)
