"""Peak memory of a multi-vector build whose parts and sample are bounded, over growing collections.

    python tests/bench/multivector_memory.py [--dim 128] [--part 1000000] [--parts 1 4 10]

Token vectors are made as they are read and never held. Each build runs in a process of its own and tells its VmHWM, the
part of it that was there before the build, and its core seconds. What grows with the collection is 40 bytes a document:
ids and languages.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.tokens import Similarity

TOKENS = 100  # of a document


class Made:
    """Documents of 100 tokens, made from their row numbers."""

    encoder_name = encoder_hash = None
    similarity: Similarity = "sum"
    fade: float = 0.0
    text_first: bool = False

    def __init__(self, documents: int, dim: int) -> None:
        self.dim = dim
        self.words = np.random.default_rng(0).normal(size=(4000, dim)).astype(np.float32)
        numbers = pa.array(range(documents), pa.int32()).cast(pa.string())
        self.table = pa.table({"id": numbers, "lang": pa.repeat(pa.scalar("und"), documents)})

    def read(self, rows: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        found = []
        for row in rows:
            rng = np.random.default_rng(row)
            noise = rng.standard_normal((TOKENS, self.dim), dtype=np.float32)
            found.append(self.words[rng.integers(0, len(self.words), TOKENS)] + np.float32(0.6) * noise)
        return found

    def most_tokens(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return np.full(len(rows), TOKENS, np.int64)

    def fingerprint(self) -> str:
        return f"made {self.table.num_rows} {self.dim}"


def status(name: str) -> int:
    """MiB of a field of /proc/self/status."""
    found = re.search(rf"{name}:\s+(\d+)", Path("/proc/self/status").read_text())
    return int(found[1]) >> 10 if found else 0


def one(documents: int, dim: int, memory: int) -> None:
    source = Made(documents, dim)
    before, since = status("VmRSS"), time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        made = build_index(Path(folder) / "index", source, text=False, memory=memory, threads=1)
        print(
            f"{made.tokens:>12,} tokens, {len(made.parts):>3} parts, {made.centroids:>6,} centroids: "
            f"peak {status('VmHWM'):>5,} MiB, {before} MiB of it before the build; {made.bytes >> 20:,} MiB written in "
            f"{time.process_time() - since:.0f} core s",
            flush=True,
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--dim", type=int, default=128)
    parser.add_argument("--part", type=int, default=1_000_000, help="tokens of a part")
    parser.add_argument("--parts", type=int, nargs="*", default=[1, 4, 10])
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    memory = 3 * (options.dim // 2 + 12) * options.part
    if options.one:
        one(options.one, options.dim, memory)
        return
    for parts in options.parts:
        # A part ends with the block of documents that fills it, some 25,600 tokens later.
        documents = parts * options.part // TOKENS
        again = [
            sys.executable,
            __file__,
            "--one",
            str(documents),
            "--dim",
            str(options.dim),
            "--part",
            str(options.part),
        ]
        subprocess.run(again, check=True)


if __name__ == "__main__":
    main()
