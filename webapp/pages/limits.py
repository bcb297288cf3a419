"""How often one address, and one account, may try a password. Counted in Redis; while it is away, in this process's memory."""

from __future__ import annotations

import logging
from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

from flask import Flask, request
from flask.typing import ResponseReturnValue
from flask_limiter import Limiter, RateLimitExceeded
from flask_limiter.util import get_remote_address
from limits.storage import RedisStorage

from webapp.config import Settings
from webapp.engine.accounts import as_address
from webapp.pages.guard import held, person
from webapp.parts import Parts
from webapp.tokens import hash_token

AN_ADDRESS = "30 per minute"
"""Tries from one address, right or wrong."""

AN_ACCOUNT = "10 per 5 minutes"
"""Wrong tries for one account: a right one clears them."""

CODES = "5 per 5 minutes; 40 per day"
"""Codes of the second step that one person may try: a million are possible, of which three are good at a time."""

TOO_MANY_CODES = "There were many codes. Wait a few minutes, then type the one that your phone shows."

MAILS_TO_ONE = "3 per hour"
"""Mails about a forgotten password to one address, whether it has an account or not."""

MAILS_FOR_ONE = "10 per hour"
"""Such mails that one network address may ask for."""

INVITATIONS = "60 per hour"
"""Invitations that one person may send."""

TESTS = "10 per hour"
"""Test alerts that one person may send."""

TOO_MANY_MAILS = "Enough mails were asked for. The last one is on its way: look into your spam folder, or wait an hour."
TOO_MANY = "There were many tries to sign in from here, or to this account. Your password still works: wait a few minutes."

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]


limiter = Limiter(
    get_remote_address,
    strategy="fixed-window",
    in_memory_fallback_enabled=True,
    swallow_errors=True,
    key_prefix="try",
)
log = logging.getLogger(__name__)


def register(app: Flask, settings: Settings) -> None:
    """Count in the app's Redis, over the connections that it has anyway."""
    RedisStorage.DEPENDENCIES = {"redis": RedisStorage.DEPENDENCIES["redis"]}  # it would import a second client, where one is installed
    made: Parts = app.extensions["cartwheel"]
    app.config["RATELIMIT_STORAGE_URI"] = settings.limits_url
    app.config["RATELIMIT_STORAGE_OPTIONS"] = {"connection_pool": made.bell.redis.connection_pool}
    limiter.init_app(app)


def guessable(view: View[P]) -> View[P]:
    """For a view whose POST checks a password: counted for the address that it comes from and for the account that it names."""
    an_address = limiter.limit(AN_ADDRESS, methods=["POST"], error_message=TOO_MANY)
    an_account = limiter.limit(AN_ACCOUNT, methods=["POST"], key_func=_account, error_message=TOO_MANY)
    return _in_time(an_address(an_account(view)))


def guessable_code(view: View[P]) -> View[P]:
    """For a view whose POST checks a code of the second step: counted for whose code it is, who has proven their password before."""
    return _in_time(limiter.limit(CODES, methods=["POST"], key_func=_holder, error_message=TOO_MANY_CODES)(view))


def mails_password(view: View[P]) -> View[P]:
    """For a view whose POST mails a way to a new password: counted for the address that asks and for the one that gets it."""
    asking = limiter.limit(MAILS_FOR_ONE, methods=["POST"], error_message=TOO_MANY_MAILS)
    asked = limiter.limit(MAILS_TO_ONE, methods=["POST"], key_func=_account, error_message=TOO_MANY_MAILS)
    return _in_time(asking(asked(view)))


def mails_invitation(view: View[P]) -> View[P]:
    """For a view whose POST mails an invitation: counted for who is signed in."""
    return _in_time(limiter.limit(INVITATIONS, methods=["POST"], key_func=_account, error_message=TOO_MANY_MAILS)(view))


def mails_test(view: View[P]) -> View[P]:
    """For a view whose POST sends a test to people and a chat: counted for who is signed in."""
    return _in_time(limiter.limit(TESTS, methods=["POST"], key_func=_account, error_message=TOO_MANY_MAILS)(view))


def _in_time(counted: View[P]) -> View[P]:
    """The view, whose refusal says when to come back."""

    @wraps(counted)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        try:
            return counted(*args, **kwargs)
        except RateLimitExceeded as refused:
            refused.retry_after = max(refused.limit.limit.get_expiry(), 1)
            raise

    return guarded


def forgive() -> None:
    """The password, or the code, was right: what was tried for its account before counts no longer."""
    mine = {_account(), _holder()}
    for tried in limiter.current_limits:
        if mine & set(tried.request_args):
            try:
                tried.limiter.clear(tried.limit, *tried.request_args)
            except Exception:  # whatever the store raises: who is right is not kept out by it
                log.warning("The tries of an account could not be cleared", exc_info=True)


def _holder() -> str:
    """Whose second step it is, as a key."""
    known, waited_for = person(), held()
    return f"code {known.id if known else waited_for.id if waited_for else get_remote_address()}"


def _account() -> str:
    """The account as a key: who is signed in, else who is named. Addresses of people do not stand in Redis."""
    known = person()
    return hash_token(known.email if known else as_address(request.form.get("email", "")))
