"""Opens a checkpoint, builds its graph (or takes the kept one) and gives an encoder."""

from __future__ import annotations

import logging
from functools import partial
from pathlib import Path

from xret.artifact import digest, file_hash
from xret.encoders.cache import find_graph, forget_graph, keep_graph
from xret.encoders.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.encoder import Encoder
from xret.encoders.graph import Graph
from xret.encoders.heads import SENTENCE, TOKENS, add_sentence_output, add_token_output
from xret.encoders.locate import locate
from xret.encoders.recipe import Dense
from xret.encoders.session import Session
from xret.encoders.tokenizer import TextTokenizer
from xret.encoders.weights import Weights, weight_files
from xret.errors import ModelError

__all__ = ["GRAPH_VERSION", "build_graph", "encoder_hash", "graph_outputs", "identify", "load_encoder"]

GRAPH_VERSION = 1  # raised when heads or graph layout change: empties the graph cache
logger = logging.getLogger("xret")


def load_encoder(name: str | Path = "xret-mini", *, device: str = "auto", threads: int | None = None) -> Encoder:
    """Load a model for encoding.

    Args:
        name: a bundled model, a model folder (sentence-transformers or Hugging Face layout), or a hub id on disk.
        device: ``auto`` (CUDA where it works), ``cpu`` or ``cuda``.
        threads: CPU threads; None for all cores.

    Raises:
        ModelError: not found, or not a model this version can build; the message names the reason.
        DeviceError: CUDA was asked for and cannot be used.
        MissingExtraError: ONNX Runtime is not installed.
    """
    checkpoint = open_checkpoint(locate(name))
    recipe = checkpoint.recipe
    path = checkpoint.inner / "tokenizer.json"
    identity = encoder_hash(checkpoint)
    tokenizer = TextTokenizer(path, max_length=recipe.max_length, lowercase=recipe.lowercase, threads=threads)
    if tokenizer.size > (size := checkpoint.config.get("vocab_size", tokenizer.size)):
        raise ModelError(
            f"{path}: knows {tokenizer.size} tokens, config.json only {size}; they belong to different models"
        )
    logger.info("encoder %s (%s): %s", name, identity[:12], recipe)

    def session(outputs: tuple[str, ...]) -> Session:
        return _session(checkpoint, str(name), identity, outputs, device=device, threads=threads)

    sentences = session(graph_outputs(checkpoint)[0])
    return Encoder(
        name=str(name), hash=identity, recipe=recipe, tokenizer=tokenizer, session=sentences,
        token_session=partial(session, (TOKENS,)) if checkpoint.family.apart else lambda: sentences,
    )  # fmt: skip


def encoder_hash(checkpoint: Checkpoint) -> str:
    """64 hex characters over the recipe and the content of every file the vectors depend on."""
    files = {name: file_hash(path) for name, path in checkpoint.files().items()}
    return digest("encoder", checkpoint.recipe.fields(), files)


def identify(name: str | Path) -> str:
    """The content hash that `load_encoder` would give this encoder, without loading it.

    Raises:
        ModelError: as `load_encoder`.
    """
    return encoder_hash(open_checkpoint(locate(name)))


def graph_outputs(checkpoint: Checkpoint) -> list[tuple[str, ...]]:
    """The graphs a model is made of, by their outputs: one for both, unless token vectors are much dearer."""
    return [(SENTENCE,), (TOKENS,)] if checkpoint.family.apart else [(SENTENCE, TOKENS)]


def build_graph(checkpoint: Checkpoint, outputs: tuple[str, ...] = (SENTENCE, TOKENS)) -> Graph:
    """The graph: int64 ``input_ids`` and ``attention_mask`` (batch, tokens), padded on the right, to float32
    ``sentence_embedding`` (batch, dim) and ``token_embeddings`` (batch, tokens, token_dim), rows of length 1
    (the latter not where a recipe has `token_weights`).

    Raises:
        ModelError: the weights do not fit the config.
    """
    graph = Graph()
    graph.input("input_ids")
    graph.input("attention_mask")
    built = checkpoint.family.build(graph, Weights(weight_files(checkpoint.inner)), checkpoint.config)
    recipe = checkpoint.recipe
    if SENTENCE in outputs:
        dense = [head for head in recipe.heads if isinstance(head, Dense)]
        weights = {head.folder: Weights(weight_files(checkpoint.folder / head.folder)) for head in dense}
        add_sentence_output(graph, built.hidden, built.pooled, recipe, weights)
    if TOKENS in outputs:
        add_token_output(graph, built.hidden, recipe)
    graph.prune()
    return graph


def _session(
    checkpoint: Checkpoint, name: str, identity: str, outputs: tuple[str, ...], *, device: str, threads: int | None
) -> Session:
    key = digest("graph", GRAPH_VERSION, checkpoint.family.version, outputs, identity)
    if (kept := find_graph(key)) is not None:
        try:
            return Session(kept, device=device, threads=threads)
        except ModelError:
            logger.warning("%s: the kept graph is damaged; building it again", kept)
            forget_graph(key)
    graph = build_graph(checkpoint, outputs)
    recipe, folder = checkpoint.recipe, str(checkpoint.folder.absolute())
    card = {"name": name, "hash": identity, "folder": folder, "family": recipe.family, "dim": recipe.dim}
    return Session(keep_graph(key, graph, card) or graph.serialized(), device=device, threads=threads)
