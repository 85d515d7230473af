"""Vectors and scores of texts that a request brings along."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from xret.serving.failures import Refusal
from xret.serving.systems import public_name

if TYPE_CHECKING:
    from xret.encoders import Reranker
    from xret.serving.generations import Systems
    from xret.serving.schema import EncodeRequest, ScoreRequest

__all__ = ["encode_texts", "score_pairs"]


def encode_texts(systems: Systems, asked: EncodeRequest) -> dict[str, Any]:
    """Sentence vectors (see `xret.serving.schema.EncodeResponse`).

    Raises:
        Refusal: no encoder, or one without sentence vectors.
    """
    with systems.lease([systems.with_encoder(asked.system)]) as (system,):
        encoder = _sentences(system.encoder)
        vectors, _ = encoder.encode_counted(asked.texts, role=asked.role, lang=asked.lang)
        return {
            "vectors": vectors.tolist(), "dim": vectors.shape[1], "encoder": public_name(encoder.name),
            "hash": encoder.hash,
        }  # fmt: skip


def score_pairs(systems: Systems, asked: ScoreRequest, *, reranker: Reranker | None = None) -> dict[str, Any]:
    """Scores of pairs (see `xret.serving.schema.ScoreResponse`).

    Raises:
        Refusal: no encoder, or one without the vectors that the method compares.
    """
    from xret.stages.light import light_texts
    from xret.stages.maxsim import maxsim_texts

    if asked.method == "cross":
        return _by_cross_encoder(asked, reranker)
    with systems.lease([systems.with_encoder(asked.system)]) as (system,):
        encoder = _scorer(system.encoder, asked.method)
        ahead, behind = [pair[0] for pair in asked.pairs], [pair[1] for pair in asked.pairs]
        places = np.arange(len(ahead))
        langs = (["und"] * len(ahead),) * 2 if encoder.recipe.languages is not None else None
        if asked.method == "cosine":
            src, _ = encoder.encode_counted(ahead, role="query")
            tgt, _ = encoder.encode_counted(behind, role="document")
            scores = np.einsum("nd,nd->n", src.astype(np.float64), tgt.astype(np.float64))
        else:
            scored = light_texts if asked.method == "light" else maxsim_texts
            scores = scored(encoder, ahead, behind, (places, places), langs=langs)
        return {"scores": scores.tolist(), "method": asked.method, "encoder": public_name(encoder.name)}


def _by_cross_encoder(asked: ScoreRequest, reranker: Reranker | None) -> dict[str, Any]:
    if reranker is None:
        raise Refusal(422, "no_reranker", "this server has no cross-encoder; score by 'cosine'")
    ahead, behind = [pair[0] for pair in asked.pairs], [pair[1] for pair in asked.pairs]
    lang = ["und"] * len(behind) if reranker.recipe.languages is not None else None
    scores = reranker.score(ahead, behind, lang=lang).tolist()
    return {"scores": scores, "method": "cross", "encoder": public_name(reranker.name)}


def _scorer(encoder: Any, method: str) -> Any:
    if method == "cosine":
        return _sentences(encoder)
    if encoder is None or not encoder.token_dim or (method == "light" and not encoder.dim):
        raise Refusal(422, "no_tokens", f"this system's encoder cannot score by '{method}'; see /systems")
    return encoder


def _sentences(encoder: Any) -> Any:
    if encoder is None or not encoder.dim:
        raise Refusal(422, "no_sentences", "this system's encoder gives token vectors alone; name another system")
    return encoder
