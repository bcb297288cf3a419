"""All that a run moves, together: the house with its workers, the checkout, the merchant, the community, and what is kept of them.

What happens is in acts.py; whether it was right, in checks.py.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import select

from sandbox.community import Fault, Modes
from simulation.checkout import Checkout, Letter
from simulation.house import Crash, House
from simulation.ledger import Held, Ledger
from simulation.merchant import Merchant
from simulation.scene import MEMBER, PEOPLE, PLACES
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
    """One run.

    `addresses`: where each customer is in the community; `given`: what they were given there before Cartwheel, and `put`: by hand since;
    `disturbed`: whose membership somebody ended or whose address changed, which only something that asks can find out. `rung`: the bell
    was heard; `weather`: how likely a call's answer is lost; `upset`: the community or the integration is, or was, not as it should be.
    """

    house: House
    dice: Random
    checkout: Checkout = field(default_factory=Checkout)
    trace: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    given: dict[str, set[str]] = field(default_factory=lambda: {email: set() for email in PEOPLE})
    put: dict[str, set[str]] = field(default_factory=lambda: {email: set() for email in PEOPLE})
    disturbed: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    redis: bool = True
    rung: bool = False
    weather: float = 0.0
    upset: bool = False
    turns: int = 0

    def __post_init__(self) -> None:
        targets = self.house.targets()
        self.remote = {name: int(row.remote_id) for name, row in targets.items() if name != MEMBER}
        self.names = {remote: name for name, remote in self.remote.items()}
        self.named = {row.id: name for name, row in targets.items()}
        self.merchant = Merchant(self.house, {name: row.id for name, row in targets.items()})
        self.ledger = Ledger(self.house.community, self.names)
        self.addresses = {email: email for email in PEOPLE}
        self.emails: dict[int, str] = {}
        self.workers = [Worker(self.house, f"worker {number}", self) for number in range(2)]

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
        email = self.email(work.customer_id)
        self.ledger.begin(id(work), email, self.held(email))
        others = [job for worker in self.workers for job in worker.jobs if job.work.lane_id == work.lane_id and job.work is not work]
        if any(self.now - job.since < CLAIM_FOR for job in others):
            self.faults.append(f"two workers hold the lane of {email}")
        self.say(f"claimed {email}")

    def calling(self, work: Work) -> bool:
        """Without Redis nobody counts the calls, and none is made. In bad weather its answer may be lost."""
        if self.redis and self.dice.random() < self.weather:
            self.spoil(self.dice)
        return self.redis

    def heard(self, work: Work, call: Call, answer: Answer) -> None:
        """A call was made."""
        self.say(f"{call.method} {call.path} {dict(call.query)} {call.body}: {answer.status} {answer.text[:120]}")
        if answer.sent:
            self.ledger.heard(id(work), self.house.community.calls[-1], answer, self.now)
        if self.house.community.violations:
            self.faults.append(f"not as Circle describes it: {self.house.community.violations[-1]}")

    def written(self, work: Work, over: bool) -> None:
        """What was made is committed."""
        self.ledger.committed(id(work))
        if over:
            self.ledger.finished(id(work), self.held(self.email(work.customer_id)))

    def dropped(self, work: Work) -> None:
        """A worker lost its work."""
        self.ledger.dropped(id(work))

    def spoil(self, dice: Random) -> None:
        """Let something go wrong with the next call."""
        applied = dice.random() < 0.5
        kind = dice.randrange(8)
        if kind == 7:
            self.house.wire.cut = True
            return
        faults = (
            Fault.error(dice.choice((500, 502, 503)), html=dice.random() < 0.5, applied=applied), Fault.cut(applied=applied),
            Fault.hang(30, applied=applied), Fault.page(applied=applied), Fault.rate_limited(dice.choice((0, 30))), Fault.empty(),
            Fault.error(504, applied=applied),
        )  # fmt: skip
        self.house.community.push(faults[kind])

    # ---- who is who

    def email(self, customer: int) -> str:
        """The e-mail of a customer."""
        if customer not in self.emails:
            with self.house.read() as session:
                self.emails[customer] = session.scalars(select(Customer.email).where(Customer.id == customer)).one()
        return self.emails[customer]

    def held(self, email: str) -> Held:
        """The names of what a customer holds in the community; None for who is no member."""
        member = self.house.community.state.active(self.addresses[email])
        return None if member is None else frozenset(self.names[one] for some in member.held.values() for one in some)

    def is_member(self, email: str) -> bool:
        """Whether they are a member now."""
        return self.house.community.state.active(self.addresses[email]) is not None

    def disturb(self, email: str) -> None:
        """Somebody ended a membership by hand, or changed their address: Cartwheel can't know before it calls."""
        self.disturbed.add(email)
        self.ledger.disturb(email)

    def set_modes(self, **modes: object) -> None:
        """How the community stands from now on, and what is not named as ever."""
        self.house.community.modes = Modes().changed(modes)

    def refresh(self) -> None:
        """The catalog is loaded anew."""
        self.house.refresh()
        self.ledger.renamed = False

    def places(self) -> list[str]:
        """The places that still exist."""
        return [place.name for place in PLACES if place.name not in self.gone]

    def say(self, line: str) -> None:
        """A line of the trace."""
        self.trace.append(f"{self.now:%m-%d %H:%M:%S} {line}")
