"""What of a request is compared with the server's limits and systems before anything is computed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from xret.serving.failures import Refusal

if TYPE_CHECKING:
    from xret.serving.generation import Generation
    from xret.serving.limits import Limits
    from xret.serving.schema import Options

__all__ = ["check_languages", "check_options", "check_texts"]


def check_options(limits: Limits, asked: Options) -> None:
    """Refuse options beyond the limits, or that gainsay each other.

    Raises:
        Refusal: says which.
    """
    if asked.k > limits.k:
        raise Refusal(422, "too_many_hits", f"k is {asked.k}; ask for fewer hits", limit=limits.k)
    for name in ("depth", "facets"):
        if (getattr(asked, name) or 0) > limits.depth:
            raise Refusal(422, "too_deep", f"{name} is {getattr(asked, name)}; ask for fewer", limit=limits.depth)
    if asked.fuse and asked.system:
        raise Refusal(422, "invalid", "'system' is one to ask, 'fuse' are several; give one of the two")
    if asked.fuse and len(set(asked.fuse)) < len(asked.fuse):
        raise Refusal(422, "invalid", "'fuse' names a system twice; name each once")


def check_languages(asked: Options, systems: Sequence[Generation]) -> None:
    """Refuse a language that none of the systems has a document of.

    Raises:
        Refusal: names it.
    """
    for one in asked.languages or ():
        if not any(each.known([one]) for each in systems):
            raise Refusal(422, "unknown_language", f"no document here is in language '{one}'; see /systems")


def check_texts(limits: Limits, texts: Sequence[str], *, pairs: int | None = None) -> None:
    """Refuse texts that are too many, too long or empty.

    Args:
        limits: of the server.
        texts: of a request.
        pairs: how many of them there are, where the texts are those of pairs.

    Raises:
        Refusal: says which limit was passed.
    """
    if (pairs or len(texts)) > limits.texts:
        raise Refusal(413, "too_many", f"{pairs or len(texts):,} at a time; send fewer", limit=limits.texts)
    if any(len(text) > limits.text for text in texts):
        raise Refusal(413, "too_long", "a text has more characters than are read here; send less", limit=limits.text)
    if sum(map(len, texts)) > limits.characters:
        raise Refusal(413, "too_long", "the texts together have too many characters", limit=limits.characters)
    if any(not text.strip() for text in texts):
        raise Refusal(422, "empty", "a text is empty; give it some words")
