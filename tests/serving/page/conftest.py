"""A real browser, and the fake server that it looks at; both are absent on machines without them, and tests skip."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from tests.serving.page.fake import Fake, Served

Open = Callable[..., "Page"]


def _chromium() -> str:
    path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if path is None:
        pytest.skip("needs Chromium (apt-get install chromium)")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """One for each module, not for the session: Playwright's loop would stand in the way of other tests' loops."""
    driver = pytest.importorskip("playwright.sync_api", reason="needs Playwright (pip install playwright)")
    path = _chromium()
    sandbox = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium refuses to sandbox for root
    with driver.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=sandbox)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def served() -> Iterator[Served]:
    pytest.importorskip("fastapi", reason="needs the extra serve")
    pytest.importorskip("uvicorn", reason="needs the extra serve")
    from tests.serving.page.fake import Fake, Served

    server = Served(Fake())
    yield server
    server.stop()


@pytest.fixture
def fake(served: Served) -> Fake:
    """What the server does and was asked, as new."""
    served.fake.__init__()  # type: ignore[misc]
    return served.fake


@pytest.fixture
def visit(browser: Browser, served: Served, fake: Fake) -> Iterator[Open]:
    """Opens the page at an address; afterwards nothing may have failed that the test does not name in `problems`."""
    contexts = []
    problems: list[str] = []

    def go(address: str = "", *, expect: tuple[str, ...] = (), url: str | None = None, **options: Any) -> Page:
        context = browser.new_context(**{"viewport": {"width": 1280, "height": 860}, **options})
        context.set_default_timeout(10_000)
        contexts.append(context)
        page = context.new_page()
        wanted = [*expect]

        def problem(text: str) -> None:
            if not any(part in text for part in wanted):
                problems.append(text)

        page.on("pageerror", lambda error: problem(str(error)))
        page.on("console", lambda message: problem(message.text) if message.type in {"error", "warning"} else None)
        page.goto((url or served.url) + address)
        page.wait_for_selector(".welcome, .list, .plain")
        return page

    yield go
    for context in contexts:
        context.close()
    assert problems == []
