"""The page: whole, of its own, quoted, the same every time, and looked at in a browser where there is one."""

from __future__ import annotations

import dataclasses
import re
import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.reports.conftest import HOSTILE
from xret.reports import Bars, Report, report_html
from xret.reports.drawing.colours import LEVELS, SERIES, style
from xret.reports.drawing.draw import drawn
from xret.reports.drawing.points import beside
from xret.reports.measured import clean

pytest.importorskip("matplotlib")
VOID = {"meta"}


class Page(HTMLParser):
    """Checks that elements are closed in order; gathers them and their texts."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        assert len(attrs) == len(dict(attrs)), f"{tag} has an attribute twice"
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append((self.open[-1] if self.open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def page(report: Report) -> str:
    return report_html(report)


@pytest.fixture(scope="module")
def parsed(page: str) -> Page:
    return Page(page)


def test_every_section_and_plot_is_there(report: Report, parsed: Page) -> None:
    headings = [text for tag, text in parsed.texts if tag in ("h1", "h2", "h3")]
    blocks = [block for section in report.sections for block in section.blocks]
    wanted = [report.title, *(section.title for section in report.sections), "Provenance"]
    wanted += [block.title for block in blocks if hasattr(block, "title")]
    assert set(map(clean, wanted)) == set(headings)
    plots = [block for block in blocks if hasattr(block, "table")]
    assert len(parsed.all("figure")) == len(parsed.all("details")) == len(plots) == 8
    drawings = [svg for svg in parsed.all("svg") if svg.get("role") == "img"]
    assert len(drawings) == 2 * len(plots)  # each for a broad and for a narrow window


def test_ids_are_unique_and_all_references_are_met(parsed: Page) -> None:
    ids = [str(attributes["id"]) for _, attributes in parsed.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    for _, attributes in parsed.elements:
        for name, value in attributes.items():
            if name in ("href", "xlink:href"):
                assert value and value.startswith("#") and value[1:] in ids
            if name in ("aria-labelledby", "aria-describedby"):
                assert set(str(value).split()) <= set(ids)
            for reference in re.findall(r"url\(#([^)]+)\)", str(value)) if name != "title" else ():
                assert reference in ids


def test_nothing_is_loaded_or_run(page: str, parsed: Page) -> None:
    assert not {"script", "link", "img", "iframe", "object", "image", "foreignobject"} & {
        tag for tag, _ in parsed.elements
    }
    assert not any(name.startswith("on") or name in ("src", "srcset") for _, each in parsed.elements for name in each)
    style = re.search("<style>(.*?)</style>", page, re.S)
    assert style and "@import" not in style[1] and "url(" not in style[1]
    assert "http" not in re.sub(r">[^<]*<", "><", page)  # addresses only in texts


def test_hostile_names_are_texts(page: str, parsed: Page) -> None:
    shown = {clean(text) for _, text in parsed.texts}
    for name in HOSTILE:
        assert clean(name) in shown
    assert "\x1b" not in page and "<script" not in page
    assert not re.search(r"#010[0-9a-f]{3}", re.sub(r">[^<]*<", "><", page)), "a colour that only we know is left"


def test_it_can_be_read_without_seeing_it(parsed: Page) -> None:
    assert all(attributes.get("scope") in ("row", "col") for attributes in parsed.all("th"))
    assert parsed.all("html") == [{"lang": "en"}]
    for svg in parsed.all("svg"):
        assert svg.get("aria-hidden") == "true" or {"role", "aria-labelledby", "aria-describedby"} <= svg.keys()
    assert len(parsed.all("desc")) == 16


def test_same_report_same_bytes(report: Report, page: str) -> None:
    assert report_html(dataclasses.replace(report)) == page
    assert not re.search(r"<dc:|matplotlib|<metadata", page)


def test_every_colour_is_given_by_day_and_by_night(page: str) -> None:
    used = set(re.findall(r"var\(--([a-z0-9]+)\)", page))
    for declared in style():
        names = set(re.findall(r"--([a-z0-9]+):", declared))
        assert names == {f"s{n}" for n in range(SERIES)} | {f"{kind}{n}" for kind in "ht" for n in range(LEVELS)}
    blocks = re.findall(r":root \{([^}]*)\}", page)
    assert len(blocks) == 2
    assert used <= set(re.findall(r"--([a-z0-9]+):", blocks[0])) == set(re.findall(r"--([a-z0-9]+):", blocks[1]))


def test_letters_stand_out_on_every_step_of_heat() -> None:
    for declared in style():
        colours = dict(re.findall(r"--([ht]\d+): (#[0-9a-f]+);", declared))
        for level in range(LEVELS):
            assert _contrast(colours[f"h{level}"], colours[f"t{level}"]) >= 4.5


def _contrast(one: str, other: str) -> float:
    lights = []
    for colour in (one, other):
        full = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
        parts = [int(full[place : place + 2], 16) / 255 for place in (0, 2, 4)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


def test_plots_without_values_are_drawn() -> None:
    bars = Bars(title="none", description="", labels=(), series=(), label_axis="l", axis="a")
    for narrow in (False, True):
        assert "<svg" in drawn(bars, "x", narrow=narrow)
    assert "Plots" not in report_html(Report(title="nothing"))


def test_names_of_points_do_not_cover_one_another() -> None:
    at = [(100.0, 100.0), (104.0, 101.0), (100.0, 100.0), (290.0, 100.0)]
    names = ["first", "second", "third", "at the edge"]
    found = beside(list(at), names, (0.0, 0.0, 300.0, 200.0))
    boxes = [(x, y - 6, x + 6.3 * len(name), y + 6) for (x, y), name in zip(found, names, strict=True)]
    for place, one in enumerate(boxes):
        assert one[0] >= 0 and one[2] <= 300
        for other in boxes[:place]:
            assert min(one[2], other[2]) <= max(one[0], other[0]) or min(one[3], other[3]) <= max(one[1], other[1])


def test_in_a_browser(page: str, tmp_path: Path) -> None:
    """At two widths, by day and by night: nothing to scroll sideways, no letters outside of a drawing, no errors."""
    sync = pytest.importorskip("playwright.sync_api", reason="the browser test needs playwright")
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        pytest.skip("the browser test needs Chromium")
    (tmp_path / "page.html").write_text(page, encoding="utf-8")
    said: list[Any] = []
    with sync.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=browser, args=["--no-sandbox"])
        for width in (400, 1280):
            for scheme in ("light", "dark"):
                tab = chromium.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
                tab.on("console", lambda message: said.append(message.text))
                tab.on("request", lambda request: said.append(request.url) if "page.html" not in request.url else None)
                tab.goto((tmp_path / "page.html").as_uri())
                tab.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                assert tab.evaluate(OUTSIDE) == []
                tab.close()
        chromium.close()
    assert said == []


OUTSIDE = """() => [...document.querySelectorAll('svg.plot')].flatMap(svg => {
  const box = svg.getBoundingClientRect();
  if (!box.width) return [];  // not shown at this width
  return [...svg.querySelectorAll('text')].filter(text => {
    const one = text.getBoundingClientRect();
    return one.left < box.left - 2 || one.right > box.right + 2 || one.top < box.top - 2 || one.bottom > box.bottom + 2;
  }).map(text => text.textContent);
})"""
