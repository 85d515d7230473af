"""The page on `xret serve` itself, with the bundled sample: what the fake server promises is what the real one does."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.serving.page.waiting import until

if TYPE_CHECKING:
    from tests.serving.conftest import Served
    from tests.serving.page.conftest import Open

MARKED = """hits => hits.map(hit => [hit.dataset.id, hit.querySelector('.text').lang,
  getComputedStyle(hit.querySelector('.text')).direction, [...hit.querySelectorAll('mark')].map(m => m.textContent)])"""


def test_search_filter_and_compare_on_the_real_server(visit: Open, server: Served) -> None:
    page = visit("?q=how+do+volcanoes+erupt&a=multivector&b=lexical", url=server.url.rstrip("/") + "/")
    page.wait_for_selector(".results.two .hit")
    found = server.search("how do volcanoes erupt", system="multivector", explain=True)["hits"]
    wanted = [[hit["id"], hit["lang"], [hit["text"][start:end] for start, end, _ in hit["matches"]]] for hit in found]
    shown = page.locator('.list[data-place="0"] .hit').evaluate_all(MARKED)
    assert [[name, lang] for name, lang, _, _ in shown] == [[name, lang] for name, lang, _ in wanted]
    for (name, _, direction, marks), (_, lang, phrases) in zip(shown, wanted, strict=True):
        assert direction == ("rtl" if lang == "ar" else "ltr"), name
        assert len(marks) <= len(phrases), name  # those within one letter become one
        assert all(any(phrase in mark for mark in marks) for phrase in phrases), name
    page.get_by_label("Arabic").check()
    until(page, "document.querySelectorAll('[data-place=\"0\"] .hit .text:not(:lang(ar))').length === 0")
    assert page.locator('.list[data-place="0"] .hit').count() > 0 and page.locator(".facet").count() > 1
    assert "in both" in page.inner_text("#status")


def test_the_real_server_refuses_plainly(visit: Open, server: Served) -> None:
    page = visit("?q=rain&lang=xx", url=server.url.rstrip("/") + "/", expect=("422",))
    page.wait_for_selector(".trouble")
    assert "'xx'" in page.inner_text(".trouble p")
    page.get_by_role("button", name="Search in all languages").click()
    page.wait_for_selector(".hit")
