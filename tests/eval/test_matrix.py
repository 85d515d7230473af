"""The matrix of languages: by hand, and against scoring every cell by itself."""

from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.eval.test_measures import qrels_table, run_table
from xret.errors import EvalError
from xret.eval.matrix import language_matrix
from xret.eval.scores import score_run

KNOWN = pa.table({"docid": [f"{lang}{n}" for lang in ("de", "en") for n in range(5)], "lang": ["de"] * 5 + ["en"] * 5})
SPOKEN = {"a": "de", "b": "de", "c": "fr"}


def test_by_hand() -> None:
    run = run_table({"a": {"en0": 4.0, "de0": 3.0}, "b": {"de1": 2.0, "de0": 1.0}, "c": {"en0": 1.0}})
    qrels = qrels_table({"a": {"de0": 1, "en0": 1}, "b": {"de0": 1, "en4": 0}, "c": {"de0": 1, "en0": 1}})
    matrix = language_matrix(run, qrels, KNOWN, SPOKEN, ["RR"])
    assert (matrix.asked, matrix.found, matrix.queries.tolist()) == (("de", "fr"), ("de", "en"), [[2, 1], [1, 1]])
    assert matrix.values[0].tolist() == [[0.75, 1], [0, 1]]  # a: de0 is first of the German ones; c finds no German one
    assert matrix.means("RR") == pytest.approx(
        {"macro": 2.75 / 4, "micro": (1 + 0.5 + 0 + 1 + 1) / 5, "mono": 0.75, "cross": 2 / 3}
    )
    whole = language_matrix(run, qrels, KNOWN, SPOKEN, ["RR"], restricted=False)
    assert whole.values[0].tolist() == [[0.5, 1], [0, 1]]  # a: de0 stands second, after en0
    assert matrix.table("RR").to_pylist()[0] == {"qlang": "de", "queries": 3, "de": 0.75, "en": 1.0, "mean": 0.875}
    assert "restricted" in matrix.definition() and "whole lists" in whole.definition()
    assert matrix.to_json()["measures"]["RR"]["cells"] == [[0.75, 1], [0, 1]]
    alone = language_matrix(run, qrels.slice(2, 1), KNOWN, {}, ["RR"])
    assert alone.asked == ("und",) and math.isnan(alone.means("RR")["mono"])


documents = st.sampled_from(KNOWN["docid"].to_pylist())
runs = st.dictionaries(
    st.sampled_from("abc"), st.dictionaries(documents, st.integers(0, 9).map(float), min_size=1), min_size=1
)
judged = st.dictionaries(st.sampled_from("abc"), st.dictionaries(documents, st.integers(0, 2), min_size=1), min_size=1)


@settings(max_examples=60, deadline=None)
@given(runs, judged, st.booleans())
def test_every_cell_is_what_scoring_it_alone_gives(
    hits: dict[str, dict[str, float]], known: dict[str, dict[str, int]], restricted: bool
) -> None:
    good = {(qid, docid[:2]) for qid, those in known.items() for docid, label in those.items() if label > 0}
    if not hits.keys() & {qid for qid, _ in good}:
        return
    run, qrels, measures = run_table(hits), qrels_table(known), ["nDCG@3", "AP", "P@2"]
    matrix = language_matrix(run, qrels, KNOWN, SPOKEN, measures, restricted=restricted)
    for i, qlang in enumerate(matrix.asked):
        for j, dlang in enumerate(matrix.found):
            qids = [qid for qid, lang in sorted(good) if lang == dlang and SPOKEN[qid] == qlang]
            assert matrix.queries[i, j] == len(qids)
            values = []
            for qid in qids:
                mine = qrels.filter(pc.and_(pc.equal(qrels["qid"], qid), pc.starts_with(qrels["docid"], dlang)))
                lists = run.filter(pc.starts_with(run["docid"], dlang)) if restricted else run
                lists = lists.filter(pc.equal(lists["qid"], qid))
                values.append(score_run(lists, mine, measures).values[0] if lists.num_rows else np.zeros(3))
            assert matrix.values[:, i, j] == pytest.approx(
                np.mean(values, axis=0) if qids else np.full(3, np.nan), nan_ok=True
            )


def test_refused() -> None:
    run = run_table({"a": {"de0": 1.0}})
    with pytest.raises(EvalError, match=r"language of relevant document 'xx' is not known \(1 such\); give the corpus"):
        language_matrix(run, qrels_table({"a": {"xx": 1}}), KNOWN, {}, ["RR"])
    with pytest.raises(EvalError, match="no document is relevant"):
        language_matrix(run, qrels_table({"a": {"de0": 0}}), KNOWN, {}, ["RR"])
    with pytest.raises(EvalError, match="share no query"):
        language_matrix(run, qrels_table({"q": {"de0": 1}}), KNOWN, {}, ["RR"])
