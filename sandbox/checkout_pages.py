"""The checkout's page: buy, leave, refund, subscriptions, whole stories, and what Cartwheel answered to each message."""

from __future__ import annotations

from urllib.parse import urlencode

from sandbox.checkout_words import WORDS, Outcome, outcome, progress, told
from sandbox.messages import Message
from sandbox.orders import PRODUCTS
from sandbox.people import Buyer
from sandbox.shop import Shop
from sandbox.stories import STORIES
from sandbox.web import Request, Response, Site, page, see

SHOWN = 40
"""Orders on the page; the newest come first."""
STEPS = {"charge": Shop.charge, "fail": Shop.fail, "cancel": Shop.cancel, "restart": Shop.restart}
"""What can happen to a subscription, by the name that a form sends."""


def show(site: Site, request: Request) -> Response:
    """`GET /checkout`. `said` in the address names the message that the last button made, `played` the story that it began."""
    return _page(site, said=request.query.get("said", ""), played=request.query.get("played", ""))


def buy(site: Site, request: Request) -> Response:
    """`POST /checkout/buy`."""
    product, bump = request.text("product"), request.text("bump")
    buyer, wrong = _buyer(request)
    if wrong:
        return _page(site, buyer, product, bump, errors=wrong)
    if bump == product:
        return _page(site, buyer, product, bump, errors={"bump": "They are buying that already. Choose another one, or none."})
    with site.box.open():
        message = site.box.shop.buy(buyer, product, bump)
    return _sent(site, message)


def leave(site: Site, request: Request) -> Response:
    """`POST /checkout/leave`: who fills in the form goes away without buying."""
    buyer, wrong = _buyer(request)
    if wrong:
        return _page(site, buyer, request.text("product"), request.text("bump"), errors=wrong)
    with site.box.open():
        message = site.box.shop.leave(buyer, request.text("product"))
    return _sent(site, message)


def come_back(site: Site, request: Request) -> Response:
    """`POST /checkout/come-back`: what was left in the cart is bought. Not twice, because the button was pressed twice."""
    with site.box.open():
        try:
            message = site.box.shop.come_back(request.text("order"))
        except ValueError:
            return see("/checkout")
    return _sent(site, message)


def refund(site: Site, request: Request) -> Response:
    """`POST /checkout/refund`. What is not left to refund, because the button was pressed twice, is not refunded again."""
    with site.box.open():
        try:
            message = site.box.shop.refund(request.text("order"), request.text("product"), full=request.text("part") != "half")
        except ValueError:
            return see("/checkout")
    return _sent(site, message)


def step(site: Site, request: Request) -> Response:
    """`POST /checkout/subscription`: the next thing that happens to one. What can't any more is left alone."""
    happens = STEPS.get(request.text("step"))
    if happens is None:
        raise LookupError(f"Nothing of that kind happens to a subscription: “{request.text('step')}”.")
    with site.box.open():
        try:
            message = happens(site.box.shop, request.text("order"), request.text("product"))
        except ValueError:
            return see("/checkout")
    return _sent(site, message)


def play(site: Site, request: Request) -> Response:
    """`POST /checkout/play`: a whole story. Its first message is sent at once; the courier sends the others one after the other."""
    name = request.text("story")
    if name not in STORIES:
        raise LookupError(f"There is no story “{name}”.")
    with site.box.open():
        first = STORIES[name].play(site.box.shop)[0]
    return _sent(site, first, played=name)


def send(site: Site, request: Request) -> Response:
    """`POST /checkout/send`: a message once more, as it was."""
    with site.box.open():
        message = site.box.shop.again(request.text("message"))
    return _sent(site, message)


def _buyer(request: Request) -> tuple[Buyer, dict[str, str]]:
    """Who the form says is buying, and what is wrong with it."""
    first, _, last = request.text("name").partition(" ")
    buyer = Buyer(request.text("email"), first, last.strip())
    fine = "@" in buyer.email and len(buyer.email) <= 254
    return buyer, {} if fine else {"email": "An e-mail address has an @ in it."}


def _sent(site: Site, message: Message, **more: str) -> Response:
    site.courier.send(message.id)
    return see(f"/checkout?{urlencode({'said': message.id, **more})}")


def _page(
    site: Site,
    buyer: Buyer | None = None,
    product: str = "",
    bump: str = "",
    *,
    said: str = "",
    played: str = "",
    errors: dict[str, str] | None = None,
) -> Response:
    with site.box.open():
        shop = site.box.shop
        orders = list(shop.orders.values())[::-1]
        happened, came, email = _happened(shop, said, played)
        return page(
            site,
            "checkout.html",
            status=422 if errors else 200,
            buyer=buyer or shop.somebody(),
            chosen=product or next(iter(PRODUCTS)),
            bump=bump,
            errors=errors or {},
            products=list(PRODUCTS.values()),
            stories=STORIES,
            played=played if played in STORIES else "",
            orders=[(one, shop.about(one.id)) for one in orders[:SHOWN]],
            total=len(orders),
            happened=happened,
            came=came,
            email=email,
            outcome=outcome,
            words=WORDS,
            now=shop.now(),
        )


def _happened(shop: Shop, said: str, played: str) -> tuple[str, Outcome | None, str]:
    """What the last button did, what Cartwheel answered, and to whom it happened. Empty where no button was pressed."""
    message = shop.messages.get(said)
    about = shop.orders.get(message.order) if message else None
    if message is None or about is None:
        return "", None, ""
    story = STORIES.get(played)
    if story is None:
        return told(message, about), outcome(message), about.buyer.email
    return f"Playing: {story.title}, with {about.buyer.name}.", progress(shop.about(about.id)), about.buyer.email
