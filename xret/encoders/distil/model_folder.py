"""The finished model folder: weights, tokeniser, configuration, languages and a card."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_folder
from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.dev import dev_accuracy
from xret.encoders.distil.static import StaticStudent

__all__ = ["write_model"]


def write_model(
    student: StaticStudent, data: TrainingData, config: DistilConfig, *, tokenizer: Path, out: Path, pairs: pa.Table
) -> tuple[float, float]:
    """Write the model folder `out`; gives (dev accuracy of the saved model, mean cosine to the float32 student)."""
    with atomic_folder(out) as folder:
        student.save(folder)
        shutil.copyfile(tokenizer, folder / "tokenizer.json")
        _write_json(folder / "config.json", _configuration(student, config))
        _write_json(
            folder / "languages.json", {"main": sorted({*config.languages, "en"}), "others": _others(pairs, config)}
        )
        _write_json(folder / "training.json", asdict(config))
        accuracy, drift = _measure(folder, student, data, config)
        (folder / "README.md").write_text(_card(config, pairs, accuracy=accuracy, drift=drift), encoding="utf-8")
    return accuracy, drift


def _write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _configuration(student: StaticStudent, config: DistilConfig) -> dict[str, object]:
    return {
        "model_type": "xret-static",
        "name": config.name,
        "version": config.version,
        "license": config.licence,
        "vocab_size": len(student.table),
        "hidden_size": student.table.shape[1],
        "output_size": len(student.projection),
        "pad_token_id": 0,
        "position_decay": config.position_decay,
        "max_length": config.max_length,
    }


def _others(pairs: pa.Table, config: DistilConfig) -> list[str]:
    return sorted(set(pc.unique(pairs["lang"]).to_pylist()) - {*config.languages, "en"})


def _measure(folder: Path, student: StaticStudent, data: TrainingData, config: DistilConfig) -> tuple[float, float]:
    """(accuracy, drift) of the saved model, read back from disk."""
    import torch
    from safetensors.torch import load_file

    rows = np.arange(len(data.dev_langs))
    if not len(rows):
        return float("nan"), float("nan")
    tensors = load_file(str(folder / "model.safetensors"))
    saved = StaticStudent(np.ones(1), hidden_size=1, output_size=1, seed=0, position_decay=config.position_decay)
    saved.table = tensors["embedding.weight"].float() * tensors["embedding.scale"][:, None]
    saved.log_weight = torch.zeros(len(saved.table), 1)
    saved.projection = tensors["projection.weight"]
    before, after = (one.encode_rows(data.dev_texts, rows, limit=config.max_tokens) for one in (student, saved))
    return dev_accuracy(saved, data, limit=config.max_tokens), float((before * after).sum(1).mean())


def _card(config: DistilConfig, pairs: pa.Table, *, accuracy: float, drift: float) -> str:
    sources = Counter(dict(zip(*_counts(pairs["source"]), strict=True))).most_common()
    languages = Counter(dict(zip(*_counts(pairs["lang"]), strict=True))).most_common()
    return f"""# {config.name} {config.version}

A static multilingual sentence encoder: {config.vocab_size:,} subword vectors of {config.hidden_size} numbers, summed
with learned weights and projected into the space of `{config.teacher}`. Trained by regression to that teacher and
in-batch contrast on {pairs.num_rows:,} sentence pairs. Licence: {config.licence}.

Held-out pairs whose translation is the nearest among those of all languages, mean over languages and both
directions: {100 * accuracy:.1f} %.
Mean cosine of the int8 model to the float32 student: {drift:.5f}.

## Languages

{len(languages)} besides English. Trained in earnest: {", ".join(sorted(config.languages)) or "all"}.

## Training pairs by source

| source | pairs |
|---|---|
{chr(10).join(f"| {name} | {count:,} |" for name, count in sources)}

## Make it again

`training.json` holds every option:

    xret models distil --config training.json --pairs PAIRS.parquet -o {config.name}
"""


def _counts(column: pa.ChunkedArray) -> tuple[list[str], list[int]]:
    counts = pc.value_counts(column)
    return counts.field("values").to_pylist(), counts.field("counts").to_pylist()
