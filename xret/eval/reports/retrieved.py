"""What was retrieved, as arrays: score, language of the document, whether it is relevant."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.runs.codes import codes, pair_codes

__all__ = ["Retrieved", "retrieved"]


@dataclass(frozen=True, eq=False)
class Retrieved:
    """m retrieved documents of judged queries.

    Attributes:
        languages: l names, sorted; documents of unknown language are ``und``.
        language: (m,) place in `languages`.
        score: (m,) float64.
        relevant: (m,) bool.
    """

    languages: tuple[str, ...]
    language: npt.NDArray[np.int64]
    score: npt.NDArray[np.float64]
    relevant: npt.NDArray[np.bool_]


def retrieved(run: pa.Table, qrels: pa.Table, documents: pa.Table) -> Retrieved:
    """Look them up.

    Args:
        run: `qid, docid, score`.
        qrels: `qid, docid, relevance`.
        documents: `docid, lang`.
    """
    run = run.select(["qid", "docid", "score"])
    run = run.filter(pa.array(codes(run["qid"], pc.unique(qrels["qid"].cast(pa.string()))) >= 0))
    good = qrels.filter(pa.array(qrels["relevance"].to_numpy() > 0))
    both = [pa.chunked_array([*run[side].cast(pa.string()).chunks, *good[side].cast(pa.string()).chunks], pa.string())
            for side in ("qid", "docid")]  # fmt: skip
    code = pair_codes(*both)
    place = pc.index_in(run["docid"].cast(pa.string()), value_set=documents["docid"].cast(pa.string()).combine_chunks())
    lang = pc.fill_null(documents["lang"].cast(pa.string()).take(place), "und")
    names = pc.unique(lang)
    names = names.take(pc.sort_indices(names))
    score = run["score"].to_numpy().astype(np.float64)
    return Retrieved(
        tuple(names.to_pylist()), codes(lang, names), score, np.isin(code[: len(score)], code[len(score) :])
    )
