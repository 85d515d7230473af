"""Empty, loading, nothing found, refused, down: each says what is the matter and what can be done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.serving.page.waiting import until

if TYPE_CHECKING:
    from tests.serving.page.conftest import Open
    from tests.serving.page.fake import Fake


def test_before_a_query_there_is_a_welcome_and_the_query_has_the_focus(visit: Open, fake: Fake) -> None:
    page = visit()
    assert page.evaluate("document.activeElement.id") == "query"
    page.keyboard.press("Enter")
    page.fill("#query", "   ")
    page.keyboard.press("Enter")
    assert page.locator(".welcome").is_visible() and fake.asked == []
    assert page.locator("#bar, #facets, #legend").filter(visible=True).count() == 0


def test_nothing_found_offers_all_languages(visit: Open) -> None:
    page = visit("?q=nothing&lang=de&lang=zz")
    assert page.inner_text(".list .plain p") == "No hits for “nothing” in German, zz."
    page.get_by_role("button", name="Search in all languages").click()
    until(page, "!location.search.includes('lang')")
    page.wait_for_selector(".list .plain .note")
    assert page.inner_text("#status").startswith("0 hits")


LONG, BUSY = "the query has 10,001 characters; at most 10,000", "128 requests wait already; try again"


@pytest.mark.parametrize(
    ("status", "body", "told", "again"),
    [
        (422, {"error": "too_long", "what": LONG}, LONG.capitalize(), False),
        (429, {"error": "busy", "what": BUSY}, BUSY, True),
        (500, {"unexpected": True}, "The server failed (500).", True),
        (404, {}, "The server refused the request (404).", False),
    ],
)
def test_a_refusal_is_told_in_the_servers_words(
    visit: Open, fake: Fake, status: int, body: dict[str, Any], told: str, again: bool
) -> None:
    fake.refuse = (status, body)
    page = visit("?q=flood", expect=(str(status),))
    page.wait_for_selector(".trouble")
    assert page.inner_text(".trouble p") == told.removesuffix(".") + "."
    assert page.locator(".trouble").get_attribute("role") == "alert"
    assert page.get_by_role("button", name="Try again").count() == again
    fake.refuse = None
    if again:
        page.get_by_role("button", name="Try again").click()
        page.wait_for_selector(".hit")


def test_a_server_that_is_gone(visit: Open) -> None:
    from tests.serving.page.fake import Fake, Served

    server = Served(Fake())
    page = visit(url=server.url, expect=("ERR_CONNECTION",))
    server.stop()
    page.fill("#query", "flood")
    page.keyboard.press("Enter")
    page.wait_for_selector(".trouble")
    assert page.inner_text(".trouble p") == "The server does not answer. Is “xret serve” still running?"


def test_a_key_is_asked_for_and_kept_until_the_window_closes(visit: Open, fake: Fake) -> None:
    fake.key = "0123456789abcdef"
    page = visit("?q=flood", expect=("401",))
    page.fill(".key input", "wrong")
    page.keyboard.press("Enter")
    until(page, "document.querySelector('.key input')?.value === ''")
    page.fill(".key input", fake.key)
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    page.reload()
    page.wait_for_selector(".hit")
    assert fake.key not in page.url


def test_a_slow_search_shows_that_it_runs_and_gives_way_to_the_next(visit: Open, fake: Fake) -> None:
    page = visit()
    fake.delay = 1.0
    page.fill("#query", "slow")
    page.keyboard.press("Enter")
    page.wait_for_selector(".waiting")
    assert page.locator("#progress").is_visible() and page.inner_text("#status") == "Searching …"
    assert page.locator("#results").get_attribute("aria-busy") == "true"
    fake.delay = 0.0
    page.fill("#query", "nothing")
    page.keyboard.press("Enter")
    page.wait_for_selector(".list .plain")
    page.wait_for_timeout(1200)  # the first answer would have come by now
    assert page.locator(".hit").count() == 0 and "nothing" in page.inner_text(".list .plain")
    assert not page.locator("#progress").is_visible()


def test_a_server_with_lower_limits_is_asked_for_less(visit: Open, fake: Fake) -> None:
    fake.most_facets = 20
    page = visit("?q=flood", expect=("422",))
    page.wait_for_selector(".hit")
    assert fake.asked[-1].facets == 20 and "among the 20 best" in page.inner_text("#facets-note")


def test_an_index_without_texts_and_titles(visit: Open, fake: Fake) -> None:
    fake.bare = True
    page = visit("?q=flood")
    assert page.inner_text(".hit >> nth=0 >> .text") == "This index keeps no texts."
    assert page.inner_text(".hit >> nth=0 >> .open") == "flood-de"


def test_what_is_written_before_the_server_has_answered_stays(visit: Open) -> None:
    page = visit()
    held: list[Any] = []
    answering: list[bool] = []
    page.route("**/systems", lambda route: route.continue_() if answering else held.append(route))
    page.reload()
    page.keyboard.type("flood")
    assert page.locator(".welcome").count() == 0 and len(held) > 0
    answering.append(True)
    for route in held:
        route.continue_()
    page.wait_for_selector(".hit")
    assert page.input_value("#query") == "flood" and page.evaluate("location.search") == "?q=flood"


def test_a_start_that_fails_late_does_not_hide_what_was_found_since(visit: Open) -> None:
    page = visit(expect=("ERR_FAILED",))
    held: list[Any] = []
    page.route("**/systems", lambda route: held.append(route), times=1)
    page.reload()
    page.fill("#query", "flood")
    page.keyboard.press("Enter")
    page.wait_for_selector(".hit")
    with page.expect_event("requestfailed"):
        held[0].abort()
    page.wait_for_timeout(200)
    assert page.locator(".trouble").count() == 0 and page.locator(".hit").count() == 10
