"""make screenshots: the sentences of docs/access.md as a merchant sees them, small, into docs/pictures/. No test: look at them."""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from werkzeug.serving import make_server

from tests import factories, servers
from tests.browser.conftest import _Quiet
from tests.conftest import QUIET_CHROMIUM
from tests.engine.shop import Shop, open_shop
from webapp import config, create_app
from webapp.config import ROOT
from webapp.database import db
from webapp.models import Base, Customer, LogEntry, Marketplace, Product
from webapp.parts import utcnow

INTO = ROOT / "docs" / "pictures"
MINA = "mina@example.com"
NAMES = {"ads-101": "Ads 101", "course-b": "Course B", "club": "The Club"}


@contextmanager
def shop_and_site() -> Iterator[tuple[Shop, str]]:
    """A shop whose owner may sign in, and the address of its pages."""
    with tempfile.TemporaryDirectory() as var:
        app = create_app(config.load({"CARTWHEEL_VAR": var, "DEMO": "0"}))
        with app.app_context():
            Base.metadata.create_all(db.engine)
        shop = open_shop(f"sqlite+pysqlite:///{Path(var) / 'cartwheel.db'}")
        shop.now = utcnow() - timedelta(days=20)
        server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
        serving = threading.Thread(target=server.serve_forever)
        serving.start()
        try:
            yield shop, f"http://127.0.0.1:{server.server_port}"
        finally:
            app.extensions["cartwheel_live"].stop()
            server.shutdown()
            serving.join()
            server.server_close()


def play(shop: Shop) -> None:
    """Two courses and a club that give VIP Room; one course is refunded, once before its order arrives; a payment of the club fails."""
    vip = shop.place("space", "VIP Room")
    with shop.write() as session:
        factories.make_user(session, session.get_one(Marketplace, shop.marketplace), email="owner@example.com")
        for key, name in NAMES.items():
            session.get_one(Product, shop.product(session, key)).name = name
    shop.rule("product_purchased", "add_to_space", vip)
    shop.rule("product_refunded", "remove_from_space", vip, "ads-101")
    shop.rule("subscription_charge_failed", "remove_from_space", vip, "club", after_days=7)
    shop.tell("purchased", MINA, "course-b", order="9001")
    shop.pass_time(days=12)
    shop.tell("purchased", MINA, "ads-101", order="9002")
    shop.work()
    shop.pass_time(days=7)
    shop.tell("refunded", MINA, "ads-101", order="9002")
    shop.tell("refunded", "tom@example.com", "ads-101", order="9003")
    shop.work()
    shop.tell("purchased", "tom@example.com", "ads-101", order="9003", at=shop.now - timedelta(hours=1))
    shop.tell("purchased", "ines@example.com", "club", subscription="s1")
    shop.work()
    shop.pass_time(hours=20)
    shop.tell("charge_failed", "ines@example.com", "club", subscription="s1")
    shop.work()
    with shop.write() as session:
        for email, name in ((MINA, "Mina"), ("tom@example.com", "Tom"), ("ines@example.com", "Ines")):
            session.query(Customer).filter_by(email=email).one().first_name = name


def entry(shop: Shop, beginning: str) -> int:
    """The entry whose sentence begins so."""
    return next(one.id for one in shop.rows(LogEntry) if one.sentence.startswith(beginning))


def keep(page: Page, name: str, what: str) -> None:
    """One part of a page as a picture."""
    page.wait_for_timeout(300)
    page.locator(what).first.screenshot(path=INTO / f"{name}.png")


def main() -> None:
    """Make them all."""
    INTO.mkdir(parents=True, exist_ok=True)
    with shop_and_site() as (shop, url), sync_playwright() as playwright:
        play(shop)
        browser = playwright.chromium.launch(executable_path=servers.chromium(), args=list(QUIET_CHROMIUM))
        page = browser.new_context(viewport={"width": 900, "height": 1000}).new_page()
        page.goto(f"{url}/sign-in")
        page.get_by_label("E-mail").fill("owner@example.com")
        page.get_by_label("Password").fill(factories.PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        page.wait_for_url("**/logs")
        rule = next(one for one in shop.rows(factories.Rule) if one.after_days)
        page.goto(f"{url}/rules/{rule.id}/edit")
        for _ in range(2):
            page.get_by_role("button", name="Next Step").click()
        page.locator(".readback").wait_for()
        keep(page, "sentence", ".dialog .body")
        for name, beginning in {"kept": "Kept:", "superseded": "Superseded:", "coming": "Will be removed"}.items():
            page.goto(f"{url}/logs/{entry(shop, beginning)}")
            keep(page, name, ".answer")
        browser.close()


if __name__ == "__main__":
    main()
