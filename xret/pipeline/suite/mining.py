"""Mining in suites: a folder of two monolingual files and gold pairs, mined by margin and scored as in BUCC."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa

from xret.artifact import digest
from xret.bitext import read_gold
from xret.corpus import check_lang, open_corpus
from xret.errors import EvalError, InputError
from xret.eval.bucc import bucc, dev_part
from xret.eval.protocols import Protocol, protocol
from xret.eval.protocols.rows import bucc_row
from xret.pipeline.suite.benchmark import BenchmarkEntry
from xret.pipeline.suite.scoring import row_table
from xret.pipeline.suite.searches import Dense
from xret.pipeline.suite.sentences import Sentences
from xret.pipeline.suite.system import Making
from xret.stages.mine import Mine
from xret.stages.stage import Stage

__all__ = ["Mining", "ScoreMined"]


class Mining(Sentences):
    """``XX.tsv``, ``YY.tsv`` (`id<TAB>text`) and ``gold.tsv`` in a folder named ``XX-YY``.

    The threshold is tuned on the pairs of half of the source ids and F1 told of the other half (see `dev_part`).
    """

    def __init__(self, entry: BenchmarkEntry) -> None:
        """Read it; the seed of the entry parts dev from test."""
        folder = Path(str(entry.path))
        sides = [side for side in folder.name.split("-") if (folder / f"{side}.tsv").is_file()]
        if len(sides) != 2 or not (folder / "gold.tsv").is_file():
            raise EvalError(f"{folder}: wanted a folder XX-YY that holds XX.tsv, YY.tsv (id, tab, text) and gold.tsv")
        self.label, self.seed = entry.name, entry.seed
        seed = f", seed {entry.seed}" if entry.seed else ""  # as 'xret eval bitext --dev-share 0.5' calls it
        self.protocol = protocol("bucc").varied(variant=f"a, dev share 0.5{seed}")
        corpora = [open_corpus(folder / f"{side}.tsv", lang=_language(side)) for side in sides]
        self.inputs = {"source": corpora[0], "target": corpora[1], "gold": read_gold(folder / "gold.tsv")}

    def make(self, making: Making, system: Dense) -> str:
        """Encode both sides, mine, score."""
        corpora = [making.input(name) for name in ("source", "target")]
        sides = zip(("source", "target"), corpora, strict=True)
        made = [making.add(system.encode(None), corpus, what=f"encode {side}") for side, corpus in sides]
        pairs = making.add(Mine(), *corpora, *made, "", "", what="mine")
        stage = ScoreMined(protocol=self.protocol, benchmark=self.label, seed=self.seed)
        return making.add(stage, pairs, making.input("gold"), *corpora, what="score")


@dataclass(frozen=True, kw_only=True)
class ScoreMined(Stage):
    """Tunes the threshold on one half, scores the other; output as `ScoreRun`."""

    name = "score-mined"
    inputs = ("pairs", "gold", "src_corpus", "tgt_corpus")
    output = "scores"

    protocol: Protocol
    benchmark: str
    seed: int = 0

    def options(self) -> dict[str, Any]:
        """By the protocol's identity."""
        return {"benchmark": self.benchmark, "identity": self.protocol.identity, "seed": self.seed}

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The row."""
        pairs, gold, src, tgt = values
        dev, judged = dev_part(pairs["src_id"], seed=self.seed), dev_part(gold["src_id"], seed=self.seed)
        halves = [(pairs.filter(pa.array(a)), gold.filter(pa.array(b))) for a, b in ((dev, judged), (~dev, ~judged))]
        scores = bucc(*halves[0], *halves[1])
        row = bucc_row(
            self.protocol, scores.test, [halves[0][1], halves[1][1]], system="", benchmark=self.benchmark,
            interval=(scores.low, scores.high),
        )  # fmt: skip
        texts = {"queries": digest(src["text"].to_pylist()), "corpus": digest(tgt["text"].to_pylist())}
        return row_table(replace(row, hashes={**texts, **row.hashes}))


def _language(name: str) -> str:
    try:
        return check_lang(name)
    except InputError:
        return "und"
