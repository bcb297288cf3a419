"""make screenshots: every page of the demo at desktop and phone width, light and dark, into docs/screenshots/. No test: look at them."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, sync_playwright

from embedded.checks import free_port
from tests import servers
from tests.conftest import QUIET_CHROMIUM
from webapp.config import ROOT

INTO = ROOT / "docs" / "screenshots"
SIZES = {"desktop": (1280, 800), "phone": (390, 844)}
SCHEMES = ("light", "dark")

PAGES = {
    "logs": "/logs",
    "logs-failed": "/logs?q=status:failed",
    "products": "/products",
    "product-apps": "/products/ads-101",
    "integrations": "/settings/integrations",
    "global-rules": "/settings/integrations/rules",
    "webhook": "/settings/webhook",
    "general": "/settings/general",
    "team": "/settings/team",
    "alerts": "/settings/alerts",
    "account": "/account",
    "keys": "/keys",
}
"""Pages that have an address of their own; those that are reached by a click are in `_walk`."""


class Demo:
    """A `make run` with its demo. `link` signs the owner in, once; `checkout` is the sandbox's."""

    def __init__(self, var: str) -> None:
        self.url = f"http://127.0.0.1:{free_port()}"
        environ = {**os.environ, "CARTWHEEL_VAR": var, "PORT": self.url.rsplit(":", 1)[1]}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "embedded"], cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        said = "".join(iter(self._line, ""))
        self.link = _find(r"http\S+/link/\S+", said)
        self.checkout = _find(r"http\S+/checkout", said)

    def _line(self) -> str:
        """The next line it prints; "" after the last one of its welcome."""
        line = self.process.stdout.readline() if self.process.stdout else ""
        return "" if "Ctrl-C" in line else line

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=30)


def _find(pattern: str, text: str) -> str:
    found = re.search(pattern, text)
    if found is None:
        raise RuntimeError(f"make run did not say where it is:\n{text}")
    return found[0]


@contextmanager
def demo() -> Iterator[Demo]:
    """A demo of its own, for as long as the block lasts."""
    with tempfile.TemporaryDirectory() as var:
        made = Demo(var)
        try:
            yield made
        finally:
            made.end()


def buy(page: Page, checkout: str) -> None:
    """Something happens: three people buy, one gets the money back, one has an address that Circle refuses."""
    for product in ("Ads 101", "Masterclass Bundle", "Ads 101"):
        page.goto(checkout)
        page.get_by_role("radio", name=re.compile(product)).check()
        page.get_by_role("button", name="Buy", exact=True).click()
    page.get_by_role("button", name=re.compile("^Refund(?! half)")).first.click()
    page.wait_for_timeout(1500)


def shoot(browser: Browser, at: Demo, state: str, size: str, scheme: str) -> None:
    """All pages in one size and scheme."""
    width, height = SIZES[size]
    context = browser.new_context(
        viewport={"width": width, "height": height}, color_scheme="dark" if scheme == "dark" else "light", storage_state=state
    )
    page = context.new_page()

    def keep(name: str) -> None:
        page.wait_for_timeout(300)
        page.screenshot(path=INTO / f"{name}-{size}-{scheme}.png", full_page=size == "desktop")

    for name, path in PAGES.items():
        page.goto(at.url + path)
        keep(name)
    for name in _walk(page, at):
        keep(name)
    context.close()


def _walk(page: Page, at: Demo) -> Iterator[str]:
    """Pages behind a click. Yields a name where the page is ready to be kept."""
    page.goto(f"{at.url}/logs")
    page.locator(".log .go").first.click()
    page.wait_for_load_state()
    yield "entry"
    page.goto(f"{at.url}/customers/{_customer(page, at)}")
    yield "customer"
    page.get_by_role("link", name="Why, or why not?").click()
    yield "customer-why"
    page.get_by_role("link", name="Close", exact=True).last.click()
    page.get_by_role("link", name="Grant by hand").click()
    yield "customer-grant"
    page.goto(f"{at.url}/settings/integrations")
    page.get_by_role("link", name="New Integration").click()
    yield "new-integration-1"
    page.get_by_role("button", name="Next Step").click()
    yield "new-integration-2"
    page.goto(f"{at.url}/products/ads-101")
    page.get_by_role("link", name="New Rule").click()
    yield "new-rule-1"
    page.get_by_label("Action").select_option(label="Add to space")
    page.wait_for_timeout(500)
    page.get_by_text("Founders’ Lounge").click()
    page.get_by_role("button", name="Next Step").click()
    yield "new-rule-2"
    page.get_by_label("Trigger", exact=True).select_option(label="Product Purchased")
    page.get_by_role("button", name="Next Step").click()
    yield "new-rule-3"
    page.goto(at.checkout)
    yield "sandbox-checkout"
    page.goto(at.checkout.replace("/checkout", "/community"))
    yield "sandbox-community"


def _customer(page: Page, at: Demo) -> str:
    page.goto(f"{at.url}/logs")
    return page.locator(".log .go").first.inner_text().split()[0]


def main() -> None:
    """Make them all."""
    INTO.mkdir(parents=True, exist_ok=True)
    with demo() as at, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=servers.chromium(), args=list(QUIET_CHROMIUM))
        context = browser.new_context()
        page = context.new_page()
        page.goto(at.link)
        buy(page, at.checkout)
        state = str(INTO / ".state.json")
        context.storage_state(path=state)
        for size in SIZES:
            for scheme in SCHEMES:
                shoot(browser, at, state, size, scheme)
        Path(state).unlink()
        browser.close()


if __name__ == "__main__":
    main()
