"""Accessible, dark where wanted, good on a phone, still for those who want it so."""

from __future__ import annotations

from itertools import pairwise
from string import ascii_lowercase
from typing import TYPE_CHECKING, Any

import pytest

from tests.serving.page.documents import DOCUMENTS
from tests.serving.page.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serving.page.conftest import Open
    from tests.serving.page.fake import Fake

GROUND = "getComputedStyle(document.body).backgroundColor"
LIGHT, DARK = "rgb(255, 255, 255)", "rgb(20, 24, 33)"
PHONE = {"viewport": {"width": 360, "height": 740}, "is_mobile": True, "has_touch": True, "device_scale_factor": 2}


def findings(page: Page) -> list[str]:
    """Everything that axe finds, as 'rule: where'."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python")
    found = axe.Axe().run(page).response["violations"]
    return [f"{one['id']} ({one['impact']}): {[node['target'] for node in one['nodes']][:3]}" for one in found]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(visit: Open, fake: Fake, scheme: str) -> None:
    states = {"": None, "?q=flood": None, "?q=flood&b=words": None, "?q=nothing&lang=de": None}
    for address in states:
        page = visit(address, color_scheme=scheme)
        if "b=words" in address:
            page.click(".score >> nth=0")
            page.click(".open >> nth=1")
        assert findings(page) == [], address
    page.keyboard.press("Escape")
    page.click("#help")
    assert findings(page) == []
    phone = visit("?q=flood&b=words", **PHONE, color_scheme=scheme)
    phone.click("#options")
    assert findings(phone) == []
    fake.refuse = (429, {"what": "busy"})
    assert findings(visit("?q=flood", expect=("429",), color_scheme=scheme)) == []


def test_dark_follows_the_system_until_someone_chooses(visit: Open) -> None:
    page = visit("?q=flood", color_scheme="dark")
    assert page.evaluate(GROUND) == DARK and page.get_attribute("#theme", "aria-pressed") == "true"
    page.emulate_media(color_scheme="light")
    until(page, f"{GROUND} === '{LIGHT}' && document.querySelector('#theme').ariaPressed === 'false'")
    page.click("#theme")
    page.reload()
    assert page.evaluate(GROUND) == DARK and page.get_attribute("#theme", "aria-pressed") == "true"


@pytest.mark.parametrize("width", [320, 360, 400])
def test_a_phone_shows_one_column_without_scrolling_sideways(visit: Open, width: int) -> None:
    page = visit("?q=flood&b=words", **{**PHONE, "viewport": {"width": width, "height": 740}})
    assert page.evaluate("document.documentElement.scrollWidth") == width
    lists = page.locator(".list")
    assert [lists.nth(i).is_visible() for i in (0, 1)] == [True, False]
    page.get_by_role("radio", name="B").check()
    assert [lists.nth(i).is_visible() for i in (0, 1)] == [False, True]
    assert page.locator(".hit >> visible=true").first.bounding_box()["y"] < 500
    page.locator('.list[data-place="1"] .twin.both').first.click()
    assert [lists.nth(i).is_visible() for i in (0, 1)] == [True, False]


def test_options_unfold_on_a_phone_as_they_are_elsewhere(visit: Open) -> None:
    page = visit("?q=flood", **PHONE)
    labels = page.locator("#bar label")
    assert not labels.first.is_visible()
    page.click("#options")
    boxes = [labels.nth(i).bounding_box() for i in range(3)]
    assert all(one and other and one["y"] + one["height"] < other["y"] for one, other in pairwise(boxes))
    colour = "getComputedStyle(document.querySelector('#bar label')).color"
    assert page.evaluate(colour) == page.evaluate("getComputedStyle(document.querySelector('#status')).color")
    page.click("#options")
    assert not labels.first.is_visible()


@pytest.mark.parametrize("device", [{}, PHONE])
def test_a_thousand_languages_and_endless_words(visit: Open, fake: Fake, device: dict[str, Any]) -> None:
    tags = [first + second + third for first in "bdgkm" for second in "aeiou" for third in ascii_lowercase]
    fake.languages = {tag: 1000 - at for at, tag in enumerate(tags)}
    fake.systems = [one.model_copy(update={"languages": fake.languages}) for one in fake.systems]
    fake.documents = tuple(
        one._replace(id="i" * 500, title="t" * 900, text="w" * 5000, phrases=()) for one in DOCUMENTS[:3]
    )
    page = visit("", **device)
    assert len(page.inner_text(".welcome > .note >> nth=0")) < 1500
    page.click("summary")
    assert page.inner_text("details").count(",") == len(tags) - 1
    page.fill("#query", "flood")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    width = page.viewport_size
    assert width and page.evaluate("document.documentElement.scrollWidth") <= width["width"]
    assert page.locator(".hit").first.evaluate("hit => hit.offsetHeight") < 700
    few = page.locator(".facet").count()
    page.get_by_role("button", name="Show all").click()
    assert few < 20 and page.locator(".facet").count() == len(tags) + 3
    assert page.evaluate("document.activeElement.type") == "checkbox"
    page.locator(".open").first.click()
    assert len(page.inner_text(".title >> nth=0")) == 900 and page.locator(".facet").count() == len(tags) + 3


def test_nothing_moves_for_those_who_want_it_so(visit: Open, fake: Fake) -> None:
    page = visit(reduced_motion="reduce")
    fake.delay = 1.0
    page.fill("#query", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector(".waiting")
    assert page.evaluate("document.getAnimations().length") == 0


def test_hits_are_found_by_screen_readers(visit: Open) -> None:
    page = visit("?q=flood")
    assert page.get_by_role("search").count() == 1
    assert page.get_by_role("searchbox", name="Query, in any language").count() == 1
    assert page.get_by_role("status").inner_text() == "10 hits, 3 ms"
    assert page.get_by_role("group", name="Languages").get_by_role("checkbox").count() >= 11
    assert page.get_by_role("article", name="1. Wenn der Fluss steigt").count() == 1
    assert page.get_by_role("button", name="Dark mode", pressed=False).count() == 1
