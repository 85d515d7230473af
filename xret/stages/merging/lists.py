"""A run seen as one list for every query and language of the documents."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.runs import ordered
from xret.runs.codes import codes, joint_codes
from xret.runs.order import ranks
from xret.stages.merging.normalise import Floats, Ints

__all__ = ["Lists"]


@dataclass(frozen=True, eq=False)
class Lists:
    """A run of n rows, in trec_eval's order.

    Attributes:
        run: the rows, with `rank` made anew.
        query: (n,) number of the row's query.
        language: (n,) place of its document's language in `languages`.
        languages: their names; ``und`` where the run has none.
        group: (n,) number of the row's list: its query and language.
        score: (n,) float64, finite.
        overall: (n,) rank in the query, from 1.
        within: (n,) rank among the query's documents of this language, from 1.
        own: (n,) whether query and document are of one known language, as far as the run says so (`qlang`).
    """

    run: pa.Table
    query: Ints
    language: Ints
    languages: tuple[str, ...]
    group: Ints
    score: Floats
    overall: Ints
    within: Ints
    own: Floats

    @staticmethod
    def of(run: pa.Table) -> Lists:
        """Take a run apart.

        Args:
            run: `qid, docid, score: float64, dlang` and any others, in any order.

        Raises:
            EvalError: no `dlang`, or a score that is NaN or infinite.
        """
        if "dlang" not in run.column_names:
            raise EvalError(
                "run: does not say the languages of its documents (column 'dlang'); give the corpus it was made "
                "from, or a run in .parquet or .jsonl that does"
            )
        _refuse_infinite(run)
        run = ordered(run)
        dlang = pc.fill_null(run["dlang"].cast(pa.string()), "und")
        names = pc.unique(dlang)
        names = names.take(pc.sort_indices(names))
        query, language = codes(run["qid"]), codes(dlang, names)
        group = joint_codes(query, language, len(names))
        by_group = np.argsort(group, kind="stable")
        within = np.empty(len(group), np.int64)
        within[by_group] = ranks(group[by_group])
        own = query < 0
        if "qlang" in run.column_names:
            own = pc.and_(pc.equal(run["qlang"].cast(pa.string()), dlang), pc.not_equal(dlang, "und"))
            own = own.fill_null(False).to_numpy()
        score = run["score"].to_numpy()
        return Lists(
            run, query, language, tuple(names.to_pylist()), group, score, ranks(query), within, own.astype(np.float64)
        )


def _refuse_infinite(run: pa.Table) -> None:
    bad = np.flatnonzero(~np.isfinite(run["score"].to_numpy()))
    if len(bad):
        row = int(bad[0])
        raise EvalError(
            f"run: the score of document '{run['docid'][row]}' for query '{run['qid'][row]}' is {run['score'][row]}; "
            "wanted a finite number"
        )
