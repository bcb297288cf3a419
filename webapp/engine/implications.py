"""What a rule implies beyond its sentence, said before it is made. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from webapp.apps import MEMBERSHIP, Action, App
from webapp.engine import states
from webapp.engine.rules import Apps, Draft, kind_of
from webapp.models import PAID_PERIOD, Integration, Rule, Target


@dataclass(frozen=True, slots=True)
class Implication:
    """One sentence; `mind` where it is something to think of, not only so."""

    text: str
    mind: bool = False


def implied(session: Session, apps: Apps, marketplace_id: int, draft: Draft) -> list[Implication]:
    """What a draft that has been checked implies."""
    integration = session.get_one(Integration, draft.integration_id)
    app = apps[integration.app]
    action = app.actions[draft.action]
    said = [*_about(app, action), *_timing(draft), *_besides(session, marketplace_id, draft), *_halted(integration, app)]
    if action.adds and draft.trigger == "product_purchased":
        said += _kept_after_refund(session, app, marketplace_id, draft)
    return [*said, Implication("It is for what happens from now on.")]


def _about(app: App, action: Action) -> Iterator[Implication]:
    """What the action brings along."""
    member = action.kind == MEMBERSHIP
    if action.adds:
        yield Implication("Somebody who is a member already stays one." if member else "Somebody who is not a member yet is invited first.")
        return
    inside = next((kind for kind in app.kinds if kind.grouped_by == action.kind), None)
    if member:
        yield Implication(f"Everything in {app.name} goes with the membership.")
    elif inside is not None:
        yield Implication(f"Its {inside.many} go with it, but for those that another purchase still grants.")
    else:
        yield Implication("The membership stays, and so does everything else.")


def _timing(draft: Draft) -> Iterator[Implication]:
    """What comes of a rule that gives for a time, or takes later."""
    if draft.for_days:
        yield Implication(
            "When the days are over it goes by itself, unless another purchase still grants it. Buying it again begins them anew."
        )
        if draft.action != "invite_member":
            yield Implication("The membership stays.")
    if draft.after_days:
        yield Implication(
            "If they pay, recover, restart or buy it again meanwhile, it is called off. Until then the log shows it, with Cancel."
        )
    if draft.after_days == PAID_PERIOD:
        says = "Where the checkout does not say until when they have paid, it acts at once."
        yield Implication(says, mind=draft.trigger != "subscription_canceled")


def _besides(session: Session, marketplace_id: int, draft: Draft) -> Iterator[Implication]:
    """The global rules that run beside a product's own."""
    if draft.product_id is None:
        yield Implication("It is for every product, also for those that come later.")
        return
    living = (Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), Rule.off_at.is_(None))
    others = session.scalar(select(func.count()).where(*living, Rule.product_id.is_(None), Rule.trigger == draft.trigger)) or 0
    if others == 1:
        yield Implication("One global rule is about this trigger too; it keeps running.")
    elif others:
        yield Implication(f"{others:,} global rules are about this trigger too; they keep running.")


def _halted(integration: Integration, app: App) -> Iterator[Implication]:
    """What stands in the way of its first run."""
    state = states.state(integration, app)
    if state.key == "attention":
        yield Implication(f"{integration.name} needs attention: what this rule asks for waits until it is connected again.", mind=True)
    elif state.key == "paused":
        yield Implication(f"{integration.name} is paused: what this rule asks for waits until it is resumed.", mind=True)
    elif state.key == "watching":
        yield Implication(f"{integration.name} is on watch only: the rule is decided and logged, and nothing is called.", mind=True)


def _kept_after_refund(session: Session, app: App, marketplace_id: int, draft: Draft) -> Iterator[Implication]:
    """That a refund takes nothing away without a rule that says so, where there is none."""
    takes = [key for key, action in app.actions.items() if not action.adds]
    target = session.get(Target, draft.target_id) if kind_of(app, app.actions[draft.action]) and draft.target_id else None
    about = Rule.target_id == target.id if target else Rule.integration_id == draft.integration_id
    same_product = or_(Rule.product_id.is_(None), Rule.product_id == draft.product_id)
    there = select(Rule.id).where(
        Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), Rule.off_at.is_(None), Rule.trigger == "product_refunded",
        Rule.action.in_(takes), same_product, about,
    )  # fmt: skip
    if session.scalar(there.limit(1)) is None:
        what = f"{target.name} away" if target else "the membership away"
        yield Implication(f"A refund does not take {what} by itself: that is a rule of its own, on Product Refunded.", mind=True)
