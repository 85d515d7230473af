"""From files of pairs to a map, measured before and after, and to a model folder with it."""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xret.encoders.adapting.base import open_base
from xret.encoders.adapting.examples import Examples, Sources, read_examples
from xret.encoders.adapting.fitting import FittedMap, Material, fit_map
from xret.encoders.adapting.measuring import Measured, measure
from xret.encoders.adapting.numbering import Numbering, Rows
from xret.encoders.adapting.plan import Plan
from xret.encoders.adapting.saving import save_adapted
from xret.encoders.checkpoints.made_from import check_place
from xret.encoders.encoder import Encoder
from xret.encoders.load import load_encoder
from xret.encoders.recipe import PostMap
from xret.errors import InputError, ModelError, UsageError

__all__ = ["Adapted", "adapt"]

_SAMPLE = 200  # texts that a saved model is tried on
logger = logging.getLogger("xret")
Vectors = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Adapted:
    """What came of it."""

    steps: tuple[str, ...]
    dim: int
    fitted_to: dict[str, int]  # language -> texts of it that the map was fitted to
    shared: tuple[str, ...]  # languages with too little text for a row of their own
    shares: dict[int, float]  # the dimensions with the largest share of the mean cosine, before
    before: Measured | None  # None where vectors and the teacher's are of different widths
    after: Measured
    hash: str | None  # of the encoder written

    def fields(self) -> dict[str, Any]:
        """As plain values."""
        return asdict(self)


def adapt(
    name: str | Path,
    plan: Plan,
    sources: Sources,
    *,
    teacher: str | None = None,
    out: Path | None = None,
    least: int = 50,
    device: str = "auto",
    threads: int | None = None,
) -> Adapted:
    """Fit a map to a model's sentence vectors, and measure held-out pairs before and after.

    With a teacher, both measurements ask how near a text comes to the teacher's vector of its English.

    Args:
        name: as for `load_encoder`, without a precision.
        plan: which steps.
        sources: where text is from.
        teacher: an encoder into whose space the matrix of `plan` leads; None for the model's own vectors of English.
        out: the model folder to make; None to measure only.
        least: texts that a language must have for a mean or a matrix of its own.
        device: where to encode.
        threads: CPU threads; None for all cores.

    Raises:
        ModelError: not a model that can be adapted.
        InputError: too little text, vectors that do not determine the map, or `out` cannot be made.
        UsageError: what is asked for does not go together.
    """
    base = open_base(name)
    if out is not None:
        check_place(out, base.folder)
    if teacher is not None and not plan.fit:
        raise UsageError(f"--to {teacher}: a matrix leads there; give --linear or --orthogonal")
    fit, held = read_examples(sources, alone=teacher is not None)
    ours = load_encoder(name, device=device, threads=threads)
    theirs = None if teacher is None else load_encoder(teacher, device=device, threads=threads)
    if theirs is not None:
        _check_widths(plan, ours, theirs)
    numbering = Numbering.of(base.recipe.languages, [*fit.anchor_langs, *fit.langs])
    fitted = fit_map(plan, _material(fit, numbering, ours, theirs), least=least)
    rows = numbering.rows(fitted) if plan.by_language else Rows(None)
    width, dim = ours.dim, fitted.offset.shape[1]
    steps = plan.steps(width, dim, teacher or "its English")
    before, after, mapped = _measured(fitted, rows, held, _material(held, numbering, ours, theirs))
    counts = dict(sorted(Counter([*fit.anchor_langs, *fit.langs]).items()))
    identity = None
    if out is not None:
        identity = save_adapted(
            base, fitted, PostMap(in_features=width, out_features=dim, steps=steps, rows=rows.rows), rows.languages,
            out=out, told=_told(ours, theirs, plan, counts), quality=_quality(before, after),
            sample=(held.texts[:_SAMPLE], held.langs[:_SAMPLE], mapped[:_SAMPLE]),
        )  # fmt: skip
    return Adapted(
        steps=steps, dim=dim, fitted_to=counts, shared=_shared(numbering, fitted, rows), shares=fitted.shares,
        before=before, after=after, hash=identity,
    )  # fmt: skip


def _check_widths(plan: Plan, ours: Encoder, theirs: Encoder) -> None:
    """Refuse a teacher without sentence vectors, or of another width where that cannot be (XretError)."""
    theirs.need_sentences()
    if plan.fit == "orthogonal" and (plan.dim or ours.dim) != theirs.dim:
        raise InputError(
            f"--orthogonal wants vectors of one width: {ours.name} has {plan.dim or ours.dim} values, "
            f"{theirs.name} {theirs.dim}; take --linear"
        )


def _material(of: Examples, numbering: Numbering, ours: Encoder, theirs: Encoder | None) -> Material:
    """Examples encoded."""
    return Material(
        anchors=_encode(ours, of.anchors, of.anchor_langs),
        texts=_encode(ours, of.texts, of.langs),
        anchor_of=np.array(of.anchor_of, np.int64),
        anchor_group=numbering.numbers(of.anchor_langs),
        text_group=numbering.numbers(of.langs),
        targets=None if theirs is None else _encode(theirs, of.anchors, of.anchor_langs),
    )


def _encode(encoder: Encoder, texts: list[str], langs: list[str]) -> Vectors:
    """Vectors, which must be numbers."""
    vectors = encoder.encode(texts, lang=langs, progress=True)
    if not np.isfinite(vectors).all():
        raise ModelError(f"{encoder.name}: gives vectors that hold values that are no numbers; nothing can be fitted")
    return vectors


def _measured(
    fitted: FittedMap, rows: Rows, held: Examples, material: Material
) -> tuple[Measured | None, Measured, Vectors]:
    """Held-out pairs before and after, and the mapped vectors of the texts."""
    langs = np.array(held.langs, object)
    mapped = fitted(material.texts, rows.of(held.langs))
    if (targets := material.targets) is None:
        goals = material.anchors, fitted(material.anchors, rows.of(held.anchor_langs))
    else:
        goals = targets, targets
    before = None
    if goals[0].shape[1] == material.texts.shape[1]:
        before = measure(goals[0], material.texts, material.anchor_of, langs)
    return before, measure(goals[1], mapped, material.anchor_of, langs), mapped


def _shared(numbering: Numbering, fitted: FittedMap, rows: Rows) -> tuple[str, ...]:
    """The languages of the text that have no row of their own, where others have; says so."""
    if not rows.rows or numbering.own is not None:
        return ()
    found = tuple(name for place, name in enumerate(numbering.names) if place not in fitted.row_of)
    if found:
        logger.warning("too little text for a row of its own, served by that of all languages: %s", " ".join(found))
    return found


def _told(ours: Encoder, theirs: Encoder | None, plan: Plan, counts: dict[str, int]) -> dict[str, Any]:
    """What ``map.json`` tells besides."""
    return {
        "base": {"name": ours.name, "hash": ours.hash},
        "teacher": None if theirs is None else {"name": theirs.name, "hash": theirs.hash},
        "plan": asdict(plan),
        "fitted_to": counts,
    }


def _quality(before: Measured | None, after: Measured) -> dict[str, Any]:
    """For ``quality.json``, accuracies in percent."""
    was = {} if before is None else {"held-out retrieval before the map": round(100 * before.accuracy, 1)}
    return {**was, "held-out retrieval": round(100 * after.accuracy, 1), "mean cosine": round(after.mean_cosine, 3)}
