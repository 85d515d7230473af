"""The work of `xret mine`: corpora and vectors opened, stages put together and run."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from xret.bitext import read_gold, read_pairs
from xret.cli.overwrite import same_file
from xret.cli.scale_options import neighbours_step
from xret.corpus import open_corpus
from xret.errors import UsageError
from xret.eval.bitext import check_gold
from xret.pipeline import Pipeline, Step
from xret.stages.encode import Encode
from xret.stages.means import SampleMeans, means_from_pairs
from xret.stages.mine import Mine
from xret.vectors import vectors_of

if TYPE_CHECKING:
    from xret.bitext.calibration import Calibration

__all__ = ["Run", "described"]

Corpora = tuple[pa.Table, pa.Table]


@dataclass(frozen=True)
class Run:
    """What is asked for.

    Attributes:
        src: the source corpus; `tgt` the target's.
        tgt: see `src`.
        given: the options.
        calibration: opened.
        gold: read.
        means: of the target sentences, from an earlier run.
    """

    src: str
    tgt: str
    given: dict[str, Any]
    calibration: Calibration | None
    gold: pa.Table | None
    means: pa.Table | None

    @classmethod
    def prepared(cls, src: str, tgt: str, given: dict[str, Any], calibration: Calibration | None) -> Run:
        """Read what is small, so that its mistakes are told before any work."""
        gold = read_gold(given["gold"]) if given["gold"] else None
        earlier = given["tgt_means"]
        means = means_from_pairs(read_pairs(earlier, scored=False), earlier) if earlier else None
        run = cls(src, tgt, given, calibration, gold, means)
        run.stage()
        return run

    @property
    def same(self) -> bool:
        """Whether source and target are one corpus."""
        return same_file(self.src, self.tgt)

    @property
    def all_mined(self) -> bool:
        """Whether pairs below the threshold are needed, and it is applied after mining."""
        return self.gold is not None or self.given["report"] is not None or self.by_probability

    def stage(self) -> Mine:
        """The stage that mines."""
        given = self.given
        return Mine(
            k=given["k"],
            margin=given["margin"],
            retrieval=given["retrieval"],
            best=given["best"],
            threshold=None if self.all_mined else given["threshold"],
            keep_copies=given["keep_copies"],
            rescore=given["rescore"],
            encoder=given["encoder"],
            device=given["device"],
            threads=given["threads"],
        )

    @property
    def by_probability(self) -> bool:
        """Whether P(parallel) decides which pairs are kept."""
        return self.calibration is not None and self.given["threshold"] == "auto" and self.gold is None

    def corpora(self, folder: Path) -> Corpora:
        """Both corpora; of one file, the same table twice.

        Raises:
            UsageError: two files with the same sentences.
            EvalError: gold of other ids.
        """
        options = {"on_error": self.given["on_error"], "cache": folder / "inputs"}
        first = open_corpus(self.src, lang=self.given["src_lang"], **options)
        second = first if self.same else open_corpus(self.tgt, lang=self.given["tgt_lang"], **options)
        if not self.same and first["text"].equals(second["text"]):
            raise UsageError(
                f"'{self.src}' and '{self.tgt}' hold the same sentences in the same order; give files of two "
                "languages, or one of them twice to find sentences that say the same"
            )
        if self.gold is not None:
            check_gold(self.gold, first["id"], second["id"])
        return first, second

    def turned(self, corpora: Corpora) -> Run:
        """Of one corpus, with gold turned as mined pairs are: the sentence that stands first is the source."""
        if not self.same or self.gold is None:
            return self
        ids = corpora[0]["id"]
        src, tgt = self.gold["src_id"], self.gold["tgt_id"]
        late = pc.greater(pc.index_in(src, value_set=ids), pc.index_in(tgt, value_set=ids))
        sides = {"src_id": pc.if_else(late, tgt, src), "tgt_id": pc.if_else(late, src, tgt)}
        return replace(self, gold=pa.table(sides))

    def mined(self, corpora: Corpora, folder: Path | None) -> pa.Table:
        """The pairs; `folder` is for temporary files where there is no ``--work``."""
        bag, steps = self._search(corpora)
        if self.means is not None:
            bag["tgt_means"] = self.means
        if self.given["src_sample"]:
            steps += self._sample(bag, folder)
        steps.append(Step(self.stage(), self._reads))
        work = Path(self.given["work"]) if self.given["work"] else None
        pairs: pa.Table = Pipeline(steps)(bag, work=work, scratch=folder)["pairs"]
        return pairs

    def search(self, corpora: Corpora) -> Callable[[], Any]:
        """What leaves the neighbours in the work folder when it is called; vectors and encoder are found by now."""
        bag, steps = self._search(corpora)
        for step in steps:
            step.stage.key()
        return partial(Pipeline(steps), bag, work=Path(self.given["work"]))

    @property
    def _reads(self) -> dict[str, str]:
        return {"tgt_corpus": "src_corpus", "tgt_vectors": "src_vectors"} if self.same else {}

    def _search(self, corpora: Corpora) -> tuple[dict[str, Any], list[Step]]:
        """What is there, and the steps up to the neighbours."""
        bag: dict[str, Any] = {"src_corpus": corpora[0]}
        steps = [self._vectors("src", corpora[0], bag)]
        if not self.same:
            bag["tgt_corpus"] = corpora[1]
            steps.append(self._vectors("tgt", corpora[1], bag))
        found = neighbours_step(self.given, self.stage())
        return bag, [*(step for step in steps if step is not None), Step(found.stage, self._reads)]

    def _encoding(self, side: str) -> Step:
        given = self.given
        stage = Encode(encoder=given["encoder"], device=given["device"], threads=given["threads"])
        return Step(stage, {"corpus": f"{side}_corpus"}, f"{side}_vectors")

    def _vectors(self, side: str, corpus: pa.Table, bag: dict[str, Any]) -> Step | None:
        """A step that encodes a side; or its vectors put into the bag."""
        file = self.given[f"{side}_vectors"]
        if file is None:
            return self._encoding(side)
        bag[f"{side}_vectors"] = vectors_of(file, corpus, dim=self.given["dim"])
        return None

    def _sample(self, bag: dict[str, Any], folder: Path | None) -> list[Step]:
        given = self.given
        cache = (folder or Path(given["work"])) / "inputs"
        bag["sample_corpus"] = open_corpus(
            given["src_sample"], lang=given["src_lang"], on_error=given["on_error"], cache=cache
        )
        stage = SampleMeans(k=given["k"], keep_copies=given["keep_copies"], threads=given["threads"])
        return [self._encoding("sample"), Step(stage)]

    def sizes(self, corpora: Corpora) -> str:
        """Both sides and their sizes, in words."""
        if self.same:
            return f"{self.src} ({corpora[0].num_rows:,} sentences) with itself"
        sides = zip((self.src, self.tgt), corpora, strict=True)
        return " x ".join(f"{name} ({corpus.num_rows:,} sentences)" for name, corpus in sides)


def described(run: Run, corpora: Corpora) -> list[tuple[str, str]]:
    """What a report says about a run."""
    given = run.given
    how = f"{given['margin']} margin, k = {given['k']}, {given['retrieval']}"
    how += f", best {given['best']}" if given["best"] > 1 else ""
    vectors = [given["src_vectors"], given["tgt_vectors"]]
    return [
        ("source", f"{run.src}, {corpora[0].num_rows:,} sentences"),
        ("target", "the same" if run.same else f"{run.tgt}, {corpora[1].num_rows:,} sentences"),
        ("vectors", ", ".join(each or given["encoder"] for each in (vectors[:1] if run.same else vectors))),
        ("mined by", how + (", scored again by tokens" if given["rescore"] else "")),
    ]
