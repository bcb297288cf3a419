"""Whole stories with time moved forward: what happened over days is told in a moment, in order, each message with the time it happened."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sandbox.messages import Message
from sandbox.people import Buyer
from sandbox.shop import Shop


@dataclass(frozen=True, slots=True)
class Story:
    """One story: `told` says what happens in it, `days` how long ago it began."""

    title: str
    told: str
    days: int
    tell: Callable[[Shop, Buyer, datetime], list[Message]]

    def play(self, shop: Shop) -> list[Message]:
        """Let it happen to somebody made up, up to now. Gives its messages; each waits until the one before it has arrived."""
        told = self.tell(shop, shop.somebody(), shop.now() - timedelta(days=self.days))
        shop.one_after_the_other(told)
        return told


def _dunning(shop: Shop, buyer: Buyer, start: datetime) -> list[Message]:
    """The first payment is due after a month. The fourth failed one in a row ends the subscription, until one succeeds."""
    bought = shop.buy(buyer, "alumni", at=start)
    failed = [shop.fail(bought.order, "alumni", start + timedelta(days=day)) for day in (30, 33, 37, 41)]
    return [bought, *failed, shop.charge(bought.order, "alumni", start + timedelta(days=45))]


def _abandoned_cart(shop: Shop, buyer: Buyer, start: datetime) -> list[Message]:
    """The two hours of a prospect have long passed when the purchase comes."""
    left = shop.leave(buyer, "ads-101", start)
    return [left, shop.come_back(left.order, start + timedelta(days=1))]


STORIES: Mapping[str, Story] = {
    "dunning": Story(
        "dunning, 45 days",
        "Somebody subscribes to Alumni Pass. A month later four payments fail in a row, and then one succeeds.",
        45,
        _dunning,
    ),
    "cart": Story("abandoned cart", "Somebody leaves Ads 101 in the cart, and comes back to buy it a day later.", 1, _abandoned_cart),
}
"""By the name that a form sends."""
