"""Whether a run was right: on its way after each step, and at its end, when nothing is left to do."""

from __future__ import annotations

from collections import Counter

from sqlalchemy import select

from simulation import reference
from simulation.scene import HOME, PEOPLE
from simulation.side import Side
from simulation.stage import Stage
from webapp.engine.work import WATCHED
from webapp.models import Customer, LogEntry, Product

ASLEEP = "SELECT count(*) FROM log_entries JOIN lanes ON lanes.id = open_lane_id WHERE lanes.due_at IS NULL"
MUTE = "SELECT count(*) FROM log_entries WHERE sentence = '' OR (status = 'failed' AND todo = '')"


def on_the_way(stage: Stage) -> list[str]:
    """What must be so at any time: whatever waits has a lane that somebody will look at."""
    asleep = stage.house.look(ASLEEP)
    return [f"{asleep} entries wait in lanes that nobody will look at"] if asleep else []


def all_ended(stage: Stage) -> list[str]:
    """When nothing is left to do every entry has ended, and each says what became of it; a failed one, what to do."""
    with stage.house.read() as session:
        waiting = session.execute(select(LogEntry.status, LogEntry.sentence).where(LogEntry.open_lane_id.is_not(None))).all()
    mute = stage.house.look(MUTE)
    found = [f"still {status}: {sentence}" for status, sentence in waiting]
    return found + ([f"{mute} entries have no sentence"] if mute else [])


def all_logged(stage: Stage) -> list[str]:
    """Everything that happened has an entry for each rule that it started."""
    with stage.house.read() as session:
        rows = session.execute(
            select(Customer.email, LogEntry.trigger, Product.external_id, LogEntry.rule_id)
            .join(Customer, Customer.id == LogEntry.customer_id)
            .join(Product, Product.id == LogEntry.product_id)
            .where(LogEntry.rule_id.is_not(None), LogEntry.replays_id.is_(None))
        )
        logged = Counter((email, trigger, product, rule) for email, trigger, product, rule in rows)
    happened = Counter(
        (email, fact.trigger, fact.said.product, rule.id)
        for email in PEOPLE
        for fact in reference.facts(stage.checkout.told(email))
        for rule in reference.asked(fact)
    )
    return [f"{count - logged[what]} of {count} entries are missing: {what}" for what, count in happened.items() if logged[what] < count]


def unfinished(stage: Stage) -> list[tuple[int, str, Side]]:
    """The entries that failed, were skipped or only watched, with their customers: what they asked for may not be so, rightly."""
    with stage.house.read() as session:
        rows = session.execute(
            select(LogEntry.id, Customer.email, LogEntry.integration_id)
            .join(Customer, Customer.id == LogEntry.customer_id)
            .where(LogEntry.status.in_(("failed", "skipped")) | (LogEntry.cause == WATCHED))
            .order_by(LogEntry.id)
        )
        return [(entry, email, stage.side(integration or 0)) for entry, email, integration in rows]


def community(stage: Stage, side: Side, email: str) -> list[str]:
    """Whether a customer holds in a community what they should, and nothing else.

    Free is what they had before Cartwheel, where no removal was ever meant for it or an add was; what somebody put them into by hand since;
    and a membership that came with nothing but places which are gone, or whose time is over and may have been when they were told of.
    """
    told, by_hand = stage.checkout.told(email), stage.merchant.by_hand[email]
    wishes = reference.wishes(told, by_hand, stage.now)
    should = {place for place in wishes.held if HOME[place] == side.member} - side.gone
    free = {place for place in side.given[email] if place in wishes.opened or place not in wishes.taken} | side.put[email] | {"new"}
    if side.member not in reference.wishes(told, by_hand, stage.now, side.gone).held:
        free.add(side.member)
    if should == {side.member} and side.member not in wishes.opened:
        free.add(side.member)
    held = side.held(email)
    has = {side.member, *held} if held is not None else set()
    wrong = (has ^ should) - free
    accounts = {email, side.addresses[email]} if email not in side.moved else set()
    twice = sum(side.community.state.active(address) is not None for address in accounts) > 1
    found = [f"{email} {'has' if place in has else 'lacks'} {place}; should hold {sorted(should)}" for place in sorted(wrong)]
    return [*found, f"{email} has two accounts"] if twice else found
