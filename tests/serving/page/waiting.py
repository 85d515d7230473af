"""Waiting for a page; Playwright's own `wait_for_function` evaluates strings in it, which its policy forbids."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Page

__all__ = ["until"]


def until(page: Page, expression: str, *, seconds: float = 10.0) -> None:
    """Until an expression is true in the page."""
    end = time.monotonic() + seconds
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never true: {expression}"
        page.wait_for_timeout(20)
