"""Who changed what: each change that a person makes leaves a line, in the transaction of the change. Secrets are never among its facts.

On whose behalf a transaction is made stands in its session (`webapp.database.writing` puts it there), so that nobody who changes
something has to be handed it: a page, a command and an applied file leave their lines in the same places.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, cast

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import AuditLine

HAND = "hand"
"""The session's word for who acts: a function that gives a Hand, asked only where something is noted."""

PART = 50
"""How many lines one part of the list has."""

LONGEST_ABOUT = 600

WORDS = {
    "marketplace_made": "made the marketplace",
    "marketplace_changed": "changed the marketplace",
    "role_given": "gave a role to",
    "role_changed": "changed the role of",
    "role_taken": "took out of the team",
    "invited": "invited",
    "invitation_withdrawn": "took back the invitation of",
    "invitation_accepted": "accepted the invitation for",
    "integration_made": "connected",
    "integration_changed": "changed the integration",
    "integration_paused": "paused",
    "integration_resumed": "resumed",
    "integration_deleted": "deleted the integration",
    "key_replaced": "replaced the API key of",
    "rule_made": "made the rule",
    "rule_changed": "changed the rule",
    "rule_switched": "switched the rule",
    "rule_deleted": "deleted the rule",
    "product_added": "added the product",
    "product_renamed": "renamed the product",
    "product_archived": "archived the product",
    "product_unarchived": "put back the product",
    "products_imported": "imported products",
    "source_opened": "opened the address for",
    "source_replaced": "replaced the address for",
    "source_closed": "closed the address for",
    "secret_rotated": "made a new signing secret for",
    "secret_ended": "ended the former signing secret for",
    "alias_set": "set the address of",
    "customer_erased": "erased the customer",
    "alerts_changed": "changed who is told of alerts",
    "chat_set": "had alerts told to the chat at",
    "chat_removed": "had alerts no longer told to the chat at",
    "alert_taken": "sees to the alert",
    "alert_snoozed": "snoozed the alert",
    "alert_reopened": "left to others the alert",
    "batch_started": "started",
    "batch_paused": "paused",
    "batch_resumed": "resumed",
    "batch_stopped": "stopped",
    "entry_replayed": "replayed",
    "entry_canceled": "called off",
    "entry_skipped": "skipped",
    "removed_anyway": "removed anyway",
    "granted_by_hand": "granted by hand, to",
    "taken_by_hand": "took away by hand, from",
    "left_to_purchases": "left to purchases again, of",
}
"""What a change is called, and how one reads: "ana@shop.test deleted the rule When …"."""

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Hand:
    """Who acts, when, and what makes the ids of their lines. `user_id`: where it is a person who is signed in."""

    who: str
    user_id: int | None
    now: datetime
    new_id: Callable[[datetime], int]


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list, the newest first, and whether there is more after it."""

    lines: Sequence[AuditLine]
    more: bool


def note(session: Session, marketplace_id: int, what: str, about: str, before: Facts | None = None, after: Facts | None = None) -> None:
    """Leave a line: what (one of WORDS) was done about which thing, and what differs. Nothing is left where nothing differs.

    Raises LookupError in a transaction that is nobody's.
    """
    if before is not None and after is not None:
        differs = [key for key in {**before, **after} if before.get(key) != after.get(key)]
        if not differs:
            return
        before, after = ({key: facts[key] for key in differs if key in facts} for facts in (before, after))
    hand = _hand(session)
    session.add(
        AuditLine(
            id=hand.new_id(hand.now),
            marketplace_id=marketplace_id,
            at=hand.now,
            user_id=hand.user_id,
            who=hand.who,
            what=_word(what),
            about=about[:LONGEST_ABOUT],
            before=dict(before) if before else None,
            after=dict(after) if after else None,
        )
    )


def act_as(session: Session, user_id: int, email: str) -> None:
    """From here on the transaction is this person's: their account has just been made, so nobody is signed in yet."""
    hand = replace(_hand(session), who=email, user_id=user_id)
    session.info[HAND] = lambda: hand


def lines(session: Session, marketplace_id: int, before: int | None = None, limit: int = PART) -> Part:
    """What was changed in a marketplace, the newest first, below the line `before` if there is one."""
    wanted = select(AuditLine).where(AuditLine.marketplace_id == marketplace_id)
    if before is not None:
        wanted = wanted.where(AuditLine.id < before)
    found = session.scalars(wanted.order_by(AuditLine.id.desc()).limit(limit + 1)).all()
    return Part(found[:limit], len(found) > limit)


def _hand(session: Session) -> Hand:
    if HAND not in session.info:
        raise LookupError("This transaction is nobody's: session.info has no hand (see webapp.database.writing).")
    return cast(Hand, session.info[HAND]())


def _word(what: str) -> str:
    if what not in WORDS:
        raise LookupError(f"webapp.engine.audit.WORDS has no word for {what}.")
    return what
