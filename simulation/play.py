"""One run: what is drawn step by step, and how it is all brought to an end.

Each step has dice of its own, so that a run from which steps are left out plays the others as before: that is how a failing one is shrunk.
"""

from __future__ import annotations

import hashlib
import traceback
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from sqlalchemy import case, func, select

from sandbox.answers import Answers
from simulation import checks, reference
from simulation.acts import ACTS
from simulation.house import build, key_of
from simulation.scene import ADDS, HOME, PEOPLE
from simulation.side import Side
from simulation.stage import Stage
from webapp.models import Customer, Integration, Lane, LogEntry

STEPS = {
    "happen": 40, "deliver": 30, "repeat": 4, "drain": 12, "claim": 5, "call": 9, "record": 7, "die": 2, "stop": 1, "seconds": 4,
    "hours": 6, "days": 4, "weather": 3, "redis": 2, "rule": 3, "entry": 4, "cancel": 6, "decide": 8, "move": 4,
    "integration": 3, "hand": 3, "catalog": 2, "mode": 3,
}  # fmt: skip
"""What may happen next, the likelier the larger the number."""

LENGTHS = (12, 20, 30)
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
            if stage.broken:
                break
        else:
            _end(stage, Random(f"end of {seed}"))
    except Exception as fault:
        stage.faults.append(f"{type(fault).__name__}: {fault} ({_where(fault)})")
    totals = Counter[str]()
    for side in stage.sides:
        totals.update(side.ledger.totals)
    return Outcome(seed, chosen, tuple(stage.broken), dict(totals), tuple(stage.trace))


def _where(fault: Exception) -> str:
    last = traceback.extract_tb(fault.__traceback__)[-1]
    return f"{last.filename.rpartition('/')[2]}:{last.lineno}"


def _begin(stage: Stage, dice: Random) -> None:
    """Which of the plausible Circles it is, the first rules, and who was in the communities before Cartwheel."""
    stage.merchant.begin(dice)
    answers = _answers(dice)
    for side in stage.sides:
        side.community.answers = answers
        for email, name in PEOPLE.items():
            if dice.random() < 0.3:
                side.community.add_member(email, name)
                places = dice.sample(side.places(), dice.randint(0, min(3, len(side.places()))))
                side.community.put(email, *(side.remote[place] for place in places))
                side.given[email] |= {side.member, *places}
        stage.say(f"{sorted((e, sorted(g)) for e, g in side.given.items())}")
    stage.say(f"{answers} {stage.merchant.standing()}")


def _answers(dice: Random) -> Answers:
    if dice.random() >= 0.6:
        return Answers()
    answers = Answers.drawn(dice).changed(TRACELESS)
    return answers.changed({"existing_invite": "201_message"}) if answers.existing_invite == "201_plain" else answers


def _end(stage: Stage, dice: Random) -> None:
    """Everything arrives, all that was wrong is over, time goes by until nothing is left to do. Then the merchant sees to what failed."""
    stage.dice, stage.weather = dice, 0.0
    for letter in dice.sample(stage.checkout.on_the_way, len(stage.checkout.on_the_way)):
        stage.deliver([letter])
    _all_is_well(stage, dice)
    _settle(stage, dice)
    stage.faults += [*checks.all_ended(stage), *checks.all_logged(stage)]
    failed = {(email, side.member) for _, email, side in checks.unfinished(stage)}
    odd = failed | {(email, side.member) for side in stage.sides for email in side.disturbed}
    for side in stage.sides:
        for email in PEOPLE:
            if (email, side.member) not in odd:
                stage.faults += checks.community(stage, side, email)
    if odd and not stage.faults:
        _end_of_the_odd(stage, dice)
    _tell_end(stage)


def _end_of_the_odd(stage: Stage, dice: Random) -> None:
    """Where something failed, or somebody had a hand in it, the merchant sees to it."""
    unasked = _see_to_the_rest(stage)
    _settle(stage, dice)
    stage.faults += checks.all_ended(stage)
    for side in stage.sides:
        for email in PEOPLE:
            if (email, side.member) not in unasked:
                stage.faults += checks.community(stage, side, email)


def _tell_end(stage: Stage) -> None:
    """What the log says in the end goes into the trace."""
    with stage.house.read() as session:
        rows = session.execute(select(LogEntry.id, LogEntry.status, LogEntry.sentence).order_by(LogEntry.id))
        for _, status, sentence in rows:
            stage.say(f"{status}: {sentence}")


def _all_is_well(stage: Stage, dice: Random) -> None:
    """The communities are up, their keys good, their limits far; the workers live and Redis is back; nothing is paused."""
    stage.redis = True
    for side in stage.sides:
        side.community.clear_faults()
        side.wire.cut = False
        side.set_modes()
        for member in side.community.state.members.values():
            member.owner = member.billed = False
    for worker in stage.workers:
        if dice.random() < 0.5:
            worker.record(dice.random())
        worker.die()
    for side in stage.sides:
        _put_right(stage, side)


def _put_right(stage: Stage, side: Side) -> None:
    """The merchant sees to an integration as far as it needs it."""
    with stage.house.read() as session:
        row = session.get_one(Integration, side.integration)
        paused, watched, key = row.paused_at is not None, row.watch_only, key_of(row.credentials)
        dead = row.attention is not None or key not in side.community.tokens
    if watched:
        stage.merchant.watch(side.integration, False)
    if paused:
        stage.merchant.pause(side.integration, False)
    if dead:
        stage.merchant.replace_key(side.integration, side.community.tokens)
    if side.stale:
        side.refresh()


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
    held = case((Integration.hold_until > Lane.due_at, Integration.hold_until), else_=Lane.due_at)
    with stage.house.read() as session:
        due: datetime | None = session.scalar(
            select(func.min(held)).select_from(Lane).join(Integration, Integration.id == Lane.integration_id)
        )
        return due


def _see_to_the_rest(stage: Stage) -> set[tuple[str, str]]:
    """The merchant replays what failed, was skipped or only watched; and for whom somebody had a hand in it, one thing that they should hold.

    Gives those for whom there is no such thing, by the side's membership: what became of them nobody has asked.
    """
    stage.house.now += timedelta(hours=25)
    for entry, email, side in checks.unfinished(stage):
        stage.merchant.replay(entry)
        side.ledger.doubt(email)
    return {(email, side.member) for side in stage.sides for email in sorted(side.disturbed) if not _ask_again(stage, side, email)}


def _ask_again(stage: Stage, side: Side, email: str) -> bool:
    """Whether there was something to ask for again, or nothing that they should hold."""
    held = reference.wishes(stage.checkout.told(email), stage.merchant.by_hand[email], stage.now).held
    targets = [stage.merchant.targets[place] for place in sorted(held - side.gone) if HOME[place] == side.member]
    with stage.house.read() as session:
        asked = session.scalars(
            select(LogEntry.id)
            .join(Customer, Customer.id == LogEntry.customer_id)
            .where(Customer.email == email, LogEntry.target_id.in_(targets), LogEntry.action.in_(ADDS.values()))
            .order_by(LogEntry.id.desc())
        ).all()
    side.ledger.disturb(email)
    return any(stage.merchant.replay(entry) for entry in asked) or not targets
