"""Pools in suites: XQuAD-R (LAReQA), Belebele and MFAQ, scored as their commands do."""

from __future__ import annotations

from collections.abc import Mapping

from xret.errors import UsageError
from xret.eval.belebele import score_belebele
from xret.eval.belebele_files import read_belebele
from xret.eval.mfaq import read_mfaq, score_mfaq
from xret.eval.protocols import protocol
from xret.eval.protocols.rows import belebele_row, mfaq_row, xquad_row
from xret.eval.protocols.scored import Scored
from xret.eval.xquad import read_xquad, score_xquad
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.sentences import Kept, Role, Vectored, text_table

__all__ = ["Faq", "Passages", "Pool"]

ROLES: Mapping[str, Role] = {"documents": "document", "questions": "query"}


class Pool(Vectored):
    """XQuAD-R: questions, and the sentences of all languages; `query_languages` restricts both."""

    roles = ROLES

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it."""
        self.label, self.protocol = entry.name, protocol("xquad-r")
        self._pool = pool = read_xquad([str(entry.path)], langs=entry.query_languages or ())
        self.inputs = {
            "documents": text_table(zip(pool.sentence_langs, pool.sentences, strict=True)),
            "questions": text_table(zip(pool.question_langs, pool.questions, strict=True)),
        }

    def score(self, encoder: Kept) -> Scored:
        """See `Vectored`."""
        return xquad_row(self.protocol, score_xquad(self._pool, encoder), self._pool, system="", benchmark=self.label)


class Passages(Vectored):
    """Belebele: questions, and the passages of all languages; `query_languages` restricts both."""

    roles = ROLES

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it."""
        self.label, self.protocol = entry.name, protocol("belebele")
        self._data = data = read_belebele([str(entry.path)], langs=entry.query_languages or ())
        sides = {"documents": data.passages, "questions": data.questions}
        self.inputs = {
            name: text_table((tag, text) for tag, texts in zip(data.tags, side, strict=True) for text in texts)
            for name, side in sides.items()
        }

    def score(self, encoder: Kept) -> Scored:
        """See `Vectored`."""
        scores = score_belebele(self._data, encoder)
        return belebele_row(self.protocol, scores, self._data, system="", benchmark=self.label)


class Faq(Vectored):
    """MFAQ: questions, and the answers of their pages; one of `query_languages` is the language of all pages."""

    roles = ROLES

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it."""
        if len(entry.query_languages or ()) > 1:
            raise UsageError(f"benchmark '{entry.name}': query_languages says the one language of all pages of mfaq")
        self.label, self.protocol = entry.name, protocol("mfaq")
        self._pages = read_mfaq([str(entry.path)], lang=entry.query_languages[0] if entry.query_languages else None)
        self.inputs = {
            "documents": text_table((page.lang, text) for page in self._pages for text in page.answers),
            "questions": text_table((page.lang, text) for page in self._pages for text in page.questions),
        }

    def score(self, encoder: Kept) -> Scored:
        """See `Vectored`."""
        return mfaq_row(self.protocol, score_mfaq(self._pages, encoder), self._pages, system="", benchmark=self.label)
