"""What tests in a real browser share: the app behind an address of this machine."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page
from sqlalchemy.orm import Session
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import axe, factories
from webapp import config, create_app
from webapp.database import writing


@dataclass(frozen=True)
class Site:
    """A running app: its address, and `with site.write() as session:` to put something into its database."""

    app: Flask
    url: str
    write: Callable[[], AbstractContextManager[Session]]


class _Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...


@pytest.fixture
def site(sqlite_url: str, tmp_path: Path) -> Iterator[Site]:
    """The app on a database of its own, answering on a free port. Nobody answers as Redis."""
    app = create_app(config.load({"CARTWHEEL_VAR": str(tmp_path), "DEMO": "0", "CIRCLE_RATE": "0"}))
    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=_Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()

    @contextmanager
    def opened() -> Iterator[Session]:
        with app.app_context(), writing() as session:
            yield session

    yield Site(app, f"http://127.0.0.1:{server.server_port}", opened)
    live = app.extensions["cartwheel_live"]
    live.stop()
    server.shutdown()
    serving.join()
    live.join(30)
    server.server_close()
    factories.done_with(app)


@pytest.fixture(params=[True, False], ids=["scripts", "none"])
def owners_page(request: pytest.FixtureRequest, browser: Browser, site: Site) -> Iterator[Page]:
    """The page of owner@shop.test, who must be there already (a test's own `page` asks for its shop first), with scripts and without."""
    context = browser.new_context(java_script_enabled=request.param, reduced_motion="reduce")
    opened = context.new_page()
    opened.goto(f"{site.url}/sign-in")
    opened.get_by_label("E-mail").fill("owner@shop.test")
    opened.get_by_label("Password").fill(factories.PASSWORD)
    opened.get_by_role("button", name="Sign in").click()
    opened.wait_for_url("**/logs")
    yield opened
    context.close()


@pytest.fixture
def scripts(request: pytest.FixtureRequest) -> bool:
    """Whether the test's page runs scripts."""
    return bool(request.node.callspec.params["owners_page"])


@pytest.fixture
def looked_at() -> Callable[[Page], None]:
    """`looked_at(page)`: axe finds nothing and nothing scrolls sideways, at desktop and phone width, light and dark."""
    return axe.look
