"""TMX and Moses: what is written reads back, here and in another program; foreign TMX is understood."""

from __future__ import annotations

import gzip
import io
import xml.etree.ElementTree as ET
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bitext.conftest import MakePairs
from xret.bitext import format_of, read_pairs, write_pairs
from xret.errors import InputError, UsageError

XML = st.text(
    st.characters(exclude_characters="\x7f\ufffe\uffff", exclude_categories=("Cs", "Cc"), codec="utf-8")
    | st.sampled_from("\t\n\r<>&\"']")
)
TEXT = XML.filter(bool)
LANGS = ("de", "zh-Hant")


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.floats(allow_nan=False, allow_infinity=False), TEXT, TEXT), max_size=6))
def test_tmx_round_trip(
    tmp_path_factory: pytest.TempPathFactory, pairs_of: MakePairs, rows: list[tuple[float | None, str, str]]
) -> None:
    pairs = pairs_of(rows).append_column("cosine", pa.array([0.9] * len(rows), pa.float32()))
    folder = tmp_path_factory.mktemp("tmx")
    for name in ("p.tmx", "p.TMX.gz"):
        write_pairs(pairs, folder / name, langs=LANGS)
        found = read_pairs(folder / name)
        assert found.select(pairs.column_names[:5]).equals(pairs.drop_columns(["cosine"]))
        if rows:
            assert found["cosine"].to_pylist() == [0.9] * len(rows)
    assert gzip.decompress((folder / "p.TMX.gz").read_bytes()) == (folder / "p.tmx").read_bytes()


def test_a_tmx_file_holds_what_the_standard_asks_for(tmp_path: Path, pairs_of: MakePairs) -> None:
    pairs = pairs_of([(1.25, "a < b & c", "x"), (None, "ä\rb", "y\x00z")])
    stream = io.BytesIO()
    write_pairs(pairs, stream, format="tmx", langs=LANGS)
    root = ET.fromstring(stream.getvalue())
    header = root.find("header")
    assert root.get("version") == "1.4" and header is not None
    assert {"creationtool", "creationtoolversion", "segtype", "o-tmf", "adminlang", "srclang", "datatype"} == set(
        header.keys()
    )
    units = list(root.iter("tu"))
    assert [[child.tag for child in unit] for unit in units] == [["prop"] * 3 + ["tuv"] * 2, ["prop"] * 2 + ["tuv"] * 2]
    assert [seg.text for seg in root.iter("seg")] == ["a < b & c", "x", "ä\rb", "y\ufffdz"]


def test_another_program_reads_it(tmp_path: Path, pairs_of: MakePairs) -> None:
    tmx = pytest.importorskip("translate.storage.tmx")
    path = tmp_path / "pairs.tmx"
    rows: list[tuple[float | None, str, str]] = [(1.5, "Tür & <Tor>", 'door "and" gate'), (1.25, "zwei\tTeile", "两个")]
    write_pairs(pairs_of(rows), path, langs=("de", "zh"))
    with open(path, "rb") as stream:
        units = tmx.tmxfile(stream, "de", "zh").units
    assert [(str(unit.source), str(unit.target)) for unit in units] == [row[1:] for row in rows]


FOREIGN = """<tmx version="1.1"><header srclang="de"/><body>
<tu><note>n</note>
<tuv lang="DE"><seg>Klicken Sie auf <bpt i="1">&lt;b&gt;</bpt>OK<ept i="1">&lt;/b&gt;</ept>.</seg></tuv>
<tuv lang="EN"><seg>Click <hi>OK</hi>.</seg></tuv><tuv lang="FR"><seg>Cliquez.</seg></tuv></tu>
<tu><prop type="x-page">7</prop><prop type="client">who</prop><tuv lang="en"><seg>No.</seg></tuv>
<tuv lang="de"><seg>Nein.</seg></tuv></tu></body></tmx>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_foreign_tmx(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "memory.tmx"
    path.write_bytes(f'<?xml version="1.0" encoding="{encoding}"?>{FOREIGN}'.encode(encoding))
    found = read_pairs(path, scored=False)
    assert found.to_pylist() == [
        {"score": None, "src_id": "1", "tgt_id": "1", "src_text": "Klicken Sie auf OK.", "tgt_text": "Click OK."}
        | {"page": None},
        {"score": None, "src_id": "2", "tgt_id": "2", "src_text": "Nein.", "tgt_text": "No.", "page": 7.0},
    ]
    with pytest.raises(InputError, match=r"memory.tmx: pairs without 'score'"):
        read_pairs(path)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("<tmx><body><tu>", r"p{0}.tmx: not XML \(no element found"),
        ("<html/>", r"p{0}.tmx: is <html>, wanted a <tmx> file"),
        (FOREIGN.replace('"de"', '"fr"'), r"p{0}.tmx: unit 2: has texts in en, fr; wanted de and en"),
        (
            '<tmx><body><tu><tuv xml:lang="de"><seg>x</seg></tuv></tu></body></tmx>',
            "unit 1: has texts in de; wanted two",
        ),
        (FOREIGN.replace("No.", ""), r"p{0}.tmx: unit 2: tgt_text is empty"),
    ],
)
def test_broken_tmx(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "p{0}.tmx"
    path.write_text(content)
    with pytest.raises(InputError, match=message.replace("{0}", r"\{0\}")) as caught:
        read_pairs(path, scored=False)
    assert "\n" not in str(caught.value)


def test_moses(tmp_path: Path, pairs_of: MakePairs) -> None:
    pairs = pairs_of([(1.0, "eins\nzwei", "one two"), (1.0, "drei\u2028vier", "three\tfour")])
    for name, written in (("news", ("news.de", "news.en")), ("news.v1.gz", ("news.v1.de.gz", "news.v1.en.gz"))):
        write_pairs(pairs, tmp_path / name, format="moses", langs=("de", "en"))
        assert not (tmp_path / name).exists()
        found = [(tmp_path / each).read_bytes() for each in written]
        if name.endswith(".gz"):
            found = [gzip.decompress(each) for each in found]
        assert found == [b"eins zwei\ndrei vier\n", b"one two\nthree\tfour\n"]


def test_what_cannot_be_written(tmp_path: Path, pairs_of: MakePairs) -> None:
    pairs = pairs_of([(1.0, "eins", "one")])
    assert (format_of(Path("x.TMX.zst")), format_of(Path("x.moses"))) == ("tmx", "tsv")
    with pytest.raises(UsageError, match="say which the source is in"):
        write_pairs(pairs, tmp_path / "p.tmx")
    with pytest.raises(UsageError, match="say which the target is in"):
        write_pairs(pairs, tmp_path / "p", format="moses", langs=("de", "und"))
    with pytest.raises(UsageError, match="both sides are 'en'"):
        write_pairs(pairs, tmp_path / "p", format="moses", langs=("en", "en"))
    with pytest.raises(UsageError, match="stdout cannot take"):
        write_pairs(pairs, io.BytesIO(), format="moses", langs=("de", "en"))
    assert list(tmp_path.iterdir()) == []
