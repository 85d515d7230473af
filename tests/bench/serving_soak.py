"""Whether `xret serve` stays right, quick and small: mixed load for long, an index swapped all the time."""

from __future__ import annotations

import random
import re
import shutil
import signal
import threading
import time
from pathlib import Path
from typing import Any

from tests.bench.machine import head, show
from tests.bench.serving_load import Http, questions, served

__all__ = ["soak"]


def soak(index: Path, work: Path, seconds: float) -> None:
    """Mixed load, a swap every two seconds; half of the first state's documents are not in the second."""
    from xret.indexes.kinds import verbs
    from xret.serving.generation import version_of

    corpus = verbs("dense").open_index(index).corpus.select(["id", "text", "lang"])
    shutil.copytree(index, work / "second")
    verbs("dense").delete(work / "second", corpus["id"].to_pylist()[: corpus.num_rows // 2])
    link = work / "link"
    link.symlink_to(index)
    known = {version_of(index): "first", version_of(work / "second"): "second"}
    gone = set(corpus["id"].to_pylist()[: corpus.num_rows // 2])
    kinds: list[dict[str, Any]] = [{}, {}, {}, {"explain": True}, {"languages": ["de"]}, {"facets": 50}, {"k": 100}]
    counts = {"answers": 0, "wrong": 0, "failed": 0, "first": 0, "second": 0}
    lock, end = threading.Lock(), threading.Event()
    head(f"Soak: 8 clients, mixed load, a swap every 2 s, {seconds:.0f} s")
    show("at s", "answers", "first/second state", "wrong", "failed", "swaps", "RSS MiB", "without files")
    show(*["---"] * 8)
    # Vectors of 32 MB are soon remembered: what grows after that would grow for ever.
    with served(link, "--encoder", "xret-mini", "--remember", "32MB") as (host, port, process):

        def run(number: int) -> None:
            chance, asked = random.Random(number), questions()
            clients = [Http(host, port, **more) for more in kinds]
            while not end.is_set():
                try:
                    answer = chance.choice(clients)(chance.choice(asked))
                except Exception:
                    with lock:
                        counts["failed"] += 1
                    return
                state = known.get(answer["version"], "")
                bad = not state or (state == "second" and any(hit["id"] in gone for hit in answer["hits"]))
                with lock:
                    counts["answers"] += 1
                    counts["wrong"] += int(bad)
                    counts[state] = counts.get(state, 0) + 1

        threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        begun, swaps, told = time.monotonic(), 0, 0.0
        while (now := time.monotonic() - begun) < seconds:
            fresh = work / "fresh"
            fresh.symlink_to(work / "second" if swaps % 2 == 0 else index)
            fresh.replace(link)
            process.send_signal(signal.SIGHUP)
            swaps += 1
            time.sleep(2)
            if now >= told:
                told += seconds / 8
                state = f"{counts['first']:,}/{counts['second']:,}"
                show(f"{now:.0f}", f"{counts['answers']:,}", state, counts["wrong"], counts["failed"], swaps,
                     *memory(process.pid))  # fmt: skip
        end.set()
        for thread in threads:
            thread.join()
        state = f"{counts['first']:,}/{counts['second']:,}"
        show("end", f"{counts['answers']:,}", state, counts["wrong"], counts["failed"], swaps, *memory(process.pid))


def memory(pid: int) -> tuple[int, int]:
    """MiB resident, all of it and without files."""
    found = dict(re.findall(r"(VmRSS|RssAnon):\s+(\d+)", Path(f"/proc/{pid}/status").read_text()))
    return int(found["VmRSS"]) >> 10, int(found["RssAnon"]) >> 10
