"""The graphs of one checkpoint, each built (or taken from the cache) and opened when it is first needed."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.artifact import digest
from xret.encoders.builders.family import Built
from xret.encoders.cache import find_graph, forget_graph, keep_graph
from xret.encoders.checkpoints.checkpoint import Checkpoint
from xret.encoders.checkpoints.faults import readable
from xret.encoders.checkpoints.saved_map import MAP_TENSORS
from xret.encoders.checkpoints.weights import Weights
from xret.encoders.graphs.graph import Graph, Precision
from xret.encoders.graphs.heads import (
    LANGUAGE,
    SCORES,
    SENTENCE,
    TOKENS,
    WEIGHTS,
    add_score_output,
    add_sentence_output,
    add_token_output,
    add_weight_output,
)
from xret.encoders.graphs.int8 import check_unsigned, usual_layout
from xret.encoders.graphs.smoothing import channel_scales
from xret.encoders.names import NamedPrecision
from xret.encoders.recipe import Role
from xret.encoders.runtime.openvino import OpenVinoSession
from xret.encoders.runtime.session import Session
from xret.errors import ModelError

__all__ = ["GRAPH_VERSION", "Sessions", "build_graph", "graph_outputs"]

GRAPH_VERSION = 3  # raised when heads or graph layout change: empties the graph cache
logger = logging.getLogger("xret")


def graph_outputs(checkpoint: Checkpoint) -> list[tuple[str, ...]]:
    """The graphs a model is made of, by their outputs: one for all, unless token vectors are much dearer."""
    if (recipe := checkpoint.recipe).scores:
        return [(SCORES,)]
    if recipe.multi_vector:
        return [(*((SENTENCE,) if recipe.dim else ()), TOKENS, *((WEIGHTS,) if recipe.sparse else ()))]
    return [(SENTENCE,), (TOKENS,)] if checkpoint.family.apart else [(SENTENCE, TOKENS)]


def build_graph(
    checkpoint: Checkpoint,
    outputs: tuple[str, ...] = (SENTENCE, TOKENS),
    *,
    precision: Precision = "fp32",
    task: str | None = None,
) -> Graph:
    """The graph: int64 ``input_ids`` and ``attention_mask`` (batch, tokens), padded on the right, to float32
    ``sentence_embedding`` (batch, dim) and ``token_embeddings`` (batch, tokens, token_dim), rows of length 1
    (the latter not where a recipe has `token_weights`; with a `token_head` (batch, 1 + tokens, token_dim), the text's
    own vector first).

    Args:
        checkpoint: what to build.
        outputs: what the graph gives.
        precision: of the encoder; pooling, heads and lengths are computed in float32.
        task: whose adaptation is merged into the weights, for families with tasks.

    Raises:
        ModelError: the weights do not fit the config, or int8 was asked for and nothing can be in int8.
    """
    recipe, config, weights = checkpoint.recipe, checkpoint.config_for(task), checkpoint.open_weights(task)
    layers = _layer_weights(checkpoint, weights)
    if recipe.scores and recipe.scores.token_types:
        config = {**config, "token_types": True}

    def fill(graph: Graph) -> Built:
        graph.input("input_ids")
        graph.input("attention_mask")
        with readable(checkpoint.folder):
            return checkpoint.family.build(graph, weights, config)

    scales = _scales(checkpoint, fill) if precision == "int8" else ()
    built = fill(graph := Graph(precision, scales=scales))
    if precision == "int8" and not graph.quantised:
        raise ModelError(
            f"{recipe.family}: has no linear layers to compute in int8 (tables stay as they are); leave it out"
        )
    hidden, pooled = graph.full(built.hidden), built.pooled
    if recipe.post_map and recipe.post_map.rows:
        graph.input(LANGUAGE, [1])  # of every graph of the model, so that all are fed alike
    if SENTENCE in outputs:
        add_sentence_output(graph, hidden, pooled, recipe, layers)
    if TOKENS in outputs:
        add_token_output(graph, hidden, recipe, layers, built.tokens)
    if WEIGHTS in outputs and recipe.sparse:
        add_weight_output(graph, hidden, recipe.sparse, layers)
    if SCORES in outputs and recipe.scores:
        add_score_output(graph, hidden, recipe.scores, weights)
    graph.prune()
    return graph


def _scales(checkpoint: Checkpoint, fill: Callable[[Graph], object]) -> tuple[NDArray[np.float32] | None, ...]:
    vocabulary = checkpoint.config.get("vocab_size")
    return channel_scales(
        fill, vocabulary=vocabulary if isinstance(vocabulary, int) else 1, positions=checkpoint.recipe.max_length
    )


def _layer_weights(checkpoint: Checkpoint, encoder: Weights) -> dict[str, Weights]:
    """The tensors of all layers after the encoder, by their folder; those among its own are no strangers there."""
    weights = {"": encoder}
    for layer in checkpoint.recipe.layers:
        if layer.folder not in weights:
            weights[layer.folder] = Weights(checkpoint.layer_files(layer))
        if not layer.folder:
            encoder.used.update(f"{layer.tensor}.{part}" for part in ("weight", "bias"))
    if checkpoint.recipe.post_map:
        weights[MAP_TENSORS] = Weights([checkpoint.folder / MAP_TENSORS])
    return weights


class Sessions:
    """Opens sessions by output and role, each once."""

    def __init__(
        self,
        checkpoint: Checkpoint,
        *,
        name: str,
        identity: str,
        device: str,
        precision: NamedPrecision,
        threads: int | None,
    ) -> None:
        """Nothing is built yet.

        Args:
            checkpoint: whose graphs.
            name: what the user calls it.
            identity: the encoder's hash.
            device: ``cpu`` or ``cuda``.
            precision: of the encoder's arithmetic.
            threads: CPU threads; None for all cores.
        """
        self.precision, self.device = precision, device
        self._checkpoint, self._name, self._identity = checkpoint, name, identity
        self._open: Callable[[Path | bytes], Session | OpenVinoSession] = (
            partial(OpenVinoSession, threads=threads)
            if precision == "bf16"
            else partial(Session, device=device, threads=threads)
        )
        self._sessions: dict[tuple[Any, ...], Session | OpenVinoSession] = {}

    def __call__(self, output: str, role: Role | None = None) -> Session | OpenVinoSession:
        """The session of the graph that gives `output` for texts in `role`.

        Raises:
            ModelError: the weights do not fit the config.
        """
        outputs = next(names for names in graph_outputs(self._checkpoint) if output in names)
        task = dict(self._checkpoint.recipe.tasks).get(role)
        if (outputs, task) not in self._sessions:
            self._sessions[outputs, task] = self._made(outputs, task)
        return self._sessions[outputs, task]

    def close(self) -> None:
        """Close all; each is opened again when next asked for."""
        self._sessions.clear()

    def _made(self, outputs: tuple[str, ...], task: str | None) -> Session | OpenVinoSession:
        checkpoint = self._checkpoint
        layout = usual_layout() if self.precision == "int8" else ""
        if (finished := checkpoint.graph(outputs, task)) is not None:
            if layout == "unsigned":
                check_unsigned(finished)
            return self._open(finished)
        precision: Precision = "fp32" if self.precision == "bf16" else self.precision  # the engine lowers it by itself
        key = digest(
            "graph", GRAPH_VERSION, checkpoint.family.version, outputs, precision, layout, task, self._identity
        )
        if (kept := find_graph(key)) is not None:
            try:
                return self._open(kept)
            except ModelError:
                logger.warning("%s: the kept graph is damaged; building it again", kept)
                forget_graph(key)
        graph = build_graph(checkpoint, outputs, precision=precision, task=task)
        return self._open(keep_graph(key, graph, self._card()) or graph.serialized())

    def _card(self) -> dict[str, Any]:
        recipe, folder = self._checkpoint.recipe, str(Path(self._checkpoint.folder).absolute())
        return {
            "name": self._name, "hash": self._identity, "folder": folder, "family": recipe.family, "dim": recipe.dim,
        }  # fmt: skip
