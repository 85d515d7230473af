"""fast-plaid on the vectors of tests/bench/multivector.py; run by a Python that has it, and prints JSON lines.

    PYTHON tests/bench/multivector_peer.py FOLDER THREADS PROBE:FULL ...

FOLDER holds tokens.npy (tokens, dim) float16, starts.npy (documents + 1,) int64 and queries.npy (queries, tokens, dim)
float32. A line tells what it is, core milliseconds per query (one at a time), the ids found, and megabytes on disk.
"""

from __future__ import annotations

import json
import os
import sys
import time
from importlib import import_module, metadata
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

SAMPLE = 2500  # documents of its k-means; its default takes all


def main(folder: Path, threads: int, settings: list[tuple[int, int]]) -> None:
    torch: Any = import_module("torch")
    plaid: Any = import_module("fast_plaid.search")
    torch.set_num_threads(threads)
    tokens, starts, queries = (np.load(folder / f"{name}.npy") for name in ("tokens", "starts", "queries"))
    index, built = folder / "fast-plaid", None
    if not (folder / "fast-plaid.json").exists():
        documents = [torch.from_numpy(tokens[a:b]) for a, b in pairwise(starts)]
        before = time.process_time()
        engine = plaid.FastPlaid(index=str(index), device="cpu")
        engine.create(documents, nbits=4, seed=42, n_samples_kmeans=SAMPLE)
        built = time.process_time() - before
        (folder / "fast-plaid.json").write_text(json.dumps(built))
        del documents
    built = json.loads((folder / "fast-plaid.json").read_text())
    size = sum(os.path.getsize(path) for path in index.rglob("*") if path.is_file())
    engine = plaid.FastPlaid(index=str(index), device="cpu")
    for probe, full in settings:

        def ask(query: Any, probe: int = probe, full: int = full) -> list[int]:
            found = engine.search(
                torch.from_numpy(query[None]), top_k=100, n_ivf_probe=probe, n_full_scores=full, show_progress=False
            )
            return [int(row) for row, _ in found[0]]

        for query in queries[:2]:
            ask(query)
        before = time.process_time()
        found = [ask(query) for query in queries]
        spent = 1e3 * (time.process_time() - before) / len(queries)
        name = f"fast-plaid {metadata.version('fast-plaid')}, 4 bit, probe {probe}, full {full}"
        print(json.dumps({"name": name, "cpu": spent, "build": built, "bytes": size, "found": found}), flush=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), [tuple(map(int, each.split(":"))) for each in sys.argv[3:]])  # type: ignore[misc]
