"""Which queries are one topic: the same question, in several languages."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import UsageError
from xret.runs.codes import codes

__all__ = ["SHARED", "TOPIC_COLUMNS", "known_topics", "shared_topics", "topics_of"]

Ints = npt.NDArray[np.int64]
TOPIC_COLUMNS = ("topic", "doc_id")
SHARED = "queries that share a relevant document"


def topics_of(qrels: pa.Table | None, queries: pa.Table | None = None) -> tuple[dict[str, str], str]:
    """Query id -> topic, and a few words on how it is known.

    By a column ``topic`` or ``doc_id`` of the queries, equal for translations of one query; else queries that share a
    relevant document are one topic, directly or through others: a cautious guess where topics are not parallel.

    Args:
        qrels: `qid, docid, relevance`; not looked at where there is such a column.
        queries: `id`, perhaps with such a column; those without a value are topics of their own, and left out.

    Raises:
        UsageError: neither such a column nor qrels.
    """
    name = next((one for one in TOPIC_COLUMNS if queries is not None and one in queries.column_names), None)
    if queries is not None and name is not None:
        pairs = zip(queries["id"].cast(pa.string()).to_pylist(), queries[name].to_pylist(), strict=True)
        return {qid: str(topic) for qid, topic in pairs if topic is not None}, f"by column '{name}' of the queries"
    if qrels is None:
        raise UsageError("topics are known by a column of the queries or by qrels; give one of them")
    qids, label = shared_topics(qrels)
    first = qids.to_pylist()
    topics = {qid: first[one] for qid, one in zip(first, label.tolist(), strict=True)}
    return topics, SHARED


def known_topics(queries: pa.Table, qrels: pa.Table | None) -> tuple[dict[str, str], str]:
    """`topics_of`, where there may be translations; empty where nothing tells of any.

    Queries of one language that share documents are no translations of one another: without a column, each is a topic.

    Args:
        queries: `id, lang`, perhaps with such a column.
        qrels: `qid, docid, relevance`; None where there are none, as for answers.
    """
    if any(name in queries.column_names for name in TOPIC_COLUMNS):
        return topics_of(qrels, queries)
    if qrels is None or len(pc.unique(queries["lang"])) < 2:
        return {}, ""
    return topics_of(qrels)


def shared_topics(qrels: pa.Table) -> tuple[pa.Array, Ints]:
    """The distinct query ids, and (queries,) the same number for those that share relevant documents.

    Directly or through others; the number is the place of the first query of the topic.

    Args:
        qrels: `qid, docid, relevance`.
    """
    qids = pc.unique(qrels["qid"].cast(pa.string()))
    good = qrels.filter(pa.array(qrels["relevance"].to_numpy() > 0))
    return qids, _connected(codes(good["qid"], qids), codes(good["docid"]), len(qids))


def _connected(query: Ints, document: Ints, queries: int) -> Ints:
    label = np.arange(queries)
    while True:  # each round hands the least label on to all queries of a document: as many rounds as the chain is long
        least = np.full(int(document.max(initial=-1)) + 1, queries)
        np.minimum.at(least, document, label[query])
        new = label.copy()
        np.minimum.at(new, query, least[document])
        if np.array_equal(new, label):
            return label
        label = new
