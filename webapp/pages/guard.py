"""Who may see and do what: sign-in, the marketplace one is in, roles, CSRF, and what every page's frame shows.

A view takes one of `signed_in`, `may_change` and `owner_only`, and asks only for rows of `here()`. What a page shows lives
elsewhere.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import wraps
from typing import ParamSpec, cast

from flask import Flask, abort, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, current_user, login_user, logout_user
from flask_wtf import CSRFProtect
from sqlalchemy.exc import DBAPIError
from werkzeug.local import LocalProxy
from werkzeug.wrappers import Response

from webapp.config import Settings
from webapp.database import db, writing
from webapp.engine import accounts, attention, sessions
from webapp.engine.sessions import Browser
from webapp.models import Marketplace, User
from webapp.parts import parts
from webapp.tokens import hash_token, new_token

CHOSEN = "marketplace"
"""The session's key for the marketplace that the person is in."""

ROW = "row"
"""The session's key for the token of its row: without the row it is nobody's."""

HELD = "held"
"""The session's key for who has proven the first step of signing in and not yet the second."""

HELD_FOR = timedelta(minutes=10)
"""How long the second step may take."""

VIEWERS_LOOK = "You are a viewer here: you see everything and change nothing. An owner can change that under Team."
OWNERS_ONLY = "Only an owner of this marketplace can do that."

P = ParamSpec("P")
View = Callable[P, ResponseReturnValue]

log = logging.getLogger(__name__)
login_manager = LoginManager()
csrf = CSRFProtect()


@dataclass(frozen=True)
class Person:
    """Who is signed in, as the session knows them: apart from the database, so that no transaction has a hold on it."""

    id: int
    email: str
    epoch: int
    shortcuts: bool
    is_authenticated = True
    is_active = True
    is_anonymous = False

    def get_id(self) -> str:
        """What the session carries: raising the user's epoch ends every session that carries an older one."""
        return f"{self.id}:{self.epoch}"


def register(app: Flask, settings: Settings) -> None:
    """Give the app its sessions, CSRF on every form, and the frame's names."""
    app.config.update(
        SESSION_COOKIE_NAME="cartwheel",
        SESSION_COOKIE_SECURE=settings.secure,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_REFRESH_EACH_REQUEST=False,  # a slow answer must not bring back a session that has ended meanwhile
        PERMANENT_SESSION_LIFETIME=sessions.LASTS,
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session
    )
    login_manager.session_protection = None  # it would end a session on the way from one network to the next
    login_manager.user_loader(_load)
    login_manager.unauthorized_handler(_ask_to_sign_in)
    login_manager.init_app(app)
    csrf.init_app(app)
    app.context_processor(_frame)
    app.after_request(_seen)


def sign_in(user: User) -> None:
    """Begin a new session for this user. Nothing of the one before is kept."""
    here, token, former = parts(), new_token(), token_hash()
    with writing() as write:
        sessions.end_token(write, former)
        sessions.begin(write, user.id, hash_token(token), browser(), here.new_id, here.now())
    session.clear()
    session.permanent = True
    session[ROW] = token
    login_user(_person(user))


def hold(user: User) -> None:
    """The first step is proven: nobody is signed in until the second one is, which must not take long."""
    sign_out()
    session[HELD] = [user.id, user.session_epoch, parts().now().isoformat()]


def held() -> User | None:
    """Whose second step is waited for, apart from the database."""
    number, epoch, since = session.get(HELD) or (0, 0, "2000-01-01T00:00:00+00:00")
    if parts().now() - datetime.fromisoformat(since) > HELD_FOR:
        return None
    user = db.session.get(User, number)
    db.session.expunge_all()
    db.session.rollback()
    return user if user is not None and user.session_epoch == epoch and user.totp else None


def sign_out() -> None:
    """End the session on this browser."""
    if ROW in session:
        with writing() as write:
            sessions.end_token(write, token_hash())
    logout_user()
    session.clear()


def token_hash() -> str:
    """What the present session is known by."""
    return hash_token(session.get(ROW, ""))


def browser() -> Browser:
    """What the request comes from."""
    return Browser(request.remote_addr or "", request.user_agent.string)


def person() -> Person | None:
    """Who is signed in, on any page; None for a stranger."""
    return cast(Person, current_user) if current_user.is_authenticated else None


def me() -> Person:
    """Who is signed in, in a view that is guarded."""
    return cast(Person, current_user)


def here() -> int:
    """The id of the marketplace that the person is in. Every query of a page is limited to it."""
    return cast(Marketplace, g.marketplace).id


def enter(marketplace_id: int) -> None:
    """Be in this marketplace from the next request on. Whether the person may is looked up then."""
    session[CHOSEN] = marketplace_id


def signed_in(view: View[P]) -> View[P]:
    """For everybody with a role in the marketplace: `g.marketplace` and `g.role` are set. Strangers are asked to sign in."""
    return _guarded(view, lambda: None)


def may_change(view: View[P]) -> View[P]:
    """For admins and owners; a viewer gets 403 with a sentence."""
    return _guarded(view, lambda: None if g.role in accounts.CHANGING else abort(403, VIEWERS_LOOK))


def owner_only(view: View[P]) -> View[P]:
    """For owners; others get 403 with a sentence."""
    return _guarded(view, lambda: None if g.role == "owner" else abort(403, OWNERS_ONLY))


def known(view: View[P]) -> View[P]:
    """For everybody who is signed in, with a role somewhere or without: what is about their own account."""

    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if not current_user.is_authenticated:
            return cast(ResponseReturnValue, login_manager.unauthorized())
        _settle()
        return view(*args, **kwargs)

    return guarded


def _guarded(view: View[P], check: Callable[[], None]) -> View[P]:
    @wraps(view)
    def guarded(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        elsewhere = _find_marketplace()
        if elsewhere is not None:
            return elsewhere
        check()
        return view(*args, **kwargs)

    return guarded


def _find_marketplace() -> ResponseReturnValue | None:
    """Set `g.marketplace` and `g.role`, detached from the database; or say where the person has to go instead."""
    if not current_user.is_authenticated:
        return cast(ResponseReturnValue, login_manager.unauthorized())
    return None if _settle() else redirect(url_for("marketplaces.new"))


def _settle() -> bool:
    """Set `g.places`, and `g.marketplace` and `g.role` where there is a marketplace at all."""
    g.places = accounts.places(db.session(), me().id)
    if not g.places:
        return False
    chosen = session.get(CHOSEN)
    place = next((p for p in g.places if p.marketplace.id == chosen), g.places[0])
    g.marketplace, g.role = place.marketplace, place.role
    return True


def _load(carried: str) -> Person | None:
    """Who the session is: as long as it has its row, and nothing has ended all of that person's sessions."""
    number, _, epoch = carried.partition(":")
    now = parts().now()
    found = sessions.find(db.session(), token_hash(), int(number), now) if number.isdigit() else None
    if found is None or str(found[0].session_epoch) != epoch:
        return None
    user, row = found
    g.unseen = now - row.seen_at > sessions.SEEN_EVERY
    return _person(user)


def _seen(answer: Response) -> Response:
    """Write down now and then that a session is in use. Where the database can't be written at this moment, the next request does it."""
    if g.pop("unseen", False) and ROW in session:
        try:
            with writing() as write:
                sessions.seen(write, token_hash(), browser(), parts().now())
        except DBAPIError as fault:
            log.warning("When a session was seen could not be written: %s", type(fault).__name__)
    return answer


def _person(user: User) -> Person:
    return Person(user.id, user.email, user.session_epoch, user.settings.get("shortcuts", True) is not False)


def _ask_to_sign_in() -> ResponseReturnValue:
    """Where sign-in brings one back to: the page asked for, or for a part of a page the page it is in."""
    if request.headers.get("HX-Request"):
        # htmx does not look at the headers of a redirect: it would put the sign-in page into the part.
        return Response(status=200, headers={"HX-Redirect": url_for("auth.sign_in")})
    if request.accept_mimetypes.best == "text/event-stream":
        return Response("Sign in to see this.\n", status=401, mimetype="text/plain")
    asked = request.full_path.rstrip("?") if request.method == "GET" else None
    return redirect(url_for("auth.sign_in", next=asked), 303)


def _frame() -> dict[str, object]:
    """The names that every template may use; what costs a query is asked for only where a template looks."""
    place = g.get("marketplace")
    return {
        "person": person(),
        "marketplace": place,
        "marketplaces": [p.marketplace for p in g.get("places", [])],
        "role": g.get("role"),
        "may_change": g.get("role") in accounts.CHANGING,
        "attention": LocalProxy(_attention),
    }


def _attention() -> list[attention.Attention]:
    if "attention" not in g:
        g.attention = attention.of(db.session(), here()) if "marketplace" in g else []
    return cast(list[attention.Attention], g.attention)
