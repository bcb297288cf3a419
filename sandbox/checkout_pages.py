"""The checkout's page: buy, refund, and what Cartwheel answered to each message."""

from __future__ import annotations

import json
from dataclasses import dataclass
from urllib.parse import urlencode

from sandbox.messages import Message
from sandbox.people import Buyer
from sandbox.shop import PRODUCTS, Order
from sandbox.web import Request, Response, Site, clock, page, see

SHOWN = 40
"""Orders on the page; the newest come first."""
WORDS = {"order.created": "Order", "order.refunded": "Refund"}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: the tone of its sign, a word or two, and a sentence."""

    tone: str
    word: str
    sentence: str


def show(site: Site, request: Request) -> Response:
    """`GET /checkout`. `said` in the address names the message that the last button made."""
    return _page(site, said=request.query.get("said", ""))


def buy(site: Site, request: Request) -> Response:
    """`POST /checkout/buy`."""
    first, _, last = request.text("name").partition(" ")
    buyer = Buyer(request.text("email"), first, last.strip())
    product, bump = request.text("product"), request.text("bump")
    if "@" not in buyer.email or len(buyer.email) > 254:
        return _page(site, buyer, product, bump, errors={"email": "An e-mail address has an @ in it."})
    if bump == product:
        return _page(site, buyer, product, bump, errors={"bump": "They are buying that already. Choose another one, or none."})
    with site.box.open():
        message = site.box.shop.buy(buyer, product, bump)
    return _sent(site, message)


def refund(site: Site, request: Request) -> Response:
    """`POST /checkout/refund`. What is not left to refund, because the button was pressed twice, is not refunded again."""
    with site.box.open():
        try:
            message = site.box.shop.refund(request.text("order"), request.text("product"), full=request.text("part") != "half")
        except ValueError:
            return see("/checkout")
    return _sent(site, message)


def send(site: Site, request: Request) -> Response:
    """`POST /checkout/send`: a message once more, as it was."""
    with site.box.open():
        message = site.box.shop.again(request.text("message"))
    return _sent(site, message)


def outcome(message: Message) -> Outcome:
    """What became of a message so far."""
    if not message.attempts:
        return Outcome("mute", "Sending", "On its way to Cartwheel.")
    last = message.attempts[-1]
    word = str(last.status) if last.status else "No answer"
    if last.arrived:
        return Outcome("ok", word, _welcomed(last.said))
    if message.due_at is None:
        return Outcome("bad", word, f"Cartwheel refused it: {last.said}")
    why = f"{last.said.rstrip('.')}. " if last.said and len(last.said) < 120 else ""
    return Outcome("wait", word, f"{why}Kept, and sent again at {clock(message.due_at)} (sent {message.sent} times so far).")


def _welcomed(said: str) -> str:
    """Cartwheel's answer to a message that it took."""
    try:
        found = json.loads(said)
        if found.get("duplicate"):
            return "Cartwheel had it already: nothing happens twice."
        entries = int(found["entries"])
    except (ValueError, KeyError, TypeError, AttributeError):
        return "Cartwheel took it."
    return f"Cartwheel took it: {entries} log {'entry' if entries == 1 else 'entries'}."


def _sent(site: Site, message: Message) -> Response:
    site.courier.send(message.id)
    return see(f"/checkout?{urlencode({'said': message.id})}")


def _page(
    site: Site, buyer: Buyer | None = None, product: str = "", bump: str = "", *, said: str = "", errors: dict[str, str] | None = None
) -> Response:
    with site.box.open():
        shop = site.box.shop
        orders = list(shop.orders.values())[::-1]
        message = shop.messages.get(said)
        return page(
            site,
            "checkout.html",
            status=422 if errors else 200,
            buyer=buyer or shop.somebody(),
            chosen=product or next(iter(PRODUCTS)),
            bump=bump,
            errors=errors or {},
            products=list(PRODUCTS.values()),
            orders=[(one, shop.about(one.id)) for one in orders[:SHOWN]],
            total=len(orders),
            said=message,
            told=_told(message, shop.orders.get(message.order)) if message else "",
            email=shop.orders[message.order].buyer.email if message else "",
            outcome=outcome,
            words=WORDS,
        )


def _told(message: Message, order: Order | None) -> str:
    """What the last button did."""
    if order is None:
        return ""
    if message.type == "order.created":
        return f"{order.buyer.name} bought {' and '.join(one.name for one in order.items)}."
    refunded = json.loads(message.body)["data"]
    how = "was refunded" if refunded["full"] else "was partly refunded"
    return f"{order.item(refunded['product_id']).name} {how} to {order.buyer.name}."
