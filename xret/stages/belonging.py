"""Whether pairs are of some corpora: known before they are worked on together."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from xret.corpus import gather
from xret.errors import MismatchError
from xret.stages.distinct import plain

__all__ = ["check_pairs"]

SAMPLE = 5000  # pairs whose texts are compared


def check_pairs(pairs: pa.Table, src_corpus: pa.Table, tgt_corpus: pa.Table) -> None:
    """Refuse pairs that were mined from other texts.

    All ids are looked up, and the texts of up to `SAMPLE` pairs from all over compared, but for case and white space,
    which TSV does not keep.

    Args:
        pairs: `src_id, tgt_id, src_text, tgt_text`.
        src_corpus: `id, text`.
        tgt_corpus: likewise.

    Raises:
        MismatchError: an id that is not there, or one of another text; names the pair.
    """
    some = np.unique(np.linspace(0, pairs.num_rows - 1, min(SAMPLE, pairs.num_rows)).astype(np.int64))
    for side, name, corpus in (("src", "source", src_corpus), ("tgt", "target", tgt_corpus)):
        ids = pairs[f"{side}_id"].cast(pa.string())
        found = pc.index_in(ids, value_set=pc.cast(corpus["id"], pa.string()))
        if found.null_count:
            row = pc.index(pc.is_null(found), True).as_py()
            raise MismatchError(f"pair {row + 1}: the {name} corpus has no '{ids[row].as_py()}'; {_REMEDY}")
        there = gather(corpus["text"], found.to_numpy()[some].astype(np.int64)).to_pylist()
        for row, text, own in zip(some.tolist(), there, gather(pairs[f"{side}_text"], some).to_pylist(), strict=True):
            if plain(text) != plain(own):
                raise MismatchError(
                    f"pair {row + 1}: '{ids[row].as_py()}' is another sentence in the {name} corpus; {_REMEDY}"
                )


_REMEDY = "give the corpora that the pairs were mined from, the source first"
