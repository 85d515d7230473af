"""Factory strings: one spelling, what is refused, and what ``auto`` chooses."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xret.errors import InputError, UsageError
from xret.indexes.choice import choose_factory, parse_bytes
from xret.indexes.factory import parse_factory

scalars = st.sampled_from(["Flat", "SQ4", "SQ6", "SQ8", "SQfp16", "SQbf16"])
products = st.builds("PQ{}{}".format, st.sampled_from([8, 48, 64, 192]), st.sampled_from(["", "x4", "x4fs", "x10"]))
lists = st.builds("IVF{}{},".format, st.integers(1, 10**6), st.sampled_from(["", "_HNSW32"]))
graphs = st.builds("HNSW{}{}".format, st.integers(1, 64), st.sampled_from(["", ",SQ8", ",SQfp16"]))
factories = st.one_of(scalars, graphs, st.builds(str.__add__, lists, scalars | products))


@given(factories)
def test_printed_is_parsed(text: str) -> None:
    assert str(parse_factory(text, dim=384)) == text
    assert parse_factory(text, dim=384).exact == (text == "Flat")


def test_faiss_takes_every_form() -> None:
    import faiss

    for text in (
        "Flat",
        "SQbf16",
        "HNSW32,SQ8",
        "IVF4_HNSW32,SQ6",
        "IVF4,PQ8",
        "IVF4,PQ8x4",
        "IVF4,PQ8x4fs",
        "IVF4,PQ8x10",
    ):
        faiss.index_factory(32, str(parse_factory(text, dim=32)), faiss.METRIC_INNER_PRODUCT)


@pytest.mark.parametrize(
    "text",
    ["", "flat", "IVF0,Flat", "PQ64", "IVF64", "IVF64,HNSW32", "IVF4,PQ8x8fs", "HNSW32,PQ8", "IDMap,Flat", "Flat "],
)
def test_unknown_factories(text: str) -> None:
    with pytest.raises(InputError, match=rf"index factory '{text}' is not known; write auto, Flat"):
        parse_factory(text, dim=384)


def test_parts_must_divide_the_dimension() -> None:
    with pytest.raises(InputError, match="384 dimensions cannot be cut into 50 equal parts"):
        parse_factory("IVF16,PQ50", dim=384)
    assert str(parse_factory("IVF16,PQ48x8", dim=384)) == "IVF16,PQ48"


@pytest.mark.parametrize(
    ("rows", "memory", "chosen"),
    [
        (10, "8G", "Flat"),
        (200_000, "8G", "Flat"),
        (200_000, "200M", "SQfp16"),
        (200_000, "1M", "SQ8"),
        (200_001, "8G", "IVF2048,Flat"),
        (10_000_000, "8G", "IVF16384,SQfp16"),
        (10_000_000, "4G", "IVF16384,SQ8"),
        (10_000_000, "2G", "IVF16384,PQ192x4fs"),
        (1_000_000_000, "64G", "IVF131072_HNSW32,PQ96x4fs"),
    ],
)
def test_auto(rows: int, memory: str, chosen: str) -> None:
    choice = choose_factory(rows=rows, dim=384, memory=parse_bytes(memory))
    assert str(choice.factory) == chosen
    assert f"{rows:,} rows of 384 dimensions" in choice.reason
    assert ("budget; auto has nothing smaller" in choice.reason) == (
        choice.factory.bytes_per_row(384) * rows > parse_bytes(memory)
    )


def test_sizes() -> None:
    assert [parse_bytes(text) for text in ("8G", "1.5 MiB", "512kb", "7")] == [8 << 30, 1_572_864, 524_288, 7]
    for text in ("", "8X", "0", "-1G", "many"):
        with pytest.raises(UsageError, match="no size"):
            parse_bytes(text)
