"""The bundled sample: German and English news lines to mine, documents in sixteen languages to search, gold for both.

All texts were written for this project and have its licence.

    news.de.txt, news.en.txt   120 lines each, half of them translated on the other side; the rest is about the same
                               things and has no counterpart
    gold.tsv                   line numbers of the 60 translated pairs, German then English
    docs.jsonl                 150 documents on 30 subjects, each subject in five languages; ids are subject-language
    queries.tsv                one query for each subject, in fourteen languages
    qrels.txt                  every document on the query's subject is relevant, in whichever language
    mine.toml, search.toml, eval.toml   a pipeline for each of the three jobs
    engine.toml                a pipeline that chooses who does the work: processes, or a Ray cluster
    store.toml                 a pipeline that fills a store and searches it: a folder, or a Milvus server
    suite.toml                 several systems compared ('xret eval suite'); it reads tatoeba/, below, too

An exported sample also has, made from the 60 translated pairs:

    aligned.de.txt, aligned.en.txt   line n of one translates line n of the other
    tatoeba/                         the same under LASER's names: tatoeba.deu-eng.deu and .eng
    training-pairs.tsv               the same as columns en, text, lang, without a header
"""

from __future__ import annotations

import shutil
from pathlib import Path

from xret.errors import InputError
from xret.sample.aligned import ALIGNED, aligned_texts
from xret.suggest import did_you_mean

__all__ = ["ALIGNED", "FILES", "export_sample", "sample_path"]

FILES = (
    "docs.jsonl",
    "engine.toml",
    "eval.toml",
    "gold.tsv",
    "mine.toml",
    "news.de.txt",
    "news.en.txt",
    "qrels.txt",
    "queries.tsv",
    "search.toml",
    "store.toml",
    "suite.toml",
)


def sample_path(name: str) -> Path:
    """Where a file of the sample lies.

    Raises:
        InputError: no such file in the sample.
    """
    if name not in FILES:
        raise InputError(f"no file '{name}' in the bundled sample; {did_you_mean(name, FILES)}")
    return Path(__file__).parent / name


def export_sample(folder: Path) -> list[Path]:
    """Copy the sample to `folder`, made if absent, for the user to change; files already there are never replaced.

    `FILES` are copied, `ALIGNED` are made from them.

    Returns:
        The files written.

    Raises:
        InputError: one of the files is there already, or the folder cannot be written.
    """
    made = aligned_texts(Path(__file__).parent)
    targets = [folder / name for name in (*FILES, *made)]
    for target in targets:
        if target.exists():
            raise InputError(f"{target}: exists already; give a new folder")
    try:
        for target in targets:
            target.parent.mkdir(parents=True, exist_ok=True)
        for name in FILES:
            shutil.copyfile(sample_path(name), folder / name)
        for name, text in made.items():
            (folder / name).write_text(text, encoding="utf-8", newline="\n")
    except OSError as error:
        raise InputError(f"{folder}: cannot write here ({error.strerror}); give a writable folder") from error
    return targets
