"""Runs scored by protocols: against trec_eval's own code, and against counting by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from tests.eval.benchmarks.makers import afriqa, clef, miracl, mkqa, mmarco, mrobust, xor
from xret.errors import EvalError, MismatchError, UsageError
from xret.eval.benchmarks import Benchmark, load_benchmark
from xret.eval.benchmarks.export import export
from xret.eval.benchmarks.scoring import judged, score, together
from xret.eval.protocols import compare, protocol
from xret.eval.protocols.scored import Scored
from xret.eval.topics import topics_of


def run_of(rows: dict[str, list[str]]) -> pa.Table:
    flat = [(qid, docid, -float(rank)) for qid, found in rows.items() for rank, docid in enumerate(found)]
    qid, docid, scores = zip(*flat, strict=True)
    return pa.table({"qid": list(qid), "docid": list(docid), "score": pa.array(scores, pa.float64())})


def random_benchmark(name: str, *, queries: int = 30, labels: tuple[int, ...] = (0, 1)) -> tuple[Benchmark, pa.Table]:
    """Random judgements, and a run with ties that is deeper than any protocol cuts."""
    rng = np.random.default_rng(7)
    qids = [f"q{i}" for i in range(queries)]
    rows = [(q, f"d{d}", int(rng.choice(labels))) for q in qids for d in rng.choice(2000, 40, replace=False)]
    columns = list(zip(*rows, strict=True))
    qrels = pa.table({"qid": columns[0], "docid": columns[1], "relevance": pa.array(columns[2], pa.int32())})
    table = pa.table({"id": qids, "lang": ["sw"] * queries, "text": qids})
    found = [(q, f"d{d}", float(rng.integers(0, 500))) for q in qids[3:] for d in rng.permutation(2000)[:1500]]
    qid, docid, scores = zip(*found, strict=True)
    run = pa.table({"qid": list(qid), "docid": list(docid), "score": list(scores)})
    return Benchmark(protocol=protocol(name), name=f"{name}/sw", lang="sw", queries=table, qrels=qrels), run


@pytest.mark.parametrize(
    ("name", "depth", "measures"),
    [
        ("miracl", 100, {"nDCG@10": "ndcg_cut_10", "R@100": "recall_100"}),
        ("mrtydi", 100, {"RR@100": "recip_rank", "R@100": "recall_100"}),
        ("hc4", 1000, {"nDCG@20": "ndcg_cut_20", "AP": "map", "R@1000": "recall_1000"}),
    ],
)
def test_the_same_as_trec_eval_with_its_depth(name: str, depth: int, measures: dict[str, str]) -> None:
    pytrec_eval = pytest.importorskip("pytrec_eval")
    benchmark, run = random_benchmark(name, labels=(0, 1, 3) if name == "hc4" else (0, 1))
    row = benchmark.scored(run, system="random")
    assert benchmark.qrels is not None
    truth: dict[str, dict[str, int]] = {}
    for each in benchmark.qrels.to_pylist():
        truth.setdefault(each["qid"], {})[each["docid"]] = each["relevance"]
    kept: dict[str, dict[str, float]] = {qid: {} for qid in truth}
    for each in sorted(run.to_pylist(), key=lambda each: (each["score"], each["docid"]), reverse=True):
        if len(kept[each["qid"]]) < depth:  # trec_eval -M
            kept[each["qid"]][each["docid"]] = each["score"]
    values = pytrec_eval.RelevanceEvaluator(truth, set(measures.values())).evaluate(kept)
    for ours, theirs in measures.items():
        wanted = np.mean([values.get(qid, {}).get(theirs, 0.0) for qid in truth])  # -c
        assert row.measures[ours] == pytest.approx(wanted, abs=1e-12)
    assert row.per_query.num_rows == 30 * len(row.measures)
    assert set(row.per_query["lang"].to_pylist()) == {"sw"}


def test_depth_cuts_before_measuring(tmp_path: Path) -> None:
    benchmark = load_benchmark("mmarco", mmarco(tmp_path))
    deep = {"1048585": [f"x{i}" for i in range(999)] + ["0"], "2": ["2", "1"]}
    assert benchmark.scored(run_of(deep)).measures["R@1000"] == 1
    deep["1048585"].insert(0, "x999")
    row = benchmark.scored(run_of(deep))
    assert row.measures == {"RR@10": pytest.approx(0.25), "R@1000": pytest.approx(0.5)}


def test_labels_are_the_gains_and_topics_without_relevant_documents_may_be_left_out(tmp_path: Path) -> None:
    graded = load_benchmark("mrobust04", mrobust(tmp_path / "r"))
    row = graded.scored(run_of({"301": ["LA010189-0001", "FT931-16660"], "302": ["LA010189-0001"]}))
    assert row.measures["nDCG@20"] == pytest.approx((1 / np.log2(3) + 1) / 2)
    newspapers = load_benchmark("clef03", clef(tmp_path / "c"), lang="de", encoding="latin-1")
    found = newspapers.scored(run_of({"141": ["FR940104-000001"], "142": ["FR940104-0000019"]}))
    assert found.measures["AP"] == 1  # of 141 alone: nothing is relevant to 142
    assert newspapers.qrels is not None
    swapped = replace(newspapers.protocol, gains=((0, 0), (1, 5)), drop_empty=False)
    assert judged(swapped, newspapers.qrels)["relevance"].to_pylist() == [5, 0, 0]


def test_answers_are_looked_for_in_texts(tmp_path: Path) -> None:
    pytest.importorskip("nltk")
    benchmark = load_benchmark("xor-retrieve", xor(tmp_path / "x"))
    row = benchmark.scored(run_of({"q1": ["3", "1"], "q2": ["3"]}))
    assert row.measures == {"R@2kt": 0.5, "R@5kt": 0.5}  # q3 has but yes for an answer
    assert dict(zip(row.by_language["lang"].to_pylist(), row.by_language["R@2kt"].to_pylist(), strict=True)) == {
        "ja": 1, "te": 0, "macro": 0.5, "micro": 0.5
    }  # fmt: skip
    questions = load_benchmark("mkqa", mkqa(tmp_path / "m"), lang="de")
    assert (
        questions.scored(run_of({"11": ["doc1"] * 1 + ["doc0"], "14": ["doc2"]})).measures[questions.protocol.headline]
        == 0.5
    )
    african = load_benchmark("afriqa", afriqa(tmp_path / "a"))
    assert african.scored(run_of({"0": ["1"], "1": ["1"]})).measures[african.protocol.headline] == 0.5


def test_languages_together_weigh_the_same(tmp_path: Path) -> None:
    miracl(tmp_path)
    rows = {}
    for lang, found in (("sw", {"7#1": ["0#0"], "7#2": ["3#0"]}), ("yo", {"7#1": ["1#0"], "7#2": ["3#0"]})):
        rows[lang] = score(load_benchmark("miracl", tmp_path, lang=lang), run_of(found), system=lang)
    both = together(rows, system="both")
    assert both.measures["nDCG@10"] == pytest.approx((1 + 0.5) / 2)
    assert both.by_language["lang"].to_pylist() == ["sw", "yo", "macro", "micro"]
    assert both.benchmark == "miracl/sw+yo/dev"
    assert set(both.per_query["qid"].to_pylist()) == {f"{lang}:7#{n}" for lang in ("sw", "yo") for n in (1, 2)}
    again = Scored.from_json(both.to_json())
    assert again.measures == both.measures
    with pytest.raises(UsageError, match="of one protocol"):
        together({}, system="none")


def test_rows_know_which_queries_are_one_topic(tmp_path: Path) -> None:
    benchmark, run = random_benchmark("miracl")
    assert benchmark.qrels is not None
    row = benchmark.scored(run, system="a")  # in one language there are no translations, whatever is shared
    assert row.topics == "" and row.per_query["topic"].null_count == row.per_query.num_rows
    docids = [f"d{int(qid[1:]) // 3}" for qid in benchmark.qrels["qid"].to_pylist()]
    qrels = benchmark.qrels.set_column(1, "docid", pa.array(docids)).group_by(["qid", "docid"]).aggregate(
        [("relevance", "max")]).rename_columns(["qid", "docid", "relevance"])  # fmt: skip
    langs = [("sw", "yo")[n % 2] for n in range(30)]
    several = replace(benchmark, queries=benchmark.queries.set_column(1, "lang", [langs]), qrels=qrels, lang=None)
    row = several.scored(run, system="a")
    known, how = topics_of(qrels)
    assert row.topics == how and len(set(known.values())) == 10
    pairs = zip(row.per_query["qid"].to_pylist(), row.per_query["topic"].to_pylist(), strict=True)
    assert dict(pairs) == known
    stated = several.queries.append_column("doc_id", [["one"] * 30])
    row = replace(several, queries=stated).scored(run, system="a")
    assert set(row.per_query["topic"].to_pylist()) == {"one"} and "'doc_id'" in row.topics

    translated = load_benchmark("mmarco", mmarco(tmp_path), lang="pt").scored(run_of({"2": ["1"]}), system="a")
    both = together({"pt": translated, "es": translated}, system="a")
    assert set(both.per_query["qid"].to_pylist()) == {"pt:2", "es:2", "pt:1048585", "es:1048585"}
    assert set(both.per_query["topic"].to_pylist()) == {"2", "1048585"} and both.topics == translated.topics


def test_rows_of_other_data_are_not_compared(tmp_path: Path) -> None:
    miracl(tmp_path)
    one, other = (load_benchmark("miracl", tmp_path, lang=lang) for lang in ("sw", "yo"))
    run = run_of({"7#1": ["0#0"], "7#2": ["3#0"]})
    assert compare([score(one, run, system="a"), score(one, run, system="b")]).num_rows == 2
    with pytest.raises(MismatchError, match=r"different corpora of miracl/sw/dev and miracl/yo/dev"):
        compare([score(one, run, system="a"), score(other, run, system="b")])


def test_export_and_back(tmp_path: Path) -> None:
    first = load_benchmark("miracl", miracl(tmp_path / "m"), lang="sw")
    names = export(first, tmp_path / "out")
    assert names == ["docs.parquet", "protocol.txt", "qrels.txt", "queries.tsv"]
    again = load_benchmark("xret", tmp_path / "out")
    assert again.hashes == first.hashes
    answered = load_benchmark("mkqa", mkqa(tmp_path / "k"))
    assert "answers.jsonl" in export(answered, tmp_path / "out2")


def test_a_run_of_another_set(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    benchmark = load_benchmark("miracl", miracl(tmp_path), lang="sw")
    with pytest.raises(EvalError, match=r"mine: 2 of 3 queries of the run are not topics of miracl/sw/dev: 'x', 'y'; "
                                        r"topics have such as '7#1', '7#2'"):  # fmt: skip
        score(benchmark, run_of({"7#1": ["0#0"], "x": ["0#0"], "y": ["0#0"]}), system="mine")
    with pytest.raises(
        EvalError, match=r"mine: none of its 1 documents is judged in miracl/sw/dev; it has such as 'z'"
    ):
        score(benchmark, run_of({"7#1": ["z"]}), system="mine")
    score(benchmark, run_of({"7#1": ["0#0"]}), system="mine")
    assert "mine: has no results for 1 queries, which count as 0: '7#2'" in caplog.text
    hidden = load_benchmark("miracl", tmp_path, lang="sw", split="test-a")
    with pytest.raises(EvalError, match="has no judgements, so it cannot be scored"):
        score(hidden, run_of({"9#1": ["0#0"]}), system="mine")
