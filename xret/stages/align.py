"""Aligning the segments of paired documents, as a stage."""

from __future__ import annotations

import logging
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray
from tqdm import tqdm

from xret.align.band import MOST
from xret.align.blocks import Embed, embedded_blocks
from xret.align.coarse import PRICES, align_blocks
from xret.align.collection import Collection, DocumentPair, batches, document_pairs, sample, usual_ratios
from xret.align.costs import Around
from xret.align.prices import Prices
from xret.align.table import SCHEMA, bead_table
from xret.artifact import atomic_file
from xret.errors import MismatchError, UsageError
from xret.mapped import map_table
from xret.stages.mine import same_encoder
from xret.stages.stage import Stage
from xret.vectors import Vectors

__all__ = ["Align"]

SEGMENTS = 4096  # of both sides whose blocks are in memory and whose beads make one file; more in one long document
logger = logging.getLogger("xret")


@dataclass(frozen=True, kw_only=True)
class Align(Stage):
    """Aligns the segments of documents that are translations of each other (see `xret.align.coarse`).

    Blocks of several segments are encoded here, as texts. An interrupted run keeps the documents that it has done.
    Memory grows with the longest document: ``4 * (most - 1) * d`` bytes a segment, and the texts of its blocks.

    Attributes:
        most: segments of both sides together that a pair may have.
        skip: the price of a segment without counterpart, a quantile of the costs of random pairs.
        length: weight of lengths against cosines, as are the next two a part of the cost (see `xret.align.prices`).
        join: price of every segment more than one on a side.
        gain: weight of what a block falls short of its parts by.
        threshold: keep pairs with at least this score; None keeps all.
        encoder: of the vectors, for blocks; its content counts in results, not its name.
        device: for encoding.
        threads: CPU threads; None for all cores.
    """

    name = "align"
    inputs = ("src_corpus", "tgt_corpus", "src_vectors", "tgt_vectors", "documents")
    output = "pairs"
    apart = ("encoder", "device", "threads")
    version = 2

    most: int = 4
    skip: float = PRICES.skip
    length: float = PRICES.length
    join: float = PRICES.join
    gain: float = PRICES.gain
    threshold: float | None = None
    encoder: str = "xret-mini"
    device: str = "auto"
    threads: int | None = None

    def __post_init__(self) -> None:
        """Refuse what no data could mend."""
        if not 2 <= self.most <= MOST:
            raise UsageError(f"most = {self.most}: must be from 2, for a pair of one segment each, to {MOST}")
        if self.threshold is not None and math.isnan(self.threshold):
            raise UsageError("threshold = nan, which no score reaches; wanted a number")
        self.prices()

    def prices(self) -> Prices:
        """The constants of the cost."""
        return Prices(skip=self.skip, length=self.length, join=self.join, gain=self.gain)

    def contents(self) -> tuple[str, ...]:
        """The encoder's content, which counts instead of its name."""
        from xret.encoders.load import identify

        return (identify(self.encoder),)

    def run(self, *values: Any, work: Path) -> pa.Table:
        """The pairs of segments.

        Args:
            values: segments of both sides (see the stage ``segment``), their vectors, and pairs of documents `src_id,
                tgt_id` and perhaps `score`.
            work: keeps the parts that are done.

        Returns:
            `score: float64, src_id, tgt_id, src_text, tgt_text: string, cosine: float32, src_doc, tgt_doc: string,
            doc_score: float64, src_count, tgt_count: int32`, by document of the source, document of the target, and
            place: the order of the texts. Ids of several segments are joined by `SEPARATOR`. The score is 1 for equal
            vectors and about 0 for random pairs (see `xret.align.costs`). `doc_score` is null where none was given.

        Raises:
            MismatchError: documents that are not there, vectors of something else, another encoder.
        """
        src, tgt = Collection.of("src", values[0], values[2]), Collection.of("tgt", values[1], values[3])
        same_encoder(src.vectors, tgt.vectors)
        pairs = document_pairs(values[4], src, tgt)
        around = sample(src, [pair.src for pair in pairs]), sample(tgt, [pair.tgt for pair in pairs])
        task = _Task(self, src, tgt, around, usual_ratios(pairs, src, tgt, around))
        parts = [SCHEMA.empty_table()]
        with tqdm(total=len(pairs), unit=" documents", desc="align", disable=None) as bar:
            for number, batch in enumerate(batches(pairs, src, tgt, SEGMENTS)):
                path = Path(work) / f"beads-{number:06}.arrow"
                if not path.exists():
                    _write(task.align(batch), path)
                parts.append(map_table(path, remedy="remove it and run again"))
                bar.update(len(batch))
        table = pa.concat_tables(parts)
        _tell(table, pairs, src, tgt)
        return table if self.threshold is None else table.filter(table["score"].to_numpy() >= self.threshold)


class _Task:
    """What all pairs of documents share."""

    def __init__(
        self, stage: Align, src: Collection, tgt: Collection, around: Around, ratios: dict[tuple[str, str], float]
    ) -> None:
        self.stage, self.src, self.tgt, self.around, self.ratios = stage, src, tgt, around, ratios
        self.embed: Embed = _Lazy(stage.encoder, stage.device, stage.threads, src.vectors)

    def align(self, pairs: Sequence[DocumentPair]) -> pa.Table:
        """The pairs of segments of some pairs of documents."""
        stage, prices = self.stage, self.stage.prices()
        documents = [each for pair in pairs for each in (self.src.read(pair.src), self.tgt.read(pair.tgt))]
        blocks = embedded_blocks(documents, stage.most - 1, self.embed)
        tables = [SCHEMA.empty_table()]
        for pair, x, y in zip(pairs, blocks[::2], blocks[1::2], strict=True):
            ratio = self.ratios[self.src.lang(pair.src), self.tgt.lang(pair.tgt)]
            beads = align_blocks(x, y, most=stage.most, prices=prices, ratio=ratio, around=self.around)
            tables.append(bead_table(beads, pair, self.src, self.tgt))
        return pa.concat_tables(tables)


class _Lazy:
    """Encodes blocks; loads the encoder when the first ones come."""

    def __init__(self, name: str, device: str, threads: int | None, vectors: Vectors) -> None:
        self.name, self.device, self.threads, self.vectors = name, device, threads, vectors
        self.encoder: Any = None

    def __call__(self, texts: Sequence[str], langs: Sequence[str]) -> NDArray[np.float32]:
        from xret.encoders import load_encoder

        if self.encoder is None:
            self.encoder = load_encoder(self.name, device=self.device, threads=self.threads)
            if (known := self.vectors.encoder_hash) and known != self.encoder.hash:
                raise MismatchError(
                    f"the segments were encoded by '{self.vectors.encoder_name}' {known[:8]}, blocks would be by "
                    f"'{self.name}' {self.encoder.hash[:8]}; use one encoder"
                )
        found: NDArray[np.float32] = self.encoder.encode(texts, lang=langs, dim=self.vectors.dim)
        return found


def _write(table: pa.Table, path: Path) -> None:
    with atomic_file(path) as temporary, pa.ipc.new_file(str(temporary), SCHEMA) as writer:
        writer.write_table(table)


def _tell(table: pa.Table, pairs: Sequence[DocumentPair], src: Collection, tgt: Collection) -> None:
    """Say of how many segments nothing became."""
    totals = [0, 0]
    for pair in pairs:
        for place, (start, stop) in enumerate((src.range(pair.src), tgt.range(pair.tgt))):
            totals[place] += stop - start
    for total, name, column in zip(totals, ("source", "target"), ("src_count", "tgt_count"), strict=True):
        alone = total - int(np.sum(table[column].to_numpy(), dtype=np.int64))
        logger.info(f"align: {alone} of {total} {name} segments in paired documents have no counterpart")
