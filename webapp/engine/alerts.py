"""Alerts: looked for, written down, acknowledged, snoozed, and who is told of them.

What a trouble means for the alerts that stand is decided in alerting.py, what it is found by in troubles.py.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Select, or_, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.orm import Session

from webapp.engine import alerting, audit, rhythms, troubles
from webapp.engine.alerting import Decision, Standing, Trouble
from webapp.engine.book import NewId
from webapp.engine.sentences import local
from webapp.models import Alert, Marketplace, Role, User, Watch

LOOK_EVERY = timedelta(minutes=1)
FIRST_LOOK = timedelta(hours=1)
"""How far back the first look of a marketplace goes."""

MORNING = range(8, 12)
"""The hours, in the marketplace's zone, in which the day's digest is written: later in the day it would be none."""

SNOOZES: Mapping[str, timedelta] = {"1h": timedelta(hours=1), "1d": timedelta(days=1), "7d": timedelta(days=7)}
"""For how long an alert can be put off."""


@dataclass(frozen=True)
class News:
    """What is to be told of one look: `begun` and `still` (snoozed before) need somebody, `over` doesn't any more."""

    begun: Sequence[Alert] = ()
    still: Sequence[Alert] = ()
    over: Sequence[Alert] = ()

    def __bool__(self) -> bool:
        return bool(self.begun or self.still or self.over)


@dataclass(frozen=True)
class Listener:
    """Who is told in a marketplace: `people` by mail, and a chat at an address that is `sealed`, if there is one."""

    people: Sequence[str]
    chat: bytes | None = field(default=None, repr=False)
    chat_host: str = ""


def due_marketplaces(session: Session, now: datetime) -> Sequence[int]:
    """The marketplaces that have to be looked after."""
    return session.scalars(_due(now).order_by(Marketplace.id)).all()


def look(session: Session, marketplace_id: int, sources: Mapping[str, str], now: datetime, new_id: NewId) -> News:
    """Look for what needs a person, and write down what has changed about it. Nothing where another worker has just looked.

    `sources`: the names of the kinds of checkout. The caller sees that the news are told, in the same transaction.
    """
    watch = watch_of(session, marketplace_id, lock=True)
    if watch.looked_at is not None and now - watch.looked_at < LOOK_EVERY / 2:
        return News()
    rhythms.note(session, marketplace_id, watch.looked_at, now)
    open_ = {(one.kind, one.subject): one for one in _open(session, marketplace_id)}
    since = watch.looked_at or now - FIRST_LOOK
    asked = troubles.Asked(marketplace_id, since, {key: one.first_at for key, one in open_.items()}, sources)
    found = troubles.find(session, asked, now)
    decision = alerting.decide([_standing(one) for one in open_.values()], found, watch.muted, now)
    watch.looked_at = now
    return _write(session, marketplace_id, {one.id: one for one in open_.values()}, decision, now, new_id)


def morning(session: Session, marketplace_id: int, zone: str, now: datetime) -> tuple[Sequence[Alert], Sequence[Alert]] | None:
    """What the digest of the day is about: what stands and nobody sees to, and what is over since a day ago. None where there is nothing to
    tell, it is not morning, or it was told."""
    there = local(now, zone)
    watch = watch_of(session, marketplace_id, lock=True)
    if there.hour not in MORNING or watch.digest_day == there.date().isoformat():
        return None
    watch.digest_day = there.date().isoformat()
    if not watch.digest:
        return None
    stands = [one for one in standing(session, marketplace_id) if _needs_somebody(one, watch)]
    ended = select(Alert).where(Alert.marketplace_id == marketplace_id, Alert.recovered_at > now - timedelta(days=1))
    over = [one for one in session.scalars(ended.order_by(Alert.id.desc())) if one.kind not in watch.muted]
    return (stands, over) if stands or over else None


def _needs_somebody(alert: Alert, watch: Watch) -> bool:
    return alert.acknowledged_at is None and alert.snoozed_until is None and alert.kind not in watch.muted


def change_watch(session: Session, marketplace_id: int, people: Sequence[int], told: Collection[str], digest: bool) -> None:
    """Who is told, of which kinds, and whether there is a digest."""
    watch = watch_of(session, marketplace_id, lock=True)
    before = _facts(session, watch)
    watch.people, watch.digest = list(people), digest
    watch.muted = [kind for kind in alerting.KINDS if kind not in told]
    audit.note(session, marketplace_id, "alerts_changed", "", before, _facts(session, watch))


def _facts(session: Session, watch: Watch) -> audit.Facts:
    """What the audit says of it."""
    muted = ", ".join(alerting.KINDS[kind] for kind in watch.muted) or "nothing"
    return {"by mail": ", ".join(listener(session, watch.marketplace_id).people) or "nobody", "muted": muted, "digest": watch.digest}


def change_chat(session: Session, marketplace_id: int, sealed: bytes | None, host: str) -> None:
    """Where a chat is told, or that none is."""
    watch = watch_of(session, marketplace_id, lock=True)
    audit.note(session, marketplace_id, *(("chat_set", host) if host else ("chat_removed", watch.chat_host)))
    watch.chat, watch.chat_host = sealed, host


def listener(session: Session, marketplace_id: int) -> Listener:
    """Who is told: the chosen people who are still in the team, else its owners."""
    watch = watch_of(session, marketplace_id)
    team = session.execute(
        select(User.id, User.email, Role.role)
        .join(Role, Role.user_id == User.id)
        .where(Role.marketplace_id == marketplace_id)
        .order_by(User.email)
    ).all()
    return Listener([row.email for row in team if is_told(watch, row.id, row.role)], watch.chat, watch.chat_host)


def is_told(watch: Watch, user_id: int, role: str) -> bool:
    """Whether a person of the team is told."""
    return role == "owner" if watch.people is None else user_id in watch.people


def watch_of(session: Session, marketplace_id: int, *, lock: bool = False) -> Watch:
    """A marketplace's watch; `lock` it to change it, which makes it where there is none yet."""
    if not lock:
        return session.get(Watch, marketplace_id) or Watch(marketplace_id=marketplace_id, people=None, muted=[], digest=True, chat_host="")
    insert = postgresql_insert if session.get_bind().dialect.name == "postgresql" else sqlite_insert
    fresh = {"marketplace_id": marketplace_id, "muted": [], "digest": True, "chat_host": "", "digest_day": ""}
    session.execute(insert(Watch).values(fresh).on_conflict_do_nothing())
    return session.get_one(Watch, marketplace_id, with_for_update=True, populate_existing=True)


def standing(session: Session, marketplace_id: int) -> Sequence[Alert]:
    """The open alerts of a marketplace, the newest first."""
    return sorted(_open(session, marketplace_id), key=lambda one: one.id, reverse=True)


def history(session: Session, marketplace_id: int, most: int) -> Sequence[Alert]:
    """Those that are over, the newest first."""
    over = select(Alert).where(Alert.marketplace_id == marketplace_id, Alert.open_key.is_(None))
    return session.scalars(over.order_by(Alert.id.desc()).limit(most)).all()


def find(session: Session, marketplaces: Collection[int], alert_id: int) -> Alert | None:
    """One alert of one of these marketplaces."""
    return session.scalar(select(Alert).where(Alert.marketplace_id.in_(marketplaces), Alert.id == alert_id))


def acknowledge(session: Session, marketplace_id: int, alert_id: int, user_id: int, now: datetime) -> bool:
    """Somebody sees to it: nobody is told of it again until it is over. False where it is over, or was never here."""
    seen_to = {"acknowledged_at": now, "acknowledged_by": user_id, "snoozed_until": None}
    return _change(session, marketplace_id, alert_id, "alert_taken", seen_to)


def snooze(session: Session, marketplace_id: int, alert_id: int, until: datetime) -> bool:
    """Put it off: people are told again if it is still there by then. False as above."""
    put_off = {"snoozed_until": until, "acknowledged_at": None, "acknowledged_by": None}
    return _change(session, marketplace_id, alert_id, "alert_snoozed", put_off)


def reopen(session: Session, marketplace_id: int, alert_id: int) -> bool:
    """Nobody sees to it after all. False as above."""
    nobody = {"snoozed_until": None, "acknowledged_at": None, "acknowledged_by": None}
    return _change(session, marketplace_id, alert_id, "alert_reopened", nobody)


def _change(session: Session, marketplace_id: int, alert_id: int, what: str, columns: Mapping[str, object]) -> bool:
    ours = (Alert.marketplace_id == marketplace_id, Alert.id == alert_id, Alert.open_key.is_not(None))
    title = session.scalar(update(Alert).where(*ours).values(dict(columns)).returning(Alert.title))
    if title is not None:
        audit.note(session, marketplace_id, what, title)
    return title is not None


def _due(now: datetime) -> Select[int]:
    late = or_(Watch.looked_at.is_(None), Watch.looked_at <= now - LOOK_EVERY)
    return select(Marketplace.id).outerjoin(Watch, Watch.marketplace_id == Marketplace.id).where(late)


def _open(session: Session, marketplace_id: int) -> Sequence[Alert]:
    return session.scalars(select(Alert).where(Alert.marketplace_id == marketplace_id, Alert.open_key.is_not(None))).all()


def _standing(alert: Alert) -> Standing:
    return Standing(alert.id, (alert.kind, alert.subject), alert.told_at, alert.acknowledged_at is not None, alert.snoozed_until)


def _write(
    session: Session, marketplace_id: int, open_: Mapping[int, Alert], decision: Decision, now: datetime, new_id: NewId
) -> News:  # fmt: skip
    begun = {trouble.key: _begin(session, marketplace_id, trouble, now, new_id) for trouble in decision.begin}
    for alert_id, trouble in decision.go_on.items():
        _agree(open_[alert_id], trouble)
    for alert_id in decision.over:
        open_[alert_id].open_key, open_[alert_id].recovered_at = None, now
    news = News(
        [begun[trouble.key] for trouble in decision.tell],
        [open_[alert_id] for alert_id in decision.remind],
        [open_[alert_id] for alert_id in decision.tell_over],
    )
    for alert in (*news.begun, *news.still):
        alert.told_at, alert.snoozed_until = now, None
    session.flush()
    return news


def _begin(session: Session, marketplace_id: int, trouble: Trouble, now: datetime, new_id: NewId) -> Alert:
    made = Alert(id=new_id(now), marketplace_id=marketplace_id, kind=trouble.kind, subject=trouble.subject, opened_at=now)
    made.open_key = f"{marketplace_id}:{trouble.kind}:{trouble.subject}"
    _agree(made, trouble)
    session.add(made)
    return made


def _agree(alert: Alert, trouble: Trouble) -> None:
    alert.title, alert.todo, alert.count = trouble.title[:500], trouble.todo, trouble.count
    alert.first_at, alert.last_at = trouble.first_at, trouble.last_at
