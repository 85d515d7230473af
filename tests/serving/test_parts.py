"""What a server is made of, part by part."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.serving.conftest import mini, sample
from xret.encoders.reading.places import token_places
from xret.encoders.runtime.steady import padded_length
from xret.errors import InputError, UsageError, XretError
from xret.serving.generation import place_of
from xret.serving.keys import Key, is_loopback, refuse_open, wanted_key
from xret.serving.limits import Limits
from xret.serving.matches import text_matches, token_matches
from xret.serving.refining import fused
from xret.serving.rows import Rows, facets
from xret.serving.systems import public_name

for _module in ("fastapi", "uvicorn", "prometheus_client", "httpx"):
    pytest.importorskip(_module, reason=f"{_module} is not installed (extra serve)")


@given(st.integers(0, 5000))
def test_a_shape_depends_on_the_text_alone_and_wastes_little(tokens: int) -> None:
    assert tokens <= padded_length(tokens) <= max(16, 2 * tokens, tokens + 511)
    assert padded_length(tokens) <= padded_length(tokens + 1)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=120), st.sampled_from(["query", "document"]))
def test_every_vector_has_a_place(text: str, role: str) -> None:
    (vectors,) = mini().encode_tokens([text], role=role)  # type: ignore[arg-type]
    (places,) = token_places(mini(), [text], role=role)  # type: ignore[arg-type]
    assert places.shape == (len(vectors), 2)
    if len(places):
        assert places[0].tolist() == [-1, -1]  # that of the whole text
    real = places[places[:, 0] >= 0]
    assert (real[:, 0] <= real[:, 1]).all() and (real <= len(text)).all()
    assert (np.diff(real[:, 0]) >= 0).all()


def test_the_heaviest_match_of_a_word_with_itself() -> None:
    text = "Nobody knew where the old lighthouse keeper had gone"
    (matches,) = text_matches(mini(), "lighthouse", [text])
    start, end, _ = max(matches, key=lambda match: match[2])
    assert text[start:end] == "lighthouse"
    texts = sample()["text"].to_pylist()[:20]
    for text, found in zip(texts, text_matches(mini(), "water", texts), strict=True):
        assert all(0 <= start < end <= len(text) and 0 < weight <= 1 for start, end, weight in found)
        assert all(one[1] <= other[0] for one, other in pairwise(found))


def test_words_are_marked_whole() -> None:
    for text, at, word in (
        ("नमस्ते दुनिया।", 1, "नमस्ते"),  # vowel signs belong to the word
        ("the ship's rat-catcher", 6, "ship's"),
        ("the ship's rat-catcher", 14, "rat-catcher"),
        ("rats - and mice", 1, "rats"),
        ("雨と風", 1, "と"),
    ):
        place = np.array([[at, at + 1]])
        ((start, end, _),) = token_matches(np.eye(1, 4, dtype=np.float32), np.eye(1, 4, dtype=np.float32), place, text)
        assert text[start:end] == word


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_a_language_that_one_system_knows_is_known(order: tuple[int, int]) -> None:
    """An index of vectors alone knows no languages; it does not take them from those that do."""
    both = Rows(["a", "b"], ["de", "fr"], [2.0, 1.0], ["x", "y"]), Rows(["b", "c"], ["und", "und"], [3.0, 2.0])
    lists = [both[at] for at in order]
    found = fused(lists, ["one", "two"], "rrf")
    assert dict(zip(found.ids, found.langs, strict=True)) == {"a": "de", "b": "fr", "c": "und"}
    assert facets(lists, 10) == {"de": 1, "fr": 1, "und": 1}


def test_matches_of_nothing() -> None:
    none, places = np.empty((0, 4), np.float32), np.empty((0, 2), np.int64)
    assert token_matches(none, np.eye(4, dtype=np.float32), np.array([[0, 1]] * 4), "abcd") == []
    assert token_matches(np.eye(4, dtype=np.float32), none, places, "") == []
    assert text_matches(mini(), "a", [""]) == [[]]


def test_names_of_models_say_nothing_of_the_disk() -> None:
    for name, shown in (
        ("xret-mini", "xret-mini"),
        ("org/model:int8", "org/model:int8"),
        ("/srv/models/mine", "mine"),
        ("../mine+/srv/adapters/de", "mine+de"),
    ):
        assert public_name(name) == shown


def test_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("XRET_API_KEY", raising=False)
    assert wanted_key(None) is None
    monkeypatch.setenv("XRET_API_KEY", "0123456789abcdef")
    key = wanted_key(None)
    assert key is not None and key.fits({b"x-api-key": b"0123456789abcdef"})
    assert not key.fits({}) and not key.fits({b"x-api-key": b"0123456789abcdeg"})
    assert "0123" not in repr(key)
    (tmp_path / "key").write_text("fedcba9876543210\nsecond line\n")
    given_key = wanted_key(tmp_path / "key")
    assert given_key is not None and given_key.fits({b"authorization": b"Bearer fedcba9876543210"})
    for content in (b"", b"short\n", b"sixteen characters\n", "schlüssel-schlüssel".encode(), b"\xff" * 20):
        (tmp_path / "key").write_bytes(content)
        with pytest.raises(InputError):
            wanted_key(tmp_path / "key")


def test_who_is_let_in_without_a_key() -> None:
    for host in ("127.0.0.1", "127.8.8.8", "::1", "[::1]", "localhost"):
        assert is_loopback(host)
        refuse_open(host, None, insecure=False)
    for host in ("0.0.0.0", "::", "192.168.1.2", "example.org", "", "127.0.0.1.example.org"):
        assert not is_loopback(host)
        with pytest.raises(UsageError, match="there is no key"):
            refuse_open(host, None, insecure=False)
        refuse_open(host, Key("k" * 16), insecure=False)
        refuse_open(host, None, insecure=True)


def test_names_of_systems(tmp_path: Path) -> None:
    assert place_of("news=some/folder", None).name == "news"
    assert place_of(str(tmp_path / "docs.index"), None).name == "docs"
    odd = tmp_path / "a=b c"
    odd.mkdir()
    assert (place_of(str(odd), None).name, place_of(str(odd), None).folder) == ("a-b-c", odd)
    for wrong in ("=folder", "a b=folder", "-x=folder", "ä=folder"):
        with pytest.raises(XretError, match="is no name"):
            place_of(wrong, None)


@pytest.mark.parametrize(
    ("given", "name", "folder"),
    [
        ("milvus://127.0.0.1:19530/docs", "docs", "milvus:/127.0.0.1:19530/docs"),
        ("news=milvus://host/db/docs", "news", "milvus:/host:19530/db/docs"),
        ("news=milvus:file.db/_docs", "news", "milvus:file.db/_docs"),
        ("milvus:file.db/_docs", "docs", "milvus:file.db/_docs"),
    ],
)
def test_names_of_stores(given: str, name: str, folder: str) -> None:
    place = place_of(given, None)
    assert (place.name, str(place.folder), place.fixed) == (name, folder, Path(folder))
    with pytest.raises(UsageError, match="write milvus://HOST"):
        place_of("milvus://nowhere", None)


@pytest.mark.parametrize("limit", [{"k": 0}, {"timeout": 0.0}, {"wait": -1.0}, {"grace": float("inf")}, {"body": -5}])
def test_limits_that_let_nothing_through(limit: dict[str, float]) -> None:
    with pytest.raises(UsageError, match="the limit"):
        Limits(**limit)  # type: ignore[arg-type]
