"""The protocols that are scored by vectors, by name."""

from __future__ import annotations

from collections.abc import Callable

from xret.errors import UsageError
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.mining import Mining
from xret.pipeline.suite.parallel import Nway, Tatoeba
from xret.pipeline.suite.pools import Faq, Passages, Pool
from xret.pipeline.suite.sentences import Sentences

__all__ = ["SENTENCES", "read_sentences"]

Reader = Callable[[BenchmarkEntry], Sentences]
SENTENCES: dict[str, Reader] = {
    "tatoeba-laser": Tatoeba,
    "flores": Nway,
    "ntrex": Nway,
    "bucc": Mining,
    "xquad-r": Pool,
    "belebele": Passages,
    "mfaq": Faq,
}
"""Protocol -> what reads its data."""
WITH_OPTIONS = ("flores",)


def read_sentences(entry: BenchmarkEntry) -> Sentences | None:
    """The benchmark, where its protocol is one that vectors are scored by; None where runs are.

    Raises:
        UsageError: an option that it does not have.
        EvalError: its data cannot be read.
    """
    made = SENTENCES.get(entry.protocol or "")
    if made is None:
        return None
    unfit: dict[str, object] = {
        "document_languages": entry.document_languages,
        "collections": entry.collections,
        "k": entry.k,
        "fairness": entry.fairness or None,
        "options": None if entry.protocol in WITH_OPTIONS else entry.options,
    }
    for name, value in unfit.items():
        if value is not None:
            raise UsageError(f"benchmark '{entry.name}': {name} cannot be given for protocol '{entry.protocol}'")
    return made(entry)
