"""Reports: what stands in them, and that the page is whole, quotes everything and loads nothing."""

from __future__ import annotations

from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.bitext.conftest import MakePairs
from xret.bitext.filters import Copies, FilterChain, LengthRatio, ScoreFloor
from xret.bitext.report import BitextReport, bitext_report, check_report, report_html, report_text, write_report
from xret.bitext.report.histogram import histogram
from xret.errors import UsageError

VOID = {"meta", "br", "rect", "line"}


class Page(HTMLParser):
    """Checks that tags are closed in order, and gathers texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID or tag == "rect":
            self.open.append(tag)
        if tag == "line":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@pytest.fixture(scope="module")
def report(pairs_of: MakePairs) -> BitextReport:
    rows = [(2 - n / 100, f"Satz <b>{n}</b> & mehr", f'line "{n}" & more') for n in range(100)]
    pairs = pairs_of([*rows, (1.95, "Kopie (1)", "kopie 1"), (None, "ohne", "sans")])
    filtered = FilterChain(ScoreFloor(1.305), Copies(), LengthRatio())(pairs)
    facts = [("encoder", "<xret-mini>")]
    return bitext_report(filtered, title="de & en", facts=facts, langs=("de", "en"), threshold=1.305)


def test_contents(report: BitextReport) -> None:
    assert (report.pairs, report.kept) == (102, 71)
    assert [pair.src_id for pair in report.top] == [f"s{n}" for n in range(20)]
    assert [pair.src_id for pair in report.above] == [*(f"s{n}" for n in range(61, 70)), "s101"]
    assert [pair.src_id for pair in report.below] == [f"s{n}" for n in range(70, 80)]
    assert report.scores.kept.sum() == 70 and report.scores.dropped.sum() == 31 and report.scores.unscored == 1


def test_text(report: BitextReport, tmp_path: Path) -> None:
    text = report_text(report)
    for line in (
        "71 of 102 pairs kept, threshold 1.305",
        "The 10 pairs above the threshold",
        "copy                  1 of        72 dropped",
        "1.2900  s71  t71",
        "    Satz <b>71</b> & mehr",
        "1 pairs have no score",
    ):
        assert line in text.splitlines(), line
    for name in ("report.txt", "report.html"):
        write_report(report, tmp_path / name)
    assert (tmp_path / "report.txt").read_text(encoding="utf-8") == text
    assert (tmp_path / "report.html").read_text(encoding="utf-8") == report_html(report)


def test_html(report: BitextReport) -> None:
    page = Page(report_html(report))
    assert {"Satz <b>71</b> & mehr", 'line "71" & more', "<xret-mini>", "de & en"} <= set(page.texts)
    assert not {tag for tag, _ in page.tags} & {"script", "link", "img", "iframe", "b"}
    assert not [attrs for _, attrs in page.tags if {"src", "href"} & set(attrs)]
    bars = [attrs for tag, attrs in page.tags if tag == "rect"]
    assert {attrs["class"] for attrs in bars} == {"kept", "dropped"}
    assert sum(tag == "line" for tag, _ in page.tags) == 1


def test_reports_of_little(pairs_of: MakePairs) -> None:
    for rows in ([], [(None, "a", "b")], [(1.0, "a", "b")]):
        made = bitext_report(FilterChain()(pairs_of(rows)))
        assert made.below == () and len(made.top) == len(made.above) == len(rows)
        Page(report_html(made))
        assert f"{len(rows)} of {len(rows)} pairs kept" in report_text(made).splitlines()


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.floats(-1e3, 1e3) | st.just(float("nan")), max_size=50),
    st.lists(st.floats(0.9, 1.6), max_size=50),
)
def test_histograms_lose_nothing(kept: list[float], dropped: list[float]) -> None:
    made = histogram(np.array(kept, float), np.array(dropped, float))
    finite = np.isfinite(kept).sum()
    assert made.kept.sum() == finite and made.dropped.sum() == len(dropped) and made.unscored == len(kept) - finite
    assert len(made.low) <= 41 and len(made.labels()) == len(set(made.labels()))


@pytest.mark.parametrize(
    ("name", "message"), [("report.pdf", "written as .html or .txt"), ("no/where.html", "no folder")]
)
def test_names_that_will_not_do(tmp_path: Path, name: str, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_report(tmp_path / name)


def test_a_place_that_cannot_be_written_is_told_before_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(UsageError, match=r"folder\.txt: a report cannot be written there"):
        check_report(tmp_path / "folder.txt")
    monkeypatch.setattr("os.access", lambda *_: False)
    with pytest.raises(UsageError, match=r"r\.txt: a report cannot be written there"):
        check_report(tmp_path / "r.txt")
