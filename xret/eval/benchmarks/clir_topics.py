"""Topics of HC4 and NeuCLIR: one JSON object each, with its words in several languages and by several translators."""

from __future__ import annotations

from typing import Literal

from xret.errors import EvalError
from xret.eval.benchmarks.lines import Record

__all__ = ["Source", "clir_topic", "is_clir"]

Source = Literal["original", "human", "machine"]
HUMAN = "human translation"


def is_clir(record: Record) -> bool:
    """Whether an object is such a topic."""
    return "topic_id" in record and isinstance(record.get("topics"), list)


def clir_topic(record: Record, fields: tuple[str, ...], source: Source, lang: str | None, place: str) -> str:
    """The words of a topic.

    Args:
        record: with ``topics``: a list of ``{"lang", "source", "topic_title", "topic_description", …}``.
        fields: of title, description and narrative, in the order wanted.
        source: the English ``original``, or its translation by a ``human`` or a ``machine``.
        lang: of the translation, ISO 639-3.
        place: for messages.

    Raises:
        EvalError: it has no such words.
    """
    found = [each for each in record["topics"] if isinstance(each, dict) and _is(each, source, lang)]
    if not found:
        has = ", ".join(f"{each.get('lang')} ({each.get('source')})" for each in record["topics"])
        wanted = "in English" if source == "original" else f"translated to {lang} by a {source}"
        raise EvalError(f"{place}: topic {record['topic_id']} has no words {wanted}; it has {has}")
    topic = found[0]
    missing = [name for name in fields if not isinstance(topic.get(f"topic_{name}"), str)]
    if missing:
        raise EvalError(f"{place}: topic {record['topic_id']} has no {missing[0]} there; choose other --fields")
    return " ".join(topic[f"topic_{name}"] for name in fields)


def _is(topic: Record, source: Source, lang: str | None) -> bool:
    if source == "original":
        return topic.get("lang") == "eng"
    return topic.get("lang") == lang and (topic.get("source") == HUMAN) == (source == "human")
