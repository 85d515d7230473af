"""Sentence pairs as two files whose lines correspond: ``corpus.de`` and ``corpus.en``, as Moses and OPUS have them."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from xret.artifact import atomic_file
from xret.bitext.columns import Langs
from xret.errors import UsageError
from xret.packed import packing, written

__all__ = ["moses_paths", "write_moses"]

ROWS = 1 << 15  # lines turned into text at once
BREAKS = "[\n\r\x0b\x0c\x1c-\x1e\u0085\u2028\u2029]+"  # whatever some program takes for the end of a line


def moses_paths(path: Path, langs: Langs) -> tuple[Path, Path]:
    """The two files that `path` stands for: the languages behind it, before ``.gz`` or ``.zst``.

    Raises:
        UsageError: a language is not known, or both are the same.
    """
    src, tgt = langs
    if "und" in langs:
        side = "source" if src == "und" else "target"
        raise UsageError(f"{path}: the two files are named after their languages: say which the {side} is in")
    if src == tgt:
        raise UsageError(f"{path}: both sides are '{src}', so that both files would be one; write TSV or JSONL")
    end = path.suffix if packing(path) else ""
    stem = path.name.removesuffix(end)
    return path.with_name(f"{stem}.{src}{end}"), path.with_name(f"{stem}.{tgt}{end}")


def write_moses(pairs: pa.Table, path: Path, langs: Langs) -> tuple[Path, Path]:
    """Write the texts alone, a pair on each line; line breaks inside a text become a space.

    Args:
        pairs: `src_text, tgt_text`.
        path: what the two names begin with (see `moses_paths`).
        langs: of the source and of the target (BCP 47).

    Returns:
        The two files. They are put in place one after the other, when both are complete.
    """
    paths = moses_paths(path, langs)
    with ExitStack() as stack:
        for name, place in zip(("src_text", "tgt_text"), paths, strict=True):
            temporary = stack.enter_context(atomic_file(place))
            with written(temporary, packing(place)) as stream:
                for start in range(0, pairs.num_rows, ROWS):
                    lines = pc.replace_substring_regex(pairs[name].slice(start, ROWS), BREAKS, " ").to_pylist()
                    stream.write("".join(line + "\n" for line in lines).encode())
    return paths
