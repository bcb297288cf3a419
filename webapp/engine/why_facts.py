"""Reads what is known of one customer and one target, for `why` to say why they have it or have it not. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Action
from webapp.apps.registry import APPS
from webapp.engine import explain, integrations, records, states
from webapp.engine.access import Verdict, desired
from webapp.engine.integrations import PAUSED
from webapp.engine.why import Asked, Believed, Facts, Halt, Happened, Offer, Why, why
from webapp.models import Customer, Event, Happening, Holding, Integration, Lane, LogEntry, Marketplace, Product, Rule, Target

MOST = 200
"""How many entries are looked at, the newest."""


def ask(session: Session, customer: Customer, target: Target, now: datetime) -> Why:
    """Why the customer has this target, or has it not. The entries that it names are there to be opened."""
    found = why(read(session, customer, target, now))
    there = set(session.scalars(select(LogEntry.id).where(LogEntry.id.in_(found.entries))))
    return Why(found.cause, found.sentence, tuple(dict.fromkeys(one for one in found.entries if one in there)))


def read(session: Session, customer: Customer, target: Target, now: datetime) -> Facts:
    """All that is known."""
    integration = session.get_one(Integration, target.integration_id)
    marketplace = session.get_one(Marketplace, customer.marketplace_id)
    lane = session.scalar(select(Lane).where(Lane.customer_id == customer.id, Lane.integration_id == integration.id))
    verdict = _verdict(session, lane, target, now)
    state = states.state(integration, APPS[integration.app])
    held_up = integration.hold_until is not None and integration.hold_until > now
    return Facts(
        who=customer.first_name or customer.email,
        kind=target.kind,
        name=target.name,
        gone_at=target.gone_at,
        integration=integration.name,
        app=APPS[integration.app].name,
        zone=marketplace.time_zone,
        now=now,
        verdict=verdict,
        causes=explain.causes(session, explain.marks(verdict)),
        believed=_believed(session, lane, target),
        asked=_asked(session, customer, integration, target),
        offers=_offers(session, target, integration),
        happened=_happened(session, customer),
        halts=_halts(session, integration),
        running=lane is not None and lane.claimed_until is not None and lane.claimed_until > now,
        way={"attention": "attention", "paused": PAUSED}.get(state.key, "hold" if held_up else ""),
        way_sentence=state.sentence or f"{APPS[integration.app].name} asked for a pause.",
    )


def _verdict(session: Session, lane: Lane | None, target: Target, now: datetime) -> Verdict:
    if lane is None:
        return Verdict(False)
    record = records.load(session, [lane.id], grounds=True)[lane.id]
    return desired(record, now).get(target.id, Verdict(False)) if record.marks else Verdict(False)


def _believed(session: Session, lane: Lane | None, target: Target) -> Believed:
    """Who is no member holds nothing."""
    if lane is None:
        return Believed()
    rows = session.execute(
        select(Target.kind, Holding)
        .join(Target, Target.id == Holding.target_id)
        .where(Holding.lane_id == lane.id, or_(Holding.target_id == target.id, Target.kind == MEMBERSHIP))
    )
    found = {(MEMBERSHIP if kind == MEMBERSHIP else ""): holding for kind, holding in rows}
    member, mine = found.get(MEMBERSHIP), found.get("") if target.kind != MEMBERSHIP else found.get(MEMBERSHIP)
    decides = member if member is not None and member.held == "not_held" else mine
    return Believed(decides.held, decides.since, decides.word) if decides is not None else Believed()


def _asked(session: Session, customer: Customer, integration: Integration, target: Target) -> Sequence[Asked]:
    """The entries about the target; and what a check has seen of the membership, without which there is nothing."""
    memberships = select(Target.id).where(Target.integration_id == integration.id, Target.kind == MEMBERSHIP)
    about = or_(LogEntry.target_id == target.id, LogEntry.target_id.in_(memberships) & LogEntry.action.is_(None))
    rows = session.scalars(
        select(LogEntry)
        .where(LogEntry.customer_id == customer.id, LogEntry.integration_id == integration.id, about)
        .order_by(LogEntry.id.desc())
        .limit(MOST)
    )
    actions = APPS[integration.app].actions
    return [
        Asked(
            row.id, row.status, _adds(actions.get(row.action or "")), row.cause, row.sentence, row.at, row.finished_at,
            row.due_at, row.open_lane_id is not None, bool((row.details or {}).get("kept")), row.attempts,
        )
        for row in rows
    ]  # fmt: skip


def _adds(action: Action | None) -> bool | None:
    return action.adds if action is not None else None


def _offers(session: Session, target: Target, integration: Integration) -> Sequence[Offer]:
    """The rules that give the target, those that were deleted as well."""
    gives = [action.key for action in APPS[integration.app].actions.values() if action.adds]
    rows = session.scalars(select(Rule).where(Rule.integration_id == integration.id, Rule.target_id == target.id, Rule.action.in_(gives)))
    return [Offer(row.trigger, row.product_id, row.created_at, row.off_at, row.deleted_at) for row in rows]


def _happened(session: Session, customer: Customer) -> Sequence[Happened]:
    """What happened to the customer, with the entry that said that no rule was about it, where there is one."""
    rows = session.execute(
        select(Happening, Product.name, func.coalesce(Event.received_at, Happening.at))
        .join(Product, Product.id == Happening.product_id)
        .join(Event, Event.id == Happening.event_id, isouter=True)
        .where(Happening.customer_id == customer.id, Happening.refuted.is_(False))
    ).all()
    silent = select(LogEntry.happening_id, LogEntry.id).where(LogEntry.customer_id == customer.id, LogEntry.status == "no_rule")
    entries: dict[int | None, int] = dict(session.execute(silent).all())
    return [
        Happened(one.trigger, one.product_id, name, one.at, known_at, entries.get(one.id)) for one, name, known_at in rows
    ]  # fmt: skip


def _halts(session: Session, integration: Integration) -> Sequence[Halt]:
    return [Halt(row.reason, row.since, row.until) for row in integrations.stops(session, integration.id)]
