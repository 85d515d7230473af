"""English for measurements: docstrings of the installed Python, as sentences, paragraphs and a few whole ones."""

from __future__ import annotations

import ast
import json
import random
import re
import sysconfig
from collections.abc import Iterator
from pathlib import Path

__all__ = ["sentences"]

_FILES = 2000
_SHARES = (0.78, 0.20, 0.02)  # sentences, paragraphs, whole docstrings


def sentences(count: int, kept: Path) -> list[str]:
    """`count` texts of 5 to some thousand characters, the same ones each time on one machine; `kept` holds them."""
    if kept.exists():
        found: list[str] = json.loads(kept.read_text(encoding="utf-8"))
        return found[:count]
    pools: tuple[set[str], set[str], set[str]] = (set(), set(), set())
    for doc in _docstrings():
        whole = " ".join(doc.split())
        if len(whole) > 1200:
            pools[2].add(whole[:4000])
        for paragraph in re.split(r"\n\s*\n", doc):
            text = " ".join(paragraph.split())
            if len(text) > 200 and _words(text) > 8:
                pools[1].add(text[:2500])
            pools[0].update(s for s in re.split(r"(?<=[.!?])\s+", text) if 20 <= len(s) <= 400 and _words(s) >= 4)
    chosen, texts = random.Random(0), list[str]()
    for pool, share in zip(pools, _SHARES, strict=True):
        texts += chosen.sample(sorted(pool), min(len(pool), int(count * share)))
    chosen.shuffle(texts)
    kept.write_text(json.dumps(texts), encoding="utf-8")
    return texts


def _words(text: str) -> int:
    return len(re.findall(r"[A-Za-z]{2,}", text))


def _docstrings() -> Iterator[str]:
    for place in ("stdlib", "purelib"):
        files = sorted(Path(sysconfig.get_paths()[place]).rglob("*.py"))
        random.Random(0).shuffle(files)
        for path in files[: _FILES // 2]:
            try:
                tree = ast.parse(path.read_text(encoding="utf-8", errors="replace"))
            except (SyntaxError, ValueError, OSError):
                continue
            for node in ast.walk(tree):
                if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                    yield ast.get_docstring(node) or ""
