"""A trimmed model against the one it was made from."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from xret.encoders.checkpoints.checkpoint import Checkpoint, open_checkpoint
from xret.encoders.crossencoders.reranker import load_reranker
from xret.encoders.load import load_encoder
from xret.encoders.recipe import Recipe, Role
from xret.encoders.trimming.counting import Row, TokenReader
from xret.errors import ModelError

__all__ = ["check_recipe", "check_tokens", "largest_difference"]

logger = logging.getLogger("xret")
_TOLERATED = 1e-5
_ROLES: tuple[Role, ...] = ("document", "query")


def check_recipe(before: Recipe, folder: Path, order: NDArray[np.int64]) -> Checkpoint:
    """The trimmed checkpoint; its recipe has to be the old one, with new ids.

    Raises:
        ModelError: it is not, or the checkpoint cannot be opened.
    """
    made = open_checkpoint(folder)
    new = {int(old): place for place, old in enumerate(order)}
    wanted, found = before.fields(), made.recipe.fields()
    for values in (wanted["multi_vector"], wanted["sparse"]):
        for key in ("query_marker", "document_marker", "expansion_token", "padding", "skip", "ignored"):
            if values and values.get(key) is not None:
                old = values[key]
                values[key] = tuple(sorted(new[n] for n in old)) if isinstance(old, tuple) else new[old]
    for values in (found["multi_vector"], found["sparse"]):
        for key in ("skip", "ignored"):
            if values and key in values:
                values[key] = tuple(sorted(values[key]))
    differing = [key for key in wanted if wanted[key] != found[key]]
    if differing:
        raise ModelError(f"the trimmed model's {differing[0]} would differ; this model cannot be trimmed")
    return made


def check_tokens(
    rows: Sequence[Row], before: TokenReader, after: TokenReader, order: NDArray[np.int64], size: int
) -> list[Row]:
    """The rows of a sample that are covered, all of whose ids have to be the old ones renumbered.

    Raises:
        ModelError: a text's are not.
    """
    new = np.full(size, -1, np.int64)
    new[order] = np.arange(len(order))
    texts = before.prepared(rows)
    covered = np.ones(len(rows), np.bool_)
    for role in before.roles:
        (old_ids, old_lengths), (ids, lengths) = before(texts, role), after(texts, role)
        starts, own = np.cumsum(old_lengths) - old_lengths, np.cumsum(lengths) - lengths
        for row, text in enumerate(texts):
            wanted = new[old_ids[starts[row] : starts[row] + old_lengths[row]]]
            if (wanted < 0).any():
                covered[row] = False
            elif not np.array_equal(wanted, ids[own[row] : own[row] + lengths[row]]):
                raise ModelError(f"the trimmed tokeniser would read '{text[:60]}' otherwise; it cannot be trimmed")
    return [row for row, whole in zip(rows, covered, strict=True) if whole]


def largest_difference(
    name: str | Path, folder: Path, recipe: Recipe, rows: Sequence[Row], *, threads: int | None
) -> float:
    """The largest difference between any values that the two models give for the same texts.

    Args:
        name: of the old model.
        folder: of the new one.
        recipe: of both.
        rows: covered texts.
        threads: see `load_encoder`.

    Raises:
        ModelError: it is more than rounding can explain.
    """
    with _quiet():  # what they say of texts is not about texts of the user's
        worst = _difference([name, folder], recipe, rows, threads)
    if worst > _TOLERATED:
        raise ModelError(f"the trimmed model's vectors would differ by up to {worst:.2g}; this model cannot be trimmed")
    return worst


def _difference(names: Sequence[str | Path], recipe: Recipe, rows: Sequence[Row], threads: int | None) -> float:
    texts, lang = [text for text, _ in rows], [tag for _, tag in rows]
    worst = 0.0
    if recipe.scores:
        rerankers = [load_reranker(each, device="cpu", threads=threads) for each in names]
        one, two = (each.score(texts, texts[::-1], lang=lang[::-1]) for each in rerankers)
        worst = _apart([one], [two])
    else:
        encoders = [load_encoder(each, device="cpu", threads=threads) for each in names]
        for role in _ROLES if not recipe.dim else {recipe.prompt(role): role for role in (*_ROLES, None)}.values():
            if recipe.dim:
                pair = [[encoder.encode(texts, role=role, lang=lang)] for encoder in encoders]
            else:
                pair = [encoder.encode_tokens(texts, role=role, lang=lang) for encoder in encoders]
            worst = max(worst, _apart(*pair))
    return worst


@contextmanager
def _quiet() -> Iterator[None]:
    """Let nothing be logged."""

    def nothing(record: logging.LogRecord) -> bool:
        return False

    logger.addFilter(nothing)
    try:
        yield
    finally:
        logger.removeFilter(nothing)


def _apart(one: Sequence[NDArray[np.float32]], two: Sequence[NDArray[np.float32]]) -> float:
    pairs = [(a, b) for a, b in zip(one, two, strict=True) if a.size or b.size]
    if any(a.shape != b.shape for a, b in pairs):
        return float("inf")
    return max((float(np.abs(a - b).max()) for a, b in pairs), default=0.0)
