"""SamCart from the settings page to the log: an address that is switched on knowingly, and what comes to it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from tests import factories
from tests.pages.conftest import Clock, SignIn, Write
from tests.pages.test_webhook_settings import boxes
from webapp.database import db
from webapp.engine.triggers import TRIGGERS
from webapp.models import Event, LogEntry, Marketplace, Product, Purchase, Receipt, Source, User

PAGE = "/settings/webhook"
ON, REPLACE, OFF = f"{PAGE}/samcart/on", f"{PAGE}/samcart/replace", f"{PAGE}/samcart/remove"
MEMORY = timedelta(seconds=3)
"""Longer than a process takes addresses from its memory."""

ORDER: dict[str, Any] = {
    "type": "Order",
    "api_key": "sc-very-secret",
    "product": {"id": 4711, "name": "Ads 101", "price": "49.00", "transaction_id": "ch_9"},
    "customer": {"first_name": "Mina", "last_name": "Okoro", "email": "Mina@shop.test", "phone_number": None, "customer_id": 88},
    "order": {"id": 9001, "total": "98.00", "ip_address": "192.0.2.7", "subscription_id": 77, "custom_fields": []},
}

Post = Callable[..., TestResponse]


@pytest.fixture
def shop(write: Write) -> Marketplace:
    with write() as session:
        made = factories.make_marketplace(session, "Acme Courses")
        session.add(Source(id=factories.new_id(), marketplace_id=made.id, kind="samcart", address="there", created_at=factories.NOW))
    return made


@pytest.fixture
def post(client: FlaskClient, shop: Marketplace) -> Post:
    """`post({"type": "Refund"}, "product_refunded")` sends the order with these fields changed, to the address for that trigger."""

    def sent(changes: dict[str, Any] | bytes | None = None, trigger: str = "", to: str = "there") -> TestResponse:
        body = changes if isinstance(changes, bytes) else json.dumps({**ORDER, **(changes or {})}).encode()
        return client.post(f"/webhooks/{to}{'?trigger=' if trigger else ''}{trigger}", data=body, content_type="text/plain")

    return sent


def said(app: Flask) -> list[str]:
    """What the log's entries are about, in their order: the trigger, or the status where nothing fired."""
    with app.app_context():
        return [entry.trigger or entry.status for entry in db.session.scalars(select(LogEntry).order_by(LogEntry.id))]


def rows(app: Flask, model: Any) -> list[Any]:
    with app.app_context():
        return list(db.session.scalars(select(model).order_by(model.id)))


# ---- what comes to the address


def test_an_order_comes_to_the_log_and_brings_product_and_customer(app: Flask, post: Post) -> None:
    answer = post()
    (event,) = rows(app, Event)
    assert (answer.status_code, answer.json) == (200, {"event": str(event.id), "entries": 1})
    (product,), (entry,), (purchase,) = rows(app, Product), rows(app, LogEntry), rows(app, Purchase)
    assert (product.external_id, product.name) == ("4711", "Ads 101")
    assert (entry.trigger, entry.sentence) == ("product_purchased", "Mina bought Ads 101. No rule is about that.")
    assert (purchase.order_ref, purchase.subscription_ref, purchase.on_record) == ("9001", "77", True)


def test_a_comma_list_is_a_purchase_of_each_and_each_happens_once_whichever_message_brought_it(app: Flask, post: Post) -> None:
    whole = {"product": {"id": "4711,4712", "price": "49.00,9.00"}}
    assert post(whole, "product_purchased").json["entries"] == 2  # type: ignore[index]
    post()
    post({"product": {"id": 4712}})
    assert said(app) == ["product_purchased", "product_purchased", "nothing", "nothing"]
    assert len(rows(app, Purchase)) == 2


@pytest.mark.parametrize("trigger", TRIGGERS)
def test_the_address_for_a_trigger_fires_that_one(app: Flask, post: Post, trigger: str) -> None:
    assert post({"type": "whatever"}, trigger).status_code == 200
    also = ["subscription_canceled"] if trigger == "subscription_delinquent" else []
    assert said(app) == [trigger, *also]


def test_the_same_words_within_six_hours_are_a_repeat(app: Flask, post: Post, clock: Clock) -> None:
    first = post({"type": "RecurringPaymentFailed"}).json
    clock.time += timedelta(hours=5, minutes=59)
    again = post({"type": "RecurringPaymentFailed"})
    assert (again.status_code, again.json) == (200, {"event": first["event"], "duplicate": True})  # type: ignore[index]
    assert len(rows(app, Event)) == 1
    assert [receipt.status for receipt in rows(app, Receipt)] == [200]
    clock.time += timedelta(minutes=1)
    assert post({"type": "RecurringPaymentFailed"}).json["entries"] == 1  # type: ignore[index]
    assert len(rows(app, Event)) == 2


def test_both_of_two_rules_about_one_thing_are_one_happening(app: Flask, post: Post) -> None:
    post({"type": "Refund"})
    assert "duplicate" in (post({"type": "x"}, "product_refunded").json or {})
    assert said(app) == ["product_refunded"]


def test_four_failures_word_for_word_alike_make_it_delinquent_and_so_does_its_own_message(app: Flask, post: Post, clock: Clock) -> None:
    post()
    for _ in range(4):
        clock.time += timedelta(days=3)
        post({"type": "RecurringPaymentFailed"})
    post({"type": "Cancel"})
    post({}, "subscription_delinquent")
    fired = ["product_purchased", "subscription_charge_failed", "nothing", "nothing", "subscription_delinquent", "subscription_canceled"]
    assert said(app) == [*fired, "nothing", "nothing"]


def test_each_charge_counts_and_one_while_payments_fail_recovers_once(app: Flask, post: Post, clock: Clock) -> None:
    for word in ("RecurringPaymentSucceeded", "RecurringPaymentSucceeded", "RecurringPaymentFailed", "RecurringPaymentSucceeded"):
        clock.time += timedelta(days=30)
        post({"type": word})
    clock.time += timedelta(minutes=1)
    post({"type": "RecurringPaymentRecovered"})
    fired = ["subscription_charged", "subscription_charged", "subscription_charge_failed", "subscription_charged", "subscription_recovered"]
    assert said(app) == [*fired, "nothing"]


def test_a_checkout_that_names_the_recovery_need_not_have_told_of_failures(app: Flask, post: Post, clock: Clock) -> None:
    for _ in range(2):
        clock.time += timedelta(days=90)
        post({}, "subscription_charged")
        clock.time += timedelta(minutes=1)
        post({}, "subscription_recovered")
    assert said(app) == ["subscription_charged", "subscription_recovered"] * 2


def test_a_recovery_that_is_named_beside_its_charge_is_the_same_one(app: Flask, post: Post, clock: Clock) -> None:
    for trigger in ("subscription_charge_failed", "subscription_charged", "subscription_recovered"):
        clock.time += timedelta(hours=1)
        post({}, trigger)
    assert said(app) == ["subscription_charge_failed", "subscription_charged", "subscription_recovered", "nothing"]


def test_a_restart_that_is_named_counts_without_its_cancellation_one_that_is_guessed_does_not(app: Flask, post: Post, clock: Clock) -> None:
    for changes, trigger in (
        ({"type": "SubscriptionRestarted"}, ""),
        ({}, "subscription_restarted"),
        ({}, "subscription_restarted"),
        ({"type": "Cancel"}, ""),
        ({"type": "SubscriptionRestarted"}, ""),
    ):
        clock.time += timedelta(days=1)
        post(changes, trigger)
    assert said(app) == ["nothing", "subscription_restarted", "nothing", "subscription_canceled", "subscription_restarted"]


def test_what_fires_nothing_is_kept_and_says_so(app: Flask, post: Post) -> None:
    assert post({"type": "Lead Added"}).status_code == 200
    (entry,) = rows(app, LogEntry)
    assert (entry.status, entry.sentence) == ("nothing", "Nothing for Circle in it: no rule can be about this.")


@pytest.mark.parametrize(
    ("changes", "trigger", "says"),
    [
        ({"type": "Mystery"}, "", "type: “Mystery” is nothing that Cartwheel knows of SamCart."),
        ({"product": None}, "", "product: is missing"),
        ({}, "purchase_product", "trigger: “purchase_product”, at the end of the address, is no trigger"),
        (b"type=Order", "", "The body is not JSON"),
        (b'{"type": "Order", "product": {"id": "\\u0000"}, "customer": {"email": "a@b.test"}}', "", "product.id: has a character"),
        (b'{"type": "\\u0000\\ud83d"}', "", "type: “\ufffd\ufffd”"),
    ],
)
def test_what_is_not_understood_is_answered_200_kept_and_shown(
    app: Flask, post: Post, changes: dict[str, Any] | bytes, trigger: str, says: str
) -> None:
    answer = post(changes, trigger)
    assert answer.status_code == 200
    assert answer.json["errors"]  # type: ignore[index]
    (event,), (entry,) = rows(app, Event), rows(app, LogEntry)
    assert event.body == (changes if isinstance(changes, bytes) else json.dumps({**ORDER, **changes}).encode())
    assert entry.status == "not_understood"
    assert entry.sentence.startswith(says)


def test_get_head_and_an_empty_post_answer_200(app: Flask, client: FlaskClient, post: Post) -> None:
    for trigger in ("", "?trigger=product_purchased"):
        assert client.get(f"/webhooks/there{trigger}").status_code == 200
        assert client.head(f"/webhooks/there{trigger}").status_code == 200
    assert post(b"").status_code == 200
    assert rows(app, Event) == []


def test_its_key_is_in_no_page(app: Flask, write: Write, sign_in: SignIn, shop: Marketplace, post: Post) -> None:
    with write() as session:
        owner = factories.make_user(session, shop)
    post()
    post({"type": "Mystery"})
    post(b'{"type": "Order", "api_key": "sc-very-secret')
    client = sign_in(owner)
    for entry in rows(app, LogEntry):
        page = client.get(f"/logs/{entry.id}").text
        assert "sc-very-secret" not in page
        assert "•••" in page
        assert "Address checked" in page
    assert "sc-very-secret" not in client.get(PAGE).text + client.get("/logs").text


# ---- the settings


@pytest.fixture
def owner(write: Write) -> User:
    """The owner of a marketplace that has not switched SamCart on."""
    with write() as session:
        return factories.make_user(session, factories.make_marketplace(session, "Fresh Shop"))


@pytest.fixture
def client_in(owner: User, sign_in: SignIn) -> FlaskClient:
    return sign_in(owner)


def urls(page: str) -> dict[str, str]:
    """What can be copied, but for Cartwheel's own examples."""
    return {title: url for title, url in boxes(page).items() if title in {t.label for t in TRIGGERS.values()} | {"Without a trigger"}}


def test_it_is_switched_on_knowingly(app: Flask, client_in: FlaskClient) -> None:
    page = client_in.get(PAGE).text
    assert f'href="{ON}"' in page
    assert urls(page) == {}
    assert "Whoever knows that address can say that somebody bought" in client_in.get(ON).text
    assert rows(app, Source) == []
    assert client_in.post(ON).location == PAGE
    page = client_in.get(PAGE).text
    (source,) = rows(app, Source)
    assert (source.kind, source.secret, len(source.address)) == ("samcart", None, 43)
    here = f"http://localhost/webhooks/{source.address}"
    assert urls(page) == {
        **{trigger.label: f"{here}?trigger={trigger.key}" for trigger in TRIGGERS.values()},
        "Without a trigger": here,
    }
    assert "Nothing that comes here is signed: whoever knows this address" in html.unescape(page)
    assert f'href="{ON}"' not in page
    assert client_in.post(ON).location == PAGE
    assert [one.address for one in rows(app, Source)] == [source.address]


def test_every_address_on_the_page_works(app: Flask, client_in: FlaskClient) -> None:
    client_in.post(ON)
    for number, url in enumerate(urls(client_in.get(PAGE).text).values()):
        body = json.dumps({**ORDER, "customer": {"email": f"p{number}@shop.test"}})
        assert client_in.post(url.removeprefix("http://localhost"), data=body).status_code == 200
    assert set(said(app)) == set(TRIGGERS)
    page = client_in.get(PAGE).text
    part = page[page.index('id="came-samcart"') :]
    assert len(re.findall(r"<strong>[a-z_]+</strong>", part)) == 11
    assert "<strong>Order</strong>" in part


def test_another_address_ends_the_one_before(app: Flask, client_in: FlaskClient, post: Post, clock: Clock) -> None:
    client_in.post(ON)
    old = rows(app, Source)[-1].address
    assert post(to=old).status_code == 200
    assert "ends at once" in client_in.get(REPLACE).text
    assert client_in.post(REPLACE).location == PAGE
    new = rows(app, Source)[-1].address
    clock.time += MEMORY
    assert (old != new, post(to=old).status_code) == (True, 404)
    assert "duplicate" in (post(to=new).json or {})
    assert old not in client_in.get(PAGE).text


def test_it_can_be_switched_off_and_what_came_stays(app: Flask, client_in: FlaskClient, post: Post, clock: Clock) -> None:
    client_in.post(ON)
    address = rows(app, Source)[-1].address
    post(to=address)
    assert "nobody loses anything" in client_in.get(OFF).text
    assert client_in.post(OFF).location == PAGE
    clock.time += MEMORY
    assert post(to=address).status_code == 404
    assert len(rows(app, Event)) == 1
    (entry,) = rows(app, LogEntry)
    assert client_in.get(f"/logs/{entry.id}").status_code == 200
    assert f'href="{ON}"' in client_in.get(PAGE).text
    assert [one.address for one in rows(app, Source)] == ["there"]


def test_only_kinds_that_cannot_sign_and_only_ones_own(app: Flask, client_in: FlaskClient, shop: Marketplace) -> None:
    for kind in ("cartwheel", "shopify"):
        for verb in ("on", "replace", "remove"):
            assert client_in.get(f"{PAGE}/{kind}/{verb}").status_code == client_in.post(f"{PAGE}/{kind}/{verb}").status_code == 404
    for address in (REPLACE, OFF):
        assert client_in.get(address).status_code == client_in.post(address).status_code == 404
    assert "/webhooks/there" not in client_in.get(PAGE).text
    assert [one.address for one in rows(app, Source)] == ["there"]


def test_a_viewer_neither_changes_it_nor_sees_the_address(app: Flask, write: Write, sign_in: SignIn, shop: Marketplace) -> None:
    with write() as session:
        viewer = factories.make_user(session, shop, "viewer")
    client = sign_in(viewer)
    page = client.get(PAGE).text
    assert "Switched on." in page
    assert "/webhooks/there" not in page
    for address in (ON, REPLACE, OFF):
        assert client.get(address).status_code == client.post(address).status_code == 403
    assert [one.address for one in rows(app, Source)] == ["there"]
