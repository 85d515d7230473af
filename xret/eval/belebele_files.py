"""Belebele's files: JSON lines, a file a language, parallel by the passage's link and the question's number."""

from __future__ import annotations

import logging
import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from xret.errors import EvalError
from xret.eval.belebele import Belebele
from xret.eval.benchmarks.lines import Record, records
from xret.eval.file_languages import chosen_codes, tag_of

__all__ = ["read_belebele"]

CODE = re.compile(r"[a-z]{3}_[A-Za-z]{4}")  # FLORES-200's, but for "ary_arab"
ANSWERS = tuple(f"mc_answer{number}" for number in range(1, 5))
TEXTS = ("link", "flores_passage", "question", *ANSWERS)
log = logging.getLogger("xret")
Key = tuple[str, str, int, int]  # link, split where there is one, question, how many of these came before


@dataclass
class _File:
    """Of one language: each question, and the passage it is about; each passage, by the question that first has it."""

    path: Path
    questions: dict[Key, str] = field(default_factory=dict)
    passages: dict[Key, str] = field(default_factory=dict)


def read_belebele(sources: Sequence[str | Path], *, langs: Collection[str] = ()) -> Belebele:
    """Read ``deu_Latn.jsonl`` and others: the files named, or all in the folders named.

    Args:
        sources: files or folders.
        langs: keep these only; the files' codes, or BCP 47 where one file fits.

    Raises:
        EvalError: no such file or language, a broken line (says which), a field that is empty or no text, an answer
            number that is not 1 to 4, a dialect that is not the file's, or questions that a language lacks.
    """
    files = _files(sources)
    tags = {code: tag_of(code, path) for code, path in files.items()}
    chosen = chosen_codes(tags, langs, sources[0])
    read = {code: _read(files[code], code) for code in chosen}
    first = read[chosen[0]]
    for each in read.values():
        _same(first, each)
    order = {passage: number for number, passage in enumerate(dict.fromkeys(first.passages.values()))}
    keys = list(first.questions)
    about = np.array([order[first.passages[key]] for key in keys], np.int64)
    example = {number: key for key, number in reversed(list(zip(keys, about.tolist(), strict=True)))}
    passages = [[each.passages[example[number]] for number in range(len(order))] for each in read.values()]
    questions = [[each.questions[key] for key in keys] for each in read.values()]
    return Belebele(tuple(chosen), tuple(tags[code] for code in chosen), passages, questions, about)


def _files(sources: Sequence[str | Path]) -> dict[str, Path]:
    files: dict[str, Path] = {}
    for source in map(Path, sources):
        found = sorted(source.glob("*.jsonl*")) if source.is_dir() else [source]
        if not source.exists() or not found:
            raise EvalError(
                f"{source}: {'has no *.jsonl' if source.exists() else 'no such file or folder'}; wanted Belebele"
            )
        for path in found:
            if not CODE.fullmatch(path.name.split(".")[0]):
                raise EvalError(f"{path}: is not called by a language such as deu_Latn.jsonl; rename or remove it")
            files[path.name.split(".")[0]] = path
    return files


def _read(path: Path, code: str) -> _File:
    found, times = _File(path), Counter[tuple[str, str, int]]()
    for where, row in records(path):
        _check(row, where, code)
        name = (row["link"], str(row.get("split", "")), int(row["question_number"]))
        key = (*name, times[name])
        times[name] += 1
        found.questions[key], found.passages[key] = row["question"], row["flores_passage"]
    if not found.questions:
        raise EvalError(f"{path}: has no questions")
    return found


def _check(row: Record, where: str, code: str) -> None:
    for name in TEXTS:
        if not isinstance(row.get(name), str) or not row[name].strip():
            raise EvalError(f"{where}: '{name}' is empty or no text")
    for name, least, most in (("question_number", 1, 2), ("correct_answer_num", 1, 4)):
        if str(row.get(name)) not in map(str, range(least, most + 1)):
            raise EvalError(f"{where}: {name} is {row.get(name)!r}, wanted {least} to {most}")
    if row.get("dialect", code) != code:
        raise EvalError(f"{where}: its dialect is '{row['dialect']}', the file's '{code}'; put it into its own file")


def _same(first: _File, other: _File) -> None:
    for one, two in ((first, other), (other, first)):
        lost = next((key for key in one.questions if key not in two.questions), None)
        if lost is not None:
            raise EvalError(f"{two.path}: lacks question {lost[2]} about {lost[0]}, which {one.path.name} has")
    pairs = {(first.passages[key], other.passages[key]) for key in first.passages}
    more = len(pairs) - len({one for one, _ in pairs})
    if more:
        log.warning("%s: %d passages differ between the questions about them; taken as in the first", other.path, more)
