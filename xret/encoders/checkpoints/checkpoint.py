"""Derives the recipe of a model folder from its own files, and lists the files its vectors depend on."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import Any

from xret.artifact import digest, file_hash
from xret.encoders.checkpoints.derive import derive_recipe
from xret.encoders.checkpoints.evidence import Evidence, tokenizer_settings
from xret.encoders.checkpoints.faults import readable
from xret.encoders.checkpoints.model_readme import front_matter
from xret.encoders.checkpoints.modules import read_json, read_modules
from xret.encoders.checkpoints.saved_map import MAP_TENSORS, with_map
from xret.encoders.checkpoints.stated import Stated
from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.crossencoders.layout import is_cross_encoder, with_scores
from xret.encoders.multivector import Layout, find_layout, whose_lengths, with_token_vectors
from xret.encoders.names import NamedPrecision
from xret.encoders.reading.tokenizer_files import tokenizer_sources
from xret.encoders.recipe import Dense
from xret.errors import ModelError

__all__ = ["Checkpoint", "open_checkpoint"]

_ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")  # PEFT's


class Checkpoint:
    """A model folder that has been looked at.

    Attributes:
        folder: where it is.
        inner: where its transformer is: the same folder, or one inside.
        config: the content of config.json.
        family: what builds its graph.
        recipe: how its texts become vectors.
        sources: part of the recipe (``pooling``, ``prompts``, ``max_length``, ``dim``, ``similarity``) -> who says so:
            a file of the folder, ``preset: NAME``, ``given``, or ``assumed: …``.
        precision: the one that it is to be had in; None for any.
    """

    precision: NamedPrecision | None = None

    def __init__(self, folder: Path, stated: Stated | None = None, *, torch: bool = False) -> None:
        """Read everything but the weights (see `open_checkpoint`)."""
        layout = find_layout(folder)
        modules = list(layout.modules) if layout and layout.modules else read_modules(folder)
        self.folder = folder
        self.inner = folder / modules[0].path
        self._evidence = evidence = Evidence(folder, self.inner, stated, torch=torch)
        self.config, self.family, self.sources = evidence.config, evidence.family, evidence.sources
        self.recipe = derive_recipe(evidence, modules[1:])
        if layout is not None:
            positions = self.family.positions(self.config)
            self.recipe = with_token_vectors(layout, self.config, self.tokenizer, positions, self.recipe)
            self._own_lengths(layout)
        elif is_cross_encoder(folder, self.config, modules):
            self.recipe = with_scores(folder, self.inner, self.config, self.recipe)
            self._refuse("is a cross-encoder, which scores pairs of texts", "pooling", "truncate_dim")
        self.recipe = with_map(folder, self.recipe)

    def _refuse(self, why: str, *parts: str) -> None:
        """Refuse what is stated of sentence vectors where there are none: it would change nothing."""
        if names := [name for name in parts if getattr(self._evidence.stated, name) is not None]:
            raise ModelError(f"{names[0]} is given, but the model {why}; leave it out")

    def _own_lengths(self, layout: Layout) -> None:
        """Where there are token vectors only, lengths are those of their layout: say whose, and refuse others."""
        if self.recipe.dim:
            return
        other = self._evidence.stated.max_length not in (None, self.recipe.max_length)
        why = (
            "makes token vectors only, its own way, which xret.json can change "
            '({"multivector": {"query_length": …, "document_length": …}})'
        )
        self._refuse(why, "pooling", "truncate_dim", *(["max_length"] if other else []))
        self.sources["max_length"] = whose_lengths(layout)

    @cached_property
    def tokenizer(self) -> Path:
        """Its tokenizer.json: the one there, or one made from what is there.

        Raises:
            ModelError: there is no tokeniser, or none that can be made into one.
        """
        return self._evidence.tokenizer

    @cached_property
    def tokenizer_settings(self) -> dict[str, Any]:
        """The content of tokenizer_config.json; {} where there is none."""
        return tokenizer_settings(self.inner)

    def files(self) -> dict[str, Path]:
        """The files that the vectors depend on, by their path inside the folder.

        Raises:
            ModelError: one is missing.
        """
        paths = [
            self.inner / "config.json",
            *tokenizer_sources(self.inner, like=self._evidence.preset.tokenizer).values(),
            *self.weights(),
        ]
        for layer in self.recipe.layers:
            paths += self.layer_files(layer)
        for folder in self._adapters().values():
            paths += [folder / name for name in _ADAPTER_FILES]
        if self.recipe.post_map:
            paths.append(self.folder / MAP_TENSORS)
        for path in paths:
            if not path.is_file():
                raise ModelError(f"{path}: is missing; fetch the file again")
        return {path.relative_to(self.folder).as_posix(): path for path in paths}

    def weights(self, task: str | None = None) -> list[Path]:
        """The files with the encoder's tensors, and those of its adaptation to a task.

        Raises:
            ModelError: there are none.
        """
        adapter = self._adapters().get(task)
        return [*weight_files(self.inner), *([adapter / _ADAPTER_FILES[1]] if adapter else [])]

    def open_weights(self, task: str | None = None) -> Weights:
        """The encoder's tensors, with those of its adaptation to a task.

        Raises:
            ModelError: a file is missing or broken.
        """
        return Weights(self.weights(task))

    def config_for(self, task: str | None) -> dict[str, Any]:
        """What the builder is given: the config and, if there is one, the task and its adaptation's settings."""
        adapter = self._adapters().get(task)
        extra = {"adapter": read_json(adapter / _ADAPTER_FILES[0], missing={})} if adapter else {}
        return self.config if task is None else {**self.config, "task": task, **extra}

    def _adapters(self) -> dict[str | None, Path]:
        """The folders of those tasks whose weights are not with the others."""
        tasks = {task for _, task in self.recipe.tasks}
        folders = {task: self.inner / self.family.adapter_folder(task) for task in sorted(tasks)}
        return {task: path for task, path in folders.items() if path != self.inner and path.is_dir()}

    def graph(self, outputs: tuple[str, ...], task: str | None) -> Path | None:
        """The file of a finished graph with some outputs, for a task; None where it is to be built."""
        return None

    def reader_files(self) -> dict[str, Path]:
        """The files that turning texts into tokens needs, by the path that they have beside a finished graph."""
        names = ("tokenizer_config.json", "special_tokens_map.json")
        settings = {name: path for name in names if (path := self.inner / name).is_file()}
        return {"tokenizer.json": self.tokenizer, **settings}

    def identity(self, precision: NamedPrecision) -> str:
        """The encoder's hash in a precision: 64 hex characters over the recipe and every file the vectors depend on.

        int8 is an encoder of its own; bf16 and fp16 compute the same vectors as fp32 to three places and share its
        hash.
        """
        files = {name: file_hash(path) for name, path in self.files().items()}
        base = digest("encoder", self.recipe.essence(), files)
        return digest("encoder", precision, base) if precision == "int8" else base

    @cached_property
    def told(self) -> dict[str, Any]:
        """What the folder tells people: `licence`, `languages` (BCP 47), `more_languages`, `quality`."""
        card = self.folder / "README.md"
        front = front_matter(card.read_text(encoding="utf-8", errors="replace") if card.is_file() else "")
        known = read_json(self.folder / "languages.json", missing={})
        main = known.get("main", []) if isinstance(known, dict) else known
        return {
            "licence": self.config.get("license") or next(iter(front.get("license", [])), None),
            "languages": list(main) or front.get("language", []),
            "more_languages": known.get("others", []) if isinstance(known, dict) else [],
            "quality": read_json(self.folder / "quality.json", missing={}),
        }

    def layer_files(self, layer: Dense) -> list[Path]:
        """The files with the tensors of a layer after the encoder.

        Raises:
            ModelError: there are none.
        """
        path = self.folder / layer.folder
        return [path] if path.is_file() else weight_files(path if layer.folder else self.inner)


def open_checkpoint(folder: Path, stated: Stated | None = None, *, torch: bool = False) -> Checkpoint:
    """Look at a model folder and derive its recipe; reads no weights.

    Args:
        folder: of the checkpoint, or a ready one.
        stated: what the user says of it, before what ``xret.json`` and the checkpoint's own files do.
        torch: have PyTorch export its graph, whatever its family.

    Raises:
        ModelError: not a model folder, or an unsupported family, module, pooling or activation; the message names it.
    """
    from xret.encoders.checkpoints.ready import Ready

    try:
        if Ready.at(folder):
            if stated is not None or torch:
                raise ModelError("is a ready folder, and its recipe is settled; export the model again")
            return Ready(folder)
        with readable(folder):
            return Checkpoint(folder, stated, torch=torch)
    except ModelError as error:
        text = str(error)
        raise ModelError(text if text.startswith(str(folder)) else f"{folder}: {text}") from error
