"""What can happen, one function a kind of step. Each draws its details from the step's own dice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import timedelta
from random import Random

from sqlalchemy import select

from simulation.house import Crash
from simulation.scene import CLUB, MEMBER, PEOPLE, PLACES
from simulation.stage import STILL, Stage
from simulation.workers import RENEW_AFTER, Worker
from webapp.models import Customer, Lane, LogEntry, Rule

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
            stage.spoil(dice)
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
                stage.ledger.stand_still(id(job.work))
    stage.pass_time(length)


def weather(stage: Stage, dice: Random) -> None:
    """Answers are lost more often from now on, or never."""
    stage.weather = dice.choice((0.0, 0.0, 0.15, 0.5))


def redis(stage: Stage, dice: Random) -> None:
    """Redis is gone with all that it had, or back."""
    stage.redis, stage.rung = not stage.redis, False


def rule(stage: Stage, dice: Random) -> None:
    """The merchant makes a rule, or changes one. What was said of subscriptions before is there by then (docs/simulation.md)."""
    late = [letter for letter in stage.checkout.on_the_way if letter.about_subscription]
    for letter in dice.sample(late, len(late)):
        stage.deliver([letter])
    stage.checkout.since = len(stage.checkout.letters)
    _pass(stage, timedelta(seconds=5), dice)  # what is said from here on is later than all of that
    (stage.merchant.make if dice.random() < 0.4 else stage.merchant.change)(dice)
    stage.say(f"rules: {stage.merchant.standing()}")


def entry(stage: Stage, dice: Random) -> None:
    """The merchant replays an entry, skips one, or removes what was kept."""
    with stage.house.read() as session:
        rows = session.execute(
            select(LogEntry.id, LogEntry.target_id, Customer.email, Rule.target_id.label("now"))
            .join(Customer, Customer.id == LogEntry.customer_id)
            .join(Rule, Rule.id == LogEntry.rule_id, isouter=True)
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
        done = one.now in (None, one.target_id) and stage.merchant.replay(one.id)
        stage.ledger.doubt(one.email, [stage.named[one.target_id]])
    stage.ring()
    stage.say(f"{act}: {done}")


def integration(stage: Stage, dice: Random) -> None:
    """The merchant pauses the integration, resumes it, only watches, lets it call, gives it another key, refreshes its catalog."""
    merchant = stage.merchant
    acts: tuple[Callable[[], None], ...] = (
        lambda: merchant.pause(True), lambda: merchant.pause(False), lambda: merchant.watch(True), lambda: merchant.watch(False),
        merchant.replace_key, stage.refresh,
    )  # fmt: skip
    place = dice.randrange(len(acts))
    acts[place]()
    stage.ring()
    stage.upset = True
    stage.say(f"integration: {place}")


def hand(stage: Stage, dice: Random) -> None:
    """Somebody does something by hand in the community: removes a member, takes one in, puts one somewhere; or a member changes their e-mail."""
    email = dice.choice(list(PEOPLE))
    circle, address = stage.house.community, stage.addresses[email]
    if not stage.is_member(email):
        if dice.random() < 0.5:
            circle.add_member(address, PEOPLE[email])
            stage.put[email].add(MEMBER)
            stage.ledger.disturb(email)
        return
    act = dice.choice(("remove", "rename", "put"))
    if act == "remove":
        circle.remove_member(address)
        stage.given[email].clear()
        stage.put[email].clear()
        stage.disturb(email)
    elif act == "rename" and _is_known(stage, email):
        stage.addresses[email] = f"{len(stage.trace)}-{email}"
        circle.change_email(address, stage.addresses[email])
        stage.disturb(email)
    elif act == "put":
        place = dice.choice(stage.places())
        if place not in (stage.held(email) or ()):
            circle.put(address, stage.remote[place])
            stage.put[email].add(place)
            stage.ledger.disturb(email)
    stage.say(f"by hand: {act} {email}")


def _is_known(stage: Stage, email: str) -> bool:
    """Whether Cartwheel has heard of the member's id, by which alone it can find somebody under another address."""
    member = stage.house.community.state.active(stage.addresses[email])
    with stage.house.read() as session:
        known = session.scalar(select(Lane.member_id).join(Customer, Customer.id == Lane.customer_id).where(Customer.email == email))
    return member is not None and known == str(member.id)


def catalog(stage: Stage, dice: Random) -> None:
    """Somebody deletes a place in the community, gives one another name, or makes a new one. Cartwheel may hear of it or not."""
    act, place = dice.choice(("delete", "rename", "new")), dice.choice(stage.places())
    if act == "delete" and not stage.gone:
        stage.house.community.delete(stage.remote[place])
        stage.gone |= {place, *(one.name for one in PLACES if one.in_club and place == CLUB)}
        for email in PEOPLE:
            stage.ledger.disturb(email)
    elif act == "rename":
        stage.house.community.rename(stage.remote[place], f"{place} {len(stage.trace)}")
        stage.ledger.renamed = True
    elif act == "new":
        stage.names[stage.house.community.add_space(f"New {len(stage.trace)}")] = "new"
    stage.upset = True
    stage.say(f"catalog: {act} {place}")
    if dice.random() < 0.5:
        stage.refresh()


def mode(stage: Stage, dice: Random) -> None:
    """The community as a whole changes: its key dies, its plan or its limits end, it is down; or all is well again."""
    email = dice.choice(list(PEOPLE))
    kind = dice.choice(("dead", "plan", "day", "full", "blocked", "down", "owner", "billed", "well", "well", "well"))
    circle = stage.house.community
    if kind == "dead":
        circle.tokens[:] = []
    elif kind in ("owner", "billed"):
        member = circle.state.active(stage.addresses[email])
        if member is not None:
            setattr(member, kind, True)
    else:
        modes: Mapping[str, Mapping[str, object]] = {
            "plan": {"plan_without_api": True}, "day": {"daily_limit": 0}, "full": {"member_limit": 0},
            "blocked": {"blocked_domains": ["shop.test"]}, "down": {"trouble": "error"},
        }  # fmt: skip
        stage.set_modes(**modes.get(kind, {}))
    stage.upset = True
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
        happen, deliver, repeat, drain, claim, call, record, die, stop, seconds, hours, days, weather, redis, rule, entry, integration, hand,
        catalog, mode,
    )
}  # fmt: skip
