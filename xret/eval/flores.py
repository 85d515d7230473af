"""FLORES and NTREX: files, one a language, of which the lines i mean the same."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xret.errors import EvalError
from xret.eval.file_languages import chosen_codes, tag_of

__all__ = ["LangLines", "Split", "read_flores", "read_ntrex"]

Split = Literal["dev", "devtest"]
FLORES_CODE = r"(?P<code>[a-z]{3}_[A-Z][a-z]{3}(?:_[a-z]{4}\d{4})?)"  # FLORES+ parts two variants by glottocode
NTREX_CODE = r"(?P<code>[a-z]{3}(?:-[A-Za-z]{2,4})?)"


@dataclass(frozen=True)
class LangLines:
    """One language: its BCP 47 tag and its n sentences."""

    lang: str
    texts: list[str]


def read_flores(folder: str | Path, *, split: Split = "devtest", langs: Collection[str] = ()) -> dict[str, LangLines]:
    """Language, as the files spell it (``eng_Latn``), -> lines.

    Args:
        folder: with the folder ``devtest`` (or ``dev``) in it, or that one itself. Files are called
            ``eng_Latn.devtest`` as in FLORES-200, or ``devtest.eng_Latn`` as in FLORES+.
        split: which of them.
        langs: keep these only; the files' codes, or BCP 47 (``de``, ``zh-Hant``) where that is clear.

    Raises:
        EvalError: no such folder, no such files in it, a language that is not there or no language, sides of different
            length, empty lines.
    """
    path = Path(folder)
    inside = path / split if (path / split).is_dir() else path
    pattern = re.compile(rf"{FLORES_CODE}\.{split}|{split}\.{FLORES_CODE.replace('code', 'other')}")
    return _read(inside, pattern, langs, f"eng_Latn.{split} or {split}.eng_Latn")


def read_ntrex(folder: str | Path, *, langs: Collection[str] = ()) -> dict[str, LangLines]:
    """Language, as the files spell it (``deu``, ``srp-Cyrl``), -> lines; ``eng`` is the source.

    Args:
        folder: NTREX, or its folder ``NTREX-128``, of ``newstest2019-src.eng.txt`` and ``newstest2019-ref.deu.txt``.
        langs: keep these only; the files' codes, or BCP 47 where that is clear.

    Raises:
        EvalError: as for `read_flores`.
    """
    path = Path(folder)
    inside = path / "NTREX-128" if (path / "NTREX-128").is_dir() else path
    pattern = re.compile(rf"newstest2019-(?:src|ref)\.{NTREX_CODE}\.txt")
    return _read(inside, pattern, langs, "newstest2019-ref.deu.txt")


def _read(folder: Path, pattern: re.Pattern[str], langs: Collection[str], such_as: str) -> dict[str, LangLines]:
    if not folder.is_dir():
        raise EvalError(f"{folder}: no such folder; wanted one with files such as {such_as}")
    files: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.is_file() and (match := pattern.fullmatch(path.name)):
            code = next(value for value in match.groups() if value)
            if code in files:
                raise EvalError(f"{path}: {files[code].name} is {code} too; keep one of them")
            files[code] = path
    if not files:
        raise EvalError(f"{folder}: has no files such as {such_as}")
    tags = {code: tag_of(code, path) for code, path in files.items()}
    chosen = chosen_codes(tags, langs, folder)
    read = {code: LangLines(tags[code], _lines(files[code])) for code in chosen}
    first = chosen[0]
    for code, lines in read.items():
        if len(lines.texts) != len(read[first].texts):
            found = f"has {len(lines.texts)} lines, {files[first].name} has {len(read[first].texts)}"
            raise EvalError(f"{files[code]}: {found}; wanted line i of all to mean the same")
    return read


def _lines(path: Path) -> list[str]:
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise EvalError(f"{path}: is not valid UTF-8 (byte {error.start}); convert it to UTF-8") from error
    lines = text.removesuffix("\n").split("\n")
    empty = next((number for number, line in enumerate(lines, 1) if not line.strip()), None)
    if empty:
        raise EvalError(f"{path}:{empty}: is empty; wanted a sentence a line")
    return lines
