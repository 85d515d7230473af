"""The model folder with a head in it: weights, ONNX graphs, config.json, training.json and card gain it.

All else is copied.
"""

from __future__ import annotations

import json
import re
from dataclasses import asdict, fields
from pathlib import Path
from textwrap import fill
from typing import Any

import torch

from xret.artifact import atomic_folder
from xret.encoders.checkpoints.made_from import add_chapter, copy_file, write_json
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.distil.config import DistilConfig
from xret.encoders.distil.folders import write_tensors
from xret.encoders.distil.graphs import write_graphs
from xret.encoders.distil.token_head.head import MaxSimHead
from xret.encoders.distil.token_head.options import DATA, HeadConfig
from xret.encoders.distil.token_head.trunk import Trunk
from xret.errors import ModelError

__all__ = ["write_folder"]

_WEIGHTS, _GRAPHS = "model.safetensors", "onnx"
_PREFIX, _TITLE = "token_head.", "Token vectors"


def write_folder(
    out: Path, trunk: Trunk, head: MaxSimHead, options: HeadConfig, data: DistilConfig, *, told: str
) -> None:
    """Make the folder `out`.

    Args:
        out: it must not exist.
        trunk: the model; a head that it has is left out.
        head: trained.
        options: of the head.
        data: the options of its data, as they were given.
        told: what the card says of pairs and accuracy.
    """
    rules = {"size": head.size, "inner": options.inner, "document_tokens": options.document_tokens}
    with atomic_folder(out) as folder:
        for path in sorted(trunk.folder.rglob("*")):
            place = path.relative_to(trunk.folder)
            if path.is_file() and place.parts[0] not in (_WEIGHTS, _GRAPHS):
                copy_file(path, folder / place)
        _write_weights(trunk.folder / _WEIGHTS, folder / _WEIGHTS, head.tensors())
        write_json(folder / "config.json", {**trunk.config, "token_head": {**rules, "fade": options.fade}})
        training = read_json(folder / "training.json", missing={})
        write_json(folder / "training.json", {**training, "token_head": _options(training, options, data)})
        if (trunk.folder / _GRAPHS).is_dir():
            write_graphs(folder)
        _drop_chapter(folder / "README.md")
        add_chapter(folder, _TITLE, _chapter(trunk, options, told, out.name))


def _write_weights(source: Path, target: Path, head: dict[str, torch.Tensor]) -> None:
    """All tensors but those of an older head, and the new one's."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(str(source), framework="pt") as stream:
            names = [name for name in stream.keys() if not name.startswith(_PREFIX)]  # noqa: SIM118  # no mapping
            tensors, noted = {name: stream.get_tensor(name) for name in names}, stream.metadata()
    except (SafetensorError, OSError) as error:
        raise ModelError(f"{source}: cannot be read ({error}); make or fetch it again") from error
    write_tensors(target, {**tensors, **head}, fields=noted)


def _options(training: dict[str, Any], options: HeadConfig, data: DistilConfig) -> dict[str, Any]:
    """Those of the head; and of the data, what training.json does not say already."""
    plain = {item.name: getattr(DistilConfig(), item.name) for item in fields(DistilConfig)}
    asked = asdict(data)
    others = {
        name: asked[name] for name in (*DATA, "seed")
        if json.loads(json.dumps(asked[name])) != training.get(name, json.loads(json.dumps(plain[name])))
    }  # fmt: skip
    return {**asdict(options), **({"data": others} if others else {})}


def _drop_chapter(card: Path) -> None:
    """Remove what the card says of an older head."""
    if card.is_file():
        text = card.read_bytes().decode("utf-8", errors="surrogateescape")
        text = re.sub(rf"\n*^## {_TITLE}\n.*?(?=^## |\Z)", "\n", text, flags=re.DOTALL | re.MULTILINE)
        card.write_bytes(text.encode("utf-8", errors="surrogateescape"))


def _chapter(trunk: Trunk, options: HeadConfig, told: str, name: str) -> str:
    count = f"the first {options.document_tokens}" if options.document_tokens else "all"
    fade = f", fading by 1/sqrt(1 + i/{options.fade:g})" if options.fade else ""
    whole = (
        f"For MaxSim: {options.size} values for a text and each of its tokens; of a document {count} tokens{fade}. "
        f"{told} Sentence vectors are those of the model without it, which was frozen."
    )
    return f"""{fill(whole, 120, break_long_words=False, break_on_hyphens=False)}

    xret models token-head {trunk.folder.name} --config training.json --pairs PAIRS.parquet -o {name}
"""
