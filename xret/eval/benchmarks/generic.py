"""Protocols for data of no published protocol: folders of BEIR and MTEB, TREC files, and one's own."""

from __future__ import annotations

from dataclasses import replace

from xret.eval.protocols import Protocol
from xret.eval.protocols.retrieval import TREC_TIES, ZERO

__all__ = ["GENERIC"]

BEIR = Protocol(
    name="beir",
    title="a folder in BEIR's layout",
    kind="retrieval",
    measures=("nDCG@10", "R@100", "RR@10"),
    depth=1000,
    ties=TREC_TIES,
    pool="all documents of the folder; a document is title and text",
    labels="as in the files, and the gains; binary measures count labels from 1",
    missing=ZERO,
    average="mean over queries",
    source="Thakur et al., BEIR, NeurIPS Datasets and Benchmarks 2021",
    data="https://github.com/beir-cellar/beir",
    licence="of the data set",
)
GENERIC: tuple[Protocol, ...] = (
    BEIR,
    replace(
        BEIR,
        name="mteb",
        title="a folder with the data of one retrieval task of MTEB",
        source="Muennighoff et al., MTEB, EACL 2023; main score of retrieval tasks: ndcg_at_10",
        data="https://huggingface.co/mteb (a snapshot of a task's repository)",
    ),
    replace(
        BEIR,
        name="trec",
        title="topics, judgements and documents in the files of TREC, pyserini and anserini",
        measures=("nDCG@20", "AP", "R@1000", "Judged@20"),
        pool="all documents given",
        source="trec_eval",
        data="https://github.com/castorini/anserini-tools (topics and qrels), trec.nist.gov",
    ),
    replace(
        BEIR,
        name="ir-datasets",
        title="any data set that ir_datasets has, by its id",
        measures=("nDCG@20", "AP", "R@1000", "Judged@20"),
        pool="all documents of the data set; a document is its default text",
        source="MacAvaney et al., ir_datasets, SIGIR 2021",
        data="https://ir-datasets.com (ids); extra: pip install 'xret[ir-datasets]'",
    ),
    replace(
        BEIR,
        name="xret",
        title="a folder of one's own: docs, queries, qrels, as --export writes it",
        measures=("nDCG@20", "R@100", "RR@10", "AP", "Judged@20"),
        pool="all documents of the folder; their text, without titles",
        source="xret",
        data="your own: docs.parquet (or .jsonl), queries.tsv and qrels.txt",
        licence="of your documents",
    ),
)
