"""Alignment of manual pages with their English ones: pairs of pages, pairs of paragraphs, and time by length.

    python tests/bench/align.py --pages help_clir/docs.parquet --mining mining [--langs de,ru,ja] [--vecalign CHECKOUT]

PAGES is a table `id` (``PAGE@LANG``), `lang`, `text` (a paragraph a line). The gold for pages is their name. That for
paragraphs is threefold, as nobody has aligned the pages by hand:

    same     pages with as many paragraphs in both languages, at least four, in which pairs of MINING's gold lie, all of
             them n-th to n-th: so do the others (equal numbers alone would not do: each side may miss another one)
    edited   the same after a known edit: of every hundred paragraphs ten are taken out of one side, ten out of the
             other, and fifteen times a neighbour is joined to one, on either side
    known    the other pages in which such pairs lie, each text once in its page: untranslated paragraphs are missing.
             A bead counts if it touches a paragraph with known counterpart, and is right if it is that pair alone

Strict F1 of three ways on the same vectors: xret's prices, Vecalign's cost in xret's programme, and Vecalign itself
(https://github.com/thompsonb/vecalign, with dp_core built in place) where a checkout is given. Seconds are of one
thread, encoding apart.
"""

from __future__ import annotations

import argparse
import importlib
import random
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from tests.align.documents import noisy_documents
from xret.align import VECALIGN, Blocks, Prices, align_blocks, embedded_blocks, segments
from xret.align.coarse import length_logs, usual_ratio
from xret.encoders import load_encoder
from xret.eval.bitext import bitext_scores
from xret.stages.documents import PairDocuments

Ends = tuple[int, int, int, int]
Lines = list[str]
MOST = 4


@dataclass(frozen=True)
class Page:
    """Two texts, their beads, and whether these are all (else only those that are known)."""

    src: Lines
    tgt: Lines
    gold: set[Ends]
    whole: bool


def edited(src: Lines, tgt: Lines, chance: random.Random, space: str) -> Page:
    """Paragraphs taken out and joined, and what then belongs together."""
    left, right, gold, at = Lines(), Lines(), set(), 0
    while at < len(src):
        draw = chance.random()
        size = 2 if 0.2 <= draw < 0.5 and at + 1 < len(src) else 1
        before = len(left), len(right)
        here, there = src[at : at + size], tgt[at : at + size]
        left += [] if 0.1 <= draw < 0.2 else [space.join(here)] if draw < 0.35 else here
        right += [] if draw < 0.1 else [" ".join(there)] if 0.35 <= draw < 0.5 else there
        if len(left) > before[0] and len(right) > before[1]:
            gold.add((before[0], len(left), before[1], len(right)))
        at += size
    return Page(left, right, gold, True)


def known(src: Lines, tgt: Lines, partners: dict[str, set[str]]) -> Page:
    """The pairs of gold whose texts stand once in their page."""
    places = {text: at for at, text in enumerate(tgt) if tgt.count(text) == 1}
    found = {
        (at, at + 1, places[other], places[other] + 1)
        for at, text in enumerate(src)
        if src.count(text) == 1
        for other in partners.get(text, ())
        if other in places
    }
    return Page(src, tgt, found, False)


def partners(folder: Path, lang: str) -> dict[str, set[str]]:
    """Text to texts by the gold of a mining set."""
    sides = [
        dict(line.split("\t", 1) for line in (folder / f"{lang}-en" / f"{side}.tsv").read_text().splitlines())
        for side in (lang, "en")
    ]
    found: defaultdict[str, set[str]] = defaultdict(set)
    for line in (folder / f"{lang}-en" / "gold.tsv").read_text().splitlines():
        src, tgt = line.split("\t")
        found[sides[0][src]].add(sides[1][tgt])
    return found


def f1(pages: Sequence[Page], found: Sequence[set[Ends]]) -> float:
    """Strict, over all pages."""
    right = total = gold = 0
    for page, beads in zip(pages, found, strict=True):
        rows = {row for ends in page.gold for row in range(ends[0], ends[1])}
        columns = {column for ends in page.gold for column in range(ends[2], ends[3])}
        counted = {
            ends
            for ends in beads
            if page.whole or rows & set(range(ends[0], ends[1])) or columns & set(range(ends[2], ends[3]))
        }
        right, total, gold = right + len(counted & page.gold), total + len(counted), gold + len(page.gold)
    return 2 * right / max(total + gold, 1)


def ours(prices: Prices) -> Callable[[Blocks, Blocks, Any, float | None], set[Ends]]:
    """A way to align with these prices."""

    def way(src: Blocks, tgt: Blocks, around: Any, ratio: float | None) -> set[Ends]:
        beads = align_blocks(src, tgt, most=MOST, prices=prices, around=around, ratio=ratio)
        return {(each.src_start, each.src_stop, each.tgt_start, each.tgt_stop) for each in beads if all(each.kind)}

    return way


def reference(checkout: Path) -> Callable[[Blocks, Blocks, Any, float | None], set[Ends]]:
    """Vecalign's own function, with its defaults."""
    sys.path.insert(0, str(checkout))
    theirs = importlib.import_module("vecalign.dp_utils")

    def padded(blocks: Blocks) -> Any:
        width = blocks.sizes[0].shape[1]
        filled = np.random.default_rng(0).normal(size=(len(blocks.sizes), blocks.segments, width)).astype(np.float32)
        for size, vectors in enumerate(blocks.sizes):
            filled[size, blocks.segments - len(vectors) :] = vectors
        return filled

    def way(src: Blocks, tgt: Blocks, _: Any, __: float | None) -> set[Ends]:
        np.random.seed(0)  # noqa: NPY002  # what Vecalign draws from
        done = theirs.vecalign(
            padded(src), padded(tgt), theirs.make_alignment_types(MOST), 0.2, MOST // 2 + 5, 300, 20_000, 100
        )
        return {(a[0], a[-1] + 1, b[0], b[-1] + 1) for a, b in done[0]["final_alignments"] if a and b}

    return way


def paired(tables: dict[str, pa.Table], lang: str, embed: Any) -> str:
    """Precision, recall and F1 of pairs of pages."""
    sides = [segments(tables[side]) for side in (lang, "en")]
    vectors = [
        pa.table({"id": side["id"], "vector": list(embed(side["text"].to_pylist(), side["lang"].to_pylist()))})
        for side in sides
    ]
    kind = pa.list_(pa.float32(), len(vectors[0]["vector"][0]))
    vectors = [each.set_column(1, "vector", each["vector"].cast(kind)) for each in vectors]
    found = PairDocuments(threads=1).run(*sides, *vectors, work=Path())
    names = {side: {name.rpartition("@")[0] for name in tables[side]["id"].to_pylist()} for side in (lang, "en")}
    gold = {(f"{name}@{lang}", f"{name}@en") for name in names[lang] & names["en"]}
    scores = bitext_scores(found, gold)
    return f"pages P {scores.precision:.4f} R {scores.recall:.4f} F1 {scores.f1:.4f} of {scores.gold}"


def main() -> None:
    """Print a line for each language, gold and way; then seconds by length."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pages", type=Path, required=True)
    parser.add_argument("--mining", type=Path, required=True)
    parser.add_argument("--langs", default="de,ru,ja")
    parser.add_argument("--vecalign", type=Path)
    given = parser.parse_args()
    encoder = load_encoder("xret-mini", device="cpu", threads=1)
    ways = {"xret": ours(Prices()), "Vecalign's cost": ours(VECALIGN)}
    ways |= {"Vecalign": reference(given.vecalign)} if given.vecalign else {}
    table = pq.read_table(given.pages, columns=["id", "lang", "text"])

    def embed(texts: Sequence[str], langs: Sequence[str]) -> Any:
        return encoder.encode(texts, lang=langs)

    for lang in given.langs.split(","):
        tables = {side: table.filter(pa.compute.equal(table["lang"], side)) for side in (lang, "en")}
        print(lang, paired(tables, lang, embed))
        for name, pages in gathered(tables, lang, given.mining).items():
            compare(f"{lang} {name}", pages, lang, ways, embed)
    for length in (500, 5_000, 50_000):
        src, tgt, gold = noisy_documents(segments=length, seed=1, missing=length // 10, joined=length // 20)
        before = time.process_time()
        beads = ours(Prices())(src, tgt, None, None)
        seconds = time.process_time() - before
        score = 2 * len(beads & gold) / (len(beads) + len(gold))
        print(
            f"{length} x {tgt.segments} segments: {seconds:.2f} s, {1e6 * seconds / length:.0f} us each, F1 {score:.4f}"
        )


def gathered(tables: dict[str, pa.Table], lang: str, mining: Path) -> dict[str, list[Page]]:
    """The three kinds of gold."""
    texts = {
        side: {row["id"].rpartition("@")[0]: row["text"].split("\n") for row in each.to_pylist()}
        for side, each in tables.items()
    }
    chance, found = random.Random(0), defaultdict[str, list[Page]](list)
    pairs = partners(mining, lang)
    for name in sorted(texts[lang].keys() & texts["en"].keys()):
        src, tgt = texts[lang][name], texts["en"][name]
        some = known(src, tgt, pairs)
        if len(src) == len(tgt) >= 4 and some.gold and all(ends[0] == ends[2] for ends in some.gold):
            found["same"].append(Page(src, tgt, {(at, at + 1, at, at + 1) for at in range(len(src))}, True))
            found["edited"].append(edited(src, tgt, chance, "" if lang in ("ja", "zh") else " "))
        elif some.gold:
            found["known"].append(some)
    return {name: [page for page in pages if page.src and page.tgt] for name, pages in found.items()}


def compare(title: str, pages: Sequence[Page], lang: str, ways: dict[str, Any], embed: Any) -> None:
    """Print strict F1 and seconds of each way."""
    sides = [(lines, code) for page in pages for lines, code in ((page.src, lang), (page.tgt, "en"))]
    single = embed([line for lines, _ in sides for line in lines], [code for lines, code in sides for _ in lines])
    ends = np.cumsum([0, *(len(lines) for lines, _ in sides)])
    documents = [(lines, code, single[ends[at] : ends[at + 1]]) for at, (lines, code) in enumerate(sides)]
    blocks = embedded_blocks(documents, MOST - 1, embed)
    around = [np.concatenate([each.sizes[0][len(each.sizes[0]) // 2 :][:1] for each in blocks[at::2]]) for at in (0, 1)]
    logs = [length_logs(x, y) for x, y in zip(blocks[::2], blocks[1::2], strict=True)]
    ratio = usual_ratio(np.concatenate(logs)) or 1.0
    shapes = Counter((end[1] - end[0], end[3] - end[2]) for page in pages for end in page.gold)
    print(f"{title}: {len(pages)} pages, {sum(shapes.values())} beads {dict(shapes.most_common())}")
    for name, way in ways.items():
        before = time.process_time()
        found = [way(x, y, around, ratio) for x, y in zip(blocks[::2], blocks[1::2], strict=True)]
        print(f"  {name}: strict F1 {f1(pages, found):.4f}, {time.process_time() - before:.2f} s")


if __name__ == "__main__":
    main()
