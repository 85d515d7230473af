"""What documents are about: subtopics of a query, such as the languages of documents."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError
from xret.runs.codes import codes, pair_codes

__all__ = ["Aspects", "aspects_of", "read_subtopics"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Aspects:
    """Which subtopics the document of each row of the qrels has.

    Attributes:
        row: (t,) rows of the qrels, ascending; a row with several subtopics stands several times.
        subtopic: (t,) codes from 0 to `size` - 1.
        size: number of subtopics.
        document: (rows of the qrels,) the place of each document's id in byte order.
    """

    row: Ints
    subtopic: Ints
    size: int
    document: Ints

    def of(self, rows: Ints) -> tuple[Ints, Ints]:
        """The subtopics of some rows: (u,) place in `rows` and (u,) subtopic, by place."""
        first, last = np.searchsorted(self.row, rows), np.searchsorted(self.row, rows, side="right")
        place = np.repeat(np.arange(len(rows)), last - first)
        within = np.arange(len(place)) - np.repeat(np.cumsum(last - first) - (last - first), last - first)
        return place, self.subtopic[first[place] + within]

    def table(self, rows: Ints) -> npt.NDArray[np.bool_]:
        """(len(rows), s) whether each has a subtopic, of the s subtopics that any of them has."""
        place, subtopic = self.of(rows)
        names, column = np.unique(subtopic, return_inverse=True)
        about = np.zeros((len(rows), len(names)), bool)
        about[place, column] = True
        return about


def aspects_of(qrels: pa.Table, subtopics: pa.Table) -> Aspects:
    """Match subtopics with judgements.

    Args:
        qrels: `qid, docid, relevance`.
        subtopics: `docid, lang`: the language of a document is its subtopic in every query; or `qid, docid, subtopic`,
            as many rows a document as it has subtopics. Judged documents without a row have none, and gain nothing.

    Raises:
        EvalError: no judged document has a subtopic.
    """
    document = (
        pc.rank(qrels["docid"].cast(pa.string()).combine_chunks(), tiebreaker="dense").to_numpy().astype(np.int64)
    )
    if "subtopic" in subtopics.column_names:
        both = [pa.chunked_array([*(chunk for table in (qrels, subtopics) for chunk in
                                    table[name].cast(pa.string()).chunks)]) for name in ("qid", "docid")]  # fmt: skip
        code = pair_codes(*both)
        known, order = code[: qrels.num_rows], np.argsort(code[: qrels.num_rows], kind="stable")
        place = order[np.minimum(np.searchsorted(known, code[qrels.num_rows :], sorter=order), len(known) - 1)]
        there = np.flatnonzero(known[place] == code[qrels.num_rows :])
        row, subtopic = place[there], codes(subtopics["subtopic"])[there]
    else:
        place = codes(qrels["docid"], pc.unique(subtopics["docid"].cast(pa.string())))
        row = np.flatnonzero(place >= 0)
        subtopic = codes(subtopics["lang"])[place[row]]
    if not len(row):
        raise EvalError("no judged document has a subtopic; check that the ids of documents are spelled alike")
    order = np.argsort(row, kind="stable")
    return Aspects(row[order], subtopic[order], int(subtopic.max()) + 1, document)


def read_subtopics(source: str | Path) -> tuple[pa.Table, pa.Table]:
    """TREC's diversity judgements (``qid subtopic docid relevance``), as ndeval reads them.

    Returns:
        qrels `qid, docid, relevance` with the highest relevance that a document has for any subtopic, and
        `qid, docid, subtopic` of the pairs judged relevant (above 0).

    Raises:
        EvalError: as `read_qrels`; or a document judged twice for one subtopic.
    """
    from xret.runs.read import read_judgements

    table = read_judgements(source, subtopics=True)
    qrels = table.group_by(["qid", "docid"], use_threads=False).aggregate([("relevance", "max")])
    qrels = qrels.rename_columns(["qid", "docid", "relevance"])
    return qrels, table.filter(pc.greater(table["relevance"], 0)).select(["qid", "docid", "subtopic"])
