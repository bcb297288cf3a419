"""The main job, as its users see it: sign in, a signed purchase comes, and the open page shows that it succeeded."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from playwright.sync_api import Page, expect
from standardwebhooks import Webhook
from werkzeug.serving import WSGIRequestHandler, make_server

from tests import factories
from tests.workers.conftest import Bench
from tests.workers.processes import worker
from webapp.database import writing
from webapp.models import Marketplace, Source
from webapp.parts import parts
from webapp.sources.cartwheel import new_secret


class Quiet(WSGIRequestHandler):
    def log(self, *_: object) -> None: ...


@pytest.fixture
def url(bench: Bench) -> Iterator[str]:
    """The address at which the pages answer."""
    server = make_server("127.0.0.1", 0, bench.app, threaded=True, request_handler=Quiet)
    serving = threading.Thread(target=server.serve_forever)
    serving.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    serving.join()
    server.server_close()


@pytest.mark.browser
def test_a_signed_purchase_becomes_a_member_before_the_owners_eyes(bench: Bench, url: str, page: Page, tmp_path: Path) -> None:
    secret = new_secret()
    with bench.app.app_context(), writing() as session:
        owner = factories.make_user(session, session.get_one(Marketplace, bench.marketplace)).email
        session.get_one(Source, bench.source).secret = parts().vault.seal(secret)
        now = parts().now()
    page.goto(f"{url}/logs")
    page.get_by_label("E-mail").fill(owner)
    page.get_by_label("Password", exact=True).fill(factories.PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.goto(f"{url}/logs")
    data = {"order_id": 9001, "customer": {"email": "mina@shop.test", "first_name": "Mina"}, "items": [{"product_id": "ads-101"}]}
    body = json.dumps({"type": "order.created", "timestamp": now.isoformat(), "data": data})
    headers = {
        "webhook-id": "m1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("m1", now, body),
        "Content-Type": "application/json",
    }
    answer = requests.post(f"{url}/webhooks/here", body, headers=headers, timeout=10)
    assert answer.status_code == 202
    row = page.get_by_role("row").filter(has_text="mina@shop.test")
    expect(row).to_contain_text("Queued")
    with worker(bench, tmp_path):
        expect(row).to_contain_text("Succeeded", timeout=30_000)
    expect(row).to_contain_text("Invited to")
    assert "mina@shop.test" in bench.circle.community.held()
