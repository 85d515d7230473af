"""XQuAD-R as documents, queries and judgements, for systems that search."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa

from xret.eval.xquad import read_xquad

__all__ = ["xquad_tables"]


def xquad_tables(source: Path) -> tuple[pa.Table, pa.Table, pa.Table]:
    """The pool of LAReQA: every sentence of every paragraph is a document, in all languages at once.

    Args:
        source: the folder of ``LANG.json`` files, or one of them.

    Returns:
        Corpus `id, lang, text` (ids ``LANG-NUMBER``, from 0 in each language), queries `id, lang, text` (likewise,
        ``q-LANG-NUMBER``), qrels `qid, docid, relevance` (the answer sentence in every language).

    Raises:
        EvalError: as `read_xquad`.
    """
    pool = read_xquad([source])
    documents = _numbered(pool.sentence_langs, "")
    asked = _numbered(pool.question_langs, "q-")
    query, place = np.nonzero(pool.relevant >= 0)
    found = pool.relevant[query, place]
    corpus = pa.table({"id": documents, "lang": pa.array(pool.sentence_langs), "text": pa.array(pool.sentences)})
    queries = pa.table({"id": asked, "lang": pa.array(pool.question_langs), "text": pa.array(pool.questions)})
    qrels = {"qid": asked.take(pa.array(query)), "docid": documents.take(pa.array(found))}
    return corpus, queries, pa.table({**qrels, "relevance": pa.array(np.ones(len(query), np.int32))})


def _numbered(langs: list[str], start: str) -> pa.Array:
    seen: dict[str, int] = {}
    ids = []
    for lang in langs:
        ids.append(f"{start}{lang}-{seen.setdefault(lang, 0)}")
        seen[lang] += 1
    return pa.array(ids, pa.string())
