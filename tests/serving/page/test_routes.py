"""The files as the server hands them out."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import pytest

from xret.serving.page import HEADERS, page_routes

if TYPE_CHECKING:
    from starlette.testclient import TestClient


@pytest.fixture
def client() -> TestClient:
    pytest.importorskip("starlette", reason="needs the extra serve")
    pytest.importorskip("httpx", reason="needs httpx")
    from starlette.applications import Starlette
    from starlette.testclient import TestClient

    return TestClient(Starlette(routes=page_routes()))


class _Loads(HTMLParser):
    """What a page names, and whether it has code or style within itself."""

    def __init__(self) -> None:
        super().__init__()
        self.named: list[str] = []
        self.inline: list[str] = []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given: dict[str, Any] = dict(attributes)
        self.named += [given[name] for name in ("src", "href") if given.get(name)]
        self.inline += [name for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and not given.get("src")):
            self.inline.append(tag)


def test_everything_the_page_loads_is_there_and_nothing_comes_from_elsewhere(client: TestClient) -> None:
    page = client.get("/")
    assert page.status_code == 200 and page.headers["content-type"] == "text/html; charset=utf-8"
    loads = _Loads()
    loads.feed(page.text)
    assert loads.inline == []
    names = {name for name in loads.named if name.startswith("static/")}
    assert {name for name in loads.named if ":" in name or name.startswith("/")} == set()
    while names:
        name = names.pop()
        answer = client.get("/" + name)
        assert answer.status_code == 200, name
        for key, value in HEADERS.items():
            assert answer.headers[key] == value
        assert not re.search(r"https?://(?!www\.w3\.org/2000/svg)", answer.text), name
        assert "innerHTML" not in answer.text and "url(" not in answer.text
        if name.endswith(".js"):
            assert answer.headers["content-type"].startswith("text/javascript")
            names |= {f"static/{other}" for other in re.findall(r'from "\./(.+?)"', answer.text)}


def test_a_file_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    tag = client.get("/static/app.js").headers["etag"]
    again = client.get("/static/app.js", headers={"If-None-Match": f'"other", W/{tag}'})
    assert again.status_code == 304 and again.content == b"" and again.headers["etag"] == tag
    assert client.get("/", headers={"If-None-Match": tag}).status_code == 200


@pytest.mark.parametrize(
    "name", ["none.js", "__init__.py", "../index.html", "..%2f__init__.py", "%2e%2e/__init__.py", "%00"]
)
def test_other_names_are_not_found(client: TestClient, name: str) -> None:
    answer = client.get(f"/static/{name}")
    assert answer.status_code == 404 and "import" not in answer.text
    assert client.post("/").status_code == 405
