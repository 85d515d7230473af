"""Multi-vector search against exact MaxSim, and against fast-plaid on the same vectors: recall and core time.

    python tests/bench/multivector.py [--documents 10000 40000] [--queries 64] [--help-clir FOLDER] [--work DIR]
                                      [--peer PYTHON] [--codecs]

The synthetic set: 8,000 words, points on the sphere with a shared mean; a topic for every 50 documents, which prefers
150 words and turns its documents in one direction; a token is its word, turned by its document and some noise, so that
a word in two documents has a cosine of .76 to .87. A query is 8 to 14 noisy tokens of a document, and noisier copies of
them up to 32, as expansion makes them. `--help-clir` encodes pages and titles of that folder with xret-mini.

Truth is exact MaxSim over the vectors, not over codes. Core milliseconds (user and system time of the process) are the
figure to compare on a shared machine; every side runs on one thread, one query at a time. `--peer` names a Python with
fast-plaid, whose wheels want a torch of their own: ``python -m venv E; E/bin/pip install fast-plaid torch==2.11.0``.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xret.indexes.multivector.build import build_index
from xret.indexes.multivector.codec import CODECS
from xret.indexes.multivector.opened import MultiVectorIndex, open_index
from xret.indexes.multivector.search import search_index
from xret.indexes.multivector.tokens import ArrayTokens
from xret.indexes.twoway.blas import single_threaded_blas

Floats = NDArray[np.float32]
Ints = NDArray[np.int64]
Set = tuple[NDArray[np.float16], Ints, list[Floats]]
DIM, WORDS, LIKED = 128, 8000, 150
PEER = ("8:4096", "4:1024")


def unit(x: NDArray[Any]) -> Floats:
    return np.asarray(x / np.linalg.norm(x, axis=-1, keepdims=True), np.float32)


def synthetic(documents: int, queries: int) -> tuple[NDArray[np.float16], Ints, list[Floats]]:
    rng = np.random.default_rng(0)
    topics = max(20, documents // 50)
    words = unit(unit(rng.normal(size=(WORDS, DIM))) + 0.35 * unit(rng.normal(size=DIM)))
    often = 1 / np.arange(1, WORDS + 1)
    often /= often.sum()
    root = np.sqrt(often) / np.sqrt(often).sum()
    liked = np.stack([rng.choice(WORDS, LIKED, replace=False, p=root) for _ in range(topics)])
    lengths, topic = rng.integers(30, 91, documents), rng.integers(0, topics, documents)
    turned = unit(unit(rng.normal(size=(topics, DIM)))[topic] + 0.7 * unit(rng.normal(size=(documents, DIM))))
    starts = np.concatenate([[0], np.cumsum(lengths)])
    owner = np.repeat(np.arange(documents), lengths)
    place = np.minimum(rng.exponential(30, len(owner)).astype(int), LIKED - 1)
    word = np.where(rng.random(len(owner)) < 0.7, liked[topic[owner], place], rng.choice(WORDS, len(owner), p=often))
    tokens = np.empty((len(owner), DIM), np.float16)
    for start in range(0, len(owner), 1 << 18):
        at = slice(start, start + (1 << 18))
        noise = unit(rng.normal(size=(len(owner[at]), DIM)))
        tokens[at] = unit(words[word[at]] + 0.45 * turned[owner[at]] + 0.35 * noise)
    asked = []
    for _ in range(queries):
        document, many = rng.integers(documents), rng.integers(8, 15)
        own = starts[document] + rng.choice(lengths[document], many, replace=False)
        base = tokens[np.concatenate([own, rng.choice(own, 32 - many)])].astype(np.float32)
        noise = np.where(np.arange(32) < many, 0.55, 0.9)[:, None]
        asked.append(unit(base + noise * unit(rng.normal(size=(32, DIM)))))
    return tokens, starts, asked


def help_clir(folder: Path, documents: int, queries: int) -> tuple[NDArray[np.float16], Ints, list[Floats]]:
    import pyarrow.parquet as pq

    from xret.encoders import load_encoder

    encoder = load_encoder("xret-mini", threads=1)
    table = pq.read_table(folder / "docs.parquet", columns=["lang", "text"])
    table = table.take(pa.array(np.sort(np.random.default_rng(0).permutation(table.num_rows)[:documents])))
    found = [
        vectors.astype(np.float16)
        for start in range(0, table.num_rows, 256)
        for vectors in encoder.encode_tokens(table["text"].slice(start, 256).to_pylist(), role="document")
    ]
    lines = (folder / "queries.tsv").read_text(encoding="utf-8").splitlines()
    some = np.random.default_rng(0).permutation(len(lines))[:queries]
    asked = encoder.encode_tokens([lines[line].split("\t")[2] for line in some], role="query")
    return np.concatenate(found), np.concatenate([[0], np.cumsum([len(each) for each in found])]), asked


def truth(tokens: NDArray[np.float16], starts: Ints, queries: Sequence[Floats]) -> list[Ints]:
    scores = np.empty((len(queries), len(starts) - 1), np.float32)
    for first in range(0, len(starts) - 1, 2000):
        last = min(first + 2000, len(starts) - 1)
        block = tokens[starts[first] : starts[last]].astype(np.float32)
        cuts = starts[first:last] - starts[first]
        for at, query in enumerate(queries):
            scores[at, first:last] = np.maximum.reduceat(block @ query.T, cuts, axis=0).sum(axis=1)
    return [np.argsort(-row, kind="stable")[:100] for row in scores]


def recall(found: Sequence[Sequence[int]], true: Sequence[Ints], depth: int) -> float:
    shares = [len(set(own[:depth]) & set(best[:depth].tolist())) / depth for own, best in zip(found, true, strict=True)]
    return float(np.mean(shares))


def show(name: str, cpu: float | None, found: Sequence[Sequence[int]], true: Sequence[Ints], more: str = "") -> None:
    ten, hundred = recall(found, true, 10), recall(found, true, 100)
    enough = min(len(own) for own in found) >= 100
    spent = "" if cpu is None else f"{cpu:8.2f}"
    print(f"{name:<52} {ten:7.3f} {hundred if enough else float('nan'):7.3f} {spent:>9}  {more}", flush=True)


def ours(
    work: Path,
    name: str,
    tokens: NDArray[np.float16],
    starts: Ints,
    queries: list[Floats],
    true: list[Ints],
    codec: str,
) -> None:
    documents = len(starts) - 1
    table = pa.table({"id": [str(row) for row in range(documents)], "lang": ["und"] * documents})
    folder, before = work / f"{name}.{codec}.index", time.process_time()
    if not folder.exists():
        source = ArrayTokens(tokens, starts, table)
        build_index(folder, source, codec=codec, text=False, threads=1)  # type: ignore[arg-type]
    built = time.process_time() - before
    index = open_index(folder)
    made = index.manifest
    print(
        f"{name}: {documents:,} documents, {made.tokens:,} tokens, {codec}, {made.centroids:,} centroids, "
        f"{len(made.parts)} parts, {made.bytes / made.tokens:.1f} bytes a token in all; built in {built:.0f} core s; "
        f"ceiling told {made.ceiling}"
    )
    exact = search_index(index, queries, k=100, exact=True, threads=1)
    show("exact over the codes", None, [each.rows.tolist() for each in exact], true)
    settings: list[dict[str, Any]] = [{"k": 10}, {"k": 100}, *({"k": 100, "probe": p, "depth": d} for p, d in GRID)]
    for setting in settings:
        found, cpu = timed(partial(one, index, setting), queries)
        shown = ", ".join(f"{key} {value}" for key, value in setting.items())
        show(f"xret {codec}, {shown}", cpu, found, true)


def one(index: MultiVectorIndex, setting: dict[str, Any], query: Floats) -> list[int]:
    rows: list[int] = search_index(index, [query], threads=1, **setting)[0].rows.tolist()
    return rows


GRID = ((16, 256), (32, 384), (48, 1024))


def timed(ask: Callable[[Floats], Any], queries: list[Floats]) -> tuple[list[Any], float]:
    for query in queries[:2]:
        ask(query)
    before = time.process_time()
    found = [ask(query) for query in queries]
    return found, 1e3 * (time.process_time() - before) / len(queries)


def peer(
    python: str, folder: Path, tokens: NDArray[np.float16], starts: Ints, queries: list[Floats], true: Any
) -> None:
    longest = max(len(query) for query in queries)
    padded = np.stack([np.pad(query, ((0, longest - len(query)), (0, 0))) for query in queries])
    folder.mkdir(exist_ok=True)
    for name, array in (("tokens", tokens), ("starts", starts), ("queries", padded)):
        np.save(folder / f"{name}.npy", array)
    script = Path(__file__).with_name("multivector_peer.py")
    run = subprocess.run([python, str(script), str(folder), "1", *PEER], stdout=subprocess.PIPE, text=True, check=False)
    for line in run.stdout.splitlines():
        if line.startswith("{"):
            told = json.loads(line)
            size = f"{told['bytes'] / len(tokens):.1f} bytes a token; built in {told['build']:.0f} core s"
            show(told["name"], told["cpu"], told["found"], true, size)
    if run.returncode:
        print(f"fast-plaid ended with {run.returncode}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--documents", type=int, nargs="*", default=[10_000, 40_000])
    parser.add_argument("--queries", type=int, default=64)
    parser.add_argument("--help-clir", type=Path)
    parser.add_argument("--pages", type=int, default=10_000, help="of help_clir, at most")
    parser.add_argument("--work", type=Path, help="keeps indexes, for a second run")
    parser.add_argument("--peer")
    parser.add_argument("--codecs", action="store_true", help="all of them, on the smallest set")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary, single_threaded_blas():
        work = options.work or Path(temporary)
        work.mkdir(exist_ok=True)
        print(f"{'':<52} {'R@10':>7} {'R@100':>7} {'core ms':>9}")
        sets: list[tuple[str, Callable[[], Set]]] = [
            (f"synthetic-{count}", partial(synthetic, count, options.queries)) for count in options.documents
        ]
        if options.help_clir:
            sets.append(("help_clir", partial(help_clir, options.help_clir, options.pages, options.queries)))
        for number, (name, make) in enumerate(sets):
            tokens, starts, queries = make()
            true = truth(tokens, starts, queries)
            for codec in CODECS if options.codecs and not number else ("4bit",):
                ours(work, name, tokens, starts, queries, true, codec)
            if options.peer:
                peer(options.peer, work / f"{name}.peer", tokens, starts, queries, true)


if __name__ == "__main__":
    main()
