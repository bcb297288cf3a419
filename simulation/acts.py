"""What can happen, one function a kind of step. Each draws its details from the step's own dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from random import Random

from sqlalchemy import select

from simulation import reference
from simulation.house import Crash
from simulation.merchant import LIKED
from simulation.scene import HOME, MEMBER, PEOPLE
from simulation.side import Side
from simulation.stage import STILL, Stage
from simulation.workers import RENEW_AFTER, Worker
from webapp.models import Customer, Lane, LogEntry

Act = Callable[[Stage, Random], None]


def happen(stage: Stage, dice: Random) -> None:
    """Something happens at the checkout."""
    stage.checkout.happen(dice, stage.now)


def deliver(stage: Stage, dice: Random) -> None:
    """Some letters arrive, in any order; or the process dies at it; or they came, and the checkout does not know."""
    waiting = stage.checkout.on_the_way
    if waiting:
        chosen = dice.sample(waiting, min(len(waiting), dice.choice((1, 1, 1, 2, 4))))
        stage.deliver(chosen, crash=dice.random() < 0.1)
        if dice.random() < 0.1:
            repeat(stage, dice)


def repeat(stage: Stage, dice: Random) -> None:
    """A letter comes once more."""
    taken = [letter for letter in stage.checkout.letters if letter.times]
    if taken:
        stage.deliver([dice.choice(taken)])


def drain(stage: Stage, dice: Random) -> None:
    """A worker does all that is due, if it was called."""
    if stage.rung and stage.redis:
        dice.choice(stage.workers).drain(dice.random)
        stage.rung = False
        stage.tick()


def claim(stage: Stage, dice: Random) -> None:
    """A worker takes some lanes; it may die at it."""
    if stage.rung:
        _or_die(
            stage, dice.choice(stage.workers), lambda worker: worker.claim(dice.choice((1, 2, 8)), dice.random(), crash=dice.random() < 0.1)
        )


def call(stage: Stage, dice: Random) -> None:
    """A worker makes a call, whose answer may be lost. What it holds for long it holds on to first."""
    worker = dice.choice(stage.workers)
    if any(stage.now - job.since > RENEW_AFTER for job in worker.jobs):
        worker.record(dice.random())
    ready = [job for job in worker.jobs if job.ready]
    if ready:
        if dice.random() < 0.35:
            stage.spoil(dice.choice(stage.sides), dice)
        worker.call(dice.choice(ready))


def record(stage: Stage, dice: Random) -> None:
    """A worker writes down what it did, unless it dies before the commit, or after it."""
    worker = dice.choice(stage.workers)
    _or_die(stage, worker, lambda one: one.record(dice.random(), crash=dice.random() < 0.2))
    if dice.random() < 0.1:
        die(stage, dice)


def die(stage: Stage, dice: Random) -> None:
    """A worker is killed."""
    dice.choice(stage.workers).die()
    stage.say("a worker was killed")


def stop(stage: Stage, dice: Random) -> None:
    """A worker is told to stop, and gives back what it has."""
    dice.choice(stage.workers).give_back(dice.random())


def seconds(stage: Stage, dice: Random) -> None:
    """Some seconds pass."""
    _pass(stage, timedelta(seconds=dice.choice((1, 5, 10, 30, 70))), dice)


def hours(stage: Stage, dice: Random) -> None:
    """Some hours pass."""
    _pass(stage, timedelta(hours=dice.choice((0.2, 1, 2, 3, 12, 25))), dice)


def days(stage: Stage, dice: Random) -> None:
    """Some days pass, or weeks."""
    _pass(stage, timedelta(days=dice.choice((1, 2, 3, 4, 15, 31))), dice)


def _pass(stage: Stage, length: timedelta, dice: Random) -> None:
    """A worker that has work in hand all that time has died, or stood still and finds itself overtaken."""
    for worker in stage.workers:
        if worker.jobs and length > STILL:
            if dice.random() < 0.5:
                worker.die()
            for job in worker.jobs:
                stage.side(job.work.seat.id).ledger.stand_still(id(job.work))
    stage.pass_time(length)


def weather(stage: Stage, dice: Random) -> None:
    """Answers are lost more often from now on, or never."""
    stage.weather = dice.choice((0.0, 0.0, 0.15, 0.5))


def redis(stage: Stage, dice: Random) -> None:
    """Redis is gone with all that it had, or back."""
    stage.redis, stage.rung = not stage.redis, False


def rule(stage: Stage, dice: Random) -> None:
    """The merchant makes a rule, or changes one. What was said of subscriptions before is there by then (docs/simulation.md)."""
    stage.deliver_steps(dice)
    _pass(stage, timedelta(seconds=5), dice)  # what is said from here on is later than all of that
    (stage.merchant.make if dice.random() < 0.4 else stage.merchant.change)(dice)
    stage.say(f"rules: {stage.merchant.standing()}")


def entry(stage: Stage, dice: Random) -> None:
    """The merchant replays an entry, skips one, or removes what was kept."""
    with stage.house.read() as session:
        rows = session.execute(
            select(LogEntry.id, LogEntry.target_id, LogEntry.integration_id, Customer.email)
            .join(Customer, Customer.id == LogEntry.customer_id)
            .where(LogEntry.lane_id.is_not(None))
            .order_by(LogEntry.id)
        ).all()
    if not rows:
        return
    one, act = dice.choice(rows), dice.choice(("replay", "skip", "remove_anyway", "remove_anyway"))
    if act == "remove_anyway":
        done = any(stage.merchant.remove_anyway(row.id) for row in reversed(rows))
    elif act == "skip":
        done = stage.merchant.skip(one.id)
    else:
        done = stage.merchant.replay(one.id)
        side, place = stage.side(one.integration_id), stage.named[one.target_id]
        side.ledger.doubt(one.email, [MEMBER if place == side.member else place])
    stage.ring()
    stage.say(f"{act}: {done}")


def cancel(stage: Stage, dice: Random) -> None:
    """The merchant cancels what waits for its time. What was said of subscriptions before is there by then (docs/simulation.md)."""
    with stage.house.read() as session:
        due = select(LogEntry.id).where(LogEntry.due_at > stage.now, LogEntry.status == "queued").order_by(LogEntry.id)
        entries = session.scalars(due).all()
    if not entries:
        return
    stage.deliver_steps(dice)
    done = stage.merchant.cancel(dice.choice(entries))
    if done:
        email, about, mark = done
        rules = reference.waiting(stage.checkout.told(email), about, stage.named[mark.target_id], mark.at)
        stage.merchant.by_hand[email].canceled.append(replace(about, rules=rules))
        stage.faults += [] if rules else [f"canceled what nothing waits for: {about}"]
    stage.say(f"cancel: {done is not None}")


def decide(stage: Stage, dice: Random) -> None:
    """The merchant grants a customer something by hand, takes something away, or leaves it to purchases again; and may think better of it."""
    with stage.house.read() as session:
        known = session.scalars(select(Customer.email).order_by(Customer.id)).all()
    if not known:
        return
    email, place = dice.choice(known), dice.choice(LIKED)
    for _ in range(dice.randint(1, 3)):
        about = place if dice.random() < 0.6 else HOME[place]
        stage.say(f"decided: {stage.merchant.decide(dice, email, about)} {about} {email}")
    stage.ring()


def move(stage: Stage, dice: Random) -> None:
    """The merchant says that a customer is in a community under another address, where an account may be already; or under their own."""
    side, email = dice.choice(stage.sides), dice.choice(list(PEOPLE))
    address = email if dice.random() < 0.25 else f"{len(stage.trace)}.{email}"
    if address != side.addresses[email] and stage.merchant.move(side.integration, email, address):
        if address != email and dice.random() < 0.4:
            side.community.add_member(address, PEOPLE[email])
            side.community.put(address, *(side.remote[place] for place in dice.sample(side.places(), dice.randint(0, len(side.places())))))
        side.move(email, address)
        stage.ring()
    stage.say(f"moved to {address}")


def integration(stage: Stage, dice: Random) -> None:
    """The merchant pauses an integration, resumes it, only watches, lets it call, gives it another key, refreshes its catalog."""
    merchant, side = stage.merchant, dice.choice(stage.sides)
    acts: tuple[Callable[[], None], ...] = (
        lambda: merchant.pause(side.integration, True), lambda: merchant.pause(side.integration, False),
        lambda: merchant.watch(side.integration, True), lambda: merchant.watch(side.integration, False),
        lambda: merchant.replace_key(side.integration, side.community.tokens), side.refresh,
    )  # fmt: skip
    place = dice.randrange(len(acts))
    acts[place]()
    stage.ring()
    stage.say(f"integration: {place}")


def hand(stage: Stage, dice: Random) -> None:
    """Somebody does something by hand in a community: removes a member, takes one in, puts one somewhere; or a member changes their e-mail."""
    side, email = dice.choice(stage.sides), dice.choice(list(PEOPLE))
    circle, account = side.community, side.account(email)
    if account is None:
        if dice.random() < 0.5:
            circle.add_member(side.addresses[email], PEOPLE[email])
            side.put[email].add(side.member)
            side.ledger.disturb(email)
        return
    act, address = dice.choice(("remove", "rename", "put")), account.email
    if act == "remove":
        circle.remove_member(address)
        side.given[email].clear()
        side.put[email].clear()
        side.disturb(email)
    elif act == "rename" and _is_known(stage, side, email):
        side.addresses[email] = f"{len(stage.trace)}-{email}"
        circle.change_email(address, side.addresses[email])
        side.disturb(email)
    elif act == "put":
        place = dice.choice(side.places())
        if place not in (side.held(email) or ()):
            circle.put(address, side.remote[place])
            side.put[email].add(place)
            side.ledger.disturb(email)
    stage.say(f"by hand: {act} {email}")


def _is_known(stage: Stage, side: Side, email: str) -> bool:
    """Whether Cartwheel has heard of the member's id, by which alone it can find somebody under another address."""
    member = side.account(email)
    with stage.house.read() as session:
        mine = select(Lane.member_id).join(Customer, Customer.id == Lane.customer_id)
        known = session.scalar(mine.where(Customer.email == email, Lane.integration_id == side.integration))
    return member is not None and known == str(member.id)


def catalog(stage: Stage, dice: Random) -> None:
    """Somebody deletes a place in a community, gives one another name, or makes a new one. Cartwheel may hear of it or not."""
    side = dice.choice(stage.sides)
    act, place = dice.choice(("delete", "rename", "new")), dice.choice(side.places())
    if act == "delete" and not side.gone:
        side.delete(place)
    elif act == "rename":
        side.community.rename(side.remote[place], f"{place} {len(stage.trace)}")
        side.ledger.renamed = True
    elif act == "new":
        side.names[side.community.add_space(f"New {len(stage.trace)}")] = "new"
    side.stale = True
    stage.say(f"catalog: {act} {place}")
    if dice.random() < 0.5:
        side.refresh()


def mode(stage: Stage, dice: Random) -> None:
    """A community as a whole changes: its key dies, its plan or its limits end, it is down; or all is well again."""
    side, email = dice.choice(stage.sides), dice.choice(list(PEOPLE))
    kind = dice.choice(("dead", "plan", "day", "full", "blocked", "down", "owner", "billed", "well", "well", "well"))
    if kind == "dead":
        side.community.tokens[:] = []
    elif kind in ("owner", "billed"):
        member = side.account(email)
        if member is not None:
            setattr(member, kind, True)
    else:
        modes: Mapping[str, Mapping[str, object]] = {
            "plan": {"plan_without_api": True}, "day": {"daily_limit": 0}, "full": {"member_limit": 0},
            "blocked": {"blocked_domains": ["shop.test"]}, "down": {"trouble": "error"},
        }  # fmt: skip
        side.set_modes(**modes.get(kind, {}))
    stage.say(f"the community: {kind}")


def _or_die(stage: Stage, worker: Worker, act: Callable[[Worker], object]) -> None:
    try:
        act(worker)
    except Crash:
        worker.die()
        stage.say("a worker died before its commit")


ACTS: Mapping[str, Act] = {
    act.__name__: act
    for act in (
        happen, deliver, repeat, drain, claim, call, record, die, stop, seconds, hours, days, weather, redis, rule, entry, cancel, decide, move,
        integration, hand, catalog, mode,
    )
}  # fmt: skip
