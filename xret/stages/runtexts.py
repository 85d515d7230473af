"""The texts behind the rows of a run: each that occurs, once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import EvalError
from xret.stages.distinct import distinct_texts

__all__ = ["RunTexts", "run_languages", "run_texts"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class RunTexts:
    """Distinct texts (in their languages, where the model is told them), and those of the run's rows."""

    texts: list[str]
    lang: list[str] | None
    place: Ints  # (rows of the run,)


def run_texts(ids: pa.ChunkedArray, table: pa.Table, what: str, where: str, *, told: bool) -> RunTexts:
    """Look texts up by id.

    Args:
        ids: (rows of the run,) of queries or documents.
        table: `id, text` and perhaps `lang`; of equal ids the first counts.
        what: an id is of, for messages.
        where: the table is from, for messages.
        told: whether the model is told languages: equal texts in two languages are then two.

    Raises:
        EvalError: an id without text.
    """
    rows, place = _rows(ids, table, what, where)
    texts = gather(table["text"], rows)
    if not told or "lang" not in table.column_names:
        distinct = distinct_texts(texts)
        return RunTexts(gather(texts, distinct.first).to_pylist(), None, distinct.number[place])
    lang = pc.fill_null(gather(table["lang"], rows), "und")
    distinct = distinct_texts(pc.binary_join_element_wise(lang, texts, "\t"))  # no language holds a tab
    first = distinct.first
    return RunTexts(gather(texts, first).to_pylist(), gather(lang, first).to_pylist(), distinct.number[place])


def run_languages(ids: pa.ChunkedArray, table: pa.Table, what: str, where: str) -> list[str]:
    """(rows of the run,) the language of each query or document, "und" where it is not known; arguments as above.

    Raises:
        EvalError: an id that is not there.
    """
    rows, place = _rows(ids, table, what, where)
    if "lang" not in table.column_names:
        return ["und"] * len(place)
    tags = pc.fill_null(gather(table["lang"], rows), "und").to_pylist()
    return [tags[at] for at in place]


def _rows(ids: pa.ChunkedArray, table: pa.Table, what: str, where: str) -> tuple[Ints, Ints]:
    """The rows of `table` behind the ids, each once, and each id's place among them."""
    wanted = ids.unique()  # the few: the ids of the table are compared with these, and never gathered
    place = pc.index_in(ids, value_set=wanted).to_numpy().astype(np.int64)
    there = pc.index_in(table["id"], value_set=wanted)
    rows = np.full(len(wanted), -1)
    rows[there.drop_null().to_numpy()[::-1]] = np.flatnonzero(there.is_valid().to_numpy())[::-1]  # the first of equals
    missing = np.flatnonzero(rows[place] < 0)
    if len(missing):
        raise EvalError(
            f"{what} '{ids[missing[0]]}' of the run is not among the {table.num_rows:,} ids of the {where} "
            f"({len(missing):,} rows of the run are without text); give the {where} the run was made with"
        )
    return rows, place
