"""One LASER model as a checkpoint, whose recipe and config come from its ``.pt``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from xret.encoders.builders import family_of
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.laser.layout import LaserFiles
from xret.encoders.laser.settings import read_settings
from xret.encoders.recipe import Recipe

__all__ = ["PIECES", "LaserCheckpoint"]

PIECES = "laser.spm"  # what the SentencePiece model is called in a ready folder


class LaserCheckpoint(Checkpoint):
    """A LASER model that has been looked at; its config holds its word list too, since no other file does."""

    def __init__(self, files: LaserFiles) -> None:
        """Read all but the weights.

        Raises:
            ModelError: not a LASER checkpoint, or its word list does not fit.
        """
        self._laser, settings = files, read_settings(files)
        self.folder = self.inner = files.weights.parent
        self.config = {**settings.config, "words": dict(settings.words), "prepend": settings.prepend}
        self.family = family_of(self.config)
        width, whose = self.family.width(self.config), files.weights.name
        self.sources = {part: whose for part in ("pooling", "max_length", "dim")}
        self.recipe = Recipe(
            family=self.config["model_type"], pooling=(settings.pooling,), heads=(), token_dim=width, dim=width,
            max_length=self.family.positions(self.config),
        )  # fmt: skip

    def files(self) -> dict[str, Path]:
        """The weights, the pieces and the word list."""
        laser = self._laser
        return {path.name: path for path in (laser.weights, laser.pieces, laser.vocabulary) if path}

    def weights(self, task: str | None = None) -> list[Path]:
        """The file with the encoder's tensors."""
        return [self._laser.weights]

    def reader_files(self) -> dict[str, Path]:
        """The pieces; the words are in the config."""
        return {PIECES: self._laser.pieces}

    @property
    def told(self) -> dict[str, Any]:
        """What the folder tells people: the language."""
        language = [] if self._laser.code == "laser2" else [self._laser.code]
        return {"licence": None, "languages": language, "more_languages": [], "quality": {}}
