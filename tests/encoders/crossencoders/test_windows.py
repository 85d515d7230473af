"""Long documents in windows: token for token as transformers makes them, and the best one's score."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from tests.encoders.crossencoders.conftest import WORDS, Folder
from xret.encoders import load_reranker
from xret.encoders.crossencoders import pairs
from xret.errors import ModelError, UsageError

pytestmark = pytest.mark.usefixtures("quiet")


def texts(seed: int, count: int, most: int) -> list[str]:
    random = np.random.default_rng(seed)
    return [" ".join(random.choice(WORDS, random.integers(0, most))) for _ in range(count)]


QUERIES, DOCUMENTS = texts(1, 40, 9), texts(2, 40, 90)


def by_transformers(folder: Any, query: str, document: str, *, window: int | None, overlap: int | None) -> list[float]:
    """The score of every window of `document`, as transformers' own overflowing tokens make them."""
    import torch
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer, model = (kind.from_pretrained(folder) for kind in (AutoTokenizer, AutoModelForSequenceClassification))
    around = len(tokenizer(query, "a")["input_ids"]) - 1  # no text at all would be no pair
    room = min(window or 32, 32 - around)
    shared = min(room // 2 if overlap is None else overlap, room - 1)
    coded = tokenizer(
        query, document, truncation="only_second", max_length=around + room, stride=shared,
        return_overflowing_tokens=True, padding=True, return_tensors="pt",
    )  # fmt: skip
    coded.pop("overflow_to_sample_mapping", None)
    with torch.no_grad():
        return [float(score) for score in torch.sigmoid(model.eval()(**coded).logits[:, 0])]


@pytest.mark.parametrize("kind", ["bert", "xlm-roberta"])
@pytest.mark.parametrize(("window", "overlap"), [(None, None), (None, 0), (7, 3), (5, 0), (500, 4), (2, None)])
def test_the_best_window_counts(classifier: Folder, kind: str, window: int | None, overlap: int | None) -> None:
    folder = classifier(kind)
    reranker = load_reranker(folder, device="cpu", threads=1)
    some = range(0, 40, 3)
    queries, documents = [QUERIES[at] for at in some], [DOCUMENTS[at] for at in some]
    scores = reranker.score(queries, documents, truncation="windows", window=window, overlap=overlap)
    wanted = [
        by_transformers(folder, query, document, window=window, overlap=overlap)
        for query, document in zip(queries, documents, strict=True)
    ]
    assert np.abs(scores - [max(each) for each in wanted]).max() <= 1e-5
    assert max(map(len, wanted)) > 2
    if window is not None:
        first = reranker.score(queries, documents, window=window)
        assert np.abs(first - [each[0] for each in wanted]).max() <= 1e-5


def test_what_fits_is_one_window(classifier: Folder, caplog: pytest.LogCaptureFixture) -> None:
    reranker = load_reranker(classifier("bert"), device="cpu", threads=1)
    short = [" ".join(text.split()[:20]) for text in DOCUMENTS]
    windows = reranker.score(QUERIES, short, truncation="windows")
    assert np.array_equal(windows, reranker.score(QUERIES, short))
    assert not caplog.records
    reranker.batch(7)
    assert np.abs(windows - reranker.score(QUERIES, short, truncation="windows")).max() <= 1e-6
    reranker.score(QUERIES, DOCUMENTS, truncation="windows")
    assert not caplog.records  # nothing is cut where windows reach the end
    reranker.score(QUERIES, DOCUMENTS, window=10)
    longer = sum(len(text.split()) > 10 for text in DOCUMENTS)
    assert f"{longer} of 40 pairs are longer" in caplog.text


def test_windows_are_read_some_at_a_time(classifier: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    reranker = load_reranker(classifier("bert"), device="cpu", threads=1)
    wanted = reranker.score(QUERIES, DOCUMENTS, truncation="windows", window=6)
    monkeypatch.setattr(pairs, "TOKENS", 40)
    assert np.abs(reranker.score(QUERIES, DOCUMENTS, truncation="windows", window=6) - wanted).max() <= 1e-6


def test_scores_that_are_no_numbers(classifier: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    reranker = load_reranker(classifier("bert"), device="cpu", threads=1)
    run = reranker._session.run
    monkeypatch.setattr(reranker._session, "run", lambda *given: run(*given) * np.float32("nan"))
    with pytest.raises(ModelError, match=r"scores pair 0 nan \(2 of 2 scores are no numbers\)"):
        reranker.score(["a", "b"], ["a", "b"])


def test_a_query_that_leaves_no_room_is_cut_in_half(classifier: Folder, caplog: pytest.LogCaptureFixture) -> None:
    reranker = load_reranker(classifier("bert"), device="cpu", threads=1)
    query, document = " ".join(WORDS * 4), " ".join(WORDS * 2)
    scores = reranker.score([query], [document], truncation="windows")
    assert "1 of 1 pairs are longer than 32 tokens" in caplog.text
    half = " ".join(query.split()[:14])
    assert np.array_equal(scores, reranker.score([half], [document], truncation="windows"))


def test_what_is_refused(classifier: Folder) -> None:
    reranker = load_reranker(classifier("bert"), device="cpu", threads=1)
    with pytest.raises(UsageError, match="window is 0 tokens"):
        reranker.score(["a"], ["a"], truncation="windows", window=0)
    with pytest.raises(UsageError, match="overlap is 4 tokens; give 0 or more, less than the window's 4"):
        reranker.score(["a"], ["a"], truncation="windows", window=4, overlap=4)
    with pytest.raises(UsageError, match="overlap is 28 tokens; give less than the window's 28"):
        reranker.score(["a"], ["a"], truncation="windows", overlap=28)
    with pytest.raises(ModelError, match="4 tokens leave no room for a document"):
        load_reranker(classifier("distilbert", model_max_length=4), device="cpu").score(["a a"], ["a"], window=3)
