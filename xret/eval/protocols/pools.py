"""Protocols over a pool that the evaluation set itself makes: passages in several languages, one or few right."""

from __future__ import annotations

from xret.eval.protocols.protocol import Protocol
from xret.eval.protocols.retrieval import TREC_TIES

__all__ = ["POOLS"]

BY_PLACE = "equal scores: by place in the pool"

POOLS = (
    Protocol(
        name="xquad-r",
        title="LAReQA on XQuAD-R: the answer sentence in every language, in one pool of all languages' sentences",
        kind="pool",
        measures=("map", "mono", "cross"),
        depth=None,
        ties=BY_PLACE,
        pool="every sentence of every paragraph in every language (13,014 in 11 languages), equal sentences apart, "
        "each encoded without its paragraph",
        labels="the sentence that holds the first character of the answer, in each language of the pool, is relevant",
        missing="a question that a language lacks has no relevant sentence there; AP is over those that exist",
        average="map: mean over all questions; mono: mean over languages of searching one's own; cross: mean over "
        "ordered pairs of different languages",
        languages=("ar", "de", "el", "en", "es", "hi", "ru", "th", "tr", "vi", "zh"),
        source="Roy et al., LAReQA, EMNLP 2020, section 3",
        data="https://github.com/google-research-datasets/lareqa (xquad-r/LANG.json)",
        licence="CC BY-SA 4.0",
    ),
    Protocol(
        name="mfaq",
        title="MFAQ: the answer to a question among the answers of the same FAQ page",
        kind="pool",
        measures=("global_mrr", "per_page_mrr"),
        depth=None,
        ties=BY_PLACE,
        pool="the answers of the question's own page, and no others",
        labels="the question's own answer is relevant",
        missing="every question of a page counts; a page of one question scores 1",
        average="global_mrr: mean RR over questions; per_page_mrr: mean over pages of the mean RR of their questions; "
        "per language, each mean over all of the language",
        source="De Bruyn et al., MFAQ, MRQA 2021; clips/mfaq train.py",
        data="https://huggingface.co/datasets/clips/mfaq, JSON lines, a page a line: id, qa_pairs (question, answer)",
        licence="see the card of the data set",
    ),
    Protocol(
        name="belebele",
        title="Belebele as retrieval: the FLORES passage that a question is about",
        kind="pool",
        measures=tuple(
            f"{pool} {name}" for name in ("nDCG@10", "RR@10", "Success@1") for pool in ("mono", "cross", "all")
        ),
        depth=10,
        ties=BY_PLACE,
        pool="the distinct passages of one language (488): the question's own (mono), another (cross), or those of all "
        "languages at once (all)",
        labels="the passage of the question's link is relevant; in the pool of all languages, in every language of it",
        missing="every question counts",
        average="mean over questions; mono: then over languages; cross: over ordered pairs of different ones; all: "
        "over the languages of the questions",
        macro=True,
        source="Bandarkar et al., The Belebele Benchmark, ACL 2024, for the data; nDCG@10 per pair of languages as in "
        "MTEB's BelebeleRetrieval; the pool of all languages is xret's",
        data="https://github.com/facebookresearch/belebele (Belebele.zip: LANG_Script.jsonl)",
        licence="CC BY-SA 4.0",
    ),
    Protocol(
        name="known-item",
        title="a document by its title in another language, over one's own parallel documents",
        kind="pool",
        measures=("nDCG@20", "R@100", "RR@10", "AP"),
        depth=1000,
        ties=TREC_TIES,
        pool="the texts, without titles, of all documents in all languages",
        labels="a query finds its document in every language, its own included; what is short, or stands over several "
        "documents of a language, makes no query; a sentence that does is taken out of its text",
        missing="a query without results scores 0",
        average="mean over queries; per language of the query, macro beside it",
        options=(("queries", "title"), ("least", "4")),
        source="xret",
        data="your own: a corpus with doc_id (equal for translations of a document), lang, title and text",
        licence="of your documents",
    ),
)
