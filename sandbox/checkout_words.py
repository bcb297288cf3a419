"""What the checkout's page says: of what happened, and of what became of the messages about it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.messages import Message
from sandbox.orders import Order
from sandbox.web import clock

WORDS = {
    "order.created": "Order",
    "order.refunded": "Refund",
    "prospect.created": "Cart left",
    "subscription.charged": "Payment",
    "subscription.charge_failed": "Failed payment",
    "subscription.canceled": "Cancellation",
    "subscription.restarted": "Restart",
}
"""What each type of message is about."""

_TOLD = {
    "prospect.created": "{who} left {what} in the cart. That counts as abandoned once 2 hours have passed without a purchase.",
    "subscription.charged": "{who} paid another month of {what}.",
    "subscription.charge_failed": "A payment of {who} for {what} failed.",
    "subscription.canceled": "The subscription of {who} to {what} was canceled.",
    "subscription.restarted": "The subscription of {who} to {what} was restarted.",
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a message: the tone of its sign, a word or two, and a sentence."""

    tone: str
    word: str
    sentence: str


def told(message: Message, about: Order) -> str:
    """What happened of which this message tells."""
    if message.type == "order.created":
        return f"{about.buyer.name} bought {' and '.join(one.name for one in about.items)}."
    said = json.loads(message.body)["data"]
    what = about.item(said["product_id"]).name
    if message.type == "order.refunded":
        return f"{what} {'was refunded' if said['full'] else 'was partly refunded'} to {about.buyer.name}."
    return _TOLD[message.type].format(who=about.buyer.name, what=what)


def outcome(message: Message) -> Outcome:
    """What became of a message so far."""
    if not message.attempts:
        return Outcome("mute", "Sending", "Follows the one before it." if message.after else "On its way to Cartwheel.")
    last = message.attempts[-1]
    word = str(last.status) if last.status else "No answer"
    if last.arrived:
        return Outcome("ok", word, _welcomed(last.said))
    if message.due_at is None:
        return Outcome("bad", word, f"Cartwheel refused it: {last.said}")
    why = f"{last.said.rstrip('.')}. " if last.said and len(last.said) < 120 else ""
    return Outcome("wait", word, f"{why}Kept, and sent again at {clock(message.due_at)} (sent {message.sent} times so far).")


def progress(messages: Sequence[Message]) -> Outcome:
    """What became of a whole story so far: how much of it is told; where a message does not get through, what became of that one."""
    stuck = next((one for one in map(outcome, messages) if one.tone in ("bad", "wait")), None)
    if stuck is not None:
        return stuck
    arrived = sum(one.due_at is None for one in messages)
    if arrived < len(messages):
        return Outcome("mute", "Sending", f"{arrived} of {len(messages)} messages told; the others follow by themselves.")
    return Outcome("ok", "Told", f"Cartwheel took all {len(messages)} messages.")


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
