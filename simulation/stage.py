"""All that a run moves, together: the house with its workers, the checkout, the merchant, the two communities, and what is kept of them.

What happens is in acts.py; whether it was right, in checks.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select

from sandbox.community import Fault
from simulation.checkout import Checkout, Letter
from simulation.house import Crash, House
from simulation.merchant import Merchant
from simulation.scene import HOME
from simulation.side import Side
from simulation.workers import CLAIM_FOR, Worker
from webapp.apps import Answer, Call
from webapp.engine import lanes
from webapp.engine.intake import Arrival, Taken, take
from webapp.engine.repeats import told_apart
from webapp.engine.work import Work
from webapp.models import Customer

STILL = timedelta(seconds=20)
"""A call with its answer takes no longer."""


@dataclass
class Stage:
    """One run. `rung`: the bell was heard; `weather`: how likely a call's answer is lost."""

    house: House
    dice: Random
    checkout: Checkout = field(default_factory=Checkout)
    trace: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    redis: bool = True
    rung: bool = False
    weather: float = 0.0
    turns: int = 0

    def __post_init__(self) -> None:
        house, targets = self.house, self.house.targets()
        remote = {name: int(row.remote_id) for name, row in targets.items() if HOME[name] != name}
        self.sides = [
            Side(house, member, integration, community, house.wires[integration], {n: r for n, r in remote.items() if HOME[n] == member})
            for (member, integration), community in zip(house.integrations.items(), house.communities.values(), strict=True)
        ]  # fmt: skip
        self.named = {row.id: name for name, row in targets.items()}
        self.merchant = Merchant(house, {name: row.id for name, row in targets.items()})
        self.emails: dict[int, str] = {}
        self.workers = [Worker(house, f"worker {number}", self) for number in range(2)]

    def side(self, integration: int) -> Side:
        """The side of this integration."""
        return next(side for side in self.sides if side.integration == integration)

    # ---- time and the bell

    @property
    def now(self) -> datetime:
        """The time."""
        return self.house.now

    def pass_time(self, length: timedelta) -> None:
        """Time goes by; then the clock looks whether there is work."""
        self.house.now += length
        self.tick()

    def tick(self) -> None:
        """The clock: is anything due → ring."""
        with self.house.read() as session:
            if lanes.waiting(session, self.now):
                self.ring()

    def ring(self) -> None:
        """There is work; with Redis gone nobody hears it."""
        self.rung = self.rung or self.redis

    # ---- messages

    def deliver(self, letters: list[Letter], crash: bool = False) -> list[Taken]:
        """Letters come in together, in one transaction, as the desk takes them. Nothing where it crashes before the commit."""
        house = self.house
        arrivals = [Arrival(house.marketplace, house.source, letter.read(self.now), letter.body) for letter in letters]
        try:
            with house.write(crash) as session:
                taken = take(session, told_apart(session, arrivals, self.now), house.snapshots, self.now, house.new_id)
        except Crash:
            self.say("crashed before the commit")
            return []
        for letter, what in zip(letters, taken, strict=True):
            self._arrived(letter, what)
        self.ring()
        return taken

    def deliver_steps(self, dice: Random) -> None:
        """All that was said about subscriptions so far arrives, and is told no more."""
        late = [letter for letter in self.checkout.on_the_way if letter.about_subscription]
        for letter in dice.sample(late, len(late)):
            self.deliver([letter])
        self.checkout.since = len(self.checkout.letters)

    def _arrived(self, letter: Letter, taken: Taken) -> None:
        if taken.duplicate is not bool(letter.times) or (taken.entries > 0) is taken.duplicate:
            self.faults.append(f"{letter.key} came for the {letter.times + 1}. time: {taken}")
        if not letter.times:
            self.turns += 1
            letter.turn, letter.rules = self.turns, self.merchant.standing()
        letter.times += 1
        self.say(f"took {letter.key} {letter.lines[0].word}: {taken.entries}")

    # ---- what workers do

    def begun(self, work: Work) -> None:
        """A lane was claimed: nobody else may hold it."""
        email, side = self.email(work.customer_id), self.side(work.seat.id)
        side.ledger.begin(id(work), email, side.held(email))
        others = [job for worker in self.workers for job in worker.jobs if job.work.lane_id == work.lane_id and job.work is not work]
        if any(self.now - job.since < CLAIM_FOR for job in others):
            self.faults.append(f"two workers hold the lane of {email}")
        self.say(f"claimed {email}")

    def calling(self, work: Work) -> bool:
        """Without Redis nobody counts the calls, and none is made. In bad weather its answer may be lost."""
        if self.redis and self.dice.random() < self.weather:
            self.spoil(self.side(work.seat.id), self.dice)
        return self.redis

    def heard(self, work: Work, call: Call, answer: Answer) -> None:
        """A call was made."""
        side = self.side(work.seat.id)
        self.say(f"{call.method} {call.path} {dict(call.query)} {call.body}: {answer.status} {answer.text[:120]}")
        if answer.sent:
            side.ledger.heard(id(work), side.community.calls[-1], answer, self.now)
        if side.community.violations:
            self.faults.append(f"not as Circle describes it: {side.community.violations[-1]}")

    def written(self, work: Work, over: bool) -> None:
        """What was made is committed."""
        side = self.side(work.seat.id)
        side.ledger.committed(id(work))
        if over:
            side.ledger.finished(id(work), side.held(self.email(work.customer_id)))

    def dropped(self, work: Work) -> None:
        """A worker lost its work."""
        self.side(work.seat.id).ledger.dropped(id(work))

    def spoil(self, side: Side, dice: Random) -> None:
        """Let something go wrong with the next call."""
        applied = dice.random() < 0.5
        kind = dice.randrange(8)
        if kind == 7:
            side.wire.cut = True
            return
        faults = (
            Fault.error(dice.choice((500, 502, 503)), html=dice.random() < 0.5, applied=applied), Fault.cut(applied=applied),
            Fault.hang(30, applied=applied), Fault.page(applied=applied), Fault.rate_limited(dice.choice((0, 30))), Fault.empty(),
            Fault.error(504, applied=applied),
        )  # fmt: skip
        side.community.push(faults[kind])

    # ---- who is who

    def email(self, customer: int) -> str:
        """The e-mail of a customer."""
        if customer not in self.emails:
            with self.house.read() as session:
                self.emails[customer] = session.scalars(select(Customer.email).where(Customer.id == customer)).one()
        return self.emails[customer]

    @property
    def broken(self) -> list[str]:
        """All that was wrong so far."""
        return [*self.faults, *(fault for side in self.sides for fault in side.ledger.faults)]

    def say(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.now:%m-%d %H:%M:%S} {line}")
