"""Protocols that score a run against answer strings: a passage counts that holds one."""

from __future__ import annotations

from xret.eval.protocols.protocol import Protocol

__all__ = ["ANSWERS"]

RANKED = "score descending, then document id descending"
WRONG = "a question without results counts as not found"

ANSWERS = (
    Protocol(
        name="xor-retrieve",
        title="XOR-Retrieve: questions in seven languages, English Wikipedia passages",
        kind="answers",
        measures=("R@2kt", "R@5kt"),
        depth=None,
        ties=RANKED,
        pool="all English passages of the collection",
        labels="found if an answer is a part of the string, case and all, that the first 2,000 (or 5,000) tokens make, "
        "joined by spaces: NLTK word_tokenize of each passage in rank order",
        missing=f"{WRONG}; questions without an answer other than yes and no are left out",
        average="share of questions found per language; then the mean over languages",
        macro=True,
        drop_empty=True,
        languages=("ar", "bn", "fi", "ja", "ko", "ru", "te"),
        source="Asai et al., XOR QA, NAACL 2021; AkariAsai/XORQA evals/eval_xor_retrieve.py",
        data="https://github.com/AkariAsai/XORQA (xor_dev_retrieve_eng_span_v1_1.jsonl); v1 differs from v1.1",
        licence="MIT (the repository); passages: Wikipedia, CC BY-SA",
    ),
    Protocol(
        name="mkqa",
        title="MKQA: questions in 25 languages, English Wikipedia passages",
        kind="answers",
        measures=("Success@100", "Success@20"),
        depth=100,
        ties=RANKED,
        pool="the English passages of BEIR's NQ (title and text)",
        labels="a passage counts that holds an English answer as a run of tokens (NFD, lower case, DPR's tokenizer)",
        missing=f"{WRONG}; unanswerable, yes/no and long-answer questions are left out (6,619 remain)",
        average="share of questions with such a passage among the first k (published as R@k), per language; then the "
        "mean over languages",
        macro=True,
        drop_empty=True,
        languages=(
            *("ar", "da", "de", "es", "fi", "fr", "he", "hu", "it", "ja", "km", "ko", "ms", "nl", "no", "pl", "pt"),
            *("ru", "sv", "th", "tr", "vi", "zh_cn", "zh_hk", "zh_tw"),
        ),
        source="Chen et al., BGE M3, 2024 (2402.03216); FlagEmbedding C_MTEB/MKQA",
        data="https://github.com/apple/ml-mkqa (mkqa.jsonl.gz) and BEIR's NQ corpus",
        licence="CC BY-SA 3.0 (questions); corpus: Wikipedia, CC BY-SA",
    ),
    Protocol(
        name="afriqa",
        title="AfriQA: questions in African languages, English or French Wikipedia passages",
        kind="answers",
        measures=("Success@10", "Success@20", "Success@100"),
        depth=100,
        ties=RANKED,
        pool="all passages of the pivot language's Wikipedia, English or French",
        labels="a passage counts that holds an answer in the pivot language as a run of tokens (NFD, lower case, DPR's "
        "tokenizer)",
        missing=WRONG,
        average="share of questions with such a passage among the first k (published as R@k), per language; then the "
        "mean over languages",
        macro=True,
        languages=("bem", "fon", "hau", "ibo", "kin", "swa", "twi", "wol", "yor", "zul"),
        source="Ogundepo et al., AfriQA, Findings of EMNLP 2023; pyserini evaluate_dpr_retrieval (top-k accuracy)",
        data="https://github.com/masakhane-io/afriqa (queries.afriqa.LANG.en|fr.SPLIT.json); passages: "
        "https://huggingface.co/datasets/ToluClassics/masakhane_wiki_100",
        licence="CC BY 4.0",
    ),
)
