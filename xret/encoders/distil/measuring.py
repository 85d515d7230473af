"""What a saved student is worth, and how far its int8 form is from the student that was trained."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import torch

from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.dev import accuracy_of, dev_accuracy
from xret.encoders.distil.starts import start_from
from xret.encoders.distil.static import StaticStudent
from xret.encoders.distil.student import Student, encode_rows

__all__ = ["Measured", "measure_graph", "measure_table"]


class Measured(NamedTuple):
    """Both NaN where nothing is held out."""

    accuracy: float  # see `dev_accuracy`, of the saved model
    drift: float  # mean cosine of the int8 model's vectors to those of the float32 student


def measure_table(folder: Path, student: Student, data: TrainingData, config: DistilConfig, dev: pa.Table) -> Measured:
    """Of a static model, read back from disk: its table is int8 always."""
    rows = np.arange(len(data.dev_langs))
    if not len(rows):
        return Measured(float("nan"), float("nan"))
    start = start_from(folder)
    decay = int(start.config["position_decay"])
    saved = StaticStudent(start, position_decay=decay, learning_rate=0.0, device=torch.device("cpu"))
    before, after = (encode_rows(one, data.dev_texts, rows, limit=config.max_tokens) for one in (student, saved))
    return Measured(dev_accuracy(saved, data, limit=config.max_tokens), float((before * after).sum(1).mean()))


def measure_graph(folder: Path, student: Student, data: TrainingData, config: DistilConfig, dev: pa.Table) -> Measured:
    """Of a hybrid or transformer, by xret's own graphs of it: accuracy in float32, drift in int8."""
    from xret.encoders.load import load_encoder

    if not dev.num_rows:
        return Measured(float("nan"), float("nan"))
    texts, english = dev["text"].to_pylist(), dev["en"].to_pylist()
    plain = load_encoder(folder, device="cpu")
    langs, theirs = data.dev_langs, ["en"] * len(english)
    accuracy = accuracy_of(plain.encode(texts, lang=langs), plain.encode(english, lang=theirs), data)
    rows = np.arange(len(texts))
    before = encode_rows(student, data.dev_texts, rows, limit=config.max_tokens)
    after = load_encoder(f"{folder}:int8", device="cpu").encode(texts, lang=langs)
    return Measured(accuracy, float((before * after).sum(1).mean()))
