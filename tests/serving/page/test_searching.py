"""Type, search, filter, open, compare: what people do, by mouse and by keyboard alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.serving.page.documents import DOCUMENTS
from tests.serving.page.waiting import until

if TYPE_CHECKING:
    from playwright.sync_api import Page

    from tests.serving.page.conftest import Open
    from tests.serving.page.fake import Fake

OPEN = "document.activeElement.closest('.hit')?.dataset.id"


def ids(page: Page, place: int = 0) -> list[str]:
    return [str(hit.get_attribute("data-id")) for hit in page.query_selector_all(f'.list[data-place="{place}"] .hit')]


def query(page: Page) -> str:
    return str(page.input_value("#query"))


def test_enter_searches_and_the_address_holds_the_search(visit: Open, fake: Fake) -> None:
    page = visit()
    assert "13 documents in 10 languages" in page.inner_text(".welcome")
    page.fill("#query", "flood & 洪水")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    assert page.url.endswith("?q=flood+%26+%E6%B4%AA%E6%B0%B4")
    assert page.inner_text("#status") == "10 hits, 3 ms"
    assert ids(page) == [document.id for document in DOCUMENTS[:10]]
    (asked,) = fake.asked
    assert (asked.query, asked.k, asked.explain, asked.facets) == ("flood & 洪水", 10, True, 100)
    page.click(".more")
    until(page, "document.querySelectorAll('.hit').length === 13")
    assert page.evaluate(OPEN) == DOCUMENTS[10].id  # the first new one


def test_back_and_forward_and_a_link_show_the_same_search(visit: Open, fake: Fake) -> None:
    page = visit()
    for text in ("one", "two"):
        page.fill("#query", text)
        page.keyboard.press("Enter")
        until(page, f"document.title.startsWith('{text}')")
        page.wait_for_selector(".hit")
    page.go_back()
    until(page, "document.title.startsWith('one')")
    assert query(page) == "one"
    page.go_back()
    page.wait_for_selector(".welcome")
    page.go_forward()
    page.wait_for_selector(".hit")
    assert query(page) == "one"
    link = visit("?q=one&lang=ar&lang=he&a=tokens~maxsim&calibrate=zscore&k=50")
    link.wait_for_selector(".hit")
    last = fake.asked[-1]
    assert (last.languages, last.system, last.rerank, last.calibrate, last.k) == (
        ["ar", "he"],
        "tokens",
        "maxsim",
        "zscore",
        50,
    )
    assert link.input_value("#first") == "tokens~maxsim"


def test_a_query_is_searched_while_it_is_written_and_takes_one_place_in_the_history(visit: Open, fake: Fake) -> None:
    page = visit()
    before = page.evaluate("history.length")
    for part in ("flo", "flood", "flood now"):
        page.type("#query", part[len(query(page)) :])
        until(page, f"document.title.startsWith('{part}')")
    page.wait_for_selector(".hit")
    assert page.evaluate("history.length") == before + 1
    assert [asked.query for asked in fake.asked] == ["flo", "flood", "flood now"]


def test_languages_are_chosen_several_at_a_time_and_keep_their_counts(visit: Open, fake: Fake) -> None:
    page = visit("?q=flood")
    assert page.locator(".facet").first.text_content() == "English, 3"
    for code, name in (("ar", "Arabic"), ("he", "Hebrew")):
        page.get_by_label(name).check()
        until(page, f"location.search.includes('lang={code}')")
        until(page, "!document.querySelector('.hit[data-id=flood-de]')")
    until(page, "document.querySelectorAll('.hit').length === 2")
    assert ids(page) == ["flood-ar", "flood-he"] and fake.asked[-1].languages == ["ar", "he"]
    assert page.locator(".facet").count() == 11  # the others can still be chosen
    assert page.get_by_label("Hebrew").evaluate("e => e === document.activeElement")
    page.click("#facets-clear")
    until(page, "document.querySelectorAll('.hit').length === 10")
    assert page.url.endswith("?q=flood")


def test_what_was_written_last_is_searched_when_a_language_is_chosen(visit: Open, fake: Fake) -> None:
    page = visit("?q=flood")
    page.wait_for_selector(".hit")
    page.focus("#query")
    page.keyboard.press("End")
    page.keyboard.type(" water")
    page.locator(".facet input").first.check()  # before the pause after which a query is searched by itself
    until(page, "document.getElementById('facets-note').textContent.includes('chosen')")
    assert page.input_value("#query") == "flood water" == fake.asked[-1].query and fake.asked[-1].languages


def test_more_hits_by_keyboard_go_on_at_the_first_new_one(visit: Open, fake: Fake) -> None:
    fake.documents = tuple(one._replace(id=f"{one.id}-{at}") for at in range(12) for one in fake.documents)
    page = visit("?q=flood&a=words&b=tokens")
    for seen in (10, 50):
        page.wait_for_selector(f".list[data-place='1'] .hit >> nth={seen - 1}")
        page.focus(".list[data-place='1'] .more")
        page.keyboard.press("Enter")
        page.wait_for_selector(f".list[data-place='1'] .hit >> nth={seen}")
        place = "[...document.querySelectorAll(\".list[data-place='1'] .open\")].indexOf(document.activeElement)"
        assert page.evaluate(place) == seen


def test_a_hit_opens_to_its_whole_text_and_says_how_it_was_scored(visit: Open) -> None:
    page = visit("?q=flood")
    hit = page.locator('.hit[data-id="flood-en"]')
    document = next(document for document in DOCUMENTS if document.id == "flood-en")
    short = hit.locator(".text").text_content() or ""
    assert "After the last flood the council moved the pumps" in short and len(short) < 400
    assert hit.locator("mark").all_text_contents() == ["flood", "pumps"]
    hit.locator(".open").click()
    assert hit.locator(".text").text_content() == document.text
    assert hit.locator(".open").get_attribute("aria-expanded") == "true"
    hit.locator(".open").click()
    assert hit.locator(".text").text_content() == short
    assert not hit.locator(".parts").is_visible()
    hit.locator(".score").click()
    assert hit.locator(".parts dt").all_text_contents() == [
        "given by the system", "calibrated across languages", "what hits are ordered by"]  # fmt: skip
    assert hit.locator(".parts dd").all_text_contents() == ["6.500", "0.7125", "0.7125"]


def test_two_systems_side_by_side_mark_what_is_in_both(visit: Open, fake: Fake) -> None:
    page = visit("?q=flood")
    page.select_option("#second", "words")
    page.wait_for_selector(".results.two .hit")
    assert page.url.endswith("?q=flood&b=words")
    both = set(ids(page)) & set(ids(page, 1))
    assert both and f"{len(both)} in both" in page.inner_text("#status")
    for place in (0, 1):
        for one in page.locator(f'.list[data-place="{place}"] .hit').all():
            other = ids(page, 1 - place)
            name, told = one.get_attribute("data-id"), one.locator(".twin").inner_text()
            if name in both:
                own, rank = ids(page, place).index(str(name)) + 1, other.index(str(name)) + 1
                moved = "=" if own == rank else f"{'▼' if rank > own else '▲'}{abs(rank - own)}"
                assert told.startswith(f"{'BA'[place]} #{rank} {moved}")
            else:
                assert told == f"only in {'AB'[place]}"
    page.locator('.list[data-place="0"] .hit[data-id="flood-de"] .twin').click()
    assert page.evaluate(OPEN) == "flood-de"
    assert page.evaluate("document.activeElement.closest('.list').dataset.place") == "1"
    assert page.locator('.list[data-place="1"] mark.word').first.text_content() == "flood"  # lexical: the query's words


def test_trouble_of_one_system_does_not_hide_the_other(visit: Open) -> None:
    page = visit("?q=flood&b=none!", expect=("422",))
    page.wait_for_selector('.list[data-place="1"] .trouble')
    assert len(ids(page)) == 10


@pytest.mark.parametrize("arrows", [False, True])
def test_all_of_it_by_keyboard(visit: Open, arrows: bool) -> None:
    down, up, right = ("ArrowDown", "ArrowUp", "ArrowRight") if arrows else ("j", "k", "l")
    page = visit()
    press = page.keyboard.press
    page.evaluate("document.activeElement.blur()")
    press("/")
    page.keyboard.type("flood")
    press("Enter")
    page.wait_for_selector(".hit")
    if not arrows:
        page.evaluate("document.activeElement.blur()")
    press(down)
    press(down)
    press(down)
    press(up)
    assert page.evaluate(OPEN) == "flood-ar"
    press("Enter")
    assert page.locator(".hit.opened").get_attribute("data-id") == "flood-ar"
    press("s")
    assert page.locator(".hit.opened .parts").is_visible()
    press("Escape")
    assert page.locator(".hit.opened").count() == 0 and page.evaluate(OPEN) == "flood-ar"
    press("Escape")
    assert page.evaluate("document.activeElement.id") == "query"
    page.goto(page.url + "&b=words")
    page.wait_for_selector(".results.two .hit")
    page.evaluate("document.activeElement.blur()")
    press("j")
    press(right)
    assert page.evaluate("document.activeElement.closest('.list').dataset.place") == "1"
    assert page.evaluate(OPEN) == "flood-de"  # its twin, not the hit beside it
    press("?")
    assert page.locator("#keys").is_visible()
    press("Escape")
    assert not page.locator("#keys").is_visible() and page.evaluate(OPEN) == "flood-de"
