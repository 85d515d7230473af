"""Measures of a run against answer strings: is an answer in the texts that were found?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from xret.errors import EvalError, UsageError
from xret.eval.measures.answers_match import Passages, found_at, found_within
from xret.eval.scores import RunScores
from xret.runs.order import ordered

__all__ = ["AnswerMeasure", "AnswerScores", "parse_answer_measure", "score_answers"]


@dataclass(frozen=True, repr=False)
class AnswerMeasure:
    """Whether an answer is found; `str` gives the spelling: ``R@100``, or ``R@2kt`` for thousands of tokens.

    ``R@k``: one of the first k passages has an answer, as a sequence of tokens (letters, digits and marks together,
    every other sign alone), decomposed (NFD) and in lower case: DPR's recall as used with MKQA (Longpre, Lu & Daiber,
    TACL 2021; Chen et al., "BGE M3-Embedding", 2024).

    ``R@nkt``: the first n thousand tokens of the passages, in order of rank, by NLTK's ``word_tokenize`` for English,
    joined with blanks, contain an answer as it is written (case counts, and an answer may begin and end within a
    token): XOR-Retrieve (Asai, Kasai, Clark, Lee, Choi & Hajishirzi, NAACL 2021). As its program, with one difference:
    that leaves out questions which a file of predictions lacks, and here they count 0. NLTK's version matters a little.

    Attributes:
        size: k, or n.
        tokens: thousands of tokens instead of passages.
    """

    size: int
    tokens: bool = False

    def __repr__(self) -> str:
        """The spelling."""
        return f"R@{self.size}kt" if self.tokens else f"R@{self.size}"


@dataclass(frozen=True, eq=False)
class AnswerScores:
    """What a run comes to against answers.

    Attributes:
        scores: 1 or 0 for every question that counts; one without results has 0.
        left_out: number of questions left out: no answer, or only ``yes`` or ``no`` (for ``R@nkt`` alone).
        tokenizer: how tokens were made.
    """

    scores: RunScores
    left_out: int
    tokenizer: str


def parse_answer_measure(spelling: str) -> AnswerMeasure:
    """The measure of ``R@100`` or ``R@2kt``.

    Raises:
        UsageError: any other spelling.
    """
    match = re.fullmatch(r"R@([1-9][0-9]{0,8})(kt)?", spelling)
    if not match:
        raise UsageError(f"unknown measure of answers '{spelling}'; known: R@k (passages), R@nkt (thousands of tokens)")
    return AnswerMeasure(int(match[1]), match[2] is not None)


def score_answers(
    run: pa.Table,
    corpus: pa.Table,
    answers: Mapping[str, Sequence[str]],
    measures: Sequence[AnswerMeasure | str] = ("R@2kt", "R@5kt"),
    *,
    queries: pa.Table | None = None,
) -> AnswerScores:
    """Score a run by the answers in the texts that it found.

    Args:
        run: `qid, docid, score`; trec_eval's order is made here.
        corpus: `id, text` of all that the run found, as the texts are to be searched (with the title or not).
        answers: question -> its answers, any of which will do. Empty ones are left out, and with ``R@nkt`` also ``yes``
            and ``no``: questions that have no others are not counted.
        measures: all over tokens, or all over passages: the two leave out different questions.
        queries: `id`; only these are counted.

    Raises:
        EvalError: no question with answers, none of them in the run, or a document that the corpus does not have.
        UsageError: an unknown measure, or the two kinds together.
        MissingExtraError: ``R@nkt`` without NLTK and its model of sentences.
    """
    wanted = tuple(one if isinstance(one, AnswerMeasure) else parse_answer_measure(one) for one in measures)
    if not wanted or len({one.tokens for one in wanted}) > 1:
        raise UsageError("measures over tokens (R@2kt) and over passages (R@100) count different questions: one kind")
    asked = {qid: list(said) for qid, said in answers.items()}
    if queries is not None:
        asked = {qid: asked.get(qid, []) for qid in queries["id"].cast(pa.string()).to_pylist()}
    counted = _counted(asked, yes_no=not wanted[0].tokens)
    hits = _hits(run, counted)
    passages = Passages(_texts(corpus, hits))
    places = _places(hits, list(counted))
    work = found_within if wanted[0].tokens else found_at
    sizes = np.array([one.size * (1000 if one.tokens else 1) for one in wanted])
    values = np.zeros((len(counted), len(wanted)))
    for row, (qid, said) in enumerate(counted.items()):
        values[row] = work(passages, places[qid], said, int(sizes.max())) <= sizes
    scores = RunScores(wanted, pa.array(list(counted), pa.string()), values)
    return AnswerScores(scores, len(asked) - len(counted), passages.tokenizer(tokens=wanted[0].tokens))


def _counted(answers: Mapping[str, Sequence[str]], *, yes_no: bool) -> dict[str, list[str]]:
    """The questions that have answers to look for."""
    skipped = () if yes_no else ("yes", "no")
    kept = {qid: [one for one in said if one.strip() and one not in skipped] for qid, said in answers.items()}
    kept = {qid: said for qid, said in kept.items() if said}
    if not kept:
        raise EvalError(f"none of {len(answers):,} questions has an answer that can be looked for; check the answers")
    return kept


def _hits(run: pa.Table, counted: Mapping[str, list[str]]) -> pa.Table:
    known = pa.array(list(counted), pa.string())
    hits = run.filter(pc.is_in(run["qid"].cast(pa.string()), value_set=known))
    if not hits.num_rows:
        raise EvalError(
            f"run and answers share no question: the run has such as '{run['qid'][0]}', the answers such as "
            f"'{known[0]}'; check that they belong to the same set"
            if run.num_rows
            else "run: has no rows"
        )
    return ordered(hits.select(["qid", "docid", "score"]))


def _texts(corpus: pa.Table, hits: pa.Table) -> tuple[pa.Table, npt.NDArray[np.int64]]:
    """The documents found, each once, and the place in them of every hit."""
    found = pc.unique(hits["docid"].cast(pa.string()))
    place = pc.index_in(found, value_set=corpus["id"].cast(pa.string()).combine_chunks())
    if place.null_count:
        missing = found.filter(place.is_null())
        raise EvalError(
            f"the corpus lacks {len(missing):,} of {len(found):,} documents of the run, such as '{missing[0]}'; give "
            "the corpus that the run was made from"
        )
    texts = corpus.select(["id", "text"]).take(place)
    return texts, pc.index_in(hits["docid"].cast(pa.string()), value_set=found).to_numpy().astype(np.int64)


def _places(hits: pa.Table, qids: Sequence[str]) -> dict[str, slice]:
    """Question -> its rows of the hits, which stand together."""
    names = hits["qid"].to_pylist()
    starts = [row for row, name in enumerate(names) if row == 0 or names[row - 1] != name]
    found = {names[start]: slice(start, end) for start, end in zip(starts, [*starts[1:], len(names)], strict=True)}
    return {qid: found.get(qid, slice(0, 0)) for qid in qids}
