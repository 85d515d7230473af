"""Documents paired and aligned with the bundled model: made from the sample's sixty translated sentences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from xret.align import alignment_scores, embedded_blocks, joined_ids, segments
from xret.errors import MismatchError, UsageError
from xret.pipeline import Pipeline, Step
from xret.sample import export_sample
from xret.stages.align import Align
from xret.stages.documents import PairDocuments
from xret.stages.encode import Encode
from xret.stages.segment import Segment

Gold = list[tuple[tuple[str, ...], tuple[str, ...]]]


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> tuple[pa.Table, pa.Table, Gold]:
    """Ten pages of six sentences each; some sentences are joined, or missing, on one of the sides."""
    folder = tmp_path_factory.mktemp("sample") / "made"
    export_sample(folder)
    lines = [(folder / f"aligned.{lang}.txt").read_text().splitlines() for lang in ("de", "en")]
    sides: list[list[dict[str, str]]] = [[], []]
    gold: Gold = []
    for page in range(10):
        de, en = ([side[6 * page + at] for at in range(6)] for side in lines)
        place = f"page{page}"
        de_ids, en_ids = ([f"{place}.{lang}:{n}" for n in range(1, 7)] for lang in ("de", "en"))
        if page % 2:  # the second and third English sentences are one
            en[1:3] = [" ".join(en[1:3])]
            beads = [(de_ids[:1], en_ids[:1]), (de_ids[1:3], en_ids[1:2])]
            gold += [(tuple(a), tuple(b)) for a, b in beads]
            gold += [((a,), (b,)) for a, b in zip(de_ids[3:], en_ids[2:5], strict=True)]
        else:  # the fourth German sentence is missing
            del de[3]
            gold += [((a,), (b,)) for a, b in zip(de_ids[:5], [*en_ids[:3], *en_ids[4:]], strict=True)]
        for side, name, lang in zip(sides, (de, en), ("de", "en"), strict=True):
            side.append({"id": f"{place}.{lang}", "text": "\n".join(name), "lang": lang})
    src, tgt = (pa.Table.from_pylist(side) for side in (sides[0], sides[1][::-1]))
    return src, tgt, gold


def pipeline(**options: Any) -> Pipeline:
    steps: list[Any] = []
    for side in ("src", "tgt"):
        steps += [Step(Segment(), {"corpus": f"{side}_corpus"}, f"{side}_corpus")]
        steps += [Step(Encode(device="cpu", threads=1), {"corpus": f"{side}_corpus"}, f"{side}_vectors")]
    return Pipeline([*steps, PairDocuments(threads=1), Align(device="cpu", threads=1, **options)])


def test_documents_and_their_sentences_are_found(pages: tuple[pa.Table, pa.Table, Gold], tmp_path: Path) -> None:
    src, tgt, gold = pages
    bag = pipeline()({"src_corpus": src, "tgt_corpus": tgt}, work=tmp_path / "work")
    found = {(row["src_id"], row["tgt_id"]) for row in bag["documents"].to_pylist()}  # type: ignore[union-attr]
    assert found == {(f"page{page}.de", f"page{page}.en") for page in range(10)}
    pairs = bag["pairs"]
    assert isinstance(pairs, pa.Table)
    assert alignment_scores(joined_ids(pairs), gold).f1 > 0.9
    rows = pairs.to_pylist()
    assert [row["src_doc"] for row in rows] == sorted(row["src_doc"] for row in rows)
    joined = next(row for row in rows if row["src_id"] == "page1.de:2 + page1.de:3")
    assert (joined["tgt_id"], joined["src_count"], joined["tgt_count"]) == ("page1.en:2", 2, 1)
    assert joined["src_text"] == " ".join(src["text"][1].as_py().split("\n")[1:3]) and 0.4 < joined["doc_score"] < 1
    again = pipeline()({"src_corpus": src, "tgt_corpus": tgt}, work=tmp_path / "work")
    assert pairs.equals(again["pairs"])
    few = pipeline(threshold=0.5)({"src_corpus": src, "tgt_corpus": tgt}, work=tmp_path / "work")["pairs"]
    assert isinstance(few, pa.Table)
    assert few.to_pylist() == [row for row in rows if row["score"] >= 0.5] and 0 < few.num_rows < len(rows)


def test_one_document_finds_its_own_among_many(pages: tuple[pa.Table, pa.Table, Gold]) -> None:
    for page in (0, 7):
        bag = pipeline()({"src_corpus": pages[0].slice(page, 1), "tgt_corpus": pages[1]})
        documents = bag["documents"]
        assert isinstance(documents, pa.Table)
        assert [(row["src_id"], row["tgt_id"]) for row in documents.to_pylist()] == [
            (f"page{page}.de", f"page{page}.en")
        ]


def test_copies_of_documents_are_paired_by_their_order(
    pages: tuple[pa.Table, pa.Table, Gold], caplog: pytest.LogCaptureFixture
) -> None:
    """Page 0 stands twenty times among others, as it does with cookie notices; page 1 three times against two."""
    times = [{0: 20, 1: 3}, {0: 20, 1: 2}]
    sides = []
    for side, count in zip(pages[:2], times, strict=True):
        rows = sorted(side.to_pylist(), key=lambda row: str(row["id"]))[:4]
        many = [row | {"id": f"{row['id']}#{n:02}"} for at, row in enumerate(rows) for n in range(count.get(at, 1))]
        sides.append(pa.Table.from_pylist(many))
    wanted = [(0, n) for n in range(20)] + [(1, 0), (1, 1), (2, 0), (3, 0)]
    documents = documents_of(*sides)
    assert documents == {(f"page{page}.de#{n:02}", f"page{page}.en#{n:02}") for page, n in wanted}
    assert "1 source and 0 target documents have no counterpart, as copies of others" in caplog.text
    forward = documents_of(*sides, retrieval="forward")
    assert forward == documents | {("page1.de#02", "page1.en#01")}
    only = [side.filter([id_.startswith("page0") for id_ in side["id"].to_pylist()]) for side in sides]
    assert documents_of(*only) == {pair for pair in documents if pair[0].startswith("page0")}


def documents_of(src: pa.Table, tgt: pa.Table, **options: Any) -> set[tuple[str, str]]:
    steps: list[Any] = []
    for side in ("src", "tgt"):
        steps += [Step(Segment(), {"corpus": f"{side}_corpus"}, f"{side}_corpus")]
        steps += [Step(Encode(device="cpu", threads=1), {"corpus": f"{side}_corpus"}, f"{side}_vectors")]
    bag = Pipeline([*steps, PairDocuments(threads=1, **options)])({"src_corpus": src, "tgt_corpus": tgt})
    found = bag["documents"]
    assert isinstance(found, pa.Table)
    pairs = [(row["src_id"], row["tgt_id"]) for row in found.to_pylist()]
    assert len(set(pairs)) == len(pairs)
    return set(pairs)


def encoded(side: pa.Table, folder: Path) -> tuple[pa.Table, Path]:
    table = segments(side)
    folder.mkdir()
    return table, Encode(device="cpu", threads=1).run(table, work=folder)


def test_what_was_done_before_a_kill_is_not_done_again(
    pages: tuple[pa.Table, pa.Table, Gold], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (src, x), (tgt, y) = encoded(pages[0], tmp_path / "x"), encoded(pages[1], tmp_path / "y")
    names = [f"page{page}" for page in range(10)]
    documents = pa.table({"src_id": [f"{name}.de" for name in names], "tgt_id": [f"{name}.en" for name in names]})
    works = [tmp_path / name for name in ("whole", "killed")]
    for work in works:
        work.mkdir()
    monkeypatch.setattr("xret.stages.align.SEGMENTS", 30)
    stage = Align(device="cpu", threads=1)
    whole = stage.run(src, tgt, x, y, documents, work=works[0])
    assert whole["doc_score"].null_count == whole.num_rows and len(list(works[0].iterdir())) == 5
    calls: list[int] = []
    real = embedded_blocks

    def dying(*arguments: Any) -> Any:
        calls.append(len(arguments[0]))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return real(*arguments)

    monkeypatch.setattr("xret.stages.align.embedded_blocks", dying)
    with pytest.raises(KeyboardInterrupt):
        stage.run(src, tgt, x, y, documents, work=works[1])
    assert stage.run(src, tgt, x, y, documents, work=works[1]).equals(whole)
    assert len(calls) == 3 + 3  # two parts were there
    parts = [sorted((path.name, path.read_bytes()) for path in work.iterdir()) for work in works]
    assert parts[0] == parts[1]


def test_what_does_not_belong_together_is_refused(pages: tuple[pa.Table, pa.Table, Gold], tmp_path: Path) -> None:
    (src, x), (tgt, y) = encoded(pages[0], tmp_path / "x"), encoded(pages[1], tmp_path / "y")
    stage = Align(device="cpu")
    unknown = pa.table({"src_id": ["page1.de"], "tgt_id": ["page11.en"]})
    with pytest.raises(MismatchError, match=r"no document 'page11\.en' on the target side, which has 10, such as"):
        stage.run(src, tgt, x, y, unknown, work=tmp_path)
    with pytest.raises(MismatchError, match="src: no column 'doc_id' says where documents begin"):
        stage.run(src.drop_columns(["doc_id"]), tgt, x, y, unknown, work=tmp_path)
    with pytest.raises(MismatchError, match=r"tgt: \d+ segments, but \d+ vectors or others"):
        stage.run(src, tgt, x, x, unknown, work=tmp_path)
    turned = src.set_column(3, "doc_id", [["a", "b"] * (src.num_rows // 2) + ["a"] * (src.num_rows % 2)])
    with pytest.raises(MismatchError, match="src: the segments of 'a' are scattered"):
        PairDocuments().run(turned, tgt, x, y, work=tmp_path)
    for most in (1, 65):
        with pytest.raises(UsageError, match=f"most = {most}: must be from 2, for a pair of one segment each, to 64"):
            Align(most=most)
    for made in (Align, PairDocuments):
        with pytest.raises(UsageError, match="threshold = nan"):
            made(threshold=float("nan"))
    with pytest.raises(UsageError, match="gain = -1: must be at least 0"):
        Align(gain=-1)
    with pytest.raises(UsageError, match="slots = 0: must be at least 1"):
        PairDocuments(slots=0)
