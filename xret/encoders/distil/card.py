"""The card of a student: what it is, what it was trained on, how good it is, how to make it again."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from textwrap import fill

import pyarrow as pa
import pyarrow.compute as pc

from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.measuring import Measured

__all__ = ["write_card"]


def write_card(
    folder: Path, config: DistilConfig, pairs: pa.Table, measured: Measured, *, held_out: int, graphs: tuple[str, ...]
) -> None:
    """Write README.md into a model folder.

    Args:
        folder: it holds config.json already.
        config: the options.
        pairs: trained on.
        measured: of the model, on `held_out` pairs.
        held_out: how many; 0 for none.
        graphs: precisions of the ONNX graphs beside the weights.
    """
    settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sources = Counter(dict(zip(*_counts(pairs["source"]), strict=True))).most_common()
    languages = len(pc.unique(pairs["lang"]))
    told = (
        f"{_kind(config, settings)} in the space of `{config.teacher}`. Trained by {_objectives(config)} on "
        f"{pairs.num_rows:,} sentence pairs. Licence: {config.licence}."
    )
    text = f"""# {config.name} {config.version}

{fill(told, 120, break_long_words=False, break_on_hyphens=False)}
{_beginning(config)}
{_measured(measured, held_out)}{_graphs(graphs)}
## Languages

{languages} besides English. Trained in earnest: {", ".join(sorted(config.languages)) or "all"}.

## Training pairs by source

| source | pairs |
|---|---|
{chr(10).join(f"| {name} | {count:,} |" for name, count in sources)}

## Make it again

`training.json` holds every option:

    xret models distil --config training.json --pairs PAIRS.parquet -o {config.name}
"""
    (folder / "README.md").write_text(text, encoding="utf-8")


def _kind(config: DistilConfig, settings: dict[str, int]) -> str:
    if config.student == "transformer":
        return (
            f"A multilingual sentence encoder: a transformer ({settings['model_type']}) of "
            f"{settings.get('num_hidden_layers', 'several')} layers and width {settings.get('hidden_size', 'unknown')}"
        )
    tables = f"{settings['vocab_size']:,} subword vectors of {settings['hidden_size']} numbers"
    if config.student == "hybrid":
        layers = settings["num_hidden_layers"]
        return (
            f"A hybrid multilingual sentence encoder: {tables}, corrected and weighed by "
            f"{layers} layer{'s' * (layers > 1)} of attention, summed and projected,"
        )
    return f"A static multilingual sentence encoder: {tables}, summed with learned weights and projected,"


def _objectives(config: DistilConfig) -> str:
    margin = f" with a margin of {config.margin:g}" if config.margin else ""
    nested = f", also of the first {', '.join(map(str, sorted(config.dims)))} values" if config.dims else ""
    parts = [
        "regression to that teacher" if config.teacher_weight else "",
        f"in-batch contrast{margin}{nested}" if config.contrast_weight else "",
        "telling passages by their questions" if config.questions else "",
        "guessing hidden tokens" if config.masked_weight else "",
    ]
    return " and ".join(part for part in parts if part)


def _measured(measured: Measured, held_out: int) -> str:
    if not held_out:
        return "Not measured: too few pairs to hold any out.\n"
    return f"""Held-out pairs ({held_out:,}) whose translation is the nearest among those of all languages, mean over
languages and both directions: {100 * measured.accuracy:.1f} %.
Mean cosine of the int8 model to the float32 student: {measured.drift:.5f}.
"""


def _beginning(config: DistilConfig) -> str:
    begun = f"Begun from `{config.init}`.\n" if config.init else ""
    roman = f"Texts are romanised first ({', '.join(config.romanise)}).\n" if config.romanise else ""
    return begun + roman


def _graphs(graphs: tuple[str, ...]) -> str:
    return f"ONNX graphs: {', '.join(f'`onnx/{name}/model.onnx`' for name in graphs)}.\n" if graphs else ""


def _counts(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    counts = pc.value_counts(column)
    return counts.field("values").to_pylist(), counts.field("counts").to_pylist()
