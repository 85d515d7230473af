"""What is written is read again, whatever the format; the content hash sees rows and nothing else."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from xret.corpus import corpus_hash, open_corpus, read_corpus, write_corpus
from xret.corpus.unique import SeenIds
from xret.errors import InputError

TARGETS = ["c.parquet", "c.arrow", "c.jsonl", "c.jsonl.gz", "c.jsonl.zst", "c.tsv", "c.tsv.gz", "c.tsv.zst"]

# Any characters but NUL and halves of surrogate pairs; line ends and tabs only where the format has room for them.
words = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9)
flat = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\t\n\r"), max_size=9)


def table_of(ids: list[str], words: st.SearchStrategy[str], draw: st.DrawFn) -> pa.Table:
    count = len(ids)
    texts = draw(st.lists(words.filter(lambda text: text.strip() != ""), min_size=count, max_size=count))
    langs = draw(st.lists(st.sampled_from(["de", "zh-Hant", "und"]), min_size=count, max_size=count))
    titles = draw(st.lists(st.none() | words.filter(len), min_size=count, max_size=count))
    segments = draw(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), min_size=count, max_size=count))
    columns = [ids, texts, langs, titles, segments]
    types = [pa.string()] * 4 + [pa.int64()]
    arrays = [pa.array(column, type_) for column, type_ in zip(columns, types, strict=True)]
    return pa.table(arrays, names=["id", "text", "lang", "title", "segment"])


@st.composite
def corpora(draw: st.DrawFn, texts: st.SearchStrategy[str] = words) -> pa.Table:
    return table_of(draw(st.lists(flat.filter(len), min_size=1, max_size=7, unique=True)), texts, draw)


@pytest.mark.parametrize("name", TARGETS)
@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_round_trip(name: str, data: st.DataObject) -> None:
    table = data.draw(corpora(flat if "tsv" in name else words))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        write_corpus(table, path)
        found = open_corpus(path)
        assert found.to_pydict() == table.to_pydict()
        assert corpus_hash(found) == corpus_hash(table)
        first = path.read_bytes()
        write_corpus(iter(table.to_batches(max_chunksize=2)), path)
        assert name.endswith(("parquet", "arrow", "zst")) or path.read_bytes() == first


@settings(max_examples=60, deadline=None)
@given(table=corpora(), cut=st.integers(1, 3))
def test_hash_is_of_the_rows_alone(table: pa.Table, cut: int) -> None:
    expected = corpus_hash(table)
    chunks = pa.Table.from_batches(table.to_batches(max_chunksize=cut))
    large = table.set_column(1, "text", table.column("text").cast(pa.large_string()))
    padded = pa.concat_tables([table, table]).slice(table.num_rows)
    assert {corpus_hash(other) for other in (chunks, large, padded, table.drop_columns(["title"]))} == {expected}
    assert corpus_hash(table.slice(1)) != expected
    for name in ("id", "text", "lang"):
        values = table.column(name).to_pylist()
        values[-1] += "x"
        assert corpus_hash(table.set_column(table.column_names.index(name), name, [values])) != expected


def test_hash_tells_where_values_end() -> None:
    one = pa.table({"id": ["1", "2"], "text": ["ab", "c"]})
    other = pa.table({"id": ["1", "2"], "text": ["a", "bc"]})
    assert corpus_hash(one) != corpus_hash(other)
    assert corpus_hash(one) == corpus_hash(one.append_column("lang", [["und", "und"]]))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.lists(st.text("ab", max_size=3), max_size=9), max_size=9))
def test_seen_ids_against_a_set(batches: list[list[str]]) -> None:
    seen, known = SeenIds(), set()
    for batch in batches:
        expected = []
        for value in batch:
            expected.append(value in known)
            known.add(value)
        np.testing.assert_array_equal(seen.add(pa.array(batch, pa.string())), expected)


@settings(max_examples=60, deadline=None)
@given(lines=st.lists(flat, min_size=1, max_size=9), last=st.booleans())
def test_text_lines_stay_as_they_are(lines: list[str], last: bool) -> None:
    """An oracle in three lines of Python, for lines of any characters, blank ones among them."""
    expected = [(str(number), line) for number, line in enumerate(lines, 1) if line.strip()]
    if not expected or expected[0][1].startswith("\ufeff"):
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "c.txt")
        path.write_bytes("\n".join(lines).encode() + b"\n" * last)
        reader = read_corpus(path, on_error="skip")
        assert [(row["id"], row["text"]) for batch in reader for row in batch.to_pylist()] == expected


def test_lists_and_structs_become_json_in_text_formats(tmp_path: Path) -> None:
    table = pa.table({"id": ["1"], "text": ["x"], "deep": [[{"k": "ü"}]], "flag": [True], "score": [0.5]})
    write_corpus(table, tmp_path / "c.tsv")
    assert (tmp_path / "c.tsv").read_text(encoding="utf-8").splitlines()[1] == '1\tx\t[{"k": "ü"}]\ttrue\t0.5'
    write_corpus(table, tmp_path / "c.jsonl")
    assert open_corpus(tmp_path / "c.jsonl").column("deep").to_pylist() == ['[{"k": "ü"}]']


@pytest.mark.parametrize(
    ("name", "columns", "said"),
    [
        ("c.tsv", {"id": ["a"], "text": ["x\ty"]}, "row with id 'a' has a tab or line end in 'text'; write .jsonl or"),
        ("c.txt", {"id": ["a"], "text": ["x"]}, "its name does not tell a format that corpora are written in; wanted"),
        ("c.parquet.gz", {"id": ["a"], "text": ["x"]}, "its name does not tell a format that corpora are written in"),
        ("c", {"id": ["a"], "text": ["x"]}, "its name does not tell a format that corpora are written in"),
        ("c.jsonl", {"qid": ["a"], "text": ["x"]}, "a corpus needs the columns id and text; found: qid, text"),
        ("no/c.jsonl", {"id": ["a"], "text": ["x"]}, r"cannot write here \(No such file or directory\)"),
    ],
)
def test_what_cannot_be_written(tmp_path: Path, name: str, columns: dict[str, list[str]], said: str) -> None:
    with pytest.raises(InputError, match=f"{name}: {said}"):
        write_corpus(pa.table(columns), tmp_path / name)
    assert list(tmp_path.iterdir()) == []


def test_no_batches_to_write(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no rows to write"):
        write_corpus(iter([]), tmp_path / "c.jsonl")
