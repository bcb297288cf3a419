"""A checkout: what happens there, drawn from dice, and the messages that tell it, signed as a real one signs them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from random import Random

from simulation.reference import STEPS, Rule, Said
from simulation.scene import PEOPLE, PRODUCTS
from webapp.sources import Line, Message, NotUnderstood, Person, Request
from webapp.sources.cartwheel import CARTWHEEL, signed

SECRET = "whsec_c2ltdWxhdGlvbi1zaW11bGF0aW9uLXNpbXVsYXRpb24="  # noqa: S105  it signs for a simulation alone
WORDS = ("charged", "charged", "charge_failed", "charge_failed", "charge_failed", *STEPS)
PAYMENTS = 3
"""After so many a limited subscription is completed."""


@dataclass(slots=True)
class Letter:
    """A message: what it says, a line for each product, its bytes, and how often it came. `turn`: as the how manieth it was taken first."""

    key: str
    lines: tuple[Said, ...]
    body: bytes
    times: int = 0
    turn: int = 0
    rules: tuple[Rule, ...] = ()

    @property
    def about_subscription(self) -> bool:
        """Whether it is one step of a subscription's history."""
        return self.lines[0].word in STEPS

    def read(self, now: datetime) -> Message:
        """What Cartwheel's own source makes of it, with its signature. What names nothing but a product comes from another source."""
        if self.lines[0].is_bare:
            return _bare(self.lines[0])
        headers = {**signed(SECRET, self.key, now, self.body), "content-type": "application/json"}
        found = CARTWHEEL.read(Request(self.body, headers, {}, (SECRET,)), now)
        if found is None or isinstance(found, NotUnderstood):
            raise AssertionError(f"not understood: {found}")
        return found

    def said(self) -> list[Said]:
        """Its lines, with what stood when it was taken."""
        return [replace(line, turn=self.turn, rules=self.rules) for line in self.lines]


@dataclass
class Sold:
    """A product that somebody bought: its order, and its subscription where it has one."""

    email: str
    product: str
    order: str | None
    subscription: str | None
    payments: int = 1


@dataclass
class Checkout:
    """All that happened there. `on_the_way`: what has not been taken yet; `since`: the letters before were sent under other rules."""

    letters: list[Letter] = field(default_factory=list)
    sold: list[Sold] = field(default_factory=list)
    since: int = 0

    @property
    def on_the_way(self) -> list[Letter]:
        """Letters that nobody has taken yet."""
        return [letter for letter in self.letters if not letter.times]

    def told(self, email: str) -> list[Said]:
        """Everything that has arrived about a customer, each letter once."""
        return [said for letter in self.letters if letter.times for said in letter.said() if said.email == email]

    def happen(self, dice: Random, now: datetime) -> None:
        """Something happens, and a letter about it is on the way."""
        email = dice.choice(list(PEOPLE))
        act = dice.choices((self._order, self._refund, self._prospect, self._step, self._dunning, self._again), (32, 14, 9, 30, 4, 11))[0]
        act(dice, email, now)

    def _order(self, dice: Random, email: str, now: datetime) -> None:
        order = f"o{len(self.letters)}"
        if dice.random() < 0.12:
            self.sold.append(Sold(email, dice.choice(PRODUCTS), None, None))
            self._send(dice, [Said("", now, email, "order.created", self.sold[-1].product)])
            return
        lines = []
        for product in dice.sample(PRODUCTS, dice.choice((1, 1, 2))):
            renewed = [s.subscription for s in self._mine(email) if s.product == product and s.subscription]
            subscription = dice.choice((None, f"s{len(self.letters)}{product}", *renewed[-1:]))
            self.sold.append(Sold(email, product, order, subscription))
            lines.append(Said("", now, email, "order.created", product, order=order, subscription=subscription))
        self._send(dice, lines)

    def _refund(self, dice: Random, email: str, now: datetime) -> None:
        mine = self._mine(email)
        sold = dice.choice(mine) if mine and dice.random() < 0.75 else Sold(email, dice.choice(PRODUCTS), "of-old", None)
        if sold.order is None and dice.random() < 0.7:  # here it is told which order it was, in a way
            sold = replace(sold, order="of-old")
        number = len(self.letters)
        self._send(dice, [
            Said("", now, email, "order.refunded", sold.product, order=sold.order, full=dice.random() < 0.75,
                 refund=dice.choice((None, f"r{number}"))),
        ])  # fmt: skip

    def _prospect(self, dice: Random, email: str, now: datetime) -> None:
        self._send(dice, [Said("", now, email, "prospect.created", dice.choice(PRODUCTS), prospect=f"p{len(self.letters)}")])

    def _step(self, dice: Random, email: str, now: datetime, word: str = "") -> None:
        mine = [s for s in self._mine(email) if s.subscription]
        if not mine or dice.random() < 0.1:
            mine = [Sold(email, dice.choice(PRODUCTS), "", f"s-of-old-{email[0]}")]
        one = dice.choice(mine)
        line = Said("", now, email, word or dice.choice(WORDS), one.product, subscription=one.subscription)
        if line.word == "charged" and dice.random() < 0.5:
            one.payments += 1
            line = replace(line, number=one.payments, total=dice.choice((None, PAYMENTS)))
        elif line.word == "canceled" and dice.random() < 0.6:
            line = replace(line, access_until=now + timedelta(days=dice.choice((-1, 2, 20))))
        self._send(dice, [line])

    def _dunning(self, dice: Random, email: str, now: datetime) -> None:
        """Payments fail in a row; a real checkout takes days for it, and may tell it all at once after a failure of its own."""
        for place in range(dice.choice((3, 4))):
            self._step(dice, email, now + timedelta(seconds=place), "charge_failed")

    def _again(self, dice: Random, email: str, now: datetime) -> None:
        """The same in another message, perhaps with another time."""
        known = [
            x for place, x in enumerate(self.letters) if x.lines[0].email == email and (place >= self.since or not x.about_subscription)
        ]
        if known:
            letter = dice.choice(known)
            by = timedelta(minutes=dice.choice((0, 0, -10, 10)))
            self._send(dice, [replace(line, at=min(line.at + by, now)) for line in letter.lines])

    def _mine(self, email: str) -> list[Sold]:
        return [sold for sold in self.sold if sold.email == email]

    def _send(self, dice: Random, lines: Sequence[Said]) -> None:
        key = f"{dice.choice('abcxyz')}{len(self.letters)}"  # of two at the same time either may be the larger
        said = tuple(replace(line, key=key) for line in lines)
        address = dice.choice((said[0].email, said[0].email.title(), f" {said[0].email}"))
        self.letters.append(Letter(key, said, json.dumps(_written(said, address)).encode()))


def _bare(said: Said) -> Message:
    """What a list of past purchases says, or a checkout that does not tell which order it means."""
    kind = "purchased" if said.word == "order.created" else "refunded" if said.full else "partially_refunded"
    return Message(
        said.key, said.word, said.at, Person(said.email, PEOPLE[said.email].split()[0]), (Line(kind, said.product, ref=said.refund),)
    )


def _written(said: Sequence[Said], address: str) -> dict[str, object]:
    """The message as Cartwheel's own format has it."""
    first = said[0]
    customer = {"email": address, "first_name": PEOPLE[first.email].split()[0]}
    data: dict[str, object] = {"customer": customer}
    if first.word == "order.created":
        items = [{"product_id": line.product, "subscription_id": line.subscription} for line in said]
        data |= {"order_id": first.order, "items": items}
    else:
        data["product_id"] = first.product
    if first.word == "order.refunded":
        data |= {"order_id": first.order, "refund_id": first.refund, "full": first.full}
    elif first.word == "prospect.created":
        data["prospect_id"] = first.prospect
    elif first.word in STEPS:
        data["subscription_id"] = first.subscription
        data |= {"charge_number": first.number, "charges_total": first.total} if first.word == "charged" else {}
        data |= {"access_until": first.access_until.isoformat()} if first.access_until else {}
    kind = f"subscription.{first.word}" if first.word in STEPS else first.word
    return {"type": kind, "timestamp": first.at.isoformat(), "data": data}
