"""Reads the modules of a sentence-transformers folder: modules.json, pooling and dense heads.

Layout: https://sbert.net/docs, both with the old names (``sentence_transformers.models.Pooling``, six
``pooling_mode_*`` booleans) and with those of 6.x (``…modules.pooling.Pooling``, one ``pooling_mode``).
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.encoders.recipe import Dense
from xret.errors import ModelError

__all__ = [
    "POOLINGS",
    "Module",
    "dense_head",
    "pooling_modes",
    "read_json",
    "read_modules",
    "text_settings",
]

_POOLINGS = {  # old boolean -> mode; combined modes are concatenated in this order
    "pooling_mode_cls_token": "cls",
    "pooling_mode_max_tokens": "max",
    "pooling_mode_mean_tokens": "mean",
    "pooling_mode_mean_sqrt_len_tokens": "mean_sqrt_len_tokens",
    "pooling_mode_weightedmean_tokens": "weightedmean",
    "pooling_mode_lasttoken": "lasttoken",
}
_ACTIVATIONS = {
    "torch.nn.modules.linear.Identity": "identity",
    "torch.nn.modules.activation.Tanh": "tanh",
    "torch.nn.modules.activation.ReLU": "relu",
    "torch.nn.modules.activation.Sigmoid": "sigmoid",
    "torch.nn.modules.activation.GELU": "gelu",
}
POOLINGS = tuple(_POOLINGS.values())
_WIDEST = 1_000_000  # values of a vector
_SUPPORTED = ("Transformer", "Pooling", "Dense", "Normalize", "Dropout")
_LENGTH_FILES = ("bert", "roberta", "distilbert", "camembert", "albert", "xlm-roberta", "xlnet")


@dataclass(frozen=True)
class Module:
    """One entry of modules.json with its config.json."""

    kind: str  # "Pooling", "Dense", …
    path: str  # sub-folder, "" for the checkpoint's own
    settings: dict[str, Any]


def read_json(path: Path, *, missing: Any = None) -> Any:
    """The content of a JSON file, or `missing` where there is none.

    Raises:
        ModelError: broken JSON.
    """
    if not path.is_file():
        return missing
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{path}: broken JSON ({error}); fetch the file again") from error


def read_modules(folder: Path) -> list[Module]:
    """The modules in order, a Transformer first; a bare Hugging Face folder is a Transformer and mean pooling.

    Raises:
        ModelError: no folder, a malformed modules.json, or a module of an unknown type.
    """
    if not folder.is_dir():
        raise ModelError(f"{folder}: no such model folder")
    entries = read_json(folder / "modules.json")
    if entries is None:
        return [Module("Transformer", "", {}), Module("Pooling", "", {"pooling_mode": "mean"})]
    try:
        modules = [_module(folder, str(e["type"]), str(e["path"])) for e in sorted(entries, key=lambda e: e["idx"])]
    except (TypeError, KeyError) as error:
        raise ModelError("modules.json: wanted a list of modules, each with idx, path and type") from error
    kinds = [module.kind for module in modules]
    if kinds[:1] != ["Transformer"] or kinds.count("Transformer") > 1 or kinds.count("Pooling") > 1:
        raise ModelError(f"modules.json holds {', '.join(kinds)}; wanted Transformer, Pooling, then any heads")
    return modules


def _module(folder: Path, kind: str, path: str) -> Module:
    name = kind.rsplit(".", 1)[-1]
    if not kind.startswith("sentence_transformers.") or name not in _SUPPORTED:
        raise ModelError(f"modules.json: module type '{kind}' is not supported; supported: {', '.join(_SUPPORTED)}")
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ModelError(f"modules.json: path '{path}' leads out of the folder")
    settings = {} if name == "Transformer" else read_json(folder / path / "config.json", missing={})
    if not isinstance(settings, dict):
        raise ModelError(f"{path}/config.json: wanted a JSON object; fetch the file again")
    for key in ("module_input_name", "module_output_name"):
        if (found := settings.get(key) or "sentence_embedding") != "sentence_embedding":
            raise ModelError(f"{path}/config.json: {key} '{found}' is not supported; supported: sentence_embedding")
    return Module(name, path, settings)


def pooling_modes(module: Module) -> tuple[str, ...]:
    """The pooling modes, in the order in which their results are concatenated.

    Raises:
        ModelError: an unknown mode.
    """
    settings = module.settings
    wanted = settings.get("pooling_mode")
    if wanted is None:
        unknown = [k for k, on in settings.items() if k.startswith("pooling_mode_") and on and k not in _POOLINGS]
        wanted = unknown or [mode for key, mode in _POOLINGS.items() if settings.get(key)] or ["mean"]
    modes = (wanted,) if isinstance(wanted, str) else tuple(wanted)
    for mode in modes:
        if mode not in POOLINGS:
            raise ModelError(f"{module.path}/config.json: pooling '{mode}' is not known; known: {', '.join(POOLINGS)}")
    return modes


def dense_head(module: Module, width: int) -> Dense:
    """A dense head that takes vectors of `width`.

    Raises:
        ModelError: its input width differs, or its activation is not known.
    """
    settings = module.settings
    activation = settings.get("activation_function") or "torch.nn.modules.activation.Tanh"
    if not isinstance(activation, str) or activation not in _ACTIVATIONS:
        raise ModelError(
            f"{module.path}/config.json: activation '{activation}' is not known; known: {', '.join(_ACTIVATIONS)}"
        )
    found, out = settings.get("in_features"), settings.get("out_features")
    if found != width or type(out) is not int or not 1 <= out <= _WIDEST:
        raise ModelError(
            f"{module.path}/config.json: maps {found} to {out} features; the vectors before it have {width}"
        )
    return Dense(
        folder=module.path,
        in_features=width,
        out_features=out,
        bias=bool(settings.get("bias", True)),
        activation=_ACTIVATIONS[activation],
        residual=bool(settings.get("use_residual", False)),
    )


def text_settings(folder: Path, inner: Path) -> dict[str, Any]:
    """What ``sentence_bert_config.json`` (or one of six older names) says about reading texts.

    Args:
        folder: of the checkpoint.
        inner: of its transformer.

    Returns:
        ``max_seq_length`` and ``do_lower_case`` among others; {} where there is no such file.

    Raises:
        ModelError: the model is not one of texts to hidden states, or reads texts in a way that is not supported.
    """
    for place in dict.fromkeys((inner, folder)):
        for kind in _LENGTH_FILES:
            name = f"sentence_{kind}_config.json"
            settings = read_json(place / name)
            if isinstance(settings, dict) and settings:
                _check_text(name, settings)
                return {**settings, **_lengths(settings)}
    return {}


def _check_text(name: str, settings: dict[str, Any]) -> None:
    """Refuse what 6.x can say beyond hidden states of texts (ModelError)."""
    outputs = {task: "last_hidden_state" for task in ("feature-extraction", "fill-mask")}
    outputs["sequence-classification"] = "logits"  # of cross-encoders
    if (task := settings.get("transformer_task", "feature-extraction")) not in outputs:
        raise ModelError(f"{name}: transformer_task '{task}' is not supported; supported: {', '.join(outputs)}")
    text = settings.get("modality_config", {}).get("text")
    if "modality_config" in settings and not isinstance(text, dict):
        raise ModelError(f"{name}: the model does not read text (modality_config)")
    found = (text or {}).get("method", "forward"), (text or {}).get("method_output_name", outputs[task])
    if found != ("forward", outputs[task]):
        raise ModelError(f"{name}: modality_config takes '{found[1]}' of '{found[0]}'; supported: {outputs[task]}")
    special = _call_settings(settings).get("add_special_tokens", True)
    if not special:
        raise ModelError(f"{name}: processing_kwargs with add_special_tokens=false is not supported")


def _call_settings(settings: dict[str, Any]) -> dict[str, Any]:
    given = settings.get("processing_kwargs") or {}
    return {**(given.get("common") or {}), **(given.get("text") or {})}


def _lengths(settings: dict[str, Any]) -> dict[str, Any]:
    """The length that 6.x may also keep among the arguments of its tokeniser, or of its call."""
    made = settings.get("processor_kwargs") or settings.get("tokenizer_args") or {}
    values = settings.get("max_seq_length"), made.get("model_max_length"), _call_settings(settings).get("max_length")
    known = [value for value in values if isinstance(value, int)]
    return {"max_seq_length": known[-1]} if known else {}
