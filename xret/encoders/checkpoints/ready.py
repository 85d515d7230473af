"""Ready folders: an encoder as finished graphs, a tokeniser and ``recipe.json``, without weights or a config.

``recipe.json`` holds the encoder's hash, its recipe, the precision of the graphs, which graph gives which outputs, the
SHA-256 of every file in the folder and of the checkpoint's files, and the versions it was made with. The folder gives
the vectors of the checkpoint it was made from, and has its hash.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from xret.artifact import digest, file_hash
from xret.encoders.builders import family_of
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.plain import from_plain
from xret.encoders.graphs.torch_export import exported_family
from xret.encoders.names import NamedPrecision
from xret.encoders.recipe import Recipe
from xret.errors import ModelError

__all__ = ["FORMAT", "RECIPE_FILE", "Ready", "ReadyGraph", "seal"]

RECIPE_FILE = "recipe.json"
FORMAT = 1  # of recipe.json; raised when older versions of xret would read it wrong
_KIND = "encoder"


@dataclass(frozen=True, kw_only=True)
class ReadyGraph:
    """One graph of a ready folder."""

    file: str
    outputs: tuple[str, ...]
    task: str | None = None


class Ready(Checkpoint):
    """A ready folder that has been looked at.

    Attributes:
        precision: of its graphs.
        graphs: what is there.
        told: languages, licence and quality, as its checkpoint told them.
    """

    @staticmethod
    def at(folder: Path) -> bool:
        """Whether a folder is a ready one, of any format."""
        fields = read_json(folder / RECIPE_FILE)
        return isinstance(fields, dict) and fields.get("kind") == _KIND

    def __init__(self, folder: Path) -> None:
        """Read ``recipe.json``; the files are checked when the encoder is loaded.

        Raises:
            ModelError: it is of a newer format, damaged, or was changed by hand.
        """
        fields: dict[str, Any] = read_json(folder / RECIPE_FILE)
        if not isinstance(found := fields.get("format"), int) or found > FORMAT:
            raise ModelError(
                f"{RECIPE_FILE} has format {found!r}, this xret reads up to {FORMAT}; install a newer xret"
            )
        if seal(fields) != fields.get("seal"):
            raise ModelError(f"{RECIPE_FILE} was changed after it was written; export the model again")
        try:
            self.recipe = Recipe.from_fields(fields["recipe"])
            self.graphs = tuple(from_plain(ReadyGraph, graph) for graph in fields["graphs"])
            self.config, self.precision = dict(fields["config"]), fields["precision"]
            self._hash, self._files = str(fields["hash"]), dict(fields["files"])
            self.sources, self.told = dict(fields["sources"]), dict(fields["told"])
        except (KeyError, ValueError, TypeError) as error:
            raise ModelError(f"{RECIPE_FILE} is malformed ({error}); export the model again") from error
        self.folder = self.inner = folder
        self.family = exported_family(folder) if fields.get("torch") else family_of(self.config)

    @cached_property
    def tokenizer(self) -> Path:
        """Its tokenizer.json."""
        return self.folder / "tokenizer.json"

    def files(self) -> dict[str, Path]:
        """All its files but recipe.json.

        Raises:
            ModelError: one is missing.
        """
        paths = {name: self.folder / name for name in self._files}
        for path in paths.values():
            if not path.is_file():
                raise ModelError(f"{path}: is missing; copy the whole folder, or export the model again")
        return paths

    def identity(self, precision: NamedPrecision) -> str:
        """As `Checkpoint.identity`; checks every file against ``recipe.json``.

        Raises:
            ModelError: a file is missing or damaged, or the graphs are of another precision.
        """
        if precision != self.precision and (self.precision, precision) != ("fp32", "bf16"):
            raise ModelError(
                f"{self.folder}: holds {self.precision} graphs, asked for {precision}; "
                f"leave out ':{precision}', or export the model as that"
            )
        for name, path in self.files().items():
            if file_hash(path) != self._files[name]:
                raise ModelError(f"{path}: is damaged (its SHA-256 is not the one in {RECIPE_FILE}); copy it again")
        return self._hash

    def graph(self, outputs: tuple[str, ...], task: str | None) -> Path:
        """The file of the graph that gives some outputs for a task.

        Raises:
            ModelError: there is none.
        """
        for graph in self.graphs:
            if set(outputs) <= set(graph.outputs) and graph.task == task:
                return self.folder / graph.file
        raise ModelError(f"{self.folder}: holds no graph for {', '.join(outputs)}; export the model again")


def seal(fields: dict[str, Any]) -> str:
    """Digest over the content of a ``recipe.json`` but for the seal itself."""
    return digest("ready", {name: value for name, value in fields.items() if name != "seal"})
