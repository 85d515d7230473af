"""BM25 in one language and across languages, as written and translated; beside bm25s, and beside Lucene where it is.

    python tests/bench/lexical.py --xquad xquad_r [--grams]
    python tests/bench/lexical.py --clir help_clir [--parallel parallel_train.parquet] [--pairs 40000] [--lucene]

XQUAD holds `{de,en,…}.json` of XQuAD-R: questions find the sentence with the answer among the sentences of their own
language (RR@20). CLIR holds `docs.parquet`, `queries.tsv` and `qrels.txt`, ids ``PAGE@LANG``:

    own      the query's own language alone (one relevant page)
    cross    every other language alone, the mean over pairs of languages (one relevant page each)
    pool     all languages in one list

PARALLEL is a table `en, text, lang` of sentence pairs; from at most so many of each language a lexicon is learnt, and
queries are translated with it, through English where neither language is English. Seconds are of one thread.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from xret.eval.scores import score_run
from xret.indexes.kinds import verbs
from xret.indexes.lexical.analyzers import analyzer_for
from xret.indexes.lexical.lexicons import estimate_lexicon, open_lexicon, write_lexicon
from xret.indexes.lexical.lexicons.reader import Translated
from xret.indexes.lexical.search import search_index
from xret.runs import read_qrels

LEXICAL = verbs("lexical")


def main() -> None:
    """Read the options and print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--xquad", type=Path)
    parser.add_argument("--grams", action="store_true", help="with --xquad: n-grams of four for every language too")
    parser.add_argument("--clir", type=Path)
    parser.add_argument("--parallel", type=Path)
    parser.add_argument("--pairs", type=int, default=40_000)
    parser.add_argument("--leave-out", default="", help="sources of PARALLEL not to learn from, with commas")
    parser.add_argument("--lexicons", type=Path, help="a folder to keep lexicons in, and to take them from")
    parser.add_argument("--sample", type=int, help="so many of CLIR's queries, by chance")
    parser.add_argument("--lucene", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="xret-bench-") as folder:
        if options.xquad:
            xquad(options.xquad, Path(folder), grams=options.grams, lucene=options.lucene)
        if options.clir:
            clir(Clir.read(options.clir).sample(options.sample), Path(folder), options)


def xquad(place: Path, work: Path, *, grams: bool, lucene: bool) -> None:
    """RR@20 by language."""
    ways: dict[str, dict[str, Any]] = {"xret": {}}
    if grams:
        ways["grams:4"] = {"grams": True}
    if lucene:
        ways["lucene"] = {"backend": "lucene"}
    for path in sorted(place.glob("*.json")):
        corpus, queries, qrels = sentences(path)
        said = [f"{path.stem}: {corpus.num_rows:,} sentences"]
        for name, way in ways.items():
            folder = work / f"{path.stem}-{name}"
            given = {path.stem: "grams:4"} if way.get("grams") else None
            LEXICAL.build(folder, corpus, text=False, analyzers=given, backend=way.get("backend"))
            run = LEXICAL.search(LEXICAL.open_index(folder), queries, k=20)
            said.append(f"{name} {score_run(run, qrels, ('RR@20',)).means()['RR@20']:.4f}")
        said.append(f"bm25s {beside_bm25s(corpus, queries, qrels, path.stem)}")
        print(", ".join(said), flush=True)


def beside_bm25s(corpus: pa.Table, queries: pa.Table, qrels: pa.Table, lang: str) -> str:
    """RR@20 and queries a second of bm25s over the same terms."""
    try:
        import bm25s
    except ImportError:
        return "is not installed"
    analyze = analyzer_for(lang)
    retriever = bm25s.BM25(method="lucene", k1=0.9, b=0.4)
    retriever.index([analyze.terms(text) for text in corpus["text"].to_pylist()], show_progress=False)
    terms = [
        [term for term in analyze.terms(text) if term in retriever.vocab_dict] for text in queries["text"].to_pylist()
    ]
    found, scores = retriever.retrieve(terms, k=20, show_progress=False)
    docids = np.array(corpus["id"].to_pylist(), object)[found]
    qids = np.repeat(np.array(queries["id"].to_pylist(), object), 20)
    run = pa.table({"qid": qids, "docid": docids.ravel(), "score": scores.ravel().astype(np.float64)})
    return f"{score_run(run, qrels, ('RR@20',)).means()['RR@20']:.4f}"


def sentences(path: Path) -> tuple[pa.Table, pa.Table, pa.Table]:
    """Corpus, queries and judgements of one language of XQuAD-R."""
    rows, asked = [], []
    for article, paragraphs in enumerate(each["paragraphs"] for each in json.loads(path.read_text("utf-8"))["data"]):
        for number, paragraph in enumerate(paragraphs):
            breaks = np.array(paragraph["sentence_breaks"])
            rows += [
                (f"{article}.{number}.{at}", paragraph["context"][a:b]) for at, (a, b) in enumerate(breaks.tolist())
            ]
            for question in paragraph["qas"]:
                at = int(np.searchsorted(breaks[:, 0], question["answers"][0]["answer_start"], side="right")) - 1
                asked.append((question["id"], question["question"], f"{article}.{number}.{at}"))
    lang = path.stem
    return (
        pa.table({"id": [row[0] for row in rows], "text": [row[1] for row in rows], "lang": [lang] * len(rows)}),
        pa.table({"id": [row[0] for row in asked], "text": [row[1] for row in asked], "lang": [lang] * len(asked)}),
        pa.table({"qid": [row[0] for row in asked], "docid": [row[2] for row in asked], "relevance": [1] * len(asked)}),
    )


@dataclass(frozen=True)
class Clir:
    """A collection in many languages."""

    corpus: pa.Table
    queries: pa.Table
    qrels: pa.Table

    @staticmethod
    def read(place: Path) -> Clir:
        """The three files of a folder."""
        corpus = pq.read_table(place / "docs.parquet", columns=["id", "text", "lang"])
        rows = [line.split("\t") for line in (place / "queries.tsv").read_text("utf-8").splitlines()]
        queries = pa.table(
            {"id": [row[0] for row in rows], "text": [row[2] for row in rows], "lang": [row[1] for row in rows]}
        )
        return Clir(corpus, queries, read_qrels(place / "qrels.txt"))

    def sample(self, count: int | None) -> Clir:
        """The same with fewer queries."""
        if count is None or count >= self.queries.num_rows:
            return self
        queries = self.queries.take(
            pa.array(np.sort(np.random.default_rng(0).permutation(self.queries.num_rows)[:count]))
        )
        kept = pc.is_in(self.qrels["qid"], value_set=queries["id"].combine_chunks())
        return Clir(self.corpus, queries, self.qrels.filter(kept))


def clir(data: Clir, work: Path, options: argparse.Namespace) -> None:
    """The tables of help_clir, as written, translated, and by Lucene."""
    before = time.perf_counter()
    made = LEXICAL.build(work / "own", data.corpus, text=False)
    print(f"own index: {time.perf_counter() - before:.1f} s for {made['rows']:,} pages, {made['bytes'] / 1e6:.1f} MB")
    index = LEXICAL.open_index(work / "own")
    report("as written", data, lambda queries, **more: search_index(index, queries, **more))
    if options.parallel:
        folder = options.lexicons or work
        paths = lexicons(data, options.parallel, folder, options.pairs, options.leave_out.split(","))
        reader = Translated(index, open_lexicon(paths))
        report("translated", data, lambda queries, **more: search_index(index, queries, reader=reader, **more))
    if options.lucene:
        LEXICAL.build(work / "lucene", data.corpus, text=False, backend="lucene")
        kept = LEXICAL.open_index(work / "lucene")
        report("Lucene, as written", data, lambda queries, **more: LEXICAL.search(kept, queries, **more))


def lexicons(data: Clir, parallel: Path, folder: Path, pairs: int, leave_out: Sequence[str]) -> list[Path]:
    """A lexicon between English and every other language of the collection."""
    paths, spent, rows = [], 0.0, 0
    for lang in sorted(set(data.corpus["lang"].to_pylist()) - {"en"}):
        path = folder / f"en-{lang}.{pairs}.parquet"
        if not path.exists():
            table = pq.read_table(parallel, columns=["en", "text", "source"], filters=[("lang", "=", lang)])
            table = table.filter(pc.invert(pc.is_in(table["source"], value_set=pa.array(list(leave_out)))))
            chosen = np.sort(np.random.default_rng(0).permutation(table.num_rows)[:pairs])
            table = table.take(pa.array(chosen)).rename_columns(["src_text", "tgt_text", "source"])
            before = time.perf_counter()
            write_lexicon(path, estimate_lexicon(table, ("en", lang)))
            spent, rows = spent + time.perf_counter() - before, rows + table.num_rows
        paths.append(path)
    print(f"lexicons: {spent:.1f} s for {rows:,} pairs in {len(paths)} languages")
    return paths


def report(title: str, data: Clir, search: Any) -> None:
    """nDCG@20 and R@100: own language, cross, pool, and by languages."""
    measures = ("nDCG@20", "R@100")
    before = time.perf_counter()
    run = search(data.queries, k=100)
    spent = time.perf_counter() - before
    pool = score_run(run, data.qrels, measures).means()
    langs = dict(zip(data.queries["id"].to_pylist(), data.queries["lang"].to_pylist(), strict=True))
    of_document = pc.list_element(pc.split_pattern(data.qrels["docid"], "@"), 1)
    table: dict[tuple[str, str], tuple[float, float]] = {}
    for lang in sorted(set(data.corpus["lang"].to_pylist())):
        own = data.qrels.filter(pc.equal(of_document, lang))
        scored = score_run(search(data.queries, k=100, languages=[lang]), own, measures).by_language(langs)
        table |= {(row["lang"], lang): (row["nDCG@20"], row["R@100"]) for row in scored.to_pylist()}
    asked = sorted(set(langs.values()))
    alike = np.array([table[lang, lang] for lang in asked]).mean(0)
    cross = np.array([value for (one, other), value in table.items() if one in asked and one != other]).mean(0)
    print(f"{title}: {len(run):,} hits in {spent:.1f} s ({data.queries.num_rows / spent:,.0f} queries/s)")
    for name, value in (("own", alike), ("cross", cross), ("pool", np.array(list(pool.values())))):
        print(f"  {name:6} nDCG@20 {value[0]:.3f}, R@100 {value[1]:.3f}")
    shown = sorted({other for _, other in table})
    print("  nDCG@20  " + " ".join(f"{other:>4}" for other in shown))
    for one in asked:
        print(
            f"  {one:>7}  " + " ".join(f"{table[one, other][0]:.2f}".lstrip("0").rjust(4) for other in shown),
            flush=True,
        )


if __name__ == "__main__":
    main()
