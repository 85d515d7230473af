"""Which files of a model on a hub are needed: its settings, and its weights once; no copies for other programs."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath

__all__ = ["Repository", "is_shard"]

_SETTINGS = re.compile(
    r".*\.json|README\.md|artifact\.metadata|(.*/)?(vocab\.txt|merges\.txt|[^/]*\.model|[^/]*_linear\.(pt|safetensors)|map\.safetensors)"
)
_COPIES = ("onnx", "openvino", "coreml", "tflite", "flax", "1_SpladePooling", "assets", "images", "runs")
_SHARD = re.compile(r"(model|pytorch_model)-\d+-of-\d+\.(safetensors|bin)")


@dataclass(frozen=True)
class Repository:
    """A model on the hub."""

    name: str
    commit: str
    sizes: dict[str, int]  # of its files, by path

    def settings(self) -> list[str]:
        """The small files: all that say how the model is made and read."""
        return [
            name
            for name in self.sizes
            if _SETTINGS.fullmatch(name) and PurePosixPath(name).parts[0] not in _COPIES and not name.startswith(".")
        ]

    def weights(self, folder: str) -> list[str]:
        """The files with the weights of one module, safetensors if there are any."""
        place = PurePosixPath(folder)
        for stem, end in (("model", "safetensors"), ("pytorch_model", "bin")):
            if (single := (place / f"{stem}.{end}").as_posix()) in self.sizes:
                return [single]
            shards = [
                name
                for name in self.sizes
                if PurePosixPath(name).parent == place
                and (found := _SHARD.fullmatch(PurePosixPath(name).name))
                and found.group(1, 2) == (stem, end)
            ]
            if shards:
                return sorted(shards)
        return []


def is_shard(path: str) -> bool:
    """Whether a file holds a part of a module's weights."""
    return bool(_SHARD.fullmatch(PurePosixPath(path).name))
