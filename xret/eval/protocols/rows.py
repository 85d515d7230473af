"""From what the protocols of `xret.eval` give to `Scored` rows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from xret.artifact import digest
from xret.eval.belebele import MEASURES, Belebele, BelebeleScores
from xret.eval.bitext import BitextScores
from xret.eval.lareqa import LareqaScores
from xret.eval.mfaq import FaqPage, MfaqScores
from xret.eval.nway import NwayScores
from xret.eval.protocols.protocol import Protocol
from xret.eval.protocols.scored import PER_QUERY, Scored
from xret.eval.pxsim import PxsimScores
from xret.eval.tatoeba import Parallel
from xret.eval.topics import SHARED, topics_of
from xret.eval.xquad import XquadR
from xret.eval.xsim import XsimScores
from xret.eval.xsimplus import XsimPlusScores

__all__ = [
    "Hits",
    "belebele_row",
    "bucc_row",
    "mfaq_row",
    "nway_row",
    "per_query",
    "tatoeba_row",
    "text_hashes",
    "xquad_row",
    "xsim_row",
]

Bools = npt.NDArray[np.bool_]
Hits = tuple[Bools, Bools]  # of `tatoeba_hits`


def per_query(
    qids: Iterable[str], langs: Iterable[str], measure: str, values: npt.ArrayLike,
    topics: Iterable[str | None] | None = None,
) -> pa.Table:  # fmt: skip
    """`qid, lang, measure, value, topic` of one measure, a row a query."""
    ids = list(qids)
    about = [None] * len(ids) if topics is None else list(topics)
    columns = [ids, list(langs), [measure] * len(ids), np.asarray(values, np.float64), about]
    return pa.table([pa.array(each, kind.type) for each, kind in zip(columns, PER_QUERY, strict=True)], PER_QUERY)


def text_hashes(queries: object, corpus: object, qrels: object = None) -> dict[str, str]:
    """Hashes of texts (and of what belongs to what), in their order; None is left out."""
    parts = {"queries": queries, "corpus": corpus, "qrels": qrels}
    return {name: digest(value) for name, value in parts.items() if value is not None}


def tatoeba_row(
    protocol: Protocol,
    data: Mapping[str, Parallel],
    scores: pa.Table,
    hits: Mapping[str, Hits],
    *,
    system: str,
    benchmark: str,
) -> Scored:
    """Of `score_tatoeba`: each line has a value per direction, and the mean of both."""
    names = ("mean", "to_en", "from_en")
    langs = dict(zip(scores["file_lang"].to_pylist(), scores["lang"].to_pylist(), strict=True))
    values = [
        per_query((f"{lang}:{line}" for line in range(len(found))), [langs[lang]] * len(found), name, found)
        for lang, both in hits.items()
        for name, found in zip(names, (np.mean(both, axis=0), *both), strict=True)
    ]
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures={name: float(np.mean(scores[name].to_numpy())) for name in names},
        by_language=scores,
        per_query=pa.concat_tables(values),
        hashes=text_hashes({k: v.texts for k, v in data.items()}, {k: v.english for k, v in data.items()}),
    )


def bucc_row(
    protocol: Protocol,
    scores: BitextScores,
    golds: Sequence[pa.Table],
    *,
    system: str,
    benchmark: str,
    interval: tuple[float, float] | None = None,
) -> Scored:
    """Of `bucc`, `best_threshold` or `bitext_scores`.

    Args:
        protocol: with the variant that was used.
        scores: on the test pairs.
        golds: `src_id, tgt_id` of all that went into the numbers: of dev, if there was one, and of test.
        system: of the mined pairs.
        benchmark: of the gold.
        interval: of F1.
    """
    sides = ("src_id", "tgt_id")
    pairs = [sorted(zip(*(map(str, gold[side].to_pylist()) for side in sides), strict=True)) for gold in golds]
    measures = {"f1": scores.f1, "precision": scores.precision, "recall": scores.recall}
    if interval is not None:
        measures |= {"f1_low": interval[0], "f1_high": interval[1]}
    return Scored(
        system=system, benchmark=benchmark, protocol=protocol, measures=measures, hashes={"qrels": digest(pairs)}
    )


def xsim_row(
    protocol: Protocol,
    scores: XsimScores | XsimPlusScores | PxsimScores,
    sources: Sequence[str],
    targets: Sequence[str],
    *,
    system: str,
    benchmark: str,
    lang: str,
) -> Scored:
    """Of `xsim`, `xsim_plus` and `pxsim`: each sentence is an error (1) or none (0); `targets` with the negatives."""
    wrong = np.zeros(scores.sentences)
    wrong[list(scores.wrong)] = 1
    rows = range(scores.sentences)
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures={"error": scores.error},
        by_language=pa.table({"lang": [lang], "queries": [scores.sentences], "error": [scores.error]}),
        per_query=per_query(map(str, rows), [lang] * len(rows), "error", wrong),
        hashes=text_hashes(list(sources), list(targets)),
    )


def nway_row(
    protocol: Protocol, scores: NwayScores, texts: Mapping[str, Sequence[str]], *, system: str, benchmark: str
) -> Scored:
    """Of `xsim_nway`: `from` and `to` each language; no values per sentence."""
    table = {"lang": scores.langs, "sentences": [scores.sentences] * len(scores.langs), "from": scores.from_each}
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures={"mean": scores.mean},
        by_language=pa.table({**table, "to": scores.to_each}),
        hashes=text_hashes(None, {name: list(each) for name, each in texts.items()}),
    )


def xquad_row(protocol: Protocol, scores: LareqaScores, pool: XquadR, *, system: str, benchmark: str) -> Scored:
    """Of `score_xquad`: each question has its AP over the whole pool; a topic are those with an answer in common."""
    ids = [f"{lang}:{number}" for number, lang in enumerate(pool.question_langs)]
    about, how = topics_of(_answered(ids, pool.relevant))
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures={"map": scores.map, "mono": scores.mono, "cross": scores.cross},
        by_language=scores.table().slice(0, len(scores.langs)),
        per_query=per_query(ids, pool.question_langs, "map", scores.values, [about.get(each, each) for each in ids]),
        hashes=text_hashes([pool.questions, pool.question_langs], [pool.sentences, pool.sentence_langs],
                           pool.relevant.tolist()),
        topics=how,
    )  # fmt: skip


def belebele_row(protocol: Protocol, scores: BelebeleScores, data: Belebele, *, system: str, benchmark: str) -> Scored:
    """Of `score_belebele`: each question has its values over the pool of all languages, and over its own language.

    A topic are all questions about one passage.
    """
    size = len(data.about)
    ids = [f"{lang}:{number}" for lang in data.names for number in range(size)]
    langs = np.repeat(data.names, size).tolist()
    topics = np.tile(data.about.astype(str), len(data.names)).tolist()
    values = [
        per_query(ids, langs, f"{pool} {name}", table[:, :, number].ravel(), topics)
        for pool, table in (("mono", scores.own), ("all", scores.values))
        for number, name in enumerate(MEASURES)
    ]
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures=scores.means(),
        by_language=scores.table(),
        per_query=pa.concat_tables(values),
        hashes=text_hashes([data.langs, data.questions], [data.langs, data.passages], data.about.tolist()),
        topics=SHARED,
    )


def mfaq_row(
    protocol: Protocol, scores: MfaqScores, pages: Sequence[FaqPage], *, system: str, benchmark: str
) -> Scored:
    """Of `score_mfaq`: each question has its reciprocal rank."""
    asked = [(page, number) for page in pages for number in range(len(page.questions))]
    ids = [f"{page.lang}:{page.id}:{number}" for page, number in asked]
    table = scores.table()
    return Scored(
        system=system,
        benchmark=benchmark,
        protocol=protocol,
        measures={"global_mrr": scores.global_mrr, "per_page_mrr": scores.per_page_mrr},
        by_language=table.slice(0, table.num_rows - 1),
        per_query=per_query(ids, [page.lang for page, _ in asked], "global_mrr", scores.values),
        hashes=text_hashes([[p.id, p.lang, p.questions] for p in pages], [[p.id, p.answers] for p in pages]),
    )


def _answered(ids: Sequence[str], relevant: npt.NDArray[np.int64]) -> pa.Table:
    """`qid, docid, relevance` of an `XquadR`'s answers."""
    query, place = np.nonzero(relevant >= 0)
    docids = relevant[query, place].astype(str).tolist()
    return pa.table(
        {"qid": [ids[n] for n in query.tolist()], "docid": docids, "relevance": np.ones(len(query), np.int32)}
    )
