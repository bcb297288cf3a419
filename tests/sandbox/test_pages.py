"""The sandbox's pages: every form, with what it changes and what the page says then. Without a browser, so without JavaScript."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator, Mapping

import pytest
import requests

from sandbox.community import Community
from sandbox.demo import KEY, fill
from sandbox.messages import Webhook
from sandbox.pages import PAGES
from sandbox.server import CommunityServer, running
from sandbox.shop import Shop
from tests.sandbox.conftest import Clock

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NASTY = '<script>alert("1")</script>@example.com'


class Site:
    """The pages on a server, as a browser without JavaScript uses them."""

    def __init__(self, server: CommunityServer) -> None:
        self.server = server
        self.community, self.shop = server.community, server.shop
        self.answers: list[int] = []

    def get(self, path: str, status: int = 200) -> str:
        return self._read(requests.get(self.server.url + path, timeout=10), status)

    def post(self, path: str, status: int = 200, headers: Mapping[str, str] | None = None, **form: object) -> str:
        return self._read(requests.post(self.server.url + path, data=form, headers=headers, timeout=10), status)

    @staticmethod
    def _read(answer: requests.Response, status: int) -> str:
        assert answer.status_code == status, answer.text
        assert "'unsafe" not in answer.headers["Content-Security-Policy"]
        text = re.sub(r"<[^>]+>", " ", answer.text)
        return " ".join(html.unescape(text).split())

    def buy(self, email: str = "ines@example.com", status: int = 200, **form: str) -> str:
        return self.post("/checkout/buy", status, **{"email": email, "name": "Ines Moreau", "product": "ads-101", "bump": "", **form})

    def one(self, name: str) -> int:
        """The id of the only target of this name."""
        (found,) = [target.id for target in self.community.state.targets.values() if target.name == name]
        return found


@pytest.fixture
def site(clock: Clock) -> Iterator[Site]:
    community = Community(clock, tokens=(KEY,))
    fill(community)
    with running(community, shop=Shop(clock)) as server:
        yield Site(server)


@pytest.fixture
def connected(site: Site) -> Site:
    """The same, with a webhook that is this very server: it has no page for a webhook's address, and answers 404."""
    site.shop.where = lambda: Webhook(f"{site.server.url}/webhooks/a", SECRET)
    return site


def test_buying_makes_an_order_and_says_what_cartwheel_answered(connected: Site) -> None:
    page = connected.buy(bump="alumni")
    (order,) = connected.shop.orders.values()
    assert [(one.product_id, one.kind) for one in order.items] == [("ads-101", "primary"), ("alumni", "order_bump")]
    assert (order.buyer.email, order.buyer.first_name, order.buyer.last_name) == ("ines@example.com", "Ines", "Moreau")
    assert "Ines Moreau bought Ads 101 and Alumni Pass." in page
    assert "404" in page
    assert "Kept, and sent again at" in page


@pytest.mark.parametrize(
    ("status", "said", "words"),
    [
        (202, '{"event":"e","entries":1}', "Cartwheel took it: 1 log entry."),
        (202, '{"event":"e","entries":3}', "Cartwheel took it: 3 log entries."),
        (200, '{"event":"e","duplicate":true}', "Cartwheel had it already: nothing happens twice."),
        (204, "", "Cartwheel took it."),
        (422, '{"errors":[]}', 'Cartwheel refused it: {"errors":[]}'),
        (503, "Busy.", "Busy. Kept, and sent again at"),
    ],
)
def test_each_answer_of_cartwheel_in_words(connected: Site, status: int, said: str, words: str) -> None:
    connected.server.courier._post = lambda *_: (status, said)
    assert words in connected.buy()


def test_without_an_address_the_page_says_so_and_keeps_the_message(site: Site) -> None:
    assert "There is no webhook address yet" in site.buy()
    assert len(site.shop.messages) == 1


def test_the_form_comes_filled_with_somebody_new_each_time(connected: Site) -> None:
    first = connected.shop.somebody()
    answer = requests.get(connected.server.url + "/checkout", timeout=10).text
    assert f'value="{first.email}"' in answer
    connected.post("/checkout/buy", email=first.email, name=first.name, product="alumni", bump="")
    answer = requests.get(connected.server.url + "/checkout", timeout=10).text
    assert f'value="{first.email}"' not in answer
    assert f'value="{connected.shop.somebody().email}"' in answer


def test_a_form_that_makes_no_sense_keeps_what_was_typed(connected: Site) -> None:
    assert "An e-mail address has an @ in it." in connected.buy("ines", status=422)
    assert "They are buying that already." in connected.buy(bump="ads-101", status=422)
    answer = requests.post(
        connected.server.url + "/checkout/buy", data={"email": "ines", "name": "Ines X", "product": "alumni"}, timeout=10
    )
    assert 'value="Ines X"' in answer.text
    assert 'value="alumni" checked' in answer.text
    assert connected.shop.orders == {}
    assert "no product ads-102" in connected.buy(product="ads-102", status=404)


def test_refunds_in_part_and_in_full(connected: Site) -> None:
    connected.buy()
    (order,) = connected.shop.orders
    assert "Ads 101 was partly refunded to Ines Moreau." in connected.post("/checkout/refund", order=order, product="ads-101", part="half")
    page = connected.post("/checkout/refund", order=order, product="ads-101")
    assert "Ads 101 was refunded to Ines Moreau." in page
    assert "Refund half" not in page
    connected.post("/checkout/refund", order=order, product="ads-101")
    assert [one.type for one in connected.shop.messages.values()] == ["order.created", "order.refunded", "order.refunded"]
    connected.post("/checkout/refund", 404, order="none", product="ads-101")


def test_a_cart_is_left_and_bought_after_all(connected: Site) -> None:
    form = {"email": "ines@example.com", "name": "Ines Moreau", "product": "ads-101", "bump": "masterclass"}
    page = connected.post("/checkout/leave", **form)
    assert "Ines Moreau left Ads 101 in the cart." in page
    assert "Refund" not in page
    ((order, cart),) = connected.shop.orders.items()
    assert [one.product_id for one in cart.items] == ["ads-101"]
    page = connected.post("/checkout/come-back", order=order)
    assert "Ines Moreau bought Ads 101." in page
    assert "Come back and buy" not in page
    connected.post("/checkout/come-back", order=order)
    assert [one.type for one in connected.shop.messages.values()] == ["prospect.created", "order.created"]
    assert "An e-mail address has an @ in it." in connected.post("/checkout/leave", 422, **form | {"email": "ines"})
    connected.post("/checkout/leave", 404, **form | {"product": "ads-102"})


def test_what_happens_to_a_subscription(connected: Site) -> None:
    connected.buy(product="alumni")
    (order,) = connected.shop.orders
    subscription = {"order": order, "product": "alumni"}
    for step, told, state in (
        ("charge", "Ines Moreau paid another month of Alumni Pass.", "Subscription, active 2 payments"),
        ("fail", "A payment of Ines Moreau for Alumni Pass failed.", "Subscription, failing 2 payments · 1 failed since"),
        ("cancel", "The subscription of Ines Moreau to Alumni Pass was canceled.", "Subscription, canceled"),
        ("charge", "Checkout", "Subscription, canceled"),
        ("restart", "The subscription of Ines Moreau to Alumni Pass was restarted.", "Subscription, active"),
    ):
        page = connected.post("/checkout/subscription", step=step, **subscription)
        assert told in page
        assert state in page
        assert ("Restart Alumni Pass of" in page, "Cancel Alumni Pass of" in page) == (
            step != "restart" and "canceled" in state,
            "canceled" not in state,
        )
    assert len(connected.shop.messages) == 5, "what can't happen any more does not"
    connected.post("/checkout/subscription", 404, step="pause", **subscription)
    connected.post("/checkout/subscription", 404, step="charge", order=order, product="ads-101")


def test_a_story_is_played_and_its_progress_told(connected: Site) -> None:
    connected.server.courier._post = lambda *_: (202, '{"event":"e","entries":1}')
    answer = requests.post(connected.server.url + "/checkout/play", data={"story": "dunning"}, timeout=10)
    shown = answer.url.removeprefix(connected.server.url)
    assert "Playing: dunning, 45 days, with Ines Moreau. 1 of 6 messages told; the others follow by themselves." in connected.get(shown)
    connected.server.courier._post = lambda *_: (503, "Busy.")
    connected.server.courier.send_due()
    assert "with Ines Moreau. Busy. Kept, and sent again at" in connected.get(shown)
    connected.server.courier._post = lambda *_: (202, '{"event":"e","entries":1}')
    for message in list(connected.shop.messages):
        connected.server.courier.send(message)
    page = connected.get(shown)
    assert "Cartwheel took all 6 messages." in page
    assert "Order, 10 Oct 2026" in page, "each with the time at which it happened"
    assert "Play: abandoned cart" in page
    connected.post("/checkout/play", 404, story="war and peace")


def test_a_message_is_sent_again_by_hand(connected: Site) -> None:
    connected.server.courier._post = lambda *_: (202, "{}")
    connected.buy()
    (message,) = connected.shop.messages.values()
    connected.server.courier._post = lambda *_: (200, '{"duplicate":true}')
    assert "nothing happens twice" in connected.post("/checkout/send", message=message.id)
    assert message.sent == 2


def test_what_comes_from_outside_is_escaped(connected: Site) -> None:
    connected.community.add_member(NASTY, NASTY)
    connected.community.add_space(NASTY)
    connected.server.courier._post = lambda *_: (500, NASTY)
    connected.buy(NASTY, name=NASTY)
    for path in ("/checkout", "/community", "/community?q=%3Cscript%3E", "/community/spaces"):
        text = requests.get(connected.server.url + path, timeout=10).text
        assert "<script>" not in text
        assert "&lt;script&gt;" in text


def test_members_are_shown_with_what_they_hold_and_found_by_name(site: Site) -> None:
    page = site.get("/community?q=elif")
    assert "Elif Demir" in page
    assert "Space groups Start here Spaces VIP Room Founders’ Lounge Events VIP dinner in Berlin Tags VIP Founding member" in page
    assert "Ben Carter" not in page
    assert "Nobody here has “nobody”" in site.get("/community?q=nobody")
    assert "Elif Demir" in site.get("/community?q=&page=x")


def test_members_come_in_pages_the_newest_first(site: Site, clock: Clock) -> None:
    for number in range(60):
        clock.move(seconds=1)
        site.community.add_member(f"m{number}@example.com")
    first, second = site.get("/community"), site.get("/community?page=2")
    assert "m59@" in first
    assert "m19@" not in first
    assert "m19@" in second
    assert "Older" not in second


def test_a_member_changes_their_address(site: Site) -> None:
    known = site.community.state.by_email("elif.demir@example.org")
    assert known is not None
    at = f"/community/members/{known.id}"
    assert "has an @" in site.post(f"{at}/e-mail", 422, email="elif")
    assert "belongs to another member" in site.post(f"{at}/e-mail", 422, email="owner@example.com")
    assert "elif@new.example" in site.post(f"{at}/e-mail", email="elif@new.example")
    assert site.community.state.members[known.id].email == "elif@new.example"


def test_a_member_is_removed_by_hand(site: Site) -> None:
    known = site.community.state.by_email("elif.demir@example.org")
    assert known is not None
    site.post(f"/community/members/{known.id}/remove")
    assert "elif.demir@example.org" not in site.community.held()
    assert "not a member" in site.get(f"/community/members/{known.id}", 404)
    assert "not a member" in site.get("/community/members/elif", 404)


def test_places_are_added_and_deleted(site: Site) -> None:
    group = site.one("VIP Room") - 1
    for kind, name in {"space": "New space", "group": "New group", "event": "New event", "tag": "New tag"}.items():
        assert name in site.post("/community/spaces", kind=kind, name=name, group=group)
    assert site.community.state.targets[site.one("New space")].group == group
    assert "Give it a name." in site.post("/community/spaces", 422, kind="space", name=" ")
    site.post("/community/spaces", 404, kind="planet", name="Mars")
    site.post("/community/spaces", 400, kind="space", name="Lost", group="nowhere")
    space = site.one("VIP Room")
    assert "VIP Room" not in site.post(f"/community/spaces/{space}/delete")
    site.post(f"/community/spaces/{space}/delete")
    assert space not in site.community.held()["elif.demir@example.org"]


def call(site: Site, key: str = KEY) -> requests.Response:
    headers = {"Authorization": f"Bearer {key}", "Accept": "application/json"}
    return requests.get(site.server.api_url + "/community_members/search?email=ana@example.com", headers=headers, timeout=10)


def test_calls_are_shown_the_newest_first_without_their_key(site: Site) -> None:
    assert "None yet." in site.get("/community/calls")
    call(site)
    call(site, "wrong")
    page = site.get("/community/calls")
    assert page.index("401") < page.index("404 GET /community_members/search ana@example.com")
    assert "2 calls since the sandbox was started; 2 in all count" in page
    assert KEY not in page


def test_a_call_that_circle_does_not_know_is_told(site: Site) -> None:
    requests.get(site.server.api_url + "/nowhere", headers={"Authorization": f"Bearer {KEY}"}, timeout=10)
    assert "GET /nowhere: there is no such call" in site.get("/community/calls")


def test_a_key_is_deleted_and_a_new_one_shown_once(site: Site) -> None:
    page = site.get("/community/switches")
    assert f"••••{KEY[-4:]}" in page
    assert KEY not in page
    page = site.post(f"/community/keys/{KEY[-4:]}/delete")
    assert "My community has no API key that works." in page
    assert call(site).status_code == 401
    shown = re.search(r"sandbox-[0-9a-f]{24}", site.post("/community/keys"))
    assert shown is not None
    assert call(site, shown[0]).status_code == 404
    assert shown[0] not in site.get("/community/switches")


def test_the_plan_is_switched(site: Site) -> None:
    assert "is on a plan without the API" in site.post("/community/switches", switch="plan", plan="without")
    assert call(site).status_code == 403
    assert "The plan includes the API." in site.post("/community/switches", switch="plan", plan="with")
    assert call(site).status_code == 404


def test_trouble_begins_and_ends(site: Site, clock: Clock) -> None:
    assert "My community answers 503 until" in site.post("/community/switches", switch="trouble", trouble="error", lasts="1 minute")
    assert call(site).status_code == 503
    clock.move(minutes=1)
    assert "answers 503 until" not in site.get("/community/switches")
    assert call(site).status_code == 404
    assert "does not answer." in site.post("/community/switches", switch="trouble", trouble="hang", lasts="until I end it")
    assert site.community.modes.trouble == "hang"
    page = site.post("/community/switches", switch="trouble", trouble="none")
    assert "does not answer." not in page
    site.post("/community/switches", 422, switch="trouble", trouble="flood")
    site.post("/community/switches", 404, switch="weather")


def test_limits_are_set_and_lifted(site: Site) -> None:
    given = {"daily_limit": 0, "member_limit": 100, "rate_calls": 3, "rate_seconds": 60}
    page = site.post("/community/switches", switch="limits", **given)
    assert "takes in 0 new members a day; has room for 100 members; lets 3 calls through in 60 s" in page
    assert [call(site).status_code for _ in range(4)] == [404, 404, 404, 429]
    assert "not a whole number" in site.post("/community/switches", 422, switch="limits", daily_limit="-1")
    site.post("/community/switches", switch="limits", daily_limit="", member_limit="", rate_calls="", rate_seconds="")
    modes = site.community.modes
    assert (modes.daily_limit, modes.member_limit, modes.rate_calls, modes.rate_seconds) == (None, None, None, 300)


def test_everything_starts_afresh(site: Site) -> None:
    before = site.community.held()
    site.buy()
    site.community.add_member("new@example.com")
    site.post("/community/switches", switch="plan", plan="without")
    site.post("/community/reset")
    assert (site.community.held(), site.shop.orders, site.community.calls) == (before, {}, [])
    assert not site.community.modes.plan_without_api


def test_a_form_of_another_site_changes_nothing(site: Site) -> None:
    elsewhere = {"Origin": "http://elsewhere.example"}
    for method, path in PAGES:
        if method == "POST":
            assert "Another site sent this form" in site.post(path.replace("{id}", "1001"), 403, elsewhere, email="a@b.example")
    assert site.shop.orders == {}
    site.post("/community/keys", headers={"Origin": site.server.url})
    assert len(site.community.tokens) == 2


def test_what_is_not_there_is_a_page_too(site: Site) -> None:
    for path in ("/nowhere", "/static/../pages.py", "/static/nothing.css", "/checkout/buy", "/community/members/"):
        assert "Not found" in site.get(path, 404)
    assert "Checkout" in site.get("/")


@pytest.mark.parametrize("name", ["sandbox.css", "sandbox.js", "icon.svg"])
def test_static_files_come_with_their_type(site: Site, name: str) -> None:
    answer = requests.get(f"{site.server.url}/static/{name}", timeout=10)
    kinds = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, kinds[name.rpartition(".")[2]])


def test_links_to_cartwheel_where_it_is_known(clock: Clock) -> None:
    with running(Community(clock), shop=Shop(clock), cartwheel="http://cartwheel.test") as server:
        server.courier._post = lambda *_: (202, '{"entries":1}')
        server.shop.where = lambda: Webhook("http://cartwheel.test/webhooks/a", SECRET)
        form = {"email": "a+b@example.com", "product": "alumni", "bump": ""}
        text = requests.post(server.url + "/checkout/buy", data=form, timeout=10).text
        assert 'href="http://cartwheel.test/logs?q=a%2Bb%40example.com"' in text
