"""Opens a checkpoint and gives an encoder."""

from __future__ import annotations

import logging
from pathlib import Path

from xret.devices import is_cuda, usable_device
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.expert_models import find_expert_models
from xret.encoders.composing.composed import open_named
from xret.encoders.composing.names import split_modules
from xret.encoders.encoder import Encoder
from xret.encoders.experts import ExpertsEncoder
from xret.encoders.graphs.heads import SENTENCE, TOKENS
from xret.encoders.laser.checkpoint import PIECES
from xret.encoders.laser.tokeniser import LaserTokenizer
from xret.encoders.locate import locate
from xret.encoders.multivector import MultiVectorReader
from xret.encoders.names import NamedPrecision, split_precision
from xret.encoders.reading.adapter_reader import AdapterReader
from xret.encoders.reading.language_reader import LanguageReader
from xret.encoders.reading.tokenizer import Reader, TextTokenizer
from xret.encoders.recipe import Normalize
from xret.encoders.runtime.sessions import Sessions
from xret.errors import DeviceError, ModelError

__all__ = ["encoder_hash", "fitting_device", "identify", "load_encoder"]

_CPU_ONLY = ("int8", "bf16")
_LASER = ("laser2", "laser3")
logger = logging.getLogger("xret")


def load_encoder(name: str | Path = "xret-mini", *, device: str = "auto", threads: int | None = None) -> Encoder:
    """Load a model for encoding.

    Args:
        name: a bundled model, a model folder (sentence-transformers or Hugging Face layout), or a hub id on disk; with
            ``+MODULE`` behind it, once or more, with modules put on it (see `xret.encoders.composing`); with ``:fp32``,
            ``:fp16``, ``:bf16`` or ``:int8`` at the end, in that precision (else fp32 on a CPU and, but for families
            that overflow, fp16 on CUDA).
        device: ``auto`` (CUDA where it works), ``cpu``, ``cuda`` or ``cuda:N``.
        threads: CPU threads; None for all cores.

    Raises:
        ModelError: not found, or not a model this version can build; the message names the reason.
        DeviceError: CUDA was asked for and cannot be used, or the precision is not to be had on the device.
        MissingExtraError: ONNX Runtime is not installed.
    """
    base, wanted = split_precision(name)
    plain, modules = split_modules(base)
    folder = locate(plain)
    device = fitting_device(name, wanted, device)

    def load(checkpoint: Checkpoint) -> Encoder:
        return _load(checkpoint, name=str(name), wanted=wanted, device=device, threads=threads)

    if modules or (models := find_expert_models(folder)) is None:
        return load(open_named(base))
    return ExpertsEncoder(
        name=str(name), hash=models.identity(wanted), models=models, open_expert=load, device=device,
        precision=wanted or "fp32",
    )  # fmt: skip


def fitting_device(name: str | Path, wanted: NamedPrecision | None, device: str) -> str:
    """`usable_device` for a model in the precision that its name asks for; ``auto`` takes one that has it.

    Raises:
        DeviceError: CUDA was asked for and cannot be used, or the precision is not to be had on the device.
    """
    device = usable_device("cpu" if device == "auto" and wanted in _CPU_ONLY else device)
    if is_cuda(device) and wanted in _CPU_ONLY:
        plain = split_precision(name)[0]
        raise DeviceError(f"{name}: {wanted} is for CPUs; on {device} take {plain}:fp16, or no suffix")
    if not is_cuda(device) and wanted == "fp16":
        raise DeviceError(f"{name}: fp16 is for GPUs; on the CPU take :bf16, :int8 or no suffix")
    return device


def _load(
    checkpoint: Checkpoint, *, name: str, wanted: NamedPrecision | None, device: str, threads: int | None
) -> Encoder:
    if checkpoint.recipe.scores:
        raise ModelError(f"{name}: is a cross-encoder, which scores pairs of texts; rerank with it: --model {name}")
    precision = wanted or checkpoint.precision or ("fp16" if is_cuda(device) and checkpoint.family.half else "fp32")
    identity = encoder_hash(checkpoint, precision)
    reader = open_reader(checkpoint, threads=threads)
    logger.info("encoder %s (%s): %s, %s", name, identity[:12], precision, checkpoint.recipe)
    _tell(name, checkpoint)
    sessions = Sessions(checkpoint, name=name, identity=identity, device=device, precision=precision, threads=threads)
    sessions(SENTENCE if checkpoint.recipe.dim else TOKENS)
    return Encoder(name=name, hash=identity, recipe=checkpoint.recipe, reader=reader, sessions=sessions)


def _tell(name: str | Path, checkpoint: Checkpoint) -> None:
    """Say where the recipe is from, and what is not as the model was trained."""
    recipe = checkpoint.recipe
    logger.info("encoder %s: %s", name, "; ".join(f"{part} from {whose}" for part, whose in checkpoint.sources.items()))
    if recipe.dim and recipe.similarity != "cosine" and not (recipe.heads and isinstance(recipe.heads[-1], Normalize)):
        logger.warning(
            "%s: was trained for '%s' similarity of vectors of any length; here all have length 1 (cosine), which "
            "ranks somewhat differently", name, recipe.similarity,
        )  # fmt: skip


def open_reader(checkpoint: Checkpoint, *, threads: int | None) -> Reader:
    """What turns texts into the checkpoint's tokens.

    Raises:
        ModelError: the tokeniser is broken, or of another model.
    """
    recipe, config = checkpoint.recipe, checkpoint.config
    if config["model_type"] in _LASER:
        pieces = checkpoint.reader_files().get(PIECES) or checkpoint.inner / PIECES
        return LaserTokenizer(
            pieces, config["words"], max_length=recipe.max_length, prepend=config["prepend"], threads=threads
        )
    path = checkpoint.tokenizer
    tokenizer: TextTokenizer | MultiVectorReader | LanguageReader
    if policy := recipe.multi_vector:
        tokenizer = MultiVectorReader(
            path, policy, lowercase=recipe.lowercase, prompt=recipe.prompt,
            count_prompt=bool(recipe.dim) and not recipe.include_prompt, settings=checkpoint.tokenizer_settings,
            threads=threads,
        )  # fmt: skip
    elif recipe.languages and recipe.languages.kind == "token":
        tokenizer = LanguageReader(
            path, max_length=recipe.max_length, settings=checkpoint.tokenizer_settings, prompt=recipe.prompt,
            lowercase=recipe.lowercase, threads=threads,
        )  # fmt: skip
    else:
        tokenizer = TextTokenizer(
            path, max_length=recipe.max_length, lowercase=recipe.lowercase, prompt=recipe.prompt,
            count_prompt=not recipe.include_prompt, settings=checkpoint.tokenizer_settings, threads=threads,
        )  # fmt: skip
    if tokenizer.size > (size := checkpoint.config.get("vocab_size") or tokenizer.size):
        raise ModelError(
            f"{path}: knows {tokenizer.size} tokens, config.json only {size}; they belong to different models"
        )
    told, by_language = recipe.languages, recipe.post_map is not None and bool(recipe.post_map.rows)
    fed = told is not None and (told.kind == "adapter" or by_language)
    return AdapterReader(tokenizer, told) if told is not None and fed else tokenizer


def encoder_hash(checkpoint: Checkpoint, precision: NamedPrecision | None = None) -> str:
    """See `Checkpoint.identity`; without a precision, that of the encoder loaded by its plain name on a CPU."""
    return checkpoint.identity(precision or checkpoint.precision or "fp32")


def identify(name: str | Path) -> str:
    """The content hash that `load_encoder` would give this encoder, without loading it.

    Raises:
        ModelError: as `load_encoder`.
    """
    base, precision = split_precision(name)
    plain, modules = split_modules(base)
    if not modules and (models := find_expert_models(locate(plain))) is not None:
        return models.identity(precision)
    return encoder_hash(open_named(base), precision)
