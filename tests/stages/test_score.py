"""Scoring given pairs: the mining score of each, in the order of the file."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from xret.errors import MismatchError
from xret.stages.margin import MARGINS, Margin
from xret.stages.mine import Mine
from xret.stages.score import COMPUTED, Score, side_corpus


def vectors(corpus: pa.Table, seed: int) -> pa.Table:
    rng = np.random.default_rng(seed)
    values = pa.array(rng.standard_normal((corpus.num_rows, 8)).astype(np.float32).tolist(), pa.list_(pa.float32(), 8))
    return pa.table({"id": corpus["id"], "vector": values})


def given_pairs() -> pa.Table:
    rows = [("eins", "one"), ("zwei", "two"), ("eins", "three"), ("vier", "four"), ("zwei", "two"), ("fünf", "five")]
    ids = [str(n) for n in range(6)]
    src, tgt = zip(*rows, strict=True)
    score = pa.array([None, 1.0, None, 2.0, 3.0, 0.0], pa.float64())
    return pa.table({"score": score, "src_id": ids, "tgt_id": ids, "src_text": src, "tgt_text": tgt, "note": ids})


@pytest.mark.parametrize("margin", MARGINS)
def test_scores_are_those_of_mining_the_same_sentences(margin: Margin) -> None:
    pairs = given_pairs()
    src, tgt = side_corpus(pairs, "src", lang="de"), side_corpus(pairs, "tgt")
    assert src["text"].to_pylist() == ["eins", "zwei", "vier", "fünf"]
    assert (src["id"].to_pylist(), src["lang"].to_pylist()) == (["1", "2", "4", "6"], ["de"] * 4)
    x, y = vectors(src, 1), vectors(tgt, 2)
    for name in ("probability", "margin", "tokens", "src_rank", "cosine"):  # of an earlier score
        pairs = pairs.append_column(name, pa.array([7.0] * 6))
    scored = Score(k=3, margin=margin).run(pairs, x, y, work=Path("unused"))
    pairs = given_pairs()
    everything = Mine(k=3, margin=margin, retrieval="all", keep_copies=True).run(src, tgt, x, y, work=Path("unused"))
    known = {(row["src_text"], row["tgt_text"]): row for row in everything.to_pylist()}
    assert scored.drop_columns(list(COMPUTED)).equals(pairs.drop_columns(["score"]))
    rows = scored.to_pylist()
    compared = [
        (row, known[row["src_text"], row["tgt_text"]]) for row in rows if (row["src_text"], row["tgt_text"]) in known
    ]
    assert len(compared) >= 4
    for row, other in compared:
        assert all(row[name] == other[name] for name in COMPUTED)
    assert rows[1]["score"] == rows[4]["score"]


def test_refuses_vectors_of_something_else() -> None:
    pairs = given_pairs()
    src, tgt = side_corpus(pairs, "src"), side_corpus(pairs, "tgt")
    with pytest.raises(MismatchError, match="src: 4 distinct sentences but 5 vectors"):
        Score().run(pairs, vectors(tgt, 1), vectors(src, 2), work=Path("unused"))
