"""A folder with a sequence-to-sequence model, looked at: its settings, its special tokens, its files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xret.artifact import digest, file_hash
from xret.encoders.builders import family_of
from xret.encoders.builders.t5_decoder import layer_count
from xret.encoders.checkpoints.evidence import tokenizer_settings
from xret.encoders.checkpoints.faults import check_numbers, readable
from xret.encoders.checkpoints.modules import read_json
from xret.encoders.checkpoints.weights import Weights, weight_files
from xret.encoders.reading.tokenizer_files import tokenizer_json, tokenizer_sources
from xret.errors import ModelError

__all__ = ["Seq2Seq", "open_seq2seq"]

_FAMILIES = ("mt5", "t5", "umt5")
_SETTINGS = "generation_config.json"


@dataclass(frozen=True)
class Seq2Seq:
    """A model that reads a text and writes another."""

    folder: Path
    config: dict[str, Any]  # the content of config.json
    start: int  # the token id before the first
    stops: tuple[int, ...]  # token ids that end a text
    padding: int
    layers: int  # of the decoder

    @property
    def vocabulary(self) -> int:
        """Tokens that can be written."""
        return int(self.config["vocab_size"])

    @property
    def tokenizer(self) -> Path:
        """Its tokenizer.json: the one there, or one made from what is there.

        Raises:
            ModelError: there is no tokeniser, or none that can be made into one.
        """
        return tokenizer_json(self.folder, family=self.config["model_type"])

    @property
    def tokenizer_settings(self) -> dict[str, Any]:
        """The content of tokenizer_config.json; {} where there is none."""
        return tokenizer_settings(self.folder)

    def weights(self) -> Weights:
        """Its tensors."""
        return Weights(weight_files(self.folder))

    def identity(self, precision: str) -> str:
        """64 hex characters over all that decides what it writes."""
        files = [self.folder / "config.json", *tokenizer_sources(self.folder).values(), *weight_files(self.folder)]
        hashes = {path.name: file_hash(path) for path in files}
        return digest("generator", precision, self.start, self.stops, self.padding, hashes)


def open_seq2seq(folder: Path) -> Seq2Seq:
    """Look at a model folder; reads no weights.

    Raises:
        ModelError: not a model folder, another family, or an encoder alone; the message names it.
    """
    with readable(folder):
        config = read_json(folder / "config.json")
        if not isinstance(config, dict):
            raise ModelError(f"{folder}: config.json holds no JSON object; give a complete model folder")
        kind = config.get("model_type")
        if kind not in _FAMILIES:
            raise ModelError(
                f"{folder}: model_type '{kind}' is no sequence-to-sequence model that can write here; supported: "
                f"{', '.join(_FAMILIES)}"
            )
        try:
            check_numbers(config)
            family_of(config)
            layers = layer_count(config)
        except ModelError as error:
            raise ModelError(f"{folder}: {error}") from error
        said = read_json(folder / _SETTINGS, missing={})
        said = {**config, **{name: value for name, value in said.items() if value is not None}}
        padding = _ids(folder, said, "pad_token_id", 0, config["vocab_size"])[0]
        start = _ids(folder, said, "decoder_start_token_id", padding, config["vocab_size"])[0]
        stops = _ids(folder, said, "eos_token_id", 1, config["vocab_size"])
    if "decoder.final_layer_norm.weight" not in Weights(weight_files(folder)):
        raise ModelError(
            f"{folder}: has no decoder, so it cannot write; wanted a whole model (…ForConditionalGeneration)"
        )
    return Seq2Seq(folder, config, start, stops, padding, layers)


def _ids(folder: Path, settings: dict[str, Any], key: str, default: int, vocabulary: int) -> tuple[int, ...]:
    """One token id or several, as generation_config.json, else config.json says."""
    found = settings.get(key)
    found = default if found is None else found
    ids = tuple(found) if isinstance(found, list) else (found,)
    if not ids or not all(type(each) is int and 0 <= each < vocabulary for each in ids):
        raise ModelError(f"{folder}: '{key}' is {found!r}, wanted a token id below {vocabulary:,}")
    return ids
