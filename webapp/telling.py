"""Puts what people are told of a marketplace into the outbox: a mail to each of them, and a line to their chat. When is decided elsewhere."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from webapp.doorbell import DELIVER
from webapp.engine import alerts, letters, outbox, sentences
from webapp.engine.alerts import News
from webapp.engine.letters import Told
from webapp.engine.outbox import Letter
from webapp.models import Alert, Marketplace
from webapp.parts import Parts


def news(session: Session, marketplace: Marketplace, found: News, here: Parts) -> None:
    """Tell of what begins, goes on and is over."""
    begun, still, over = ([_told(one, marketplace, here) for one in ones] for ones in (found.begun, found.still, found.over))
    letter = letters.alert(marketplace.name, begun, still, over)
    _tell(session, marketplace, letter, letters.alert_chat(marketplace.name, begun, still, over), here)


def digest(session: Session, marketplace: Marketplace, standing: Sequence[Alert], over: Sequence[Alert], here: Parts) -> None:
    """Tell in the morning what stands. A chat was told when it began: it needs no digest."""
    day, page = sentences.day(here.now(), marketplace.time_zone), f"{here.settings.address}/settings/alerts"
    stands, ended = ([_told(one, marketplace, here) for one in ones] for ones in (standing, over))
    _tell(session, marketplace, letters.digest(marketplace.name, day, stands, ended, page), None, here)


def trial(session: Session, marketplace: Marketplace, here: Parts) -> int:
    """Tell everybody of nothing, to see whether it arrives. Returns to how many places it goes."""
    letter = letters.trial(marketplace.name, f"{here.settings.address}/settings/alerts")
    return _tell(session, marketplace, letter, letters.chat_safe(letter.text), here)


def _tell(session: Session, marketplace: Marketplace, letter: Letter, chat: str | None, here: Parts) -> int:
    """Nothing waits for a mail server that nobody has set."""
    listener, now = alerts.listener(session, marketplace.id), here.now()
    people = listener.people if here.settings.can_mail else []
    for address in people:
        outbox.mail(session, address, letter, here.vault.seal, here.new_id, now, marketplace.id)
    if chat is not None and listener.chat is not None:
        outbox.chat(session, listener.chat_host, letter.subject, chat, here.vault.seal, here.new_id, now, marketplace.id)
    here.bell.chore(DELIVER)
    return len(people) + (listener.chat is not None)


def _told(alert: Alert, marketplace: Marketplace, here: Parts) -> Told:
    zone, now = marketplace.time_zone, here.now()
    times = f"Since {sentences.moment(alert.first_at, zone, now)}"
    if alert.last_at != alert.first_at:
        times += f", last {sentences.when(alert.last_at, zone, now)}"
    if alert.recovered_at is not None:
        times += f", over {sentences.when(alert.recovered_at, zone, now)}"
    return Told(alert.title, alert.todo, f"{times}.", f"{here.settings.address}/settings/alerts/{alert.id}")
