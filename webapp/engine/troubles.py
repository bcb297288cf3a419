"""What needs a person in a marketplace, read from the records: few and small queries, since the clock asks every minute. Nothing is changed here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp.apps.registry import APPS
from webapp.engine import rhythms, states
from webapp.engine.alerting import ATTENTION, BROKEN, FAILED, NOT_UNDERSTOOD, QUIET, SILENT, Trouble
from webapp.engine.sentences import PLACES
from webapp.models import Event, Integration, LogEntry, Rule, Source, Target

OVERLAP = timedelta(minutes=2)
"""Entries are looked for so far back before the last look: a transaction may be committed a while after the time it is written with."""

LIKE: Mapping[str, str] = {
    "no_answer": "Circle did not answer for three days",
    "circle_error": "Circle answered with errors for three days",
    "invalid_email": "an e-mail address was refused",
    "target_gone": "what they were about is gone",
    "not_found": "Circle says that there is nobody, or nothing, of that name",
    "paid_membership": "the membership is paid in Circle and can't be ended from outside",
    "not_allowed": "Circle does not allow it",
    "refused": "Circle refused",
}
"""Why entries fail, by their cause, without a customer's name: an alert goes to mail boxes and chats."""

LOOK_AT_THEM = "Each entry says what happened and what to do. When the cause is gone, replay them together."
NOT_LOST = "Nothing is lost: the messages are kept as they came. Look at what your checkout sends."
SPEAK = "Look whether your checkout still posts to the address on the Webhook page, and what it was answered."
REPAIR = "Choose another target for {it}, or refresh the catalog if it is there again."


@dataclass(frozen=True)
class Asked:
    """What to look for: in a marketplace, what is new since `since`, beside the open alerts that began at these times."""

    marketplace_id: int
    since: datetime
    open: Mapping[tuple[str, str], datetime]
    sources: Mapping[str, str]
    """The names of the kinds of checkout."""


def find(session: Session, asked: Asked, now: datetime) -> list[Trouble]:
    """Everything that needs a person now."""
    return [
        *_attention(session, asked.marketplace_id),
        *_broken(session, asked.marketplace_id),
        *_failed(session, asked, now),
        *_not_understood(session, asked, now),
        *_silent(session, asked, now),
    ]


def _attention(session: Session, marketplace_id: int) -> Iterable[Trouble]:
    wanting = select(Integration).where(
        Integration.marketplace_id == marketplace_id, Integration.attention.is_not(None), Integration.deleted_at.is_(None)
    )
    for one in session.scalars(wanting):
        known, since = states.trouble(one.attention or "", APPS[one.app]), one.attention_at or one.created_at
        title = known.sentence.replace("{integration}", one.name)
        yield Trouble(ATTENTION, str(one.id), title, f"{known.todo} What waits for it is not lost.", since, since)


def _broken(session: Session, marketplace_id: int) -> Iterable[Trouble]:
    rules = (
        select(Target.id, Target.kind, Target.name, Target.gone_at, Integration.name.label("integration"), func.count().label("rules"))
        .select_from(Rule)
        .join(Target, Target.id == Rule.target_id)
        .join(Integration, Integration.id == Rule.integration_id)
        .where(Rule.marketplace_id == marketplace_id, Rule.deleted_at.is_(None), Rule.off_at.is_(None), Target.gone_at.is_not(None))
        .group_by(Target.id, Target.kind, Target.name, Target.gone_at, Integration.name)
    )
    for row in session.execute(rules):
        many = "a rule is" if row.rules == 1 else f"{row.rules:,} rules are"
        title = f"The {PLACES.get(row.kind, row.kind)} {row.name} no longer exists in {row.integration}: {many} broken."
        yield Trouble(
            BROKEN, str(row.id), title, REPAIR.replace("{it}", "it" if row.rules == 1 else "them"), row.gone_at, row.gone_at, row.rules
        )


def _failed(session: Session, asked: Asked, now: datetime) -> Iterable[Trouble]:
    """Entries by integration and cause. Only what is new, or belongs to an outage that is not over, is counted."""
    for subject in _subjects(asked, FAILED, _newly_failed(session, asked)):
        integration_id, _, cause = subject.partition(":")
        outage = session.execute(
            select(func.count(), func.min(LogEntry.finished_at), func.max(LogEntry.finished_at)).where(
                LogEntry.marketplace_id == asked.marketplace_id,
                LogEntry.status == "failed",
                LogEntry.integration_id == int(integration_id),
                LogEntry.cause == cause,
                LogEntry.finished_at >= asked.open.get((FAILED, subject), asked.since),
                LogEntry.test.is_(False),
            )
        ).one()
        integration = session.get(Integration, int(integration_id))
        count, first, newest = outage
        if integration is not None and first and newest and now - newest < QUIET:
            what = "An entry has" if count == 1 else f"{count:,} entries have"
            title = f"{what} failed at {integration.name}: {LIKE.get(cause, 'something went wrong there')}."
            yield Trouble(FAILED, subject, title, LOOK_AT_THEM, first, newest, count)


def _newly_failed(session: Session, asked: Asked) -> list[str]:
    new = select(LogEntry.integration_id, LogEntry.cause).where(*_new(asked, "failed"), LogEntry.integration_id.is_not(None))
    return [f"{integration}:{cause}" for integration, cause in session.execute(new.distinct())]


def _not_understood(session: Session, asked: Asked, now: datetime) -> Iterable[Trouble]:
    """Messages by the checkout that sent them."""
    at = (
        select(LogEntry.at, Event.source_id)
        .join(Event, Event.id == LogEntry.event_id)
        .where(LogEntry.marketplace_id == asked.marketplace_id, LogEntry.status == "not_understood", LogEntry.test.is_(False))
    )
    new = session.scalars(
        select(Event.source_id).join(LogEntry, LogEntry.event_id == Event.id).where(*_new(asked, "not_understood")).distinct()
    )
    for subject in _subjects(asked, NOT_UNDERSTOOD, [str(source) for source in new if source is not None]):
        since = asked.open.get((NOT_UNDERSTOOD, subject), asked.since)
        of = at.where(LogEntry.at >= since, Event.source_id == int(subject)).subquery()
        count, first, newest = session.execute(select(func.count(), func.min(of.c.at), func.max(of.c.at))).one()
        source = session.get(Source, int(subject))
        if count and source is not None and now - newest < QUIET:
            what = "A message of" if count == 1 else f"{count:,} messages of"
            title = f"{what} your checkout ({_named(source, asked)}) {'was' if count == 1 else 'were'} not understood."
            yield Trouble(NOT_UNDERSTOOD, subject, title, NOT_LOST, first, newest, count)


def _silent(session: Session, asked: Asked, now: datetime) -> Iterable[Trouble]:
    for source in session.scalars(select(Source).where(Source.marketplace_id == asked.marketplace_id)):
        last = rhythms.silent_since(session, source.id, now)
        if last is not None:
            title = f"Your checkout ({_named(source, asked)}) has fallen silent: nothing has come for longer than it ever took."
            yield Trouble(SILENT, str(source.id), title, SPEAK, last, last, 0)


def _new(asked: Asked, status: str) -> tuple:  # type: ignore[type-arg]  # conditions
    """Entries with that status that have changed since the last look."""
    return (
        LogEntry.marketplace_id == asked.marketplace_id,
        LogEntry.changed_at > asked.since - OVERLAP,
        LogEntry.status == status,
        LogEntry.test.is_(False),
    )


def _subjects(asked: Asked, kind: str, new: Iterable[str]) -> list[str]:
    """What to count: what stands, and what is new."""
    return sorted({*new, *(subject for known, subject in asked.open if known == kind)})


def _named(source: Source, asked: Asked) -> str:
    return asked.sources.get(source.kind, source.kind)
