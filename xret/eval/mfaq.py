"""MFAQ: pages of questions and answers; does a question find its answer among those of its page?"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.corpus.languages import UNKNOWN, check_lang, guess_lang
from xret.errors import EvalError, InputError, MismatchError
from xret.eval.benchmarks.lines import Record, records
from xret.eval.nearest import TextEncoder, blocks, unit

__all__ = ["FaqPage", "MfaqScores", "mfaq", "read_mfaq", "score_mfaq"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class FaqPage:
    """One page: answer i is that of question i."""

    id: str
    lang: str
    questions: list[str]
    answers: list[str]


@dataclass(frozen=True, eq=False)
class MfaqScores:
    """Reciprocal ranks.

    Attributes:
        values: (n,) RR of each question, page by page.
        pages: (n,) number of each question's page.
        langs: of each page.
    """

    values: Floats
    pages: npt.NDArray[np.int64]
    langs: tuple[str, ...]

    @property
    def global_mrr(self) -> float:
        """Mean over questions."""
        return float(self.values.mean())

    @property
    def per_page_mrr(self) -> float:
        """Mean over pages of the mean over a page's questions."""
        return float(self._means().mean())

    def table(self) -> pa.Table:
        """`lang, pages: int64, questions: int64, global_mrr, per_page_mrr: float64`, by language, then ``all``."""
        means = self._means()
        lang = np.array(self.langs)
        rows = []
        for name in [*sorted(set(self.langs)), "all"]:
            mine = np.ones(len(lang), bool) if name == "all" else lang == name
            asked = mine[self.pages]
            scores = {"global_mrr": float(self.values[asked].mean()), "per_page_mrr": float(means[mine].mean())}
            rows.append({"lang": name, "pages": int(mine.sum()), "questions": int(asked.sum()), **scores})
        return pa.Table.from_pylist(rows)

    def _means(self) -> Floats:
        return np.asarray(np.bincount(self.pages, self.values) / np.bincount(self.pages), np.float64)


def mfaq(questions: npt.ArrayLike, answers: npt.ArrayLike, sizes: Sequence[int], langs: Sequence[str]) -> MfaqScores:
    """Reciprocal rank of each question's own answer among the answers of its page.

    Args:
        questions: (n, d) vectors, page by page; normalised here.
        answers: (n, d), row i the answer to row i.
        sizes: questions of each page, adding up to n, none 0.
        langs: of each page.

    Source: De Bruyn et al., "MFAQ: a Multilingual FAQ Dataset", MRQA 2021; clips/mfaq `train.py`, which takes dot
    products of vectors of any length. Equal scores are ordered by place on the page.

    Raises:
        MismatchError: numbers that do not fit one another.
    """
    x, y = unit(questions, "questions"), unit(answers, "answers")
    if x.shape != y.shape or sum(sizes) != len(x) or len(sizes) != len(langs) or not sizes or min(sizes) < 1:
        raise MismatchError(
            f"questions {x.shape}, answers {y.shape}, {len(sizes)} pages of {sum(sizes)} and {len(langs)} languages do "
            f"not fit one another; wanted an answer for each question, and questions on each page"
        )
    ends = np.cumsum(sizes)
    values = [_reciprocal(x[end - size : end], y[end - size : end]) for end, size in zip(ends, sizes, strict=True)]
    return MfaqScores(np.concatenate(values), np.repeat(np.arange(len(sizes)), sizes), tuple(langs))


def score_mfaq(pages: Sequence[FaqPage], encoder: TextEncoder, *, progress: bool = False) -> MfaqScores:
    """`mfaq` of an encoder: questions as ``query``, answers as ``document``."""
    encode = functools.partial(encoder.encode, progress=True) if progress else encoder.encode
    langs = [page.lang for page in pages for _ in page.questions]
    questions = encode([each for page in pages for each in page.questions], role="query", lang=langs)
    answers = encode([each for page in pages for each in page.answers], role="document", lang=langs)
    return mfaq(questions, answers, [len(page.questions) for page in pages], [page.lang for page in pages])


def read_mfaq(sources: Sequence[str | Path], *, lang: str | None = None) -> list[FaqPage]:
    """Pages from JSON lines: ``{"id": 7, "qa_pairs": [{"question": "…", "answer": "…"}, …]}``, other fields aside.

    Args:
        sources: files, or folders of ``*.jsonl``.
        lang: of all pages. None: what a page's or its first pair's ``language`` says, else a dotted part of the file's
            name (``de.jsonl``) or the folder's name.

    Raises:
        EvalError: no such file, a broken line (says which), a page without pairs, an empty question or answer, or a
            page that stands twice.
    """
    pages = [page for path in _files(sources) for page in _pages(path, lang)]
    if not pages:
        raise EvalError(f"{sources[0]}: has no pages; wanted JSON lines of id and qa_pairs")
    return pages


def _reciprocal(questions: npt.NDArray[np.float32], answers: npt.NDArray[np.float32]) -> Floats:
    scores = np.concatenate([block for _, block in blocks(questions, answers)])
    own = np.diag(scores)[:, None]
    place = np.arange(len(scores))
    before = (scores > own) | ((scores == own) & (place < place[:, None]))
    return np.asarray(1 / (before.sum(axis=1) + 1), np.float64)


def _files(sources: Sequence[str | Path]) -> Iterator[Path]:
    for source in map(Path, sources):
        found = sorted(source.rglob("*.jsonl*")) if source.is_dir() else [source]
        if not source.exists() or not found:
            raise EvalError(
                f"{source}: {'has no *.jsonl' if source.exists() else 'no such file or folder'}; wanted MFAQ"
            )
        yield from found


def _pages(path: Path, lang: str | None) -> Iterator[FaqPage]:
    guessed = next(
        (found for part in [*path.name.split(".")[:-1], path.parent.name] if (found := guess_lang(part))), None
    )
    seen = set()
    for where, row in records(path):
        page = _page(row, where, lang, guessed)
        if page.id in seen:
            raise EvalError(f"{where}: page '{page.id}' stands there twice; each page is a line")
        seen.add(page.id)
        yield page


def _page(page: Record, where: str, lang: str | None, guessed: str | None) -> FaqPage:
    pairs = page.get("qa_pairs")
    if not isinstance(pairs, list) or not pairs or "id" not in page:
        raise EvalError(f"{where}: has no id or no qa_pairs; wanted {{id, qa_pairs: [{{question, answer}}, …]}}")
    columns: dict[str, list[str]] = {"question": [], "answer": []}
    for place, pair in enumerate(pairs, 1):
        for name, column in columns.items():
            text = pair.get(name) if isinstance(pair, dict) else None
            if not isinstance(text, str) or not text.strip():
                raise EvalError(f"{where}: the {name} of pair {place} is empty or no text; leave the pair out")
            column.append(text)
    said = lang or page.get("language") or pairs[0].get("language") or guessed or UNKNOWN
    try:
        return FaqPage(str(page["id"]), check_lang(str(said)), columns["question"], columns["answer"])
    except InputError as error:
        raise EvalError(f"{where}: {error}") from error
