"""One run: what is drawn step by step, and how it is all brought to an end.

Each step has dice of its own, so that a run from which steps are left out plays the others as before: that is how a failing one is shrunk.
"""

from __future__ import annotations

import hashlib
import traceback
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import func, select

from sandbox.answers import Answers
from simulation import checks, reference
from simulation.acts import ACTS
from simulation.house import build
from simulation.scene import ADDS, MEMBER, PEOPLE
from simulation.stage import Stage
from webapp.models import Customer, Integration, Lane, LogEntry

STEPS = {
    "happen": 40, "deliver": 30, "repeat": 4, "drain": 12, "claim": 5, "call": 9, "record": 7, "die": 2, "stop": 1, "seconds": 4,
    "hours": 6, "days": 4, "weather": 3, "redis": 2, "rule": 3, "entry": 4, "integration": 3, "hand": 3, "catalog": 2, "mode": 3,
}  # fmt: skip
"""What may happen next, the likelier the larger the number."""

LENGTHS = (10, 18, 30)
"""How many steps a run has."""

TRACELESS = {"invite_deleted_id": "404", "reinvite_restores": False}
"""Where another answer leaves no trace of what it did, a story of several steps has no right end."""

ROUNDS = 300
"""How often time is moved on at the end; more means that it never ends."""


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens. `dice`: what its details are drawn with."""

    place: int
    kind: str
    dice: int


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a run: what was wrong, the account of its calls, its trace."""

    seed: int
    steps: tuple[Step, ...]
    faults: tuple[str, ...]
    totals: dict[str, int]
    trace: tuple[str, ...]

    @property
    def hash(self) -> str:
        """The same for the same run, on any machine."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()[:16]


def steps(seed: int) -> tuple[Step, ...]:
    """What happens in the run of a seed."""
    dice = Random(f"steps of {seed}")
    drawn = dice.choices(list(STEPS), list(STEPS.values()), k=dice.choice(LENGTHS))
    return tuple(Step(place, kind, dice.getrandbits(48)) for place, kind in enumerate(drawn))


def run(seed: int, only: Collection[int] | None = None) -> Outcome:
    """Play a seed; `only`: these of its steps."""
    chosen = tuple(step for step in steps(seed) if only is None or step.place in only)
    stage = Stage(build(), Random(f"all of {seed}"))
    try:
        _begin(stage, Random(f"beginning of {seed}"))
        for step in chosen:
            stage.dice = Random(step.dice)
            stage.say(step.kind)
            ACTS[step.kind](stage, stage.dice)
            stage.faults += checks.on_the_way(stage)
            if stage.faults or stage.ledger.faults:
                break
        else:
            _end(stage, Random(f"end of {seed}"))
    except Exception as fault:
        stage.faults.append(f"{type(fault).__name__}: {fault} ({_where(fault)})")
    return Outcome(seed, chosen, (*stage.faults, *stage.ledger.faults), stage.ledger.totals, tuple(stage.trace))


def _where(fault: Exception) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno}"


def _begin(stage: Stage, dice: Random) -> None:
    """Which of the plausible Circles it is, the first rules, and who was in the community before Cartwheel."""
    circle = stage.house.community
    if dice.random() < 0.6:
        circle.answers = Answers.drawn(dice).changed(TRACELESS)
        if circle.answers.existing_invite == "201_plain":
            circle.answers = circle.answers.changed({"existing_invite": "201_message"})
    stage.merchant.begin(dice)
    for email, name in PEOPLE.items():
        if dice.random() < 0.3:
            circle.add_member(email, name)
            places = dice.sample(stage.places(), dice.randint(0, 3))
            circle.put(email, *(stage.remote[place] for place in places))
            stage.given[email] |= {MEMBER, *places}
    stage.say(f"{circle.answers} {stage.merchant.standing()} {sorted((e, sorted(g)) for e, g in stage.given.items())}")


def _end(stage: Stage, dice: Random) -> None:
    """Everything arrives, all that was wrong is over, time goes by until nothing is left to do. Then the merchant sees to what failed."""
    stage.dice, stage.weather = dice, 0.0
    for letter in dice.sample(stage.checkout.on_the_way, len(stage.checkout.on_the_way)):
        stage.deliver([letter])
    _all_is_well(stage, dice)
    _settle(stage, dice)
    stage.faults += [*checks.all_ended(stage), *checks.all_logged(stage)]
    excused = {email for _, email in checks.unfinished(stage)} | stage.disturbed
    for email in PEOPLE:
        if email not in excused:
            stage.faults += checks.community(stage, email)
    if stage.faults:
        return
    _see_to_the_rest(stage, dice)
    _settle(stage, dice)
    stage.faults += checks.all_ended(stage)
    for email in PEOPLE:
        stage.faults += checks.community(stage, email)
    with stage.house.read() as session:
        rows = session.execute(select(LogEntry.id, LogEntry.status, LogEntry.sentence).order_by(LogEntry.id))
        for _, status, sentence in rows:
            stage.say(f"{status}: {sentence}")


def _all_is_well(stage: Stage, dice: Random) -> None:
    """The community is up, its key good, its limits far; the workers live and Redis is back; nothing is paused."""
    circle = stage.house.community
    circle.clear_faults()
    stage.house.wire.cut = False
    stage.set_modes()
    for member in circle.state.members.values():
        member.owner = member.billed = False
    stage.redis = True
    for worker in stage.workers:
        if dice.random() < 0.5:
            worker.record(dice.random())
        worker.die()
    if stage.upset:
        stage.merchant.watch(False)
        stage.merchant.pause(False)
        stage.merchant.replace_key()
        stage.refresh()


def _settle(stage: Stage, dice: Random) -> None:
    """Work, and let time go by to what is due next, until nothing is."""
    for _ in range(ROUNDS):
        stage.tick()
        stage.workers[0].drain(dice.random)
        stage.rung = False
        due = _next(stage)
        if due is None:
            return
        stage.house.now = max(due, stage.now + timedelta(milliseconds=1))
    raise AssertionError("it never comes to rest")


def _next(stage: Stage) -> datetime | None:
    """When something is due next; None where nothing ever will be."""
    with stage.house.read() as session:
        due = session.scalar(select(func.min(Lane.due_at)))
        held = session.scalar(select(Integration.hold_until))
    return max(due, held) if due is not None and held is not None else due


def _see_to_the_rest(stage: Stage, dice: Random) -> None:
    """The merchant replays what failed, was skipped or only watched; and for whom somebody had a hand in it, one thing that they should hold."""
    stage.house.now += timedelta(hours=25)
    for entry, email in checks.unfinished(stage):
        stage.merchant.replay(entry)
        stage.ledger.doubt(email)
    for email in sorted(stage.disturbed):
        should = reference.wishes(stage.checkout.told(email), stage.merchant.by_hand.get(email, ()), stage.now).held - stage.gone
        targets = [stage.merchant.targets[place] for place in sorted(should)]
        with stage.house.read() as session:
            asked = session.scalars(
                select(LogEntry.id)
                .join(Customer, Customer.id == LogEntry.customer_id)
                .where(Customer.email == email, LogEntry.target_id.in_(targets), LogEntry.action.in_(ADDS.values()))
                .order_by(LogEntry.id.desc())
            ).all()
        stage.ledger.disturb(email)
        if not any(stage.merchant.replay(entry) for entry in asked) and should:
            stage.disturbed.discard(email)
