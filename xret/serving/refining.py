"""What a request may want done with the hits of a query: fuse those of several systems, rerank, calibrate.

In this order; each step keeps the scores that it found as a part that `explain` shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from xret.errors import EvalError
from xret.serving.failures import Refusal
from xret.serving.rows import UNKNOWN, Rows

if TYPE_CHECKING:
    import pyarrow as pa

    from xret.encoders import Encoder, Reranker

__all__ = ["fused", "refined"]


def fused(lists: Sequence[Rows], names: Sequence[str], method: Any) -> Rows:
    """The hits of one or more systems as one list; see `xret.stages.fuse.fuse_runs`."""
    if len(lists) == 1:
        return lists[0]
    from xret.stages.fuse import fuse_runs

    known: dict[str, tuple[str, str | None, str | None]] = {}
    for rows in lists:
        for at, id_ in enumerate(rows.ids):
            lang, text, title = known.get(id_, (UNKNOWN, None, None))
            lang = rows.langs[at] if lang == UNKNOWN else lang
            text = rows.texts[at] if text is None and rows.texts is not None else text
            title = rows.titles[at] if title is None and rows.titles is not None else title
            known[id_] = lang, text, title
    run = fuse_runs([rows.run() for rows in lists], method=method)
    ids = run["docid"].to_pylist()
    out = Rows(
        ids, [known[id_][0] for id_ in ids], run["score"].to_pylist(),
        [known[id_][1] for id_ in ids] if any(rows.texts is not None for rows in lists) else None,
        [known[id_][2] for id_ in ids] if any(rows.titles is not None for rows in lists) else None,
    )  # fmt: skip
    for name, rows in zip(names, lists, strict=True):
        scores = dict(zip(rows.ids, rows.scores, strict=True))
        out = out.with_part(name, [scores.get(id_) for id_ in ids])
    return out.with_part("fused", out.scores)


def refined(
    rows: Rows,
    query: str,
    lang: str,
    options: Any,
    encoder: Encoder | None,
    *,
    deep: int,
    reranker: Reranker | None = None,
) -> Rows:
    """Reranked and calibrated, where wanted.

    Args:
        rows: hits.
        query: what they were found with.
        lang: its language.
        options: of the request.
        encoder: for ``light`` and ``maxsim``.
        deep: how many of them.
        reranker: for ``cross``.

    Raises:
        Refusal: the system cannot.
    """
    if not (options.rerank or options.calibrate) or not rows.ids:
        return rows
    rows = rows.first(deep)
    if not rows.parts:
        rows = rows.with_part("raw", rows.scores)
    if options.rerank:
        rows = _again(rows, _reranked(rows, query, lang, options.rerank, encoder, reranker), "reranked")
    if options.calibrate:
        rows = _calibrated(rows, options.calibrate)
    return rows


def _reranked(
    rows: Rows, query: str, lang: str, method: str, encoder: Encoder | None, reranker: Reranker | None
) -> list[float]:
    """New scores from the texts."""
    from xret.stages.light import light_texts
    from xret.stages.maxsim import maxsim_texts

    scores: list[float]
    if method == "cross":
        if reranker is None:
            raise Refusal(422, "cannot_rerank", "this server has no cross-encoder; see /systems")
        texts = _texts(rows)
        told = rows.langs if reranker.recipe.languages is not None else None
        scores = reranker.score([query] * len(texts), texts, lang=told).tolist()
        return scores
    if encoder is None or not encoder.token_dim or (method == "light" and not encoder.dim):
        raise Refusal(422, "cannot_rerank", f"this system has no encoder that can rerank by '{method}'; see /systems")
    texts = _texts(rows)
    pairs = np.zeros(len(texts), np.int64), np.arange(len(texts))
    langs = ([lang], rows.langs) if encoder.recipe.languages is not None else None
    scored = light_texts if method == "light" else maxsim_texts
    scores = scored(encoder, [query], texts, pairs, langs=langs).tolist()
    return scores


def _texts(rows: Rows) -> list[str]:
    if rows.texts is None or any(text is None for text in rows.texts):
        raise Refusal(422, "cannot_rerank", "this system keeps no texts, which reranking reads; see /systems")
    return [text or "" for text in rows.texts]


def _again(rows: Rows, scores: Sequence[float], name: str) -> Rows:
    """With new scores, in their order."""
    import pyarrow as pa

    run = rows.run()
    run = run.set_column(run.column_names.index("score"), "score", pa.array(scores, pa.float64()))
    return _reordered(rows, run, name)


def _calibrated(rows: Rows, method: Any) -> Rows:
    from xret.stages.merging.calibrate import calibrate_run

    try:
        run = calibrate_run(rows.run(), method)
    except EvalError:
        raise Refusal(
            422, "cannot_calibrate", "calibration wants documents of known languages and finite scores; leave it out"
        ) from None
    return _reordered(rows, run, "calibrated")


def _reordered(rows: Rows, run: pa.Table, name: str) -> Rows:
    """The hits in the order of a run of them with new scores."""
    from xret.runs import ordered

    run = ordered(run)
    scores = run["score"].to_pylist()
    taken = rows.taken(run["place"].to_pylist())
    return replace(taken, scores=scores).with_part(name, scores)
