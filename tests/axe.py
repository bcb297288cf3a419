"""Whether everybody can use a page: axe finds nothing, and nothing scrolls sideways."""

from __future__ import annotations

from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"], "resultTypes": ["violations"]}
SIZES = ((1280, 800), (390, 844))
SCHEMES: tuple[Any, ...] = ("light", "dark")
SCRIPT = Axe().axe_script


def look(page: Page) -> None:
    """Look at the page as it is, at desktop and phone width, light and dark, and leave it at desktop width."""
    if page.evaluate("typeof axe") == "undefined":  # it is long, and stays as long as the page does
        page.evaluate(SCRIPT)
    for width, height in SIZES:
        page.set_viewport_size({"width": width, "height": height})
        assert page.evaluate("document.documentElement.scrollWidth") <= width, page.url
        for scheme in SCHEMES:
            page.emulate_media(color_scheme=scheme)
            found = page.evaluate("rules => axe.run(document, rules).then(all => all.violations)", RULES)
            assert not found, [(page.url, one["id"], [node["html"] for node in one["nodes"]]) for one in found]
    page.set_viewport_size({"width": 1280, "height": 800})
