"""XQuAD-R files: questions, the sentences of all paragraphs, and which sentence answers which question."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from xret.errors import EvalError
from xret.eval.lareqa import LareqaScores, lareqa
from xret.eval.nearest import TextEncoder

__all__ = ["XquadR", "read_xquad", "score_xquad"]


@dataclass(frozen=True, eq=False)
class XquadR:
    """The pool of an XQuAD-R evaluation.

    Attributes:
        langs: L languages.
        questions, question_langs: q texts and their languages.
        sentences, sentence_langs: c texts and their languages, by language; equal sentences stand apart.
        relevant: (q, L) int64 number of the answer sentence in each language, -1 where a language lacks the question.
    """

    langs: tuple[str, ...]
    questions: list[str]
    question_langs: list[str]
    sentences: list[str]
    sentence_langs: list[str]
    relevant: npt.NDArray[np.int64]


def read_xquad(sources: Sequence[str | Path], *, langs: Sequence[str] = ()) -> XquadR:
    """Read ``LANG.json`` files: the files named, or all in the folders named; `langs` keeps those only.

    Raises:
        EvalError: no such file, not the format of XQuAD-R, or a language that is not there.
    """
    files = _files(sources)
    unknown = [lang for lang in langs if lang not in files]
    if unknown:
        raise EvalError(f"{sources[0]}: has no {unknown[0]}.json; there are {', '.join(files)}")
    names = tuple(lang for lang in files if not langs or lang in langs)
    pool = XquadR(names, [], [], [], [], np.empty((0, 0), np.int64))
    answers: list[dict[str, int]] = []
    asked: list[str] = []
    for lang in names:
        answers.append(_add(pool, lang, files[lang], asked))
    relevant = np.array([[answer.get(question, -1) for answer in answers] for question in asked], np.int64)
    return XquadR(names, pool.questions, pool.question_langs, pool.sentences, pool.sentence_langs, relevant)


def score_xquad(pool: XquadR, encoder: TextEncoder, *, progress: bool = False) -> LareqaScores:
    """LAReQA's mAP; sentences are encoded alone, without their paragraph, as ``document``, questions as ``query``."""
    encode = functools.partial(encoder.encode, progress=True) if progress else encoder.encode
    questions = encode(pool.questions, role="query", lang=pool.question_langs)
    sentences = encode(pool.sentences, role="document", lang=pool.sentence_langs)
    return lareqa(questions, pool.question_langs, sentences, pool.sentence_langs, pool.relevant, langs=pool.langs)


def _files(sources: Sequence[str | Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for source in map(Path, sources):
        found = sorted(source.glob("*.json")) if source.is_dir() else [source]
        if not source.exists() or not found:
            raise EvalError(
                f"{source}: {'has no *.json' if source.exists() else 'no such file or folder'}; wanted XQuAD-R"
            )
        files |= {path.stem.removeprefix("xquad-r.").removeprefix("xquad."): path for path in found}
    return files


def _add(pool: XquadR, lang: str, path: Path, asked: list[str]) -> dict[str, int]:
    """Put one language's questions and sentences into the pool; gives question id -> number of its answer sentence."""
    answers: dict[str, int] = {}
    for place, paragraph in _paragraphs(path):
        try:
            first = len(pool.sentences)
            breaks = paragraph["sentence_breaks"]
            pool.sentences.extend(paragraph["context"][start:end] for start, end in breaks)
            for qa in paragraph["qas"]:
                pool.questions.append(qa["question"])
                asked.append(qa["id"])
                answers[qa["id"]] = first + _sentence_of(breaks, qa["answers"][0]["answer_start"])
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise EvalError(f"{path}: {place} is not as in XQuAD-R ({type(error).__name__}: {error})") from error
    pool.question_langs.extend([lang] * (len(pool.questions) - len(pool.question_langs)))
    pool.sentence_langs.extend([lang] * (len(pool.sentences) - len(pool.sentence_langs)))
    return answers


def _paragraphs(path: Path) -> Iterator[tuple[str, Any]]:
    try:
        articles = json.loads(path.read_text(encoding="utf-8"))["data"]
        for number, article in enumerate(articles, 1):
            for index, paragraph in enumerate(article["paragraphs"], 1):
                yield f"article {number}, paragraph {index}", paragraph
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise EvalError(f"{path}: is not XQuAD-R's JSON ({type(error).__name__}: {error})") from error


def _sentence_of(breaks: Sequence[Sequence[int]], start: int) -> int:
    """The sentence that holds the answer's first character (some answers run over a break; that one still counts)."""
    return max(index for index, (first, _) in enumerate(breaks) if first <= start)
