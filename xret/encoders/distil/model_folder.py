"""The finished model folder: weights, tokeniser, configuration, languages, graphs and a card."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_folder
from xret.encoders.checkpoints.made_from import write_json
from xret.encoders.distil.batches import TrainingData
from xret.encoders.distil.card import write_card
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.graphs import write_graphs
from xret.encoders.distil.measuring import Measured, measure_graph, measure_table
from xret.encoders.distil.student import Student

__all__ = ["write_model"]


def write_model(
    student: Student,
    data: TrainingData,
    config: DistilConfig,
    *,
    tokenizer: Path,
    out: Path,
    pairs: pa.Table,
    dev: pa.Table,
) -> Measured:
    """Write the model folder `out`, and measure what it holds.

    Args:
        student: trained.
        data: what it was trained on.
        config: the options.
        tokenizer: its tokenizer.json.
        out: the folder to make.
        pairs: trained on.
        dev: held out.
    """
    with atomic_folder(out) as folder:
        student.save(folder, config, tokenizer=tokenizer)
        if config.romanise:
            settings = json.loads((folder / "config.json").read_text(encoding="utf-8"))
            write_json(folder / "config.json", {**settings, "romanise": list(config.romanise)})
        write_json(folder / "languages.json", _languages(pairs, config))
        write_json(folder / "training.json", asdict(config))
        graphs = write_graphs(folder) if config.graphs else ()
        measure = measure_table if config.student == "static" else measure_graph
        measured = measure(folder, student, data, config, dev)
        if dev.num_rows:
            write_json(folder / "quality.json", _quality(measured, dev.num_rows))
        write_card(folder, config, pairs, measured, held_out=dev.num_rows, graphs=graphs)
    return measured


def _languages(pairs: pa.Table, config: DistilConfig) -> dict[str, list[str]]:
    """Those trained in earnest, and the others; where none are named, all are."""
    known = {*pc.unique(pairs["lang"]).to_pylist(), "en"}
    main = {*config.languages, "en"} if config.languages else known
    return {"main": sorted(main), "others": sorted(known - main)}


def _quality(measured: Measured, held_out: int) -> dict[str, float]:
    """What `xret models info` shows."""
    return {
        f"accuracy on {held_out:,} held-out pairs": round(100 * measured.accuracy, 1),
        "int8 drift (cosine)": round(measured.drift, 5),
    }
