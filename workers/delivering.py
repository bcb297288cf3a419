"""The chore of sending what waits in the outbox, one message after the other, each with its own transactions around it."""

from __future__ import annotations

import contextlib
import json
import logging
from collections.abc import Callable, Mapping

from redis.exceptions import RedisError

from webapp import doorbell, outward
from webapp.database import writing
from webapp.engine import accounts, alerts, letters, outbox
from webapp.engine.outbox import Post
from webapp.journal import about
from webapp.mail import Mail, Mailer, NotSent, mailer
from webapp.parts import Parts, parts
from webapp.tokens import hash_token, new_token
from webapp.vault import Sealed

UNREADABLE = "Cartwheel can no longer read this message: ENCRYPTION_KEYS has lost the key it was written with."
OFF = "No mail server is set (SMTP_URL)."
NO_CHAT = "No chat is set any longer."
log = logging.getLogger(__name__)


def deliver() -> None:
    """Send everything that is due. What can't be sent is tried again later, or given up with its reason."""
    here = parts()
    try:
        _empty(here)
    finally:
        with contextlib.suppress(RedisError):  # then the flag runs out by itself
            doorbell.taken_off(here.bell.redis, doorbell.DELIVER)


def _empty(here: Parts) -> None:
    while (post := _take(here)) is not None:
        try:
            WAYS[post.kind](here, post, json.loads(here.vault.open(post.content)))
        except Sealed:
            _failed(here, post, UNREADABLE, for_good=True)
        except NotSent as wrong:
            _failed(here, post, str(wrong), for_good=wrong.for_good)
        else:
            with writing() as session:
                outbox.sent(session, post.id, here.now())


def _take(here: Parts) -> Post | None:
    with writing() as session:
        return outbox.take(session, here.now())


def _failed(here: Parts, post: Post, fault: str, *, for_good: bool) -> None:
    with writing() as session:
        over = outbox.failed(session, post.id, fault, here.now(), for_good=for_good)
    with about(message_id=post.id):
        log.warning("A message (%s) could not be sent%s: %s", post.kind, " and is given up" if over else ", it is tried again", fault)


def _mail(here: Parts, post: Post, said: Mapping[str, str]) -> None:
    _mailer(here).send(Mail(post.id, said["to"], said["subject"], said["text"], post.created_at))


def _reset(here: Parts, post: Post, said: Mapping[str, str]) -> None:
    """A way to a new password, where the address has an account; the link is made here, so that it stands nowhere but in the mail."""
    token = new_token()
    with writing() as session:
        user = accounts.find_user(session, said["email"])
        if user is None:
            return
        to = user.email
        accounts.make_link(session, accounts.RESET, user.id, hash_token(token), here.now() + accounts.RESET_LASTS)
    letter = letters.reset(f"{here.settings.address}/link/{token}", to)
    _mailer(here).send(Mail(post.id, to, letter.subject, letter.text, post.created_at))


def _chat(here: Parts, post: Post, said: Mapping[str, str]) -> None:
    """The address is read at this moment: what was taken away since is not used."""
    with writing() as session:
        sealed = alerts.watch_of(session, post.marketplace_id or 0).chat
    if sealed is None:
        raise NotSent(NO_CHAT, for_good=True)
    try:
        outward.post(here.vault.open(sealed), {"text": said["text"]})
    except outward.NotDone as wrong:
        raise NotSent(str(wrong), for_good=wrong.for_good) from None


def _mailer(here: Parts) -> Mailer:
    settings = here.settings
    if not settings.can_mail:
        raise NotSent(OFF)
    return mailer(settings.smtp, settings.mail_from, settings.mail_folder)


WAYS: Mapping[str, Callable[[Parts, Post, Mapping[str, str]], None]] = {outbox.MAIL: _mail, outbox.RESET: _reset, outbox.CHAT: _chat}
"""How each kind of message leaves."""
