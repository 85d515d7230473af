"""How `xret models` shows a model, and reads what is said of one."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from xret.encoders.card import ModelCard
    from xret.encoders.checkpoints.stated import Stated

__all__ = ["model_lines", "size_text", "stated_from"]

_FEW = 8  # languages of an expert that are listed


def model_lines(card: ModelCard) -> dict[str, str]:
    """A model in lines: what -> text, and behind a part of its recipe, in brackets, who says so."""
    recipe, sources = card.recipe, card.sources
    heads = [f"{head['folder']} {head.get('activation', 'L2')}" for head in recipe.fields()["heads"]]
    prompts = [*recipe.prompts, *([("neither", recipe.default_prompt)] if recipe.default_prompt else [])]
    lines = {
        "name": card.name,
        "folder": card.folder,
        "hash": card.hash,
        "family": recipe.family,
        "vectors": _vectors(card),
        "heads": ", ".join(heads) or "none",
        "map": f"to {recipe.dim} values: {recipe.post_map}" if recipe.post_map else "",
        "reads": f"{recipe.max_length} tokens of a text{_said(sources, 'max_length')}",
        "romanised": f"{recipe.romanise}{_said(sources, 'romanise')}" if recipe.romanise else "",
        "prompts": "; ".join(f"{role}: {text!r}" for role, text in prompts) or "none",
        "trained for": f"{recipe.similarity} similarity{_said(sources, 'similarity')}",
        "MaxSim": str(recipe.multi_vector or recipe.token_head or ""),
        "told": f"a text's language, one of {len(recipe.languages.codes)}" if recipe.languages else "",
        "precisions": " ".join(card.precisions),
        "size": size_text(card.size),
        "licence": card.licence or "not stated",
        "languages": f"{len(card.languages)}: {' '.join(card.languages)}" if card.languages else "not stated",
        "also seen": f"{len(card.more_languages)}: {' '.join(card.more_languages)}" if card.more_languages else "",
        "quality": _quality(card) or ("" if card.experts else "not stated"),
        "experts": f"{len(card.experts)}, chosen by a text's language" if card.experts else "",
    } | {f"  {expert.name}": _expert(expert) for expert in card.experts}
    lines["prompts"] += _said(sources, "prompts") if prompts else ""
    if not recipe.include_prompt:
        lines["prompts"] += ", whose tokens are not pooled"
    return {key: value for key, value in lines.items() if value}


def _vectors(card: ModelCard) -> str:
    recipe = card.recipe
    if recipe.scores:
        return "none: gives a score for two texts"
    if not recipe.dim:
        return f"one of {recipe.token_dim} values for each token"
    cut = f", the first of {recipe.full_dim}{_said(card.sources, 'dim')}" if recipe.base_dim < recipe.full_dim else ""
    pooling = f"pooling {'+'.join(recipe.pooling)}{_said(card.sources, 'pooling')}"
    return f"{recipe.base_dim} values{cut} (tokens: {recipe.token_dim}), {pooling}"


def _quality(card: ModelCard) -> str:
    return "; ".join(f"{key}: {value}" for key, value in card.quality.items())


def _expert(card: ModelCard) -> str:
    """What sets one of several models apart."""
    recipe, few = card.recipe, " ".join(card.languages[:_FEW])
    parts = {
        "languages": f"{len(card.languages)}: {few}{' …' if len(card.languages) > _FEW else ''}",
        "family": f"{recipe.family}, {size_text(card.size)}, hash {card.hash[:12]}",
        "licence": card.licence or "not stated",
        "romanised": f"{recipe.romanise}{_said(card.sources, 'romanise')}" if recipe.romanise else "",
        "map": str(recipe.post_map or ""),
        "quality": _quality(card),
    }
    return "; ".join(f"{key} {value}" for key, value in parts.items() if value)


def _said(sources: dict[str, str], part: str) -> str:
    return f" [{sources[part]}]" if part in sources else ""


def size_text(count: int) -> str:
    """Bytes for people."""
    return f"{count / 1e6:.1f} MB" if count < 1e9 else f"{count / 1e9:.2f} GB"


def stated_from(options: dict[str, str | int | None]) -> Stated | None:
    """What the options of `xret models pull` say of a model; None where they say nothing.

    Raises:
        ModelError: an unknown pooling.
    """
    from xret.encoders.checkpoints.stated import Stated

    roles = {"query": options.get("query_prompt"), "document": options.get("document_prompt")}
    prompts = tuple((role, str(text)) for role, text in roles.items() if text is not None)
    pooling, length, dim = (options.get(name) for name in ("pooling", "max_length", "dim"))
    languages, romanise = (_words(options.get(name)) for name in ("languages", "romanise"))
    stated = Stated(
        pooling=tuple(str(pooling).split("+")) if pooling else None,
        prompts=prompts or None,
        max_length=int(length) if length else None,
        truncate_dim=int(dim) if dim else None,
        languages=languages,
        romanise=romanise,
    )
    return stated if stated.fields() else None


def _words(value: str | int | None) -> tuple[str, ...] | None:
    """The parts of an option between commas; None where it is not given."""
    return tuple(part.strip() for part in str(value).split(",")) if value is not None else None
