"""Language of the query × language of the document."""

from __future__ import annotations

from xret.eval.matrix import LanguageMatrix
from xret.reports import Heat

__all__ = ["language_heat"]


def language_heat(name: str, matrix: LanguageMatrix, measure: str) -> Heat | None:
    """One measure by both languages; None where both sides have one language only.

    Args:
        name: of the system.
        matrix: of its run.
        measure: one of those of the matrix.
    """
    if len(matrix.asked) == len(matrix.found) == 1:
        return None
    lists = "lists restricted to them" if matrix.restricted else "documents of other languages keeping their ranks"
    cells = matrix.values[matrix.measures.index(measure)]
    return Heat(
        title=f"{measure} of {name} by both languages",
        description="Mean over the queries in a language (rows) by the judgements of documents in a language (columns) "
        f"alone, {lists}; queries without a relevant document there are left out.",
        reading="Hatched: nothing relevant.",
        rows=matrix.asked,
        columns=matrix.found,
        values=tuple(tuple(row) for row in cells.tolist()),
        row_axis="query",
        column_axis="document",
        high=1.0,
    )
